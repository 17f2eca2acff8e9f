package stet.cli.config;

import java.util.Set;
import java.util.regex.Pattern;

/**
 * What applications, environments, sets and components may be called: names that stand unchanged in
 * the repository as path segments, tags and host names, and in a shell without quotes.
 */
final class Names {
  /** For the schema, which searches a pattern in a text. */
  static final String PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

  private static final Pattern SAFE = Pattern.compile(PATTERN);

  /** Names of Stet's own entries beside the components in a snapshot. */
  private static final Set<String> TAKEN = Set.of("stet.json");

  private Names() {}

  /** Returns the name if it may be used for a {@code what}. */
  static String check(String what, String name) throws Unusable {
    if (!SAFE.matcher(name).matches()) {
      throw new Unusable(
          "\"" + name + "\" cannot be used as " + article(what) + " name",
          "A name has 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen, and begins"
              + " with a letter or digit.");
    }
    if (TAKEN.contains(name)) {
      throw new Unusable(
          "\"" + name + "\" cannot be used as " + article(what) + " name",
          "Snapshots have a file of that name; choose another.");
    }
    return name;
  }

  /** The noun with "a" or "an" before it. */
  static String article(String what) {
    return (what.matches("[aeiou].*") ? "an " : "a ") + what;
  }
}
