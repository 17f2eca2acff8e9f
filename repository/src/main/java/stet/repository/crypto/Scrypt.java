package stet.repository.crypto;

import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import stet.repository.Bytes;

/** The password-based key derivation function scrypt, RFC 7914. */
public final class Scrypt {
  private static final int SHA_256_LENGTH = 32;

  /** What the passes that run at the same time may need together. */
  private static final long MOST_MEMORY = 128L << 20;

  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  private Scrypt() {}

  /**
   * Derives {@code length} bytes from a password. Needs {@code 128·n·r} bytes of memory for each
   * pass that runs; where they are small, as many run at the same time as there are processors.
   *
   * @param password any bytes, possibly none
   * @param n cost, a power of two greater than one
   * @param r block size, at least one
   * @param p parallelisation, at least one: the number of passes
   * @throws IllegalArgumentException if restic would refuse the parameters
   */
  public static byte[] derive(byte[] password, byte[] salt, int n, int r, int p, int length) {
    check(n, r, p);
    if (length < 1) {
      throw new IllegalArgumentException("scrypt derives at least one byte, not " + length);
    }
    int blockBytes = 128 * r;
    byte[] blocks = pbkdf2(password, salt, p * blockBytes);
    int threads = Math.clamp(MOST_MEMORY / ((long) n * blockBytes), 1, Math.min(p, PROCESSORS));
    AtomicInteger next = new AtomicInteger();
    Runnable passes =
        () -> {
          int[] table = new int[n * 32 * r];
          int[] x = new int[32 * r];
          int[] y = new int[32 * r];
          for (int i = next.getAndIncrement(); i < p; i = next.getAndIncrement()) {
            mix(blocks, i * blockBytes, n, r, table, x, y);
          }
        };
    List<CompletableFuture<?>> helpers = new ArrayList<>();
    for (int i = 1; i < threads; i++) {
      helpers.add(
          CompletableFuture.runAsync(
              passes, helper -> Thread.ofPlatform().name("scrypt").start(helper)));
    }
    passes.run();
    helpers.forEach(CompletableFuture::join);
    return pbkdf2(password, blocks, length);
  }

  /**
   * Checks parameters as restic does.
   *
   * @throws IllegalArgumentException naming the parameter and its value
   */
  static void check(int n, int r, int p) {
    if (n < 2 || Integer.bitCount(n) != 1) {
      throw new IllegalArgumentException("scrypt N must be a power of two above 1, but is " + n);
    }
    if (r < 1 || p < 1) {
      throw new IllegalArgumentException(
          "scrypt r and p must be at least 1, but are " + r + " and " + p);
    }
    if ((long) r * p >= 1L << 30 || 128L * r * p > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("scrypt r*p is too large: " + (long) r * p);
    }
    if (n >= Integer.MAX_VALUE / 128 / r) {
      throw new IllegalArgumentException(
          "scrypt N*r needs 2 GiB or more: N is " + n + ", r is " + r);
    }
  }

