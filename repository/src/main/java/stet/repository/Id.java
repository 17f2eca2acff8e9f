package stet.repository;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * A SHA-256: names a blob by its plaintext and a stored file by its stored bytes.
 *
 * <p>Held as four big-endian longs rather than an array, so that ids compare by value and cost one
 * small object.
 */
public record Id(long a, long b, long c, long d) implements Comparable<Id> {
  /** Bytes in an id. */
  public static final int LENGTH = 32;

  private static final ThreadLocal<MessageDigest> SHA_256 =
      ThreadLocal.withInitial(() -> {
        try {
          return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
          throw new IllegalStateException("every Java platform has SHA-256", e);
        }
      });

  /** The SHA-256 of {@code length} bytes from {@code offset}. */
  public static Id of(byte[] bytes, int offset, int length) {
    MessageDigest digest = SHA_256.get();
    digest.update(bytes, offset, length);
    return read(digest.digest(), 0);
  }

  /** The SHA-256 of all of {@code bytes}. */
  public static Id of(byte[] bytes) {
    return of(bytes, 0, bytes.length);
  }

  /** Reads the 32 bytes at {@code offset}. */
  public static Id read(byte[] bytes, int offset) {
    return new Id(
        Bytes.longBe(bytes, offset),
        Bytes.longBe(bytes, offset + 8),
        Bytes.longBe(bytes, offset + 16),
        Bytes.longBe(bytes, offset + 24));
  }

  /** Whether {@code text} is an id's text form: 64 lower-case hexadecimal digits. */
  public static boolean isId(String text) {
    if (text.length() != 2 * LENGTH) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      char digit = text.charAt(i);
      if (!(digit >= '0' && digit <= '9') && !(digit >= 'a' && digit <= 'f')) {
        return false;
      }
    }
    return true;
  }

  /**
   * Parses the text form.
   *
   * @throws IllegalArgumentException if {@code text} is not 64 lower-case hexadecimal digits
   */
  public static Id parse(String text) {
    if (!isId(text)) {
      throw new IllegalArgumentException("not an id of 64 lower-case hexadecimal digits: " + text);
    }
    return read(HexFormat.of().parseHex(text), 0);
  }

  /**
   * Reads the text form, of which there must be 64 characters, without making a text of it.
   *
   * @return null if these are not all lower-case hexadecimal digits
   */
  public static @Nullable Id parse(char[] text, int offset) {
    long[] parts = new long[4];
    for (int i = 0; i < 2 * LENGTH; i++) {
      char c = text[offset + i];
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) {
        return null;
      }
      parts[i >> 4] = parts[i >> 4] << 4 | digit;
    }
    return new Id(parts[0], parts[1], parts[2], parts[3]);
  }

  /** Writes the 32 bytes at {@code offset}. */
  public void write(byte[] target, int offset) {
    Bytes.putLongBe(target, offset, a);
    Bytes.putLongBe(target, offset + 8, b);
    Bytes.putLongBe(target, offset + 16, c);
    Bytes.putLongBe(target, offset + 24, d);
  }

  public byte[] toBytes() {
    byte[] bytes = new byte[LENGTH];
    write(bytes, 0);
    return bytes;
  }

  /** The first eight digits, as people quote ids. */
  public String shortText() {
    return toString().substring(0, 8);
  }

  @Override
  public int compareTo(Id other) {
    int order = Long.compareUnsigned(a, other.a);
    if (order == 0) {
      order = Long.compareUnsigned(b, other.b);
    }
    if (order == 0) {
      order = Long.compareUnsigned(c, other.c);
    }
    return order != 0 ? order : Long.compareUnsigned(d, other.d);
  }

  /** The bits of a SHA-256 are uniform, so a part of them hashes as well as all. */
  @Override
  public int hashCode() {
    return (int) a;
  }

  @Override
  public String toString() {
    return HexFormat.of().formatHex(toBytes());
  }
}
