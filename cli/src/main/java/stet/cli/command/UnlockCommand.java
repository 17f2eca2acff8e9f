package stet.cli.command;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import stet.cli.output.Output;
import stet.cli.session.Session;
import stet.engine.Human;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.lock.LockFile;
import stet.repository.lock.RepositoryLock;

/** {@code unlock}: removes stale locks. */
@Command(
    name = "unlock",
    description = "Remove the repository's stale locks.",
    footer = {
      "",
      "JSON: {removed, kept, locks: [{id, removed, time?, exclusive?, hostname?, username?, pid?}]}"
    })
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
    RepositoryLock.Unlocked locks;
    try (Repository repository = session.openRepository()) {
      locks = repository.unlock(force);
    }
    if (output.json()) {
      List<JsonObject> each = new ArrayList<>(documents(locks.removed(), true));
      each.addAll(documents(locks.kept(), false));
      output.document(
          new JsonObject()
              .put("removed", locks.removed().size())
              .put("kept", locks.kept().size())
              .put("locks", each));
      return 0;
    }
    tell(locks.removed(), "removed");
    tell(locks.kept(), "kept");
    if (locks.kept().size() > 0) {
      output.message("locks that are not stale go only with --force");
    } else if (locks.removed().size() == 0) {
      output.message("there are no locks");
    }
    return 0;
  }

  private void tell(RepositoryLock.Listing locks, String done) {
    for (LockFile lock : locks.locks()) {
      session
          .output()
          .message(
              done
                  + (lock.exclusive() ? " exclusive lock " : " lock ")
                  + lock.id().shortText()
                  + " of "
                  + lock.holder()
                  + ", refreshed "
                  + Human.age(lock.time().toInstant(), Instant.now()));
    }
    for (Id id : locks.unreadable()) {
      session.output().message(done + " lock " + id.shortText() + ", which cannot be read");
    }
  }

  private static List<JsonObject> documents(RepositoryLock.Listing locks, boolean removed) {
    List<JsonObject> documents = new ArrayList<>();
    for (LockFile lock : locks.locks()) {
      documents.add(
          new JsonObject()
              .put("id", lock.id().toString())
              .put("removed", removed)
              .put("time", lock.time().toString())
              .put("exclusive", lock.exclusive())
              .put("hostname", lock.hostname())
              .put("username", lock.username())
              .put("pid", lock.pid()));
    }
    for (Id id : locks.unreadable()) {
      documents.add(new JsonObject().put("id", id.toString()).put("removed", removed));
    }
    return documents;
  }
}
