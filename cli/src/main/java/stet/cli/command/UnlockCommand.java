package stet.cli.command;

import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import stet.cli.output.Human;
import stet.cli.output.Output;
import stet.cli.session.Configured;
import stet.cli.session.Session;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.lock.LockFile;
import stet.repository.lock.RepositoryLock;

/** {@code unlock}: removes stale locks. */
@Command(
    name = "unlock",
    description = "Remove the repository's stale locks.",
    footer = {"", "JSON: {removed, kept}"})
public final class UnlockCommand implements Callable<Integer> {
  private final Session session;

  @Option(
      names = {"--force", "--remove-all"},
      description = "Remove all locks, also those that are not stale.")
  private boolean force;

  public UnlockCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Output output = session.output();
    try (Repository repository = Configured.open(session.configuration())) {
      RepositoryLock.Listing locks = repository.locks();
      int removed = repository.unlock(force);
      int kept = 0;
      for (LockFile lock : locks.locks()) {
        boolean gone = force || Repository.isStale(lock);
        kept += gone ? 0 : 1;
        output.message(
            (gone ? "removed" : "kept")
                + " lock "
                + lock.id().shortText()
                + " of "
                + lock.holder()
                + ", "
                + Human.age(lock.time().toInstant(), Instant.now())
                + " old");
      }
      if (!force) {
        kept += locks.unreadable().size();
        locks
            .unreadable()
            .forEach(
                id -> output.message("kept lock " + id.shortText() + ", which cannot be read"));
      }
      if (output.json()) {
        output.document(new JsonObject().put("removed", removed).put("kept", kept));
      } else if (removed == 0 && kept == 0) {
        output.message("there are no locks");
      } else if (kept > 0) {
        output.message("locks that are not stale go only with --force");
      }
    }
    return 0;
  }
}
