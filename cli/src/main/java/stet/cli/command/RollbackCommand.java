package stet.cli.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.session.Configured;
import stet.cli.session.Session;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.restore.InPlaceTag;
import stet.engine.restore.InPlaceTag.Tagged;
import stet.engine.restore.PreviousStates;
import stet.engine.restore.PreviousStates.Previous;
import stet.engine.restore.Restore;
import stet.engine.restore.RestoreJournal;
import stet.engine.snapshot.SnapshotCatalog;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;

/** {@code rollback}: puts back what the newest restore replaced. */
@Command(
    name = "rollback",
    description = {
      "Put back what the newest restore replaced, or a snapshot.",
      "What is live now is kept in its turn, so a rollback can be rolled back."
    },
    footer = {
      "",
      "JSON: {message_type: \"summary\", operation, undone, components};"
          + " with --to {message_type: \"summary\", operation, snapshot_id, components, previous,"
          + " saved_snapshot_id?, rules: [{rule, text, violations, hash, examples, orphans?,"
          + " orphan_examples?}], total_duration}"
    })
public final class RollbackCommand implements Callable<Integer> {
  private final Session session;

  @ArgGroup private Goal goal = new Goal();

  /** Which state to go back to. */
  private static final class Goal {
    @Option(names = "--last", description = "The one that the newest restore replaced; default.")
    private boolean last;

    @Option(
        names = "--to",
        paramLabel = "SNAP",
        description = "A snapshot, as `restore` puts it back.")
    private @Nullable String snapshot;
  }

  @Option(
      names = "--replace",
      description = "With --to: replace live state that is not empty, without asking.")
  private boolean replace;

  @Option(
      names = "--confirm",
      paramLabel = "NAME",
      description = "The name of a protected environment, as consent to change it.")
  private @Nullable String confirm;

  public RollbackCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    if (goal.snapshot != null && !goal.last) {
      return RestoreCommand.of(session, goal.snapshot, replace, confirm).call();
    }
    Environment environment =
        Configured.environment(session.configuration(), session.environment());
    if (environment.guarded() && !environment.name().equals(confirm)) {
      String fact = "environment " + environment.name() + " is protected";
      String hint = "Give --confirm " + environment.name() + " to roll it back.";
      if (confirm != null) {
        throw new StetException(
            ErrorCode.REFUSED, fact + ", and \"" + confirm + "\" is not its name", hint);
      }
      session.consent().askName(fact, environment.name(), hint);
    }
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      if (environment.components().stream().anyMatch(Component::canBeInPlace)
          && rollsBackInPlace(environment, lock)) {
        return 0;
      }
      try (ProgressBar progress = session.progress()) {
        RestoreJournal journal =
            PreviousStates.rollback(environment, lock, session.operation(progress));
        progress.close();
        report(journal, null);
      }
    }
    return 0;
  }

  /**
   * Takes back a restore in place, if that is the newest. What other restores have replaced lies
   * beside what is live, and needs no repository.
   *
   * @return whether it did
   */
  private boolean rollsBackInPlace(Environment environment, EnvironmentLock lock) {
    Previous kept = newestKept(environment);
    Repository opened = null;
    Tagged inPlace = null;
    try {
      opened = session.openRepository();
      inPlace = newestInPlace(opened, environment, kept);
    } catch (StetException | RepositoryException e) {
      if (kept == null || kept.inPlace() != null) {
        if (opened != null) {
          opened.close();
        }
        throw e;
      }
      session
          .output()
          .warn(
              "cannot see whether a restore in place came after operation "
                  + kept.operation()
                  + ": "
                  + e.getMessage(),
              "What that operation replaced is put back; what is live now is kept.");
    }
    if (opened == null) {
      return false;
    }
    try (Repository repository = opened) {
      if (inPlace == null) {
        return false;
      }
      rollBackInPlace(repository, environment, lock, inPlace);
      return true;
    }
  }

  /** The newest state that lies beside the live one, or null. */
  private @Nullable Previous newestKept(Environment environment) {
    try (ProgressBar progress = session.progress()) {
      return PreviousStates.list(environment, session.operation(progress)).stream()
          .filter(each -> !each.undone())
          .reduce((_, later) -> later)
          .orElse(null);
    }
  }

  /** The snapshot that a restore in place has left, if that restore is the newest. */
  private @Nullable Tagged newestInPlace(
      Repository repository, Environment environment, @Nullable Previous kept) {
    SnapshotCatalog catalog =
        new SnapshotCatalog(
            environment.app(),
            repository.snapshots(e -> session.output().warn(e.getMessage(), e.hint())));
    Tagged tagged = InPlaceTag.newest(environment, catalog.of(environment.name()));
    boolean newer =
        tagged != null
            && (kept == null
                || kept.operation().equals(tagged.tag().operation())
                || kept.time().isBefore(tagged.snapshot().time().toInstant()));
    return newer ? tagged : null;
  }

  private void rollBackInPlace(
      Repository repository, Environment environment, EnvironmentLock lock, Tagged tagged) {
    try (RepositoryLock readLock = repository.lock(false);
        ProgressBar progress = session.progress()) {
      repository.loadIndex();
      Operation operation = session.operation(progress);
      Restore restore = new Restore(repository.reader(), environment, operation);
      Restore.Plan plan =
          restore.plan(
              tagged.snapshot(),
              Set.of(tagged.tag().component()),
              new Restore.Manner(true, false, false));
      SavedState saved = new SavedState(repository, environment, operation, session.output());
      readLock.check();
      RestoreJournal journal =
          restore.rollbackInPlace(plan, tagged.tag(), lock, tags -> saved.save(plan, tags));
      progress.close();
      report(journal, tagged.tag().component());
    }
  }

  private void report(RestoreJournal journal, @Nullable String inPlace) {
    Output output = session.output();
    List<String> names = new ArrayList<>();
    journal.components().forEach(part -> names.add(part.name()));
    if (inPlace != null) {
      names.add(inPlace);
    }
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("operation", journal.operation())
              .put("undone", journal.snapshot())
              .put("components", names));
    } else {
      output.message(
          "put back "
              + String.join(", ", names)
              + " as before operation "
              + journal.snapshot()
              + "; what was live is kept as operation "
              + journal.operation());
    }
  }
}
