package stet.engine.postgres.rows;

/**
 * How work of known size is divided between workers.
 *
 * @param size what each worker does if all do the same, in any unit
 * @param workers how many there are
 */
public record FairShare(long size, int workers) {
  /** What is done in about the time that the server takes to begin a session. */
  private static final long BYTES_PER_SESSION = 4L << 20;

  private static final int PIECES_PER_SESSION = 50;

  /**
   * How many sessions pay for work that several can do.
   *
   * @param bytes of rows or of storage
   * @param pieces tables or other things of which each costs something, however small it is
   * @param most at least 1
   */
  public static int sessions(long bytes, int pieces, int most) {
    long worth = Math.max(bytes / BYTES_PER_SESSION, pieces / PIECES_PER_SESSION);
    return Math.clamp(worth, 1, most);
  }

  public static FairShare of(long total, int workers) {
    return new FairShare(total / workers, workers);
  }

  /**
   * Whether one worker does a piece of this size faster than several, where to share it makes it
   * dearer: two sessions that load one table wait for each other, and ranges of blocks cost up to
   * twice what a scan does, while the second of two processors is busy with this process's part.
   */
  public boolean isForOne(long piece) {
    return workers <= 2 || suits(piece);
  }

  /**
   * Whether one worker may do a piece of this size in one go. A little more than its share does not
   * hold the others up: where there are few workers, what one still does keeps all processors busy,
   * as the server and this process work at the same time.
   */
  public boolean suits(long piece) {
    return piece <= size + size / (2L * workers);
  }
}
