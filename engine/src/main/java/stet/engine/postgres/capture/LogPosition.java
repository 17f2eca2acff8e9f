package stet.engine.postgres.capture;

/**
 * Places in a server's write-ahead log as numbers: how many bytes were written before, at most 8
 * EiB.
 */
final class LogPosition {
  private LogPosition() {}

  /**
   * The place that {@code 16/B374D848} is.
   *
   * @throws NumberFormatException if it is something else
   */
  static long parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      throw new NumberFormatException("a place in the log is like 16/B374D848, not " + text);
    }
    return Long.parseUnsignedLong(text.substring(0, slash), 16) << 32
        | Long.parseUnsignedLong(text.substring(slash + 1), 16);
  }
}
