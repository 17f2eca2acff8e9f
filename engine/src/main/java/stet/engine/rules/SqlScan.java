package stet.engine.rules;

import java.util.ArrayDeque;
import java.util.Deque;

/** Looks for words in SQL outside quotes, comments and brackets. */
final class SqlScan {
  private SqlScan() {}

  static boolean isNamePart(char c) {
    return c == '_' || c == '$' || Character.isLetterOrDigit(c);
  }

  /** The next place of a word outside of everything, or -1. */
  static int word(String sql, int from, String word) {
    int depth = 0;
    for (int at = from; at < sql.length(); ) {
      int next = past(sql, at);
      if (next < 0) {
        return -1;
      }
      char c = sql.charAt(at);
      if (next == at) {
        if (isNamePart(c)) {
          int end = at;
          while (end < sql.length() && isNamePart(sql.charAt(end))) {
            end++;
          }
          if (depth == 0
              && end - at == word.length()
              && sql.regionMatches(true, at, word, 0, word.length())) {
            return at;
          }
          next = end;
        } else {
          depth += "([".indexOf(c) >= 0 ? 1 : ")]".indexOf(c) >= 0 ? -1 : 0;
          next = at + 1;
        }
      }
      at = next;
    }
    return -1;
  }

  /** Where a quote or bracket is that has no partner, or a semicolon; -1 if all is well. */
  static int unbalanced(String sql) {
    Deque<Integer> open = new ArrayDeque<>();
    for (int at = 0; at < sql.length(); ) {
      int next = past(sql, at);
      if (next < 0) {
        return at;
      }
      if (next == at) {
        char c = sql.charAt(at);
        if (c == '(' || c == '[') {
          open.push(at);
        } else if (c == ')' || c == ']') {
          if (open.isEmpty() || sql.charAt(open.pop()) != (c == ')' ? '(' : '[')) {
            return at;
          }
        } else if (c == ';') {
          return at;
        }
        next = at + 1;
      }
      at = next;
    }
    return open.isEmpty() ? -1 : open.peek();
  }

  /** The end of the quoted text or comment that begins here, {@code at} if none does, or -1. */
  private static int past(String sql, int at) {
    char c = sql.charAt(at);
    if (c == '\'' || c == '"') {
      return isEscaped(sql, at) ? escapedEnd(sql, at) : quotedEnd(sql, at);
    }
    if (sql.startsWith("--", at)) {
      int end = sql.indexOf('\n', at);
      return end < 0 ? sql.length() : end;
    }
    if (sql.startsWith("/*", at)) {
      return commentEnd(sql, at);
    }
    if (c == '$' && (at == 0 || !isNamePart(sql.charAt(at - 1)))) {
      int tag = sql.indexOf('$', at + 1);
      if (tag > 0 && sql.substring(at + 1, tag).matches("([A-Za-z_][A-Za-z0-9_]*)?")) {
        String quote = sql.substring(at, tag + 1);
        int end = sql.indexOf(quote, tag + 1);
        return end < 0 ? -1 : end + quote.length();
      }
    }
    return at;
  }

  /** Whether a text in single quotes takes backslashes as escapes: {@code E'...'}. */
  private static boolean isEscaped(String sql, int at) {
    return sql.charAt(at) == '\''
        && at > 0
        && (sql.charAt(at - 1) == 'E' || sql.charAt(at - 1) == 'e')
        && (at == 1 || !isNamePart(sql.charAt(at - 2)));
  }

  private static int escapedEnd(String sql, int at) {
    for (int i = at + 1; i < sql.length(); i++) {
      if (sql.charAt(i) == '\\') {
        i++;
      } else if (sql.charAt(i) == '\'') {
        return i + 1;
      }
    }
    return -1;
  }

  /** The end of a text in quotes, in which a quote is doubled, or -1 if it has none. */
  static int quotedEnd(String sql, int at) {
    char quote = sql.charAt(at);
    for (int i = at + 1; i < sql.length(); i++) {
      if (sql.charAt(i) == quote) {
        if (i + 1 < sql.length() && sql.charAt(i + 1) == quote) {
          i++;
        } else {
          return i + 1;
        }
      }
    }
    return -1;
  }

  /** Comments of SQL nest. */
  private static int commentEnd(String sql, int at) {
    int depth = 0;
    for (int i = at; i + 1 < sql.length(); i++) {
      if (sql.startsWith("/*", i)) {
        depth++;
        i++;
      } else if (sql.startsWith("*/", i)) {
        depth--;
        i++;
        if (depth == 0) {
          return i + 1;
        }
      }
    }
    return -1;
  }
}
