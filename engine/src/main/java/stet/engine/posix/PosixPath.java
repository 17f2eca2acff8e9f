package stet.engine.posix;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A path of any bytes, as Linux has them.
 *
 * <p>Held as a name and its parent, so that the paths of a tree's entries share what they have in
 * common, and resolving costs the same at any depth.
 */
public final class PosixPath {
  private static final PosixPath ROOT = new PosixPath(null, new byte[0]);

  /** Null for the root, and for the first name of a relative path. */
  private final @Nullable PosixPath parent;

  private final byte[] name;

  private PosixPath(@Nullable PosixPath parent, byte[] name) {
    this.parent = parent;
    this.name = name;
  }

  /** A path from its bytes; empty names and single dots in between are dropped. */
  public static PosixPath of(byte[] bytes) {
    PosixPath path = bytes.length > 0 && bytes[0] == '/' ? ROOT : null;
    int start = 0;
    while (start < bytes.length) {
      int end = start;
      while (end < bytes.length && bytes[end] != '/') {
        end++;
      }
      boolean dot = end - start == 1 && bytes[start] == '.';
      if (end > start && !dot) {
        path = new PosixPath(path, Arrays.copyOfRange(bytes, start, end));
      }
      start = end + 1;
    }
    return path == null ? new PosixPath(null, new byte[] {'.'}) : path;
  }

  /** A path from text, as UTF-8. */
  public static PosixPath of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  /** The path of an entry of this directory; {@code entry} is a single name and is not copied. */
  public PosixPath resolve(byte[] entry) {
    return new PosixPath(this, entry);
  }

  /** The path of an entry of this directory. */
  public PosixPath resolve(String entry) {
    return resolve(entry.getBytes(StandardCharsets.UTF_8));
  }

  /** The directory this lies in; null for the root and for a relative path of one name. */
  public @Nullable PosixPath parent() {
    return parent;
  }

  /** The last name's bytes, not a copy; empty for the root. */
  public byte[] name() {
    return name;
  }

  public boolean isAbsolute() {
    PosixPath first = this;
    while (first.parent != null) {
      first = first.parent;
    }
    return first.name.length == 0;
  }

  /** The names from the first to the last, without the root. */
  public List<byte[]> names() {
    List<byte[]> names = new ArrayList<>();
    for (PosixPath path = this; path != null; path = path.parent) {
      if (path.name.length > 0) {
        names.add(path.name);
      }
    }
    return names.reversed();
  }

  /** The whole path. */
  public byte[] bytes() {
    List<byte[]> names = names();
    if (names.isEmpty()) {
      return new byte[] {'/'};
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    boolean separate = isAbsolute();
    for (byte[] each : names) {
      if (separate) {
        bytes.write('/');
      }
      bytes.writeBytes(each);
      separate = true;
    }
    return bytes.toByteArray();
  }

  /**
   * The printable form: backslash and what does not print as escapes, so that it stays on one line
   * and can be told from any other path.
   */
  @Override
  public String toString() {
    return printable(bytes());
  }

  /** The printable form of a name or path. */
  public static String printable(byte[] bytes) {
    boolean plain = true;
    for (byte b : bytes) {
      plain &= b >= 0x20 && b < 0x7f && b != '\\';
    }
    if (plain) {
      return new String(bytes, StandardCharsets.US_ASCII);
    }
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < bytes.length) {
      int length = utf8Length(bytes, i);
      if (length == 0) {
        hex(out, bytes[i++]);
        continue;
      }
      int c = new String(bytes, i, length, StandardCharsets.UTF_8).codePointAt(0);
      switch (c) {
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (prints(c)) {
            out.appendCodePoint(c);
          } else {
            for (int k = 0; k < length; k++) {
              hex(out, bytes[i + k]);
            }
          }
        }
      }
      i += length;
    }
    return out.toString();
  }

  /**
   * The bytes of a name or path from its printable form. A backslash that begins no escape of that
   * form stands for itself.
   */
  public static byte[] unescaped(String printable) {
    byte[] text = printable.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int i = 0;
    while (i < text.length) {
      int next = text[i] == '\\' && i + 1 < text.length ? text[i + 1] : 0;
      int length = 2;
      switch (next) {
        case '\\' -> bytes.write('\\');
        case 'n' -> bytes.write('\n');
        case 'r' -> bytes.write('\r');
        case 't' -> bytes.write('\t');
        default -> {
          boolean hex =
              next == 'x'
                  && i + 3 < text.length
                  && HexFormat.isHexDigit(text[i + 2])
                  && HexFormat.isHexDigit(text[i + 3]);
          length = hex ? 4 : 1;
          bytes.write(
              hex
                  ? HexFormat.fromHexDigit(text[i + 2]) << 4 | HexFormat.fromHexDigit(text[i + 3])
                  : text[i]);
        }
      }
      i += length;
    }
    return bytes.toByteArray();
  }

  private static boolean prints(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.PRIVATE_USE,
          Character.SURROGATE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }

  private static void hex(StringBuilder out, byte b) {
    out.append("\\x").append(HexFormat.of().toHexDigits(b));
  }

  /**
   * How many bytes the UTF-8 character at {@code offset} has, or 0 if there is none but a byte that
   * does not belong.
   */
  public static int utf8Length(byte[] bytes, int offset) {
    int first = bytes[offset] & 0xff;
    int length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length <= 1 || first > 0xf4 || offset + length > bytes.length) {
      return length == 1 ? 1 : 0;
    }
    try {
      CharBuffer decoded =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .decode(ByteBuffer.wrap(bytes, offset, length));
      return decoded.isEmpty() ? 0 : length;
    } catch (CharacterCodingException e) {
      return 0;
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof PosixPath path && Arrays.equals(bytes(), path.bytes());
  }

  @Override
  public int hashCode() {
    int hash = 1;
    for (PosixPath path = this; path != null; path = path.parent) {
      hash = 31 * hash + Arrays.hashCode(path.name);
    }
    return hash;
  }
}
