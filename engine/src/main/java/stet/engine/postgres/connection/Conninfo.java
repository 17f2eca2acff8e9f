package stet.engine.postgres.connection;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * The two forms of libpq's connection strings, {@code postgresql://…} and {@code key=value …}, and
 * the parameters they may hold. Follows {@code conninfo_uri_parse_options} and {@code
 * conninfo_parse} of {@code fe-connect.c}; errors never quote a value, which may be a password.
 */
final class Conninfo {
  /** Every connection parameter with its environment variable, empty where there is none. */
  static final Map<String, String> PARAMETERS = parameters();

  private Conninfo() {}

  private static Map<String, String> parameters() {
    String table =
        """
        service PGSERVICE
        servicefile PGSERVICEFILE
        user PGUSER
        password PGPASSWORD
        passfile PGPASSFILE
        channel_binding PGCHANNELBINDING
        connect_timeout PGCONNECT_TIMEOUT
        dbname PGDATABASE
        host PGHOST
        hostaddr PGHOSTADDR
        port PGPORT
        client_encoding PGCLIENTENCODING
        options PGOPTIONS
        application_name PGAPPNAME
        fallback_application_name
        keepalives
        keepalives_idle
        keepalives_interval
        keepalives_count
        tcp_user_timeout
        sslnegotiation PGSSLNEGOTIATION
        sslmode PGSSLMODE
        sslcompression PGSSLCOMPRESSION
        sslcert PGSSLCERT
        sslkey PGSSLKEY
        sslcertmode PGSSLCERTMODE
        sslpassword
        sslrootcert PGSSLROOTCERT
        sslcrl PGSSLCRL
        sslcrldir PGSSLCRLDIR
        sslsni PGSSLSNI
        requirepeer PGREQUIREPEER
        require_auth PGREQUIREAUTH
        min_protocol_version PGMINPROTOCOLVERSION
        max_protocol_version PGMAXPROTOCOLVERSION
        ssl_min_protocol_version PGSSLMINPROTOCOLVERSION
        ssl_max_protocol_version PGSSLMAXPROTOCOLVERSION
        gssencmode PGGSSENCMODE
        krbsrvname PGKRBSRVNAME
        gsslib PGGSSLIB
        gssdelegation PGGSSDELEGATION
        target_session_attrs PGTARGETSESSIONATTRS
        load_balance_hosts PGLOADBALANCEHOSTS
        """;
    Map<String, String> result = new LinkedHashMap<>();
    table
        .lines()
        .forEach(line -> {
          int space = line.indexOf(' ');
          result.put(
              space < 0 ? line : line.substring(0, space),
              space < 0 ? "" : line.substring(space + 1));
        });
    return result;
  }

  /** Whether {@code text} is in either form, as opposed to a plain database name. */
  static boolean isConninfo(String text) {
    return isUri(text) || text.indexOf('=') >= 0;
  }

  private static boolean isUri(String text) {
    return text.startsWith("postgresql://") || text.startsWith("postgres://");
  }

  /**
   * Parses either form, or a plain database name.
   *
   * @throws StetException with {@code CONFIGURATION}
   */
  static Map<String, String> parse(String text) {
    if (text.startsWith("jdbc:")) {
      throw error(
          "a connection string of JDBC, which libpq does not know",
          "Drop the \"jdbc:\" and write the user as postgresql://user@host/database.");
    }
    if (isUri(text)) {
      return new UriParser(text).parse();
    }
    Map<String, String> values = new LinkedHashMap<>();
    if (text.indexOf('=') < 0) {
      if (text.contains("://")) {
        throw error(
            "not a PostgreSQL connection string: unknown scheme \""
                + text.substring(0, text.indexOf("://"))
                + "\"",
            "Write it as postgresql://user@host/database.");
      }
      if (!text.isBlank()) {
        values.put("dbname", text);
      }
      return values;
    }
    return keywords(text);
  }

  /** Quotes a value for the {@code key=value} form. */
  static String quote(String value) {
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }

