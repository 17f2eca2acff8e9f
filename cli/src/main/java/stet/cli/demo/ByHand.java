package stet.cli.demo;

import java.util.ArrayList;
import java.util.List;

/** The commands that repeat the demo in a shell. */
final class ByHand {
  /**
   * Commands that belong together.
   *
   * @param title what they do
   */
  record Part(String title, List<String> commands) {}

  private final List<Part> parts = new ArrayList<>();

  void add(String title, String... commands) {
    add(title, List.of(commands));
  }

  void add(String title, List<String> commands) {
    parts.add(new Part(title, commands));
  }

  List<Part> all() {
    return List.copyOf(parts);
  }
}
