package stet.engine.postgres.restore;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.SqlText;

/**
 * The roles in statements as pg_dump writes them, found by the statements' grammar: grants, default
 * privileges, policies and user mappings. What is written otherwise is refused, not guessed at.
 */
final class RoleText {
  private final String sql;
  private final String what;
  private final List<Token> tokens = new ArrayList<>();
  private final List<Token> roles = new ArrayList<>();

  private enum Kind {
    WORD,
    QUOTED,
    STRING,
    SIGN
  }

  /** A piece of a statement; parentheses around it are counted. */
  private record Token(Kind kind, int start, int end, int depth, String text) {
    boolean is(String word) {
      return (kind == Kind.WORD || kind == Kind.SIGN) && text.equals(word);
    }

    boolean isName() {
      return kind == Kind.WORD || kind == Kind.QUOTED;
    }
  }

  private RoleText(String sql, String what) {
    this.sql = sql;
    this.what = what;
    scan();
  }

  /** Whether an archive's entries of this kind have roles in their statements. */
  static boolean concerns(String kind) {
    return switch (kind) {
      case "ACL", "ACL LANGUAGE", "DEFAULT ACL", "POLICY", "USER MAPPING" -> true;
      default -> false;
    };
  }

  /**
   * Passes all roles of an entry's statements through {@code rename}.
   *
   * @param what what the entry is about, for messages
   * @throws StetException with {@code FAILED} if a statement has another form than pg_dump's
   */
  static String rename(String kind, String sql, String what, UnaryOperator<String> rename) {
    RoleText text = new RoleText(sql, what);
    int from = 0;
    for (int i = 0; i <= text.tokens.size(); i++) {
      boolean end = i == text.tokens.size();
      if (end || (text.tokens.get(i).is(";") && text.tokens.get(i).depth() == 0)) {
        List<Token> statement = text.tokens.subList(from, i);
        if (!statement.isEmpty()) {
          text.find(kind, statement);
        }
        from = i + 1;
      }
    }
    StringBuilder result = new StringBuilder();
    int done = 0;
    for (Token role : text.roles) {
      String renamed = rename.apply(role.text());
      result.append(sql, done, role.start());
      result.append(
          renamed.equals(role.text())
              ? sql.substring(role.start(), role.end())
              : SqlText.name(renamed));
      done = role.end();
    }
    return result.append(sql, done, sql.length()).toString();
  }

  private StetException unknown() {
    return new StetException(
        ErrorCode.FAILED,
        "the roles in the definition of " + what + " cannot be told for certain: " + sql.strip(),
        "Leave out the setting \"roles\", or give --no-privileges.");
  }

  private void find(String kind, List<Token> statement) {
    if (kind.equals("POLICY")) {
      findPolicy(statement);
    } else if (kind.equals("USER MAPPING")) {
      require(statement, 0, "CREATE", "USER", "MAPPING", "FOR");
      role(statement, 4);
    } else {
      findGrant(statement);
    }
  }

  private void require(List<Token> statement, int at, String... words) {
    for (int i = 0; i < words.length; i++) {
      if (at + i >= statement.size() || !statement.get(at + i).is(words[i])) {
        throw unknown();
      }
    }
  }

  private void role(List<Token> statement, int at) {
    if (at >= statement.size() || !statement.get(at).isName()) {
      throw unknown();
    }
    if (!statement.get(at).is("PUBLIC")) {
      roles.add(statement.get(at));
    }
  }

  private void findGrant(List<Token> statement) {
    switch (statement.getFirst().text()) {
      case "RESET" -> require(statement, 0, "RESET", "SESSION", "AUTHORIZATION");
      case "SET" -> {
        require(statement, 0, "SET", "SESSION", "AUTHORIZATION");
        role(statement, 3);
        requireEnd(statement, 4);
      }
      case "ALTER" -> {
        require(statement, 0, "ALTER", "DEFAULT", "PRIVILEGES", "FOR", "ROLE");
        role(statement, 5);
        int next = 6;
        if (next < statement.size() && statement.get(next).is("IN")) {
          require(statement, next, "IN", "SCHEMA");
          next += 3;
        }
        if (next >= statement.size()) {
          throw unknown();
        }
        findGrantee(statement.subList(next, statement.size()));
      }
      default -> findGrantee(statement);
    }
  }

