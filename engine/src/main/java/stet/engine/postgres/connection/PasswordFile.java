package stet.engine.postgres.connection;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.repository.backend.Reason;

/** libpq's {@code .pgpass}: lines of {@code host:port:database:user:password}. */
final class PasswordFile {
  private PasswordFile() {}

  /**
   * The password of the first line that matches, or null. A file that others can read is ignored,
   * as libpq does, with a warning.
   *
   * @param host {@code localhost} for the default socket directory
   */
  static @Nullable String find(
      Path file, String host, String port, String database, String user, Consumer<String> warn) {
    if (!Files.exists(file)) {
      return null;
    }
    List<String> lines;
    try {
      if (!Files.isRegularFile(file)) {
        warn.accept("password file " + file + " is not a plain file and was ignored");
        return null;
      }
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
      if (permissions.stream().anyMatch(p -> !p.name().startsWith("OWNER_"))) {
        warn.accept(
            "password file "
                + file
                + " can be read by others and was ignored; its mode should be 0600");
        return null;
      }
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      warn.accept("password file " + file + " cannot be read: " + Reason.of(e));
      return null;
    }
    for (String line : lines) {
      if (line.startsWith("#")) {
        continue;
      }
      List<String> fields = fields(line);
      if (fields.size() == 5
          && matches(fields.get(0), host)
          && matches(fields.get(1), port)
          && matches(fields.get(2), database)
          && matches(fields.get(3), user)) {
        return unescape(fields.get(4));
      }
    }
    return null;
  }

  /** A file's text that gives {@code password} for every connection. */
  static String text(String password) {
    if (password.indexOf('\n') >= 0 || password.indexOf('\r') >= 0) {
      throw Conninfo.error(
          "the password holds a line end, which cannot be passed to PostgreSQL's programs", null);
    }
    return "*:*:*:*:" + password.replace("\\", "\\\\").replace(":", "\\:") + "\n";
  }

  /** Splits at colons without a backslash; the fifth field takes the rest, up to its own colon. */
  private static List<String> fields(String line) {
    List<String> fields = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < line.length(); i++) {
      if (line.charAt(i) == '\\') {
        i++;
      } else if (line.charAt(i) == ':') {
        fields.add(line.substring(start, i));
        start = i + 1;
        if (fields.size() == 5) {
          return fields;
        }
      }
    }
    fields.add(line.substring(start));
    return fields;
  }

  private static boolean matches(String pattern, String value) {
    return pattern.equals("*") || unescape(pattern).equals(value);
  }

  private static String unescape(String field) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < field.length(); i++) {
      char c = field.charAt(i);
      out.append(c == '\\' && i + 1 < field.length() ? field.charAt(++i) : c);
    }
    return out.toString();
  }
}
