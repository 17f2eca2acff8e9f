package stet.engine.postgres.capture;

import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * Something else works on the database in a way that a capture cannot go on beside, but may well
 * have ended when it starts again: on its definitions, or on a standby the replay of what its
 * primary did.
 */
class SourceChangedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String what;
  private final String hint;
  private final boolean recovery;

  SourceChangedException(String what, String hint, @Nullable Throwable cause) {
    this(what, hint, false, cause);
  }

  private SourceChangedException(
      String what, String hint, boolean recovery, @Nullable Throwable cause) {
    super(what, cause);
    this.what = what;
    this.hint = hint;
    this.recovery = recovery;
  }

  /** A standby ended a session or statement that stood in the way of its replay. */
  static SourceChangedException byRecovery(String what, Throwable cause) {
    return new SourceChangedException(
        what,
        "On the standby raise max_standby_streaming_delay or switch hot_standby_feedback on, or back"
            + " up the primary.",
        true,
        cause);
  }

  /** Whether it was a standby's replay. */
  boolean isByRecovery() {
    return recovery;
  }

  /** The error for the user once starting again has not helped. */
  StetException asFailure() {
    return new StetException(ErrorCode.SOURCE, what, hint, getCause());
  }
}
