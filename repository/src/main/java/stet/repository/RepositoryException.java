package stet.repository;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A repository operation that could not be done: what is wrong, which object, and what to try.
 *
 * <p>The message states the fact in lower case without a full stop and names the object; the hint
 * is a sentence.
 */
public final class RepositoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The kinds of problem, so that callers can choose an exit status without reading messages. */
  public enum Problem {
    /** There is no repository at the location. */
    NO_REPOSITORY,
    /** There is one already. */
    EXISTS,
    /** Another process holds a conflicting lock. */
    LOCKED,
    /** No key file opens with the password. */
    WRONG_PASSWORD,
    /** A stored object is missing, truncated, or fails its authentication code or hash. */
    DAMAGED,
    /** The repository or an object uses something this version does not know. */
    UNSUPPORTED,
    /** A named object is not there. */
    NOT_FOUND,
    /** The storage refused or failed. */
    STORAGE,
    /** This user may not read or write what is stored; nothing is wrong with it. */
    DENIED,
    /** The operation was given up because the process was asked to stop. */
    INTERRUPTED
  }

  private final Problem problem;
  private final @Nullable String hint;

  public RepositoryException(Problem problem, String message, @Nullable String hint) {
    this(problem, message, hint, null);
  }

  public RepositoryException(
      Problem problem, String message, @Nullable String hint, @Nullable Throwable cause) {
    super(message, cause);
    this.problem = problem;
    this.hint = hint;
  }

  /** A stored object that cannot be trusted. */
  public static RepositoryException damaged(String message, @Nullable Throwable cause) {
    return new RepositoryException(
        Problem.DAMAGED,
        message,
        "run `stet check --read-data` to see everything that is affected",
        cause);
  }

  public Problem problem() {
    return problem;
  }

  /** Whether something is lost or damaged, rather than out of reach for now. */
  public boolean isLoss() {
    return problem == Problem.DAMAGED || problem == Problem.NOT_FOUND;
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
