package stet.cli.output;

import java.util.HexFormat;

/**
 * Makes text harmless for a terminal: names of files and objects may hold anything, control
 * sequences too.
 */
public final class Printable {
  private Printable() {}

  /** The text with control characters escaped, line ends and tabs too. */
  public static String line(String text) {
    return escape(text, false);
  }

  /** The text with control characters escaped but line ends and tabs. */
  public static String lines(String text) {
    return escape(text, true);
  }

  private static String escape(String text, boolean keepLines) {
    if (text.chars().noneMatch(Printable::isControl)) {
      return text;
    }
    StringBuilder escaped = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!isControl(c) || (keepLines && (c == '\n' || c == '\t'))) {
        escaped.append(c);
        continue;
      }
      switch (c) {
        case '\n' -> escaped.append("\\n");
        case '\t' -> escaped.append("\\t");
        case '\r' -> escaped.append("\\r");
        default -> escaped.append("\\x").append(HexFormat.of().toHexDigits((byte) c));
      }
    }
    return escaped.toString();
  }

  private static boolean isControl(int c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
  }
}
