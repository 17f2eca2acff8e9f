package stet.engine.postgres;

import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * Something else works on the database's definitions in a way that a capture cannot go on beside,
 * but may well have ended when it starts again.
 */
final class SourceChangedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String what;
  private final String hint;

  SourceChangedException(String what, String hint, @Nullable Throwable cause) {
    super(what, cause);
    this.what = what;
    this.hint = hint;
  }

  /** The error for the user once starting again has not helped. */
  StetException asFailure() {
    return new StetException(ErrorCode.SOURCE, what, hint, getCause());
  }
}
