package stet.cli.command;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import stet.repository.Repository;
import stet.repository.lock.RepositoryLock;

/** The lock of a verb that only reads the repository, and the option to do without. */
final class ReadLock {
  @Option(
      names = "--no-lock",
      description =
          "Take no lock on the repository and write nothing into it, such as where it is read-only;"
              + " a prune meanwhile may take away what is read.")
  private boolean without;

  /** Takes the lock, or gives null if it is not wanted. */
  @Nullable RepositoryLock take(Repository repository, boolean exclusive) {
    return without ? null : repository.lock(exclusive);
  }

  /** Takes a shared lock that has to {@linkplain #settle}, or gives null if it is not wanted. */
  @Nullable RepositoryLock announce(Repository repository) {
    return without ? null : repository.announceLock();
  }

  /**
   * Reads something while a lock settles, if there is one. Where it does not, that is what failed:
   * somebody else may have taken away what was to be read.
   */
  static <T> T whileSettling(@Nullable RepositoryLock lock, Supplier<T> reading) {
    T read;
    try {
      read = reading.get();
    } catch (RuntimeException e) {
      settle(lock);
      throw e;
    }
    settle(lock);
    return read;
  }

  private static void settle(@Nullable RepositoryLock lock) {
    if (lock != null) {
      lock.settle();
    }
  }
}