  private static Map<String, String> keywords(String text) {
    Map<String, String> values = new LinkedHashMap<>();
    int at = 0;
    while (true) {
      at = skipSpace(text, at);
      if (at == text.length()) {
        return values;
      }
      int start = at;
      while (at < text.length() && text.charAt(at) != '=' && !isSpace(text.charAt(at))) {
        at++;
      }
      String key = text.substring(start, at);
      at = skipSpace(text, at);
      if (at == text.length() || text.charAt(at) != '=') {
        // The word may be part of a password with an unquoted space, so it is not shown.
        throw error(
            "a word at character "
                + (start + 1)
                + " of the connection string is not followed by \"=\"",
            "Quote values that hold spaces: password='two words'.");
      }
      at = skipSpace(text, at + 1);
      StringBuilder value = new StringBuilder();
      boolean quoted = at < text.length() && text.charAt(at) == '\'';
      if (quoted) {
        at++;
      }
      while (true) {
        if (at == text.length()) {
          if (quoted) {
            throw error(
                "the quoted value of \"" + key + "\" in the connection string has no end", null);
          }
          break;
        }
        char c = text.charAt(at++);
        if (c == '\\') {
          if (at < text.length()) {
            value.append(text.charAt(at++));
          }
        } else if (quoted ? c == '\'' : isSpace(c)) {
          break;
        } else {
          value.append(c);
        }
      }
      put(values, key, value.toString());
    }
  }

  private static int skipSpace(String text, int from) {
    int at = from;
    while (at < text.length() && isSpace(text.charAt(at))) {
      at++;
    }
    return at;
  }

  /** The C locale's {@code isspace}. */
  private static boolean isSpace(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
  }

  private static void put(Map<String, String> values, String key, String value) {
    if (!PARAMETERS.containsKey(key)) {
      throw error(
          "unknown connection parameter \"" + key + "\"",
          "The parameters are " + String.join(", ", new TreeSet<>(PARAMETERS.keySet())) + ".");
    }
    values.put(key, value);
  }

  static StetException error(String message, @Nullable String hint) {
    return new StetException(ErrorCode.CONFIGURATION, message, hint);
  }

  /** Reads {@code scheme://user:password@host:port,host:port/dbname?key=value&key=value}. */
  private static final class UriParser {
    /** Hosts whose ports, if any, are numbers. */
    private static final Pattern PORTS =
        Pattern.compile(
            "((\\[[^\\]]*\\]|[^:,\\[]*)(:[0-9]*)?,)*(\\[[^\\]]*\\]|[^:,\\[]*)(:[0-9]*)?");

    private final String text;
    private final Map<String, String> values = new LinkedHashMap<>();
    private int at;

    UriParser(String text) {
      this.text = text;
      this.at = text.indexOf("://") + 3;
    }

    Map<String, String> parse() {
      if (isAmbiguous()) {
        throw ambiguous();
      }
      credentials();
      hosts();
      if (peek() == '/') {
        at++;
        store("dbname", until("?"));
      }
      if (peek() == '?') {
        at++;
        parameters();
      }
      return values;
    }

    /**
     * Whether an {@code @} stands where libpq's rules make a part of a password out to be the host
     * or the database, which messages show. A database's name with an {@code @} of its own is not
     * meant: libpq reads it, if nothing before it can be a password.
     */
    private boolean isAmbiguous() {
      int slash = indexOf('/', at);
      int sign = indexOf('@', at);
      if (sign < slash) {
        return indexOf('@', sign + 1) < indexOf('?', sign + 1);
      }
      int end = indexOf('?', at);
      if (indexOf('@', slash) >= end) {
        return false;
      }
      String database = text.substring(slash + 1, end);
      return database.indexOf('/') >= 0
          || database.indexOf(':') >= 0
          || !PORTS.matcher(text.substring(at, slash)).matches();
    }

    /** Where a character comes next, or the text's length. */
    private int indexOf(char c, int from) {
      int index = text.indexOf(c, from);
      return index < 0 ? text.length() : index;
    }

    private static StetException ambiguous() {
      return error(
          "the connection URI can be read in several ways, for its password or a name holds"
              + " characters that end it",
          "Percent-encode them in the URI: @ as %40, / as %2F, : as %3A, ? as %3F, # as %23.");
    }