  /** PBKDF2 with HMAC-SHA-256 and one iteration. */
  private static byte[] pbkdf2(byte[] password, byte[] salt, int length) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      // The JDK refuses an empty key; zeros are equal to it, for shorter keys are padded with them.
      mac.init(new SecretKeySpec(password.length == 0 ? new byte[64] : password, "HmacSHA256"));
      byte[] result = new byte[length];
      byte[] counter = new byte[4];
      for (int done = 0, i = 1; done < length; done += SHA_256_LENGTH, i++) {
        mac.update(salt);
        Bytes.putIntLe(counter, 0, Integer.reverseBytes(i));
        mac.update(counter);
        byte[] block = mac.doFinal();
        System.arraycopy(block, 0, result, done, Math.min(SHA_256_LENGTH, length - done));
      }
      return result;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has HMAC-SHA-256", e);
    }
  }

  /** scryptROMix on one block of {@code 128·r} bytes, in place. */
  private static void mix(byte[] bytes, int offset, int n, int r, int[] table, int[] x, int[] y) {
    int words = 32 * r;
    for (int i = 0; i < words; i++) {
      x[i] = Bytes.intLe(bytes, offset + 4 * i);
    }
    int[] current = x;
    int[] next = y;
    for (int i = 0; i < n; i++) {
      System.arraycopy(current, 0, table, i * words, words);
      blockMix(current, next, r);
      int[] swap = current;
      current = next;
      next = swap;
    }
    for (int i = 0; i < n; i++) {
      int at = (current[words - 16] & (n - 1)) * words;
      for (int j = 0; j < words; j++) {
        current[j] ^= table[at + j];
      }
      blockMix(current, next, r);
      int[] swap = current;
      current = next;
      next = swap;
    }
    for (int i = 0; i < words; i++) {
      Bytes.putIntLe(bytes, offset + 4 * i, current[i]);
    }
    Arrays.fill(x, 0);
    Arrays.fill(y, 0);
  }

  /** scryptBlockMix: even blocks go to the first half of the result, odd ones to the second. */
  private static void blockMix(int[] in, int[] out, int r) {
    int previous = (2 * r - 1) * 16;
    int[] from = in;
    for (int i = 0; i < 2 * r; i++) {
      int to = ((i & 1) * r + (i >> 1)) * 16;
      salsa208(from, previous, in, i * 16, out, to);
      from = out;
      previous = to;
    }
  }

  /** Writes Salsa20/8 of the exclusive or of two blocks. */
  private static void salsa208(int[] a, int aAt, int[] b, int bAt, int[] out, int at) {
    int x0 = a[aAt] ^ b[bAt];
    int x1 = a[aAt + 1] ^ b[bAt + 1];
    int x2 = a[aAt + 2] ^ b[bAt + 2];
    int x3 = a[aAt + 3] ^ b[bAt + 3];
    int x4 = a[aAt + 4] ^ b[bAt + 4];
    int x5 = a[aAt + 5] ^ b[bAt + 5];
    int x6 = a[aAt + 6] ^ b[bAt + 6];
    int x7 = a[aAt + 7] ^ b[bAt + 7];
    int x8 = a[aAt + 8] ^ b[bAt + 8];
    int x9 = a[aAt + 9] ^ b[bAt + 9];
    int x10 = a[aAt + 10] ^ b[bAt + 10];
    int x11 = a[aAt + 11] ^ b[bAt + 11];
    int x12 = a[aAt + 12] ^ b[bAt + 12];
    int x13 = a[aAt + 13] ^ b[bAt + 13];
    int x14 = a[aAt + 14] ^ b[bAt + 14];
    int x15 = a[aAt + 15] ^ b[bAt + 15];
    int i0 = x0;
    int i1 = x1;
    int i2 = x2;
    int i3 = x3;
    int i4 = x4;
    int i5 = x5;
    int i6 = x6;
    int i7 = x7;
    int i8 = x8;
    int i9 = x9;
    int i10 = x10;
    int i11 = x11;
    int i12 = x12;
    int i13 = x13;
    int i14 = x14;
    int i15 = x15;
    for (int round = 0; round < 8; round += 2) {
      x4 ^= Integer.rotateLeft(x0 + x12, 7);
      x8 ^= Integer.rotateLeft(x4 + x0, 9);
      x12 ^= Integer.rotateLeft(x8 + x4, 13);
      x0 ^= Integer.rotateLeft(x12 + x8, 18);
      x9 ^= Integer.rotateLeft(x5 + x1, 7);
      x13 ^= Integer.rotateLeft(x9 + x5, 9);
      x1 ^= Integer.rotateLeft(x13 + x9, 13);
      x5 ^= Integer.rotateLeft(x1 + x13, 18);
      x14 ^= Integer.rotateLeft(x10 + x6, 7);
      x2 ^= Integer.rotateLeft(x14 + x10, 9);
      x6 ^= Integer.rotateLeft(x2 + x14, 13);
      x10 ^= Integer.rotateLeft(x6 + x2, 18);
      x3 ^= Integer.rotateLeft(x15 + x11, 7);
      x7 ^= Integer.rotateLeft(x3 + x15, 9);
      x11 ^= Integer.rotateLeft(x7 + x3, 13);
      x15 ^= Integer.rotateLeft(x11 + x7, 18);
      x1 ^= Integer.rotateLeft(x0 + x3, 7);
      x2 ^= Integer.rotateLeft(x1 + x0, 9);
      x3 ^= Integer.rotateLeft(x2 + x1, 13);
      x0 ^= Integer.rotateLeft(x3 + x2, 18);
      x6 ^= Integer.rotateLeft(x5 + x4, 7);
      x7 ^= Integer.rotateLeft(x6 + x5, 9);
      x4 ^= Integer.rotateLeft(x7 + x6, 13);
      x5 ^= Integer.rotateLeft(x4 + x7, 18);
      x11 ^= Integer.rotateLeft(x10 + x9, 7);
      x8 ^= Integer.rotateLeft(x11 + x10, 9);
      x9 ^= Integer.rotateLeft(x8 + x11, 13);
      x10 ^= Integer.rotateLeft(x9 + x8, 18);
      x12 ^= Integer.rotateLeft(x15 + x14, 7);
      x13 ^= Integer.rotateLeft(x12 + x15, 9);
      x14 ^= Integer.rotateLeft(x13 + x12, 13);
      x15 ^= Integer.rotateLeft(x14 + x13, 18);
    }
    out[at] = x0 + i0;
    out[at + 1] = x1 + i1;
    out[at + 2] = x2 + i2;
    out[at + 3] = x3 + i3;
    out[at + 4] = x4 + i4;
    out[at + 5] = x5 + i5;
    out[at + 6] = x6 + i6;
    out[at + 7] = x7 + i7;
    out[at + 8] = x8 + i8;
    out[at + 9] = x9 + i9;
    out[at + 10] = x10 + i10;
    out[at + 11] = x11 + i11;
    out[at + 12] = x12 + i12;
    out[at + 13] = x13 + i13;
    out[at + 14] = x14 + i14;
    out[at + 15] = x15 + i15;
  }
}
