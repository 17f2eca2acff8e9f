package stet.engine;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.repository.RepositoryException;

/**
 * An action that could not be done: the fact with the object it concerns and both values, and what
 * to try.
 *
 * <p>The message is lower case without a full stop; the hint is a sentence. Neither ever holds a
 * secret.
 */
public final class StetException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;
  private final @Nullable String hint;

  public StetException(ErrorCode code, String message, @Nullable String hint) {
    this(code, message, hint, null);
  }

  public StetException(
      ErrorCode code, String message, @Nullable String hint, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.hint = hint;
  }

  /** The same error in the catalogue's terms. */
  public static StetException of(RepositoryException e) {
    ErrorCode code =
        switch (e.problem()) {
          case NO_REPOSITORY -> ErrorCode.NO_REPOSITORY;
          case EXISTS -> ErrorCode.REPOSITORY_EXISTS;
          case LOCKED -> ErrorCode.LOCKED;
          case WRONG_PASSWORD -> ErrorCode.WRONG_PASSWORD;
          case DAMAGED -> ErrorCode.REPOSITORY_DAMAGED;
          case UNSUPPORTED -> ErrorCode.FAILED;
          case NOT_FOUND -> ErrorCode.NOT_FOUND;
          case STORAGE, DENIED -> ErrorCode.STORAGE;
          case INTERRUPTED -> ErrorCode.INTERRUPTED;
        };
    return new StetException(code, e.getMessage(), e.hint(), e);
  }

  /** The same error under another code. */
  public StetException as(ErrorCode other) {
    return new StetException(other, getMessage(), hint, this);
  }

  public ErrorCode code() {
    return code;
  }

  /** What to try, as a sentence, or null if there is nothing sensible to say. */
  public @Nullable String hint() {
    return hint;
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }
}