    private void credentials() {
      int end = at;
      while (end < text.length() && text.charAt(end) != '@' && text.charAt(end) != '/') {
        end++;
      }
      if (end == text.length() || text.charAt(end) != '@') {
        return;
      }
      store("user", until(":@"));
      if (peek() == ':') {
        at++;
        store("password", until("@"));
      }
      at++;
    }

    private void hosts() {
      StringBuilder hosts = new StringBuilder();
      StringBuilder ports = new StringBuilder();
      while (true) {
        if (peek() == '[') {
          int end = text.indexOf(']', at);
          if (end < 0) {
            throw error("an IPv6 address in the connection URI has no closing \"]\"", null);
          }
          if (end == at + 1) {
            throw error("an IPv6 address in the connection URI is empty", null);
          }
          hosts.append(decode(text.substring(at + 1, end)));
          at = end + 1;
          if (peek() != '\0' && ":/?,".indexOf(peek()) < 0) {
            throw error(
                "unexpected character after the IPv6 address at character "
                    + (at + 1)
                    + " of the connection URI",
                null);
          }
        } else {
          hosts.append(decode(until(":/?,")));
        }
        if (peek() == ':') {
          at++;
          ports.append(decode(until("/?,")));
        }
        if (peek() != ',') {
          break;
        }
        at++;
        hosts.append(',');
        ports.append(',');
      }
      if (!hosts.isEmpty()) {
        values.put("host", hosts.toString());
      }
      if (!ports.isEmpty()) {
        values.put("port", ports.toString());
      }
    }

    private void parameters() {
      // A part of a password would be shown as a parameter's name.
      boolean suspect = text.indexOf('@', at) >= 0;
      while (at < text.length()) {
        String pair = until("&");
        if (peek() == '&') {
          at++;
        }
        int equals = pair.indexOf('=');
        String key = decode(equals < 0 ? pair : pair.substring(0, equals));
        boolean second = equals >= 0 && pair.indexOf('=', equals + 1) >= 0;
        if (suspect && (second || !(PARAMETERS.containsKey(key) || key.equals("ssl")))) {
          throw ambiguous();
        }
        if (equals < 0) {
          throw error("parameter \"" + key + "\" of the connection URI has no \"=\"", null);
        }
        if (second) {
          throw error(
              "parameter \"" + key + "\" of the connection URI has a second \"=\"",
              "Write a \"=\" that belongs to the value as %3D.");
        }
        String value = decode(pair.substring(equals + 1));
        if (key.equals("ssl") && value.equals("true")) {
          values.put("sslmode", "require");
        } else {
          put(values, key, value);
        }
      }
    }

    private void store(String key, String encoded) {
      if (!encoded.isEmpty()) {
        values.put(key, decode(encoded));
      }
    }

    private char peek() {
      return at < text.length() ? text.charAt(at) : '\0';
    }

    private String until(String ends) {
      int start = at;
      while (at < text.length() && ends.indexOf(text.charAt(at)) < 0) {
        at++;
      }
      return text.substring(start, at);
    }

    private static String decode(String encoded) {
      if (encoded.indexOf('%') < 0) {
        return encoded;
      }
      byte[] in = encoded.getBytes(StandardCharsets.UTF_8);
      ByteBuffer out = ByteBuffer.allocate(in.length);
      for (int i = 0; i < in.length; i++) {
        if (in[i] != '%') {
          out.put(in[i]);
          continue;
        }
        int high = i + 1 < in.length ? Character.digit(in[i + 1], 16) : -1;
        int low = i + 2 < in.length ? Character.digit(in[i + 2], 16) : -1;
        if (high < 0 || low < 0) {
          throw error(
              "a \"%\" in the connection URI is not followed by two hexadecimal digits",
              "Write a \"%\" that belongs to a name or password as %25.");
        }
        if (high == 0 && low == 0) {
          throw error("the connection URI holds the forbidden %00", null);
        }
        out.put((byte) (high * 16 + low));
        i += 2;
      }
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(out.flip()).toString();
      } catch (CharacterCodingException e) {
        throw error("a percent-encoded part of the connection URI is not UTF-8", null);
      }
    }
  }
}
