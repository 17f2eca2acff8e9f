package stet.engine.files;

import stet.engine.component.Progress;

/**
 * How much there will be to read: what it was last time, corrected as the walk finds more. Safe for
 * use by several threads.
 */
final class Expectation {
  private final Progress progress;
  private long expected;
  private long found;

  Expectation(Progress progress, long lastTime) {
    this.progress = progress;
    this.expected = lastTime;
    if (lastTime > 0) {
      progress.expect(lastTime);
    }
  }

  /** A file of that size was found. */
  synchronized void found(long bytes) {
    found += bytes;
    if (found > expected) {
      progress.expect(found - expected);
      expected = found;
    }
  }

  /** All is found; what was expected beyond that is gone. */
  synchronized void end() {
    if (expected > found) {
      progress.advance(expected - found);
      expected = found;
    }
  }
}
