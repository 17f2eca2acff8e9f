package stet.engine;

import java.security.SecureRandom;
import java.util.HexFormat;
import stet.repository.Bytes;

/**
 * The order-independent 128-bit content hash of a set of rows: the sum modulo 2<sup>128</sup> of a
 * keyed hash of each row's COPY text.
 *
 * <p>The row hash is SipHash-2-4 with 128-bit output (Aumasson and Bernstein). A sum, because XOR
 * would let pairs of equal rows cancel; a pseudo-random function, because the sum of a polynomial
 * hash would not notice values that change places between rows.
 *
 * <p>Not safe for use by several threads; sums of parts {@linkplain #add(RowHash) add up}.
 */
public final class RowHash {
  private final long k0;
  private final long k1;
  private long low;
  private long high;
  private long lastLow;

  public RowHash(Key key) {
    this.k0 = key.k0();
    this.k1 = key.k1();
  }

  /** A hash key. */
  public record Key(long k0, long k1) {
    public static Key random() {
      SecureRandom random = new SecureRandom();
      return new Key(random.nextLong(), random.nextLong());
    }

    /** The key's 32 hexadecimal digits. */
    @Override
    public String toString() {
      return HexFormat.of().toHexDigits(k0) + HexFormat.of().toHexDigits(k1);
    }

    /**
     * Parses {@link #toString()}.
     *
     * @throws IllegalArgumentException if {@code text} is not 32 hexadecimal digits
     */
    public static Key parse(String text) {
      if (text.length() != 32) {
        throw new IllegalArgumentException(
            "a hash key has 32 hexadecimal digits, not " + text.length());
      }
      return new Key(
          HexFormat.fromHexDigitsToLong(text, 0, 16), HexFormat.fromHexDigitsToLong(text, 16, 32));
    }
  }

  /** Adds a row: the bytes of its COPY text without the line end. */
  public void row(byte[] bytes, int offset, int length) {
    long v0 = 0x736f6d6570736575L ^ k0;
    long v1 = 0x646f72616e646f6dL ^ k1 ^ 0xee;
    long v2 = 0x6c7967656e657261L ^ k0;
    long v3 = 0x7465646279746573L ^ k1;
    int end = offset + (length & ~7);
    for (int i = offset; i < end; i += 8) {
      long m = Bytes.longLe(bytes, i);
      v3 ^= m;
      for (int round = 0; round < 2; round++) {
        v0 += v1;
        v2 += v3;
        v1 = Long.rotateLeft(v1, 13) ^ v0;
        v3 = Long.rotateLeft(v3, 16) ^ v2;
        v0 = Long.rotateLeft(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = Long.rotateLeft(v1, 17) ^ v2;
        v3 = Long.rotateLeft(v3, 21) ^ v0;
        v2 = Long.rotateLeft(v2, 32);
      }
      v0 ^= m;
    }
    long last = (long) length << 56;
    for (int i = 0; i < (length & 7); i++) {
      last |= (bytes[end + i] & 0xffL) << (8 * i);
    }
    v3 ^= last;
    for (int round = 0; round < 6; round++) {
      if (round == 2) {
        v0 ^= last;
        v2 ^= 0xee;
      }
      v0 += v1;
      v2 += v3;
      v1 = Long.rotateLeft(v1, 13) ^ v0;
      v3 = Long.rotateLeft(v3, 16) ^ v2;
      v0 = Long.rotateLeft(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = Long.rotateLeft(v1, 17) ^ v2;
      v3 = Long.rotateLeft(v3, 21) ^ v0;
      v2 = Long.rotateLeft(v2, 32);
    }
    long first = v0 ^ v1 ^ v2 ^ v3;
    v1 ^= 0xdd;
    for (int round = 0; round < 4; round++) {
      v0 += v1;
      v2 += v3;
      v1 = Long.rotateLeft(v1, 13) ^ v0;
      v3 = Long.rotateLeft(v3, 16) ^ v2;
      v0 = Long.rotateLeft(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = Long.rotateLeft(v1, 17) ^ v2;
      v3 = Long.rotateLeft(v3, 21) ^ v0;
      v2 = Long.rotateLeft(v2, 32);
    }
    lastLow = first;
    plus(first, v0 ^ v1 ^ v2 ^ v3);
  }

  /**
   * The low half of the last row's own hash; uniform, so its bits can choose where a stream of rows
   * is cut.
   */
  public long lastRow() {
    return lastLow;
  }

  /** Adds the rows of another hash with the same key. */
  public void add(RowHash other) {
    plus(other.low, other.high);
  }

  private void plus(long addLow, long addHigh) {
    long sum = low + addLow;
    high += addHigh + (Long.compareUnsigned(sum, low) < 0 ? 1 : 0);
    low = sum;
  }

  /** Starts again with no rows. */
  public void reset() {
    low = 0;
    high = 0;
  }

  /** The sum as 32 hexadecimal digits, most significant first. */
  public String text() {
    return HexFormat.of().toHexDigits(high) + HexFormat.of().toHexDigits(low);
  }

  /**
   * Adds a sum that {@link #text()} printed.
   *
   * @throws IllegalArgumentException if {@code text} is not 32 hexadecimal digits
   */
  public void add(String text) {
    plus(HexFormat.fromHexDigitsToLong(text, 16, 32), HexFormat.fromHexDigitsToLong(text, 0, 16));
  }
}
