package stet.repository.chunk;

import java.util.Objects;

/**
 * Cuts a file where restic cuts it: after a window of 64 bytes whose Rabin fingerprint ends in 20
 * zero bits, at least {@link #MIN} and at most {@link #MAX} bytes after the cut before.
 *
 * <p>One chunker serves one file at a time and, after that file's end, the next; it is not safe for
 * use by several threads. Its tables are shared between all chunkers made from one {@link Tables}.
 *
 * <pre>{@code
 * int start = 0;
 * int end = 0;
 * while (true) {
 *   int cut = chunker.next(buffer, start, end, ended);
 *   if (cut >= 0) {
 *     save(buffer, start, cut - start);
 *     start = cut;
 *   } else if (ended) {
 *     break;
 *   } else {
 *     // move buffer[start, end) to the front if there is no room, then read more behind end
 *   }
 * }
 * }</pre>
 *
 * A buffer of {@link #MAX} bytes always suffices.
 */
public final class RabinChunker {
  /** The fewest bytes of a chunk, but for a file's last. */
  public static final int MIN = 512 * 1024;

  /** The most bytes of a chunk. */
  public static final int MAX = 8 * 1024 * 1024;

  private static final int WINDOW = 64;
  private static final long MASK = (1 << 20) - 1;

  /**
   * Bytes that each of four scans looks at before they are moved on together. The scans do not
   * depend on one another, so that the processor works on all four at a time; what lies behind a
   * cut is looked at in vain, so a stretch must be short beside a chunk.
   */
  private static final int STRETCH = 8 * 1024;

  private static final int SCANS = 4;

  private final long[] out;
  private final long[] mod;
  private final int shift;

  /** Bytes of the current chunk that can no longer be where it is cut. */
  private int scanned;

  /** What depends on the polynomial alone. Immutable. */
  public static final class Tables {
    private final long[] out = new long[256];
    private final long[] mod = new long[256];
    private final int degree;

    /**
     * Computes the tables.
     *
     * @param polynomial irreducible, of a degree from 21 to {@link Polynomial#DEGREE}
     */
    public Tables(Polynomial polynomial) {
      degree = polynomial.degree();
      if (degree <= Long.numberOfTrailingZeros(MASK + 1) || degree > Polynomial.DEGREE) {
        throw new IllegalArgumentException("no polynomial to cut files with: " + polynomial);
      }
      long p = polynomial.bits();
      for (int b = 0; b < 256; b++) {
        long hash = Polynomial.mod(b, p);
        for (int i = 1; i < WINDOW; i++) {
          hash = Polynomial.mod(hash << 8, p);
        }
        out[b] = hash;
        // The reduction of the byte that is shifted out above the degree, and that byte itself, so
        // that one exclusive or does both.
        mod[b] = Polynomial.mod((long) b << degree, p) | (long) b << degree;
      }
    }
  }

  public RabinChunker(Tables tables) {
    out = tables.out;
    mod = tables.mod;
    shift = tables.degree - 8;
  }

  /**
   * Finds the end of the current chunk.
   *
   * @param buffer holds the file's bytes from the current chunk's first on
   * @param from where the current chunk begins; the first call for a file, and the one after a cut,
   *     begin a new one
   * @param to where the bytes read so far end. After -1, the next call must give the same bytes,
   *     there or elsewhere, and more of them; those already looked at are not looked at again
   * @param endOfInput whether the file ends at {@code to}
   * @return the position after the chunk's last byte, or -1 if more bytes are needed or, at the
   *     file's end, none are left. The chunker is ready for another file when it has returned
   *     {@code to} at the end of the input
   */
  public int next(byte[] buffer, int from, int to, boolean endOfInput) {
    Objects.checkFromToIndex(from, to, buffer.length);
    int limit = (int) Math.min(to, (long) from + MAX);
    int position = from + Math.max(MIN, scanned);
    if (position <= limit) {
      int cut = scan(buffer, position, limit);
      if (cut < 0 && limit - from == MAX) {
        cut = limit;
      }
      if (cut >= 0) {
        scanned = 0;
        return cut;
      }
      scanned = limit + 1 - from;
    }
    if (endOfInput) {
      scanned = 0;
      return from == to ? -1 : to;
    }
    return -1;
  }

  /** Forgets the current chunk, for a file that is given up. */
  public void reset() {
    scanned = 0;
  }

  /** The first place to cut from {@code position} to {@code limit}, both included, or -1. */
  private int scan(byte[] buffer, int position, int limit) {
    int at = position;
    while (limit - at >= SCANS * STRETCH) {
      int cut = scanFour(buffer, at);
      if (cut >= 0) {
        return cut;
      }
      at += SCANS * STRETCH;
    }
    long digest = fingerprint(buffer, at);
    while (true) {
      if ((digest & MASK) == 0) {
        return at;
      }
      if (at == limit) {
        return -1;
      }
      digest = slide(digest, buffer[at - WINDOW], buffer[at]);
      at++;
    }
  }

  /** Looks at the {@link #SCANS} stretches of places from {@code start}. */
  private int scanFour(byte[] buffer, int start) {
    int second = start + STRETCH;
    int third = second + STRETCH;
    int fourth = third + STRETCH;
    long a = fingerprint(buffer, start);
    long b = fingerprint(buffer, second);
    long c = fingerprint(buffer, third);
    long d = fingerprint(buffer, fourth);
    int foundLater = -1;
    for (int i = 0; i < STRETCH; i++) {
      if ((a & MASK) == 0) {
        return start + i;
      }
      if ((b & MASK) == 0 || (c & MASK) == 0 || (d & MASK) == 0) {
        // Rare: an earlier stretch may still hold an earlier place, so look at them one by one.
        foundLater = i;
        break;
      }
      a = slide(a, buffer[start + i - WINDOW], buffer[start + i]);
      b = slide(b, buffer[second + i - WINDOW], buffer[second + i]);
      c = slide(c, buffer[third + i - WINDOW], buffer[third + i]);
      d = slide(d, buffer[fourth + i - WINDOW], buffer[fourth + i]);
    }
    return foundLater < 0 ? -1 : scanOne(buffer, start, start + SCANS * STRETCH);
  }

  private int scanOne(byte[] buffer, int start, int end) {
    long digest = fingerprint(buffer, start);
    for (int at = start; at < end; at++) {
      if ((digest & MASK) == 0) {
        return at;
      }
      digest = slide(digest, buffer[at - WINDOW], buffer[at]);
    }
    return -1;
  }

  /** The fingerprint of the window that ends before {@code at}. */
  private long fingerprint(byte[] buffer, int at) {
    long digest = 0;
    for (int i = at - WINDOW; i < at; i++) {
      digest = append(digest, buffer[i]);
    }
    return digest;
  }

  private long slide(long digest, byte oldest, byte newest) {
    return append(digest ^ out[oldest & 0xff], newest);
  }

  private long append(long digest, byte newest) {
    return ((digest << 8) | (newest & 0xff)) ^ mod[(int) (digest >>> shift) & 0xff];
  }
}
