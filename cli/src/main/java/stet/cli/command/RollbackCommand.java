package stet.cli.command;

import java.util.List;
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
import stet.engine.restore.PreviousStates;
import stet.engine.restore.RestoreJournal;
import stet.repository.json.JsonObject;

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
          + " total_duration}"
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
    Output output = session.output();
    try (ProgressBar progress = session.progress();
        EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      RestoreJournal journal =
          PreviousStates.rollback(environment, lock, session.operation(progress));
      progress.close();
      List<String> names = journal.components().stream().map(RestoreJournal.Part::name).toList();
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
    return 0;
  }
}
