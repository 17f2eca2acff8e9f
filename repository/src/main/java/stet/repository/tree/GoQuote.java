package stet.repository.tree;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * Names as trees hold them: Go's {@code strconv.Quote} without the quotes around, which turns any
 * bytes into text, byte for byte as restic does.
 */
public final class GoQuote {
  private static final HexFormat HEX = HexFormat.of();
  private static final int REPLACEMENT = 0xfffd;

  private GoQuote() {}

  /** Quotes any bytes. */
  public static String quote(byte[] name) {
    StringBuilder out = new StringBuilder(name.length + 16);
    int at = 0;
    while (at < name.length) {
      int length = Utf8.length(name, at, name.length);
      if (length == 0) {
        out.append("\\x").append(HEX.toHexDigits(name[at]));
        at++;
        continue;
      }
      int rune = Utf8.decode(name, at, length);
      at += length;
      switch (rune) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case 7 -> out.append("\\a");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case 11 -> out.append("\\v");
        default -> {
          if (PrintableRunes.contains(rune)) {
            out.appendCodePoint(rune);
          } else if (rune < ' ' || rune == 0x7f) {
            out.append("\\x").append(HEX.toHexDigits((byte) rune));
          } else if (rune < 0x10000) {
            out.append("\\u").append(HEX.toHexDigits((char) rune));
          } else {
            out.append("\\U").append(HEX.toHexDigits(rune));
          }
        }
      }
    }
    return out.toString();
  }

  /**
   * Gives back the bytes, from any form that Go's {@code strconv.Unquote} takes.
   *
   * @throws IllegalArgumentException if {@code text} is none
   */
  public static byte[] unquote(String text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(text.length() + 16);
    int at = 0;
    while (at < text.length()) {
      int rune = text.codePointAt(at);
      at += Character.charCount(rune);
      if (rune == '"' || rune == '\n') {
        throw notQuoted(text);
      }
      if (rune != '\\') {
        rune(out, rune);
        continue;
      }
      if (at == text.length()) {
        throw notQuoted(text);
      }
      char escape = text.charAt(at++);
      switch (escape) {
        case 'a' -> out.write(7);
        case 'b' -> out.write('\b');
        case 'f' -> out.write('\f');
        case 'n' -> out.write('\n');
        case 'r' -> out.write('\r');
        case 't' -> out.write('\t');
        case 'v' -> out.write(11);
        case '\\', '"' -> out.write(escape);
        case 'x' -> {
          out.write(number(text, at, 2, 16));
          at += 2;
        }
        case 'u', 'U' -> {
          int digits = escape == 'u' ? 4 : 8;
          int value = number(text, at, digits, 16);
          if (!Character.isValidCodePoint(value)
              || (value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE)) {
            throw notQuoted(text);
          }
          rune(out, value);
          at += digits;
        }
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int value = number(text, at - 1, 3, 8);
          if (value > 0xff) {
            throw notQuoted(text);
          }
          out.write(value);
          at += 2;
        }
        default -> throw notQuoted(text);
      }
    }
    return out.toByteArray();
  }

  private static void rune(ByteArrayOutputStream out, int rune) {
    boolean lone = rune >= Character.MIN_SURROGATE && rune <= Character.MAX_SURROGATE;
    String text = Character.toString(lone ? REPLACEMENT : rune);
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  private static int number(String text, int at, int digits, int radix) {
    if (text.length() - at < digits) {
      throw notQuoted(text);
    }
    int value = 0;
    for (int i = at; i < at + digits; i++) {
      char c = text.charAt(i);
      int digit = c < 0x80 ? Character.digit(c, radix) : -1;
      if (digit < 0) {
        throw notQuoted(text);
      }
      value = value * radix + digit;
    }
    return value;
  }

  private static IllegalArgumentException notQuoted(String text) {
    return new IllegalArgumentException("not a name as Go quotes it: " + text);
  }
}
