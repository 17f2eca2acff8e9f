package stet.engine.posix;

import java.io.IOException;
import java.util.Objects;

/**
 * A system call that failed: what was tried, on which path, and why.
 *
 * <p>Checked, because whoever touches a live directory must decide for each entry whether its
 * failure ends the work, is noted, or means nothing.
 */
public final class PosixException extends IOException {
  private static final long serialVersionUID = 1L;

  private final Errno errno;
  private final String operation;
  private final String path;

  PosixException(int errno, String operation, String path) {
    super("cannot " + operation + " " + path + ": " + reason(errno));
    this.errno = Errno.of(errno);
    this.operation = operation;
    this.path = path;
  }

  private static String reason(int number) {
    Errno errno = Errno.of(number);
    return errno == Errno.OTHER
        ? "error " + number
        : errno.description() + " (" + errno.name() + ")";
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }

  public Errno errno() {
    return errno;
  }

  /** What was tried, as a verb that fits "cannot …". */
  public String operation() {
    return operation;
  }

  /** The path in its printable form. */
  public String path() {
    return path;
  }

  /** Whether it failed for one of these reasons. */
  public boolean is(Errno... reasons) {
    for (Errno reason : reasons) {
      if (errno == reason) {
        return true;
      }
    }
    return false;
  }
}
