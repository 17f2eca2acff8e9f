package stet.repository.crypto;

import stet.repository.Bytes;

/**
 * The polynomial of Poly1305 under one {@code r}. Immutable, so safe for use by several threads.
 *
 * <p>Numbers modulo 2¹³⁰−5 are held in limbs of 44, 44 and 42 bits. Both factors of a product are
 * shifted left by ten bits, so that the upper word of the 128-bit product is its value above bit 44
 * and the lower word, shifted back, the value below: sums of products then need no carry from word
 * to word.
 */
final class Poly1305 {
  /** Bytes in a tag, in {@code r} and in the one-time part of the key. */
  static final int LENGTH = 16;

  private static final long LOW_44 = (1L << 44) - 1;
  private static final long LOW_42 = (1L << 42) - 1;
  private static final int SHIFT = 10;

  /** The bit above a full block, as part of the upper limb. */
  private static final long FULL_BLOCK = 1L << 40;

  /** r and r², each limb shifted; {@code s} limbs are 20 times their {@code r} limb: 5·2². */
  private final long r0;

  private final long r1;
  private final long r2;
  private final long s1;
  private final long s2;
  private final long q0;
  private final long q1;
  private final long q2;
  private final long t1;
  private final long t2;

  /** Takes {@code r} as key files hold it and clamps it. */
  Poly1305(byte[] r) {
    long low = Bytes.longLe(r, 0) & 0x0ffffffc0fffffffL;
    long high = Bytes.longLe(r, 8) & 0x0ffffffc0ffffffcL;
    r0 = (low & LOW_44) << SHIFT;
    r1 = (((low >>> 44) | (high << 20)) & LOW_44) << SHIFT;
    r2 = (high >>> 24) << SHIFT;
    s1 = r1 * 20;
    s2 = r2 * 20;

    long h0 = r0;
    long h1 = r1;
    long h2 = r2;
    long low0 = low(h0, r0) + low(h1, s2) + low(h2, s1);
    long high0 = high(h0, r0) + high(h1, s2) + high(h2, s1);
    long low1 = low(h0, r1) + low(h1, r0) + low(h2, s2);
    long high1 = high(h0, r1) + high(h1, r0) + high(h2, s2);
    long low2 = low(h0, r2) + low(h1, r1) + low(h2, r0);
    long high2 = high(h0, r2) + high(h1, r1) + high(h2, r0);
    low1 += high0 + (low0 >>> 44);
    low2 += high1 + (low1 >>> 44);
    long carry = (high2 << 2) + (low2 >>> 42);
    h0 = (low0 & LOW_44) + carry * 5;
    h1 = (low1 & LOW_44) + (h0 >>> 44);
    q0 = (h0 & LOW_44) << SHIFT;
    q1 = h1 << SHIFT;
    q2 = (low2 & LOW_42) << SHIFT;
    t1 = q1 * 20;
    t2 = q2 * 20;
  }

  private static long low(long a, long b) {
    return (a * b) >>> (2 * SHIFT);
  }

  private static long high(long a, long b) {
    return Math.multiplyHigh(a, b);
  }

