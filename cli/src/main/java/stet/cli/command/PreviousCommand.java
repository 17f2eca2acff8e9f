package stet.cli.command;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.output.Table;
import stet.cli.session.Configured;
import stet.cli.session.Session;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.restore.PreviousStates;
import stet.engine.restore.PreviousStates.Measured;
import stet.engine.restore.PreviousStates.Previous;
import stet.repository.json.JsonObject;

/** {@code previous}: what restores have replaced and kept. */
@Command(
    name = "previous",
    description = "List or drop the states that restores have replaced.",
    subcommands = {PreviousCommand.Listing.class, PreviousCommand.Drop.class})
public final class PreviousCommand {

  private static Environment environment(Session session) {
    return Configured.environment(session.configuration(), session.environment());
  }

  /** {@code previous list}. */
  @Command(
      name = "list",
      description = "List the states that are kept, oldest first.",
      footer = {
        "",
        "JSON: {previous: [{operation, time, replaced_by, components, missing, undone, bytes}]}"
      })
  public static final class Listing implements Callable<Integer> {
    private final Session session;

    public Listing(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      Output output = session.output();
      List<Measured> all =
          PreviousStates.measure(environment(session), session.operation(Progress.NONE));
      if (output.json()) {
        output.document(
            new JsonObject().put("previous", all.stream().map(Listing::document).toList()));
        return 0;
      }
      if (all.isEmpty()) {
        output.message("no previous state is kept");
        return 0;
      }
      Table table =
          new Table(
              Table.Column.text("OPERATION"),
              Table.Column.text("AGE"),
              Table.Column.text("REPLACED BY"),
              Table.Column.number("SIZE"),
              Table.Column.text("COMPONENTS"));
      for (Measured measured : all) {
        Previous previous = measured.previous();
        String by = previous.snapshot();
        table.row(
            previous.operation(),
            Human.age(previous.time(), Instant.now()),
            by.substring(0, Math.min(8, by.length())),
            measured.bytes() < 0 ? "?" : Human.size(measured.bytes()),
            String.join(",", previous.components())
                + (previous.missing().isEmpty()
                    ? ""
                    : " (lacks " + String.join(",", previous.missing()) + ")")
                + (previous.undone() ? " (restored and undone)" : ""));
      }
      output.print(table);
      return 0;
    }

    private static JsonObject document(Measured measured) {
      Previous previous = measured.previous();
      return new JsonObject()
          .put("operation", previous.operation())
          .put("time", previous.time().toString())
          .put("replaced_by", previous.snapshot())
          .put("components", previous.components())
          .put("missing", previous.missing())
          .put("undone", previous.undone())
          .put("bytes", measured.bytes() < 0 ? null : measured.bytes());
    }
  }

  /** {@code previous drop}. */
  @Command(
      name = "drop",
      description = "Remove states for good.",
      footer = {"", "JSON: {dropped}"})
  public static final class Drop implements Callable<Integer> {
    private final Session session;

    @Parameters(
        arity = "0..*",
        paramLabel = "OPERATION",
        description = "Whose replaced state to remove, as `previous list` shows it.")
    private List<String> operations = new ArrayList<>();

    @Option(names = "--all", description = "Remove all that is kept.")
    private boolean all;

    public Drop(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      if (all != operations.isEmpty()) {
        throw new StetException(
            ErrorCode.USAGE,
            "name the operations whose states to remove, or give --all",
            "`stet previous list` shows them.");
      }
      Environment environment = environment(session);
      Output output = session.output();
      List<String> dropped = new ArrayList<>();
      try (ProgressBar progress = session.progress();
          EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
        Operation operation = session.operation(progress);
        List<String> wanted =
            all
                ? PreviousStates.list(environment, operation).stream()
                    .map(Previous::operation)
                    .toList()
                : operations;
        for (String name : wanted) {
          PreviousStates.drop(environment, operation, name);
          dropped.add(name);
        }
      }
      if (output.json()) {
        output.document(new JsonObject().put("dropped", dropped));
      } else {
        output.message(
            dropped.isEmpty()
                ? "no previous state is kept"
                : "dropped " + String.join(", ", dropped));
      }
      return 0;
    }
  }
}
