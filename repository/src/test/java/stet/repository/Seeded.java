package stet.repository;

import java.util.Random;

/**
 * Randomised tests that can be repeated: a failure names its seed, {@code -Dstet.seed=} sets it.
 */
public final class Seeded {
  private Seeded() {}

  /** A test body. */
  @FunctionalInterface
  public interface Body {
    void run(Random random) throws Exception;
  }

  /** Runs the body with a new seed, or the one asked for. */
  public static void run(Body body) {
    String asked = System.getProperty("stet.seed");
    long seed = asked == null ? System.nanoTime() : Long.parseLong(asked);
    try {
      body.run(new Random(seed));
    } catch (Throwable e) {
      throw new AssertionError("failed with -Dstet.seed=" + seed + ": " + e.getMessage(), e);
    }
  }

  /** Random bytes of a given number. */
  public static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** A damaged copy: some bytes changed, the end cut off, or bytes doubled. */
  public static byte[] mutate(Random random, byte[] bytes) {
    byte[] copy = bytes.clone();
    switch (random.nextInt(4)) {
      case 0 -> copy = java.util.Arrays.copyOf(copy, random.nextInt(bytes.length));
      case 1 -> {
        int at = random.nextInt(bytes.length);
        int length = random.nextInt(bytes.length - at);
        copy = new byte[bytes.length + length];
        System.arraycopy(bytes, 0, copy, 0, at + length);
        System.arraycopy(bytes, at, copy, at + length, bytes.length - at);
      }
      default -> {
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
          copy[random.nextInt(copy.length)] ^= (byte) (1 << random.nextInt(8));
        }
      }
    }
    return copy;
  }
}
