package stet.cli.config;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * Replaces <code>${VAR}</code> and <code>${VAR:-default}</code>; <code>$${</code> stands for a
 * literal <code>${</code>.
 */
record Variables(Map<String, String> values) {
  private static final Pattern REFERENCE = Pattern.compile("\\$\\$\\{|\\$\\{([^{}]*)(})?");
  private static final Pattern INSIDE =
      Pattern.compile("(?<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?<otherwise>.*))?", Pattern.DOTALL);

  /** Whether the text has anything to replace. */
  static boolean hasAny(String text) {
    return text.contains("${");
  }

  /** The text with variables replaced, or null if a problem was reported. */
  @Nullable String replace(String text, Node node, Place place) {
    StringBuilder result = new StringBuilder();
    boolean failed = false;
    Matcher reference = REFERENCE.matcher(text);
    int done = 0;
    while (reference.find()) {
      result.append(text, done, reference.start());
      done = reference.end();
      String inside = reference.group(1);
      if (inside == null) {
        result.append("${");
        continue;
      }
      Matcher parts = INSIDE.matcher(inside);
      if (reference.group(2) == null || !parts.matches()) {
        place.problem(
            node,
            "\"${\" does not begin a variable's name",
            "Write ${NAME} or ${NAME:-default}; $${ stands for the two characters themselves.");
        failed = true;
        continue;
      }
      String name = parts.group("name");
      String value = values.get(name);
      String otherwise = parts.group("otherwise");
      if (otherwise != null && (value == null || value.isEmpty())) {
        value = otherwise;
      }
      if (value == null) {
        place.problemHere(
            node,
            "the environment variable " + name + " is not set",
            "Set " + name + ", or give a default: ${" + name + ":-default}.");
        failed = true;
      } else {
        result.append(value);
      }
    }
    result.append(text, done, text.length());
    return failed ? null : result.toString();
  }
}
