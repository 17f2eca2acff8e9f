package stet.engine.postgres.catalog;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import stet.repository.Id;

/**
 * Turns the names of database objects into names of files, so that different objects never share
 * one.
 *
 * <p>ASCII letters, digits, {@code _} and {@code -} and everything beyond ASCII stay as they are;
 * every other byte becomes {@code %} and two upper-case hexadecimal digits. So a name is a valid
 * path component that needs no quoting in psql or a shell, and {@code .} is free to separate schema
 * and object. An encoded part longer than {@value #MAX_PART} bytes is cut at a character and gets
 * {@code %~} and 128 bits of the name's SHA-256, which no encoding of a short name can look like.
 */
public final class ObjectNames {
  /**
   * Bytes an encoded part may have; two parts and a dot stay below a file system's 255, also with a
   * suffix.
   */
  static final int MAX_PART = 120;

  private static final int HASH_DIGITS = 32;
  private static final String CUT = "%~";

  private ObjectNames() {}

  /** The directory of a table's data: {@code <schema>.<table>}, both encoded. */
  public static String directory(String schema, String table) {
    return part(schema) + "." + part(table);
  }

  /**
   * One encoded name.
   *
   * @throws IllegalArgumentException if {@code name} is empty, which PostgreSQL does not allow
   */
  static String part(String name) {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("an object's name is empty");
    }
    StringBuilder out = new StringBuilder();
    int bytes = 0;
    int keep = 0;
    for (int i = 0; i < name.length(); ) {
      int character = name.codePointAt(i);
      i += Character.charCount(character);
      bytes += append(out, character);
      if (bytes <= MAX_PART - CUT.length() - HASH_DIGITS) {
        keep = out.length();
      }
    }
    if (bytes <= MAX_PART) {
      return out.toString();
    }
    String hash = Id.of(name.getBytes(StandardCharsets.UTF_8)).toString();
    return out.substring(0, keep) + CUT + hash.substring(0, HASH_DIGITS);
  }

  /** Appends a character's encoding and returns how many bytes of UTF-8 it takes. */
  private static int append(StringBuilder out, int character) {
    boolean plain =
        character >= 0x80
            || (character >= '0' && character <= '9')
            || (character >= 'A' && character <= 'Z')
            || (character >= 'a' && character <= 'z')
            || character == '_'
            || character == '-';
    if (!plain) {
      out.append(String.format(Locale.ROOT, "%%%02X", character));
      return 3;
    }
    out.appendCodePoint(character);
    return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  }
}
