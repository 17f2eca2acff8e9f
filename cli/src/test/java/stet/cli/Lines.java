package stet.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Tells what differs between two long lists, instead of printing both. */
final class Lines {
  private static final int SHOWN = 20;

  private Lines() {}

  /** Fails, showing lines that only one of the lists has, unless both are equal. */
  static void mustEqual(String what, List<String> actual, List<String> expected) {
    if (actual.equals(expected)) {
      return;
    }
    Map<String, Integer> counts = new HashMap<>();
    expected.forEach(line -> counts.merge(line, 1, Integer::sum));
    List<String> more = new ArrayList<>();
    for (String line : actual) {
      if (counts.merge(line, -1, Integer::sum) < 0) {
        more.add("+ " + shortened(line));
      }
    }
    List<String> less = new ArrayList<>();
    counts.forEach((line, count) -> {
      if (count > 0) {
        less.add("- " + shortened(line));
      }
    });
    less.sort(null);
    List<String> all = new ArrayList<>(less.subList(0, Math.min(SHOWN, less.size())));
    all.addAll(more.subList(0, Math.min(SHOWN, more.size())));
    throw new AssertionError(
        "%s: %d lines are missing, %d are too many%s\n%s"
            .formatted(
                what,
                less.size(),
                more.size(),
                all.isEmpty() ? ", but their order differs" : "",
                String.join("\n", all)));
  }

  private static String shortened(String line) {
    return line.length() > 300 ? line.substring(0, 300) + "…" : line;
  }
}
