package stet.repository.chunk;

import java.util.random.RandomGenerator;

/**
 * A polynomial over GF(2), which decides where files are cut.
 *
 * @param bits the coefficient of xⁱ in bit i
 */
public record Polynomial(long bits) {
  /** The degree of the polynomials that restic makes, and the highest its chunker takes. */
  public static final int DEGREE = 53;

  /** A random irreducible polynomial of degree {@link #DEGREE}. */
  public static Polynomial random(RandomGenerator random) {
    while (true) {
      long bits = random.nextLong() & ((1L << (DEGREE + 1)) - 1);
      Polynomial candidate = new Polynomial(bits | 1L << DEGREE | 1);
      if (candidate.isIrreducible()) {
        return candidate;
      }
    }
  }

  /**
   * Parses the text form.
   *
   * @throws IllegalArgumentException if {@code text} is not 1 to 16 hexadecimal digits
   */
  public static Polynomial parse(String text) {
    boolean digits = !text.isEmpty() && text.length() <= 16;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      digits &= (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    if (!digits) {
      throw new IllegalArgumentException("not a polynomial in hexadecimal digits: " + text);
    }
    return new Polynomial(Long.parseUnsignedLong(text, 16));
  }

  /** The highest power with a coefficient, or -1 for zero. */
  public int degree() {
    return degree(bits);
  }

  private static int degree(long p) {
    return 63 - Long.numberOfLeadingZeros(p);
  }

  /**
   * Whether no product of two polynomials of lower degree equals it (Ben-Or's test). False for the
   * constants.
   */
  public boolean isIrreducible() {
    if (degree() < 1) {
      return false;
    }
    long x = mod(2, bits);
    long power = x;
    for (int i = 1; i <= degree() / 2; i++) {
      power = squareMod(power, bits);
      if (gcd(bits, power ^ x) != 1) {
        return false;
      }
    }
    return true;
  }

  private static long gcd(long a, long b) {
    while (b != 0) {
      long rest = mod(a, b);
      a = b;
      b = rest;
    }
    return a;
  }

  /** The remainder of {@code a} divided by {@code p}, which must not be zero. */
  static long mod(long a, long p) {
    int degree = degree(p);
    for (int d = degree(a); d >= degree; d = degree(a)) {
      a ^= p << (d - degree);
    }
    return a;
  }

  /**
   * {@code a} times itself modulo {@code p}; by Horner's rule, so that no product is over 64 bits.
   */
  private static long squareMod(long a, long p) {
    int degree = degree(p);
    long result = 0;
    for (int i = degree(a); i >= 0; i--) {
      boolean carry = (result >>> (degree - 1) & 1) != 0;
      result <<= 1;
      if (carry) {
        result ^= p;
      }
      if ((a >>> i & 1) != 0) {
        result ^= a;
      }
    }
    return result;
  }

  /** Lower-case hexadecimal digits without leading zeros. */
  @Override
  public String toString() {
    return Long.toHexString(bits);
  }
}
