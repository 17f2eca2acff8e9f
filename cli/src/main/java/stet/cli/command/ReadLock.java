package stet.cli.command;

import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
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
    return without ? null : hinting(() -> repository.lock(exclusive));
  }

  /**
   * Takes a shared lock that has to {@linkplain #whileSettling settle}, or gives null if it is not
   * wanted.
   */
  @Nullable RepositoryLock announce(Repository repository) {
    return without ? null : hinting(repository::announceLock);
  }

  /** Whoever may only read the repository cannot lock it, and here need not. */
  private static RepositoryLock hinting(Supplier<RepositoryLock> locking) {
    try {
      return locking.get();
    } catch (RepositoryException e) {
      if (e.problem() != Problem.DENIED) {
        throw e;
      }
      throw new RepositoryException(
          e.problem(),
          e.getMessage(),
          "--no-lock only reads the repository. To lock it: "
              + Objects.requireNonNullElse(e.hint(), "Make it writable."),
          e);
    }
  }

  /** Reads something while a lock settles, if there is one. */
  static <T> T whileSettling(@Nullable RepositoryLock lock, Supplier<T> reading) {
    return lock == null ? reading.get() : lock.whileSettling(reading);
  }
}
