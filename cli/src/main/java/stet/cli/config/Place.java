package stet.cli.config;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * Where the reader is.
 *
 * @param reading the reading that this belongs to
 * @param path the keys down to here, such as {@code environments.production}
 * @param environment the environment that the place belongs to, or null
 */
record Place(Reading reading, String path, @Nullable String environment) {
  private static final Pattern VALUE = Pattern.compile("(?<=.)(?=[:=\"'\\s])", Pattern.DOTALL);

  Place key(String key) {
    String shown = shown(key);
    return new Place(reading, path.isEmpty() ? shown : path + "." + shown, environment);
  }

  /**
   * A key as messages may quote it: where the space after its colon was forgotten, as in {@code
   * password:x}, the value has become a part of it.
   */
  static String shown(String key) {
    Matcher cut = VALUE.matcher(key);
    return cut.find() ? key.substring(0, cut.start()) + "…" : key;
  }

  Place item(int index) {
    return new Place(reading, path + "[" + index + "]", environment);
  }

  Place inEnvironment(String name) {
    return new Place(reading, path, name);
  }

  /** Reports a fault of the text itself, which is there on every machine. */
  void problem(Node node, String message, @Nullable String hint) {
    reading.problem(new Problem(reading.position(node), path, message, hint), environment, false);
  }

  /** Reports a fault of the text itself at a place inside a value. */
  void problem(Position position, String message, @Nullable String hint) {
    reading.problem(new Problem(position, path, message, hint), environment, false);
  }

  /**
   * Reports a fault that this machine has with the text, such as a variable that is not set: one
   * file serves several machines, so inside an environment it matters only where that is used.
   */
  void problemHere(Node node, String message, @Nullable String hint) {
    reading.problem(new Problem(reading.position(node), path, message, hint), environment, true);
  }

  /** Like {@link #problemHere}, of where an environment's directories lie. */
  void misplacedHere(Node node, String inEnvironment, String message, String hint) {
    reading.misplaced(new Problem(reading.position(node), path, message, hint), inEnvironment);
  }

  /** Reports something that is not wrong but unwise. */
  void warning(Node node, String message, @Nullable String hint) {
    reading.warning(new Problem(reading.position(node), path, message, hint), environment);
  }

  /** Where a value stands and which it is, for messages that come later. */
  String origin(Node node) {
    return reading.position(node) + (path.isEmpty() ? "" : ": " + path);
  }

  /** Reports that the value has the wrong type. */
  void wrongType(Node node, String expected) {
    problem(node, "expected " + expected + " but found " + Reading.describe(node), null);
  }
}
