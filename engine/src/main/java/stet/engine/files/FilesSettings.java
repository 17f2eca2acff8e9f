package stet.engine.files;

import java.util.List;
import stet.engine.posix.PosixPath;

/**
 * How a directory is captured.
 *
 * @param path the directory, absolute
 * @param patterns what was configured as excluded, for the manifest
 * @param exclusions the same, ready for use
 */
record FilesSettings(
    PosixPath path,
    List<String> patterns,
    Exclusions exclusions,
    OnChange onChange,
    OnUnreadable onUnreadable) {

  /** What to do about a file that changes while it is read. */
  enum OnChange {
    /** Read it again a few times, then fail. */
    RETRY,
    /** Read it again a few times, then keep what was read last and say so. */
    WARN,
    /** Fail at once. */
    FAIL
  }

  /** What to do about an entry that cannot be read. */
  enum OnUnreadable {
    FAIL,
    /** Leave it out and say so. */
    SKIP
  }
}
