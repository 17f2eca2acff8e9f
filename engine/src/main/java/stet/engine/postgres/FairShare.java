package stet.engine.postgres;

/**
 * How work of known size is divided between workers.
 *
 * @param size what each worker does if all do the same, in any unit
 * @param workers how many there are
 */
record FairShare(long size, int workers) {
  static FairShare of(long total, int workers) {
    return new FairShare(total / workers, workers);
  }

  /**
   * Whether one worker may do a piece of this size in one go. A little more than its share does not
   * hold the others up: where there are few workers, what one still does keeps all processors busy,
   * as the server and this process work at the same time.
   */
  boolean suits(long piece) {
    return piece <= size + size / (2L * workers);
  }
}
