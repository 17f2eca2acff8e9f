package stet.engine.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component.Held;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;

/**
 * A lock on a directory itself, which holds against all users of the machine, needs no right but to
 * read, leaves no file, and ends with its process. Where there is no directory yet, the one that it
 * is to lie in is locked.
 *
 * <p>It goes with the directory, not with its path, so a swap locks what it makes live.
 */
final class DirectoryLock implements Held {
  private static final int ATTEMPTS = 10;

  private final Directory directory;

  private DirectoryLock(Directory directory) {
    this.directory = directory;
  }

  /**
   * Takes the lock, or returns null where the directory cannot be opened or its file system has no
   * such locks, as NFS.
   *
   * @throws StetException with {@code LOCKED}
   */
  static @Nullable DirectoryLock take(PosixPath path) {
    try {
      for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        Directory directory = open(path);
        boolean locked = false;
        try {
          if (!directory.lock(true, false)) {
            throw new StetException(
                ErrorCode.LOCKED,
                "another operation works on directory " + path + holder(directory.stat()),
                "Wait until it ends; the lock never outlives its process.");
          }
          // It may have changed places with another before it was locked.
          try (Directory now = open(path)) {
            locked = now.stat().sameEntry(directory.stat());
          }
        } finally {
          if (!locked) {
            directory.close();
          }
        }
        if (locked) {
          return new DirectoryLock(directory);
        }
      }
    } catch (PosixException e) {
      if (e.is(
          Errno.EACCES,
          Errno.ENOENT,
          Errno.ENOTDIR,
          Errno.ELOOP, // said better by what comes next
          Errno.EBADF,
          Errno.EINVAL,
          Errno.ENOLCK,
          Errno.ENOSYS,
          Errno.EOPNOTSUPP)) {
        return null;
      }
      throw FileErrors.of(e);
    }
    throw new StetException(
        ErrorCode.LOCKED,
        "directory " + path + " was replaced " + ATTEMPTS + " times while it was to be locked",
        "Wait until whoever replaces it is done.");
  }

  private static Directory open(PosixPath path) throws PosixException {
    try {
      return Directory.open(path);
    } catch (PosixException e) {
      PosixPath above = path.parent();
      if (above == null || !e.is(Errno.ENOENT)) {
        throw e;
      }
      return Directory.openFollowing(above);
    }
  }

  /** Who holds the lock, as far as the kernel shows it. */
  private static String holder(Stat stat) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/locks"))) {
        // 1: FLOCK  ADVISORY  WRITE 4711 08:01:131073 0 EOF
        String[] words = line.strip().split("\\s+", -1);
        if (words.length > 5
            && words[1].equals("FLOCK")
            && words[5].endsWith(":" + stat.inode())
            && words[4].matches("[1-9][0-9]*")) {
          return ": process " + words[4];
        }
      }
    } catch (IOException e) {
      return "";
    }
    return "";
  }

  /** Nothing takes the lock away from its process. */
  @Override
  public void check() {}

  @Override
  public void close() {
    directory.close();
  }
}
