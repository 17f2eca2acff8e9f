package stet.repository.backend;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Objects;

/**
 * Why something could not be done with a file, for a message that names the file itself: Java's own
 * messages name it again, and some say nothing else.
 */
public final class Reason {
  private Reason() {}

  /** The reason without any path, such as {@code permission denied}. */
  public static String of(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file or directory";
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "it exists already";
      case NotDirectoryException _ -> "not a directory";
      case DirectoryNotEmptyException _ -> "the directory is not empty";
      case FileSystemException f when f.getReason() != null -> f.getReason();
      default -> Objects.requireNonNullElse(e.getMessage(), e.getClass().getSimpleName());
    };
  }

  /** Whether there is no space, or no more of it for this user. */
  public static boolean isNoSpace(IOException e) {
    String reason = of(e);
    return reason.contains("No space left") || reason.contains("Disk quota exceeded");
  }

  /** Whether this user may not do it, or nobody may as long as the file system is read-only. */
  static boolean isDenied(IOException e) {
    return e instanceof AccessDeniedException || isReadOnly(e);
  }

  static boolean isReadOnly(IOException e) {
    return of(e).contains("Read-only file system");
  }
}
