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

  /**
   * Takes a shared lock that has to {@linkplain #whileSettling settle}, or gives null if it is not
   * wanted.
   */
  @Nullable RepositoryLock announce(Repository repository) {
    return without ? null : repository.announceLock();
  }

  /** Reads something while a lock settles, if there is one. */
  static <T> T whileSettling(@Nullable RepositoryLock lock, Supplier<T> reading) {
    return lock == null ? reading.get() : lock.whileSettling(reading);
  }
}
