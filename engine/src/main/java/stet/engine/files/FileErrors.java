package stet.engine.files;

import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.PosixException;

/** Failed system calls as errors of the catalogue. */
final class FileErrors {
  private FileErrors() {}

  /** A failure at the directory that is captured or restored. */
  static StetException of(PosixException e) {
    return new StetException(ErrorCode.SOURCE, e.getMessage(), hint(e), e);
  }

  /**
   * Whether something failed for want of room, files or a disk that works, which says nothing about
   * what was to be written.
   */
  static boolean isTrouble(StetException e) {
    return e.getCause() instanceof PosixException cause
        && switch (cause.errno()) {
          case ENOSPC, EDQUOT, EROFS, EMFILE, ENFILE, EIO -> true;
          default -> false;
        };
  }

  private static @Nullable String hint(PosixException e) {
    return switch (e.errno()) {
      case EACCES, EPERM -> "Run Stet as a user that may do this, such as root.";
      case ENOENT, ENOTDIR -> "Check the component's path.";
      case ENOSPC, EDQUOT -> "Make room and try again.";
      case EROFS -> "Mount the file system writable, or restore elsewhere with --to-dir.";
      case EMFILE, ENFILE -> "Raise the limit of open files (ulimit -n).";
      case EIO -> "Check the disk and the kernel's log.";
      default -> null;
    };
  }
}