  /** Names that are words of SQL are quoted, so TO and FROM stand once outside of parentheses. */
  private void findGrantee(List<Token> statement) {
    boolean grant = statement.getFirst().is("GRANT");
    if (!grant && !statement.getFirst().is("REVOKE")) {
      throw unknown();
    }
    int at = -1;
    for (int i = 0; i < statement.size(); i++) {
      Token token = statement.get(i);
      if (token.depth() == 0 && token.is(grant ? "TO" : "FROM")) {
        if (at >= 0) {
          throw unknown();
        }
        at = i;
      }
    }
    if (at < 0) {
      throw unknown();
    }
    int role = at + 1;
    if (role < statement.size() && statement.get(role).is("GROUP")) {
      role++;
    }
    role(statement, role);
    if (role + 1 < statement.size()) {
      require(statement, role + 1, "WITH", "GRANT", "OPTION");
      requireEnd(statement, role + 4);
    }
  }

  private void requireEnd(List<Token> statement, int end) {
    if (statement.size() != end) {
      throw unknown();
    }
  }

  private void findPolicy(List<Token> statement) {
    require(statement, 0, "CREATE", "POLICY");
    for (int i = 2; i < statement.size(); i++) {
      Token token = statement.get(i);
      if (token.depth() > 0) {
        continue;
      }
      if (token.is("USING") || token.is("WITH")) {
        return;
      }
      if (token.is("TO")) {
        do {
          i++;
          role(statement, i);
          i++;
        } while (i < statement.size() && statement.get(i).is(","));
        return;
      }
    }
  }

  private void scan() {
    int depth = 0;
    int at = 0;
    while (at < sql.length()) {
      char c = sql.charAt(at);
      int start = at;
      if (Character.isWhitespace(c)) {
        at++;
        continue;
      }
      if (c == '"') {
        at = endOfQuoted(at, '"', false);
        String name = sql.substring(start + 1, at - 1).replace("\"\"", "\"");
        tokens.add(new Token(Kind.QUOTED, start, at, depth, name));
      } else if (c == '\'' || ((c == 'E' || c == 'e') && sql.startsWith("'", at + 1))) {
        at = endOfQuoted(c == '\'' ? at : at + 1, '\'', c != '\'');
        tokens.add(new Token(Kind.STRING, start, at, depth, ""));
      } else if (c == '$' || sql.startsWith("--", at) || sql.startsWith("/*", at)) {
        // pg_dump writes none of these there.
        throw unknown();
      } else if (isPart(c)) {
        while (at < sql.length() && (isPart(sql.charAt(at)) || sql.charAt(at) == '$')) {
          at++;
        }
        tokens.add(new Token(Kind.WORD, start, at, depth, sql.substring(start, at)));
      } else {
        at++;
        depth -= c == ')' ? 1 : 0;
        tokens.add(new Token(Kind.SIGN, start, at, depth, String.valueOf(c)));
        depth += c == '(' ? 1 : 0;
      }
    }
  }

  private static boolean isPart(char c) {
    return c == '_' || Character.isLetterOrDigit(c) || c > 127;
  }

  private int endOfQuoted(int start, char quote, boolean escapes) {
    int at = start + 1;
    while (at < sql.length()) {
      char c = sql.charAt(at);
      if (escapes && c == '\\') {
        at += 2;
      } else if (c != quote) {
        at++;
      } else if (sql.startsWith(String.valueOf(quote), at + 1)) {
        at += 2;
      } else {
        return at + 1;
      }
    }
    throw unknown();
  }
}