  /**
   * Writes the tag of a message.
   *
   * @param oneTime 16 bytes that must never serve for another message
   */
  void tag(byte[] oneTime, byte[] message, int offset, int length, byte[] tag, int tagOffset) {
    long h0 = 0;
    long h1 = 0;
    long h2 = 0;
    int position = offset;
    int end = offset + length;

    for (int pairsEnd = end - 31; position < pairsEnd; position += 32) {
      long low = Bytes.longLe(message, position);
      long high = Bytes.longLe(message, position + 8);
      h0 = (h0 + (low & LOW_44)) << SHIFT;
      h1 = (h1 + (((low >>> 44) | (high << 20)) & LOW_44)) << SHIFT;
      h2 = (h2 + ((high >>> 24) | FULL_BLOCK)) << SHIFT;
      low = Bytes.longLe(message, position + 16);
      high = Bytes.longLe(message, position + 24);
      long m0 = (low & LOW_44) << SHIFT;
      long m1 = (((low >>> 44) | (high << 20)) & LOW_44) << SHIFT;
      long m2 = ((high >>> 24) | FULL_BLOCK) << SHIFT;

      long low0 = low(h0, q0) + low(h1, t2) + low(h2, t1) + low(m0, r0) + low(m1, s2) + low(m2, s1);
      long high0 =
          high(h0, q0) + high(h1, t2) + high(h2, t1) + high(m0, r0) + high(m1, s2) + high(m2, s1);
      long low1 = low(h0, q1) + low(h1, q0) + low(h2, t2) + low(m0, r1) + low(m1, r0) + low(m2, s2);
      long high1 =
          high(h0, q1) + high(h1, q0) + high(h2, t2) + high(m0, r1) + high(m1, r0) + high(m2, s2);
      long low2 = low(h0, q2) + low(h1, q1) + low(h2, q0) + low(m0, r2) + low(m1, r1) + low(m2, r0);
      long high2 =
          high(h0, q2) + high(h1, q1) + high(h2, q0) + high(m0, r2) + high(m1, r1) + high(m2, r0);

      low1 += high0 + (low0 >>> 44);
      low2 += high1 + (low1 >>> 44);
      long carry = (high2 << 2) + (low2 >>> 42);
      h0 = (low0 & LOW_44) + carry * 5;
      h1 = (low1 & LOW_44) + (h0 >>> 44);
      h0 &= LOW_44;
      h2 = low2 & LOW_42;
    }

    while (position < end) {
      long low;
      long high;
      long top;
      if (end - position >= 16) {
        low = Bytes.longLe(message, position);
        high = Bytes.longLe(message, position + 8);
        top = FULL_BLOCK;
        position += 16;
      } else {
        byte[] last = new byte[16];
        System.arraycopy(message, position, last, 0, end - position);
        last[end - position] = 1;
        low = Bytes.longLe(last, 0);
        high = Bytes.longLe(last, 8);
        top = 0;
        position = end;
      }
      h0 = (h0 + (low & LOW_44)) << SHIFT;
      h1 = (h1 + (((low >>> 44) | (high << 20)) & LOW_44)) << SHIFT;
      h2 = (h2 + ((high >>> 24) | top)) << SHIFT;

      long low0 = low(h0, r0) + low(h1, s2) + low(h2, s1);
      long high0 = high(h0, r0) + high(h1, s2) + high(h2, s1);
      long low1 = low(h0, r1) + low(h1, r0) + low(h2, s2);
      long high1 = high(h0, r1) + high(h1, r0) + high(h2, s2);
      long low2 = low(h0, r2) + low(h1, r1) + low(h2, r0);
      long high2 = high(h0, r2) + high(h1, r1) + high(h2, r0);

      low1 += high0 + (low0 >>> 44);
      low2 += high1 + (low1 >>> 44);
      long carry = (high2 << 2) + (low2 >>> 42);
      h0 = (low0 & LOW_44) + carry * 5;
      h1 = (low1 & LOW_44) + (h0 >>> 44);
      h0 &= LOW_44;
      h2 = low2 & LOW_42;
    }
    finish(h0, h1, h2, oneTime, tag, tagOffset);
  }

  /** Reduces fully, without a branch on the value, and adds the one-time part modulo 2¹²⁸. */
  private static void finish(long h0, long h1, long h2, byte[] oneTime, byte[] tag, int tagOffset) {
    h2 += h1 >>> 44;
    h1 &= LOW_44;
    h0 += (h2 >>> 42) * 5;
    h2 &= LOW_42;
    h1 += h0 >>> 44;
    h0 &= LOW_44;
    h2 += h1 >>> 44;
    h1 &= LOW_44;
    h0 += (h2 >>> 42) * 5;
    h2 &= LOW_42;
    h1 += h0 >>> 44;
    h0 &= LOW_44;

    long g0 = h0 + 5;
    long g1 = h1 + (g0 >>> 44);
    long g2 = h2 + (g1 >>> 44) - (1L << 42);
    long keep = g2 >> 63;
    h0 = (h0 & keep) | (g0 & LOW_44 & ~keep);
    h1 = (h1 & keep) | (g1 & LOW_44 & ~keep);
    h2 = (h2 & keep) | (g2 & ~keep);

    long low = h0 | (h1 << 44);
    long high = (h1 >>> 20) | (h2 << 24);
    long sum = low + Bytes.longLe(oneTime, 0);
    long carry = ((low & ~sum) | (Bytes.longLe(oneTime, 0) & (low | ~sum))) >>> 63;
    Bytes.putLongLe(tag, tagOffset, sum);
    Bytes.putLongLe(tag, tagOffset + 8, high + Bytes.longLe(oneTime, 8) + carry);
  }
}
