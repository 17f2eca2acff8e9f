package stet.cli.demo;

import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Words as a POSIX shell reads them. */
final class Shell {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:@%+=,-]+");

  private Shell() {}

  /** The word as it must be written to mean itself. */
  static String quote(String word) {
    return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  /** A command line of these words. */
  static String line(String... words) {
    return Arrays.stream(words).map(Shell::quote).collect(Collectors.joining(" "));
  }
}
