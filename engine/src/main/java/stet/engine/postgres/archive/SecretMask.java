package stet.engine.postgres.archive;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Replaces the secrets in definitions by marks, before anybody can show them: the values of options
 * whose names look secret, and passwords in connection strings.
 *
 * <p>Equal secrets have equal marks within one process and others have others, so that texts can
 * still be compared; the key is forgotten with the process, so that nothing can be tried against a
 * mark.
 */
public final class SecretMask {
  private static final String SECRET_WORDS = "pass|pwd|secret|token|credential";

  private static final Pattern SECRET_NAME =
      Pattern.compile(SECRET_WORDS + "|key|private|encryption|salt|signature|auth");

  /** Options of a user mapping that say who one is, not how to prove it. */
  private static final Pattern USER_NAME = Pattern.compile("user|user_?name|remote_?user|login");

  private static final String USER_MAPPING = "USER MAPPING";

  /** The name and equals sign of a secret in a connection string, up to its value. */
  private static final String KEYWORD = "(?i)\\b([a-z_]*(?:" + SECRET_WORDS + ")[a-z_]*%s=%s)";

  /** In a connection string of its own, where white space may surround the equals sign. */
  private static final Pattern PARAMETER =
      Pattern.compile(
          KEYWORD.formatted("\\s*", "\\s*")
              + "('[^'\\\\]*+(?:\\\\.[^'\\\\]*+)*+'?|[^\\s\\\\'][^\\s\\\\]*+(?:\\\\.[^\\s\\\\]*+)*+)");

  /** Anywhere, such as in the body of a function whose quotes have no simple order. */
  private static final Pattern TIGHT_PARAMETER =
      Pattern.compile(KEYWORD.formatted("", "") + "([^\\s'\"]++)");

  /** As libpq reads it, which ends a URI's password at the first of these. */
  private static final Pattern URI = Pattern.compile("(://[^\\s:@/']*:)([^@/]*)(?=@)");

  private static final byte[] KEY = new byte[32];

  static {
    new SecureRandom().nextBytes(KEY);
  }

  private SecretMask() {}

  /** What stands for a secret. */
  public static String mark(String secret) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(KEY, "HmacSHA256"));
      byte[] hash = mac.doFinal(secret.getBytes(StandardCharsets.UTF_8));
      return "<secret " + HexFormat.of().formatHex(hash, 0, 6) + ">";
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has HmacSHA256", e);
    }
  }

  /** Whether a setting or an option of this name looks like a secret. */
  public static boolean isSecretName(String name) {
    return SECRET_NAME.matcher(name.toLowerCase(Locale.ROOT)).find();
  }

  /** Any other text without the passwords of connection strings. */
  public static String text(String text) {
    return connection(text);
  }

  /**
   * A definition without its secrets.
   *
   * @param kind what it defines, such as {@code USER MAPPING}
   */
  static String mask(String kind, String sql) {
    StringBuilder out = new StringBuilder();
    int done = 0;
    for (int at = 0; at < sql.length(); ) {
      int end = sql.charAt(at) == '\'' ? quotedEnd(sql, at) : -1;
      if (end < 0) {
        at = past(sql, at);
        continue;
      }
      out.append(outside(sql.substring(done, at)));
      String value = sql.substring(at + 1, end - 1).replace("''", "'");
      String shown = isSecret(kind, nameBefore(sql, done, at)) ? mark(value) : connection(value);
      out.append('\'').append(shown.replace("'", "''")).append('\'');
      done = end;
      at = end;
    }
    return out.append(outside(sql.substring(done))).toString();
  }

  /** The place after a name in quotes, a comment, or else a character; quotes in them are none. */
  private static int past(String sql, int at) {
    int end = -1;
    if (sql.charAt(at) == '"') {
      end = quotedEnd(sql, at);
    } else if (sql.startsWith("--", at)) {
      end = sql.indexOf('\n', at);
    } else if (sql.startsWith("/*", at)) {
      end = sql.indexOf("*/", at);
    }
    return end < 0 ? at + 1 : end;
  }

  /** The place after a quoted text, in which a quote is doubled, or -1 if it has no end. */
  private static int quotedEnd(String sql, int open) {
    char quote = sql.charAt(open);
    int close = sql.indexOf(quote, open + 1);
    while (close >= 0 && close + 1 < sql.length() && sql.charAt(close + 1) == quote) {
      close = sql.indexOf(quote, close + 2);
    }
    return close < 0 ? -1 : close + 1;
  }

  /** The option that a literal is the value of, in lower case; empty if there is no name. */
  private static String nameBefore(String sql, int from, int open) {
    int end = open;
    if (end > from && (sql.charAt(end - 1) == 'E' || sql.charAt(end - 1) == 'e')) {
      end--;
    }
    int last = end;
    while (last > from && Character.isWhitespace(sql.charAt(last - 1))) {
      last--;
    }
    if (last == end) {
      return "";
    }
    int start = last;
    if (last > from && sql.charAt(last - 1) == '"') {
      start = Math.max(from, sql.lastIndexOf('"', last - 2));
    } else {
      while (start > from && isNamePart(sql.charAt(start - 1))) {
        start--;
      }
    }
    return sql.substring(start, last).replace("\"", "").toLowerCase(Locale.ROOT);
  }

  private static boolean isNamePart(char c) {
    return c == '_' || c == '$' || c == '-' || Character.isLetterOrDigit(c);
  }

  private static boolean isSecret(String kind, String name) {
    if (name.isEmpty()) {
      return false;
    }
    return kind.equals(USER_MAPPING)
        ? !USER_NAME.matcher(name).matches()
        : SECRET_NAME.matcher(name).find();
  }

  private static String connection(String text) {
    return replace(URI, replace(PARAMETER, text));
  }

  private static String outside(String text) {
    return replace(URI, replace(TIGHT_PARAMETER, text));
  }

  private static String replace(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.replaceAll(found ->
        Matcher.quoteReplacement(found.group(1) + mark(Objects.requireNonNull(found.group(2)))));
  }
}
