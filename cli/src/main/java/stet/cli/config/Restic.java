package stet.cli.config;

import java.util.ArrayList;
import java.util.List;

/** What restic does with its environment variables, so that they mean the same here. */
final class Restic {
  private Restic() {}

  /** Removes what Go counts as white space from both ends. */
  static String trim(String text) {
    int begin = 0;
    int end = text.length();
    while (begin < end && isSpace(text.charAt(begin))) {
      begin++;
    }
    while (end > begin && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(begin, end);
  }

  private static boolean isSpace(char c) {
    return (c >= '\t' && c <= '\r')
        || c == ' '
        || c == '\u0085'
        || c == '\u00a0'
        || c == '\u1680'
        || (c >= '\u2000' && c <= '\u200a')
        || c == '\u2028'
        || c == '\u2029'
        || c == '\u202f'
        || c == '\u205f'
        || c == '\u3000';
  }

  /**
   * Splits {@code RESTIC_PASSWORD_COMMAND} into program and arguments as restic does: at white
   * space, quotes and backslashes outside quotes; a quote after a backslash is an ordinary
   * character.
   *
   * @throws Unusable if a quote is not closed or nothing is left
   */
  static List<String> split(String command) throws Unusable {
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    int quote = 0;
    int last = 0;
    for (int c : command.codePoints().toArray()) {
      boolean separates;
      if (last != '\\' && quote != 0 && c == quote) {
        quote = 0;
        separates = true;
      } else if (last != '\\' && quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
        separates = true;
      } else {
        last = c;
        separates = quote == 0 && (c == '\\' || (c <= 0xffff && isSpace((char) c)));
      }
      if (!separates) {
        part.appendCodePoint(c);
      } else if (!part.isEmpty()) {
        parts.add(part.toString());
        part.setLength(0);
      }
    }
    if (!part.isEmpty()) {
      parts.add(part.toString());
    }
    if (quote != 0) {
      throw new Unusable(
          (quote == '"' ? "double" : "single") + "-quoted string not terminated", null);
    }
    if (parts.isEmpty()) {
      throw new Unusable("the command is empty", null);
    }
    return parts;
  }
}
