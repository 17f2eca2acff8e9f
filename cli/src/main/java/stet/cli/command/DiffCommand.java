package stet.cli.command;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import stet.cli.config.Configuration;
import stet.cli.config.Kinds;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.session.Configured;
import stet.cli.session.Session;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.Human;
import stet.engine.component.ComponentKind;
import stet.engine.component.Operation;
import stet.engine.diff.Changes;
import stet.engine.diff.Diff;
import stet.engine.diff.State;
import stet.engine.rules.Finding;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.repository.snapshot.Snapshot;

/** {@code diff}: what differs between two snapshots, or a snapshot and what is live. */
@Command(
    name = "diff",
    description = {
      "Show what differs between two snapshots, or between a snapshot and what is live.",
      "Files are shown as restic does: + added, - removed, M content, U metadata, T type.",
      "Secrets in definitions are shown as marks, which differ where the secrets do."
    },
    footer = {
      "",
      "JSON: a document for each change: {message_type: \"change\", component, path, modifier},"
          + " {message_type: \"table\", component, table, rows_before, rows_after},"
          + " {message_type: \"large_objects\", component, count_before, count_after},"
          + " {message_type: \"definition\", component, name, before, after},"
          + " {message_type: \"rule\", rule, violations_before, violations_after},"
          + " {message_type: \"component\", component, modifier};"
          + " then {message_type: \"summary\", changes}"
    })
public final class DiffCommand implements Callable<Integer> {
  private static final String LIVE = "live";

  private final Session session;

  @Parameters(
      index = "0",
      paramLabel = "SNAP",
      description = "latest, latest@ENVIRONMENT, or the beginning of an id.")
  private String first = "latest";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "SNAP",
      defaultValue = LIVE,
      description = "Another, or live; default: live.")
  private String second = LIVE;

  @Mixin private ReadLock readLock = new ReadLock();

  public DiffCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Configuration configuration = session.configuration();
    Kinds known = Kinds.onClassPath();
    Map<String, ComponentKind> kinds = new HashMap<>();
    known.keys().forEach(key -> kinds.put(key, java.util.Objects.requireNonNull(known.get(key))));
    Printer printer = new Printer(session.output());
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.take(repository, false)) {
      Snapshot one = new SnapshotChoice(first).resolve(session, repository);
      Snapshot other =
          second.equals(LIVE) ? null : new SnapshotChoice(second).resolve(session, repository);
      repository.loadIndex();
      try (ProgressBar progress = session.progress()) {
        Operation operation = session.operation(progress);
        State before = State.of(repository.reader(), one, kinds, operation);
        State after;
        if (other == null) {
          Environment environment = Configured.environment(configuration, session.environment());
          try (EnvironmentLock environmentLock = EnvironmentLock.acquire(environment)) {
            after = State.live(environment, repository, one, operation);
          }
        } else {
          after = State.of(repository.reader(), other, kinds, operation);
        }
        progress.close();
        new Diff(before, after, kinds, printer).run();
      }
    }
    printer.end();
    return 0;
  }

  private static final class Printer implements Changes {
    private final Output output;
    private long count;

    Printer(Output output) {
      this.output = output;
    }

    private void print(String text, JsonObject document) {
      count++;
      if (output.json()) {
        output.document(document);
      } else {
        text.lines().forEach(output::print);
      }
    }

    private static JsonObject document(String type) {
      return new JsonObject().put("message_type", type);
    }

    @Override
    public void component(String name, Modifier modifier) {
      print(
          modifier.letter() + "    " + name + ": component",
          document("component").put("component", name).put("modifier", "" + modifier.letter()));
    }

    @Override
    public void file(String component, String path, Modifier modifier) {
      print(
          modifier.letter() + "    /" + component + "/" + path,
          document("change")
              .put("component", component)
              .put("path", path)
              .put("modifier", "" + modifier.letter()));
    }

    @Override
    public void table(String component, String table, @Nullable Long before, @Nullable Long after) {
      String what = ": table " + table + ", ";
      String text;
      if (before != null && after != null) {
        text = "M    " + component + what + change(before, after, n -> Human.count(n, "row"));
      } else if (after != null) {
        text = "+    " + component + what + Human.count(after, "row");
      } else {
        text = "-    " + component + what + Human.count(Objects.requireNonNull(before), "row");
      }
      print(
          text,
          document("table")
              .put("component", component)
              .put("table", table)
              .put("rows_before", before)
              .put("rows_after", after));
    }

    private static String change(long before, long after, LongFunction<String> count) {
      long more = after - before;
      return more == 0
          ? "other content in " + count.apply(after)
          : (more > 0 ? "+" : "-") + count.apply(Math.abs(more)) + ", now " + after;
    }

    @Override
    public void largeObjects(String component, long before, long after) {
      print(
          "M    " + component + ": large objects, " + change(before, after, Long::toString),
          document("large_objects")
              .put("component", component)
              .put("count_before", before)
              .put("count_after", after));
    }

    @Override
    public void definition(
        String component, String name, @Nullable String before, @Nullable String after) {
      StringBuilder text =
          new StringBuilder(before == null ? "+" : after == null ? "-" : "M")
              .append("    ")
              .append(component)
              .append(": ")
              .append(name);
      if (before != null) {
        before.lines().forEach(line -> text.append("\n  - ").append(line));
      }
      if (after != null) {
        after.lines().forEach(line -> text.append("\n  + ").append(line));
      }
      print(
          text.toString(),
          document("definition")
              .put("component", component)
              .put("name", name)
              .put("before", before)
              .put("after", after));
    }

    @Override
    public void rule(@Nullable Finding before, @Nullable Finding after) {
      Finding one = before == null ? java.util.Objects.requireNonNull(after) : before;
      print(
          "M    rule \""
              + one.rule()
              + "\": "
              + (before == null ? "not evaluated" : before.violations() + " violations")
              + ", now "
              + (after == null ? "not evaluated" : after.violations() + " violations"),
          document("rule")
              .put("rule", one.rule())
              .put("violations_before", before == null ? null : before.violations())
              .put("violations_after", after == null ? null : after.violations()));
    }

    void end() {
      if (output.json()) {
        output.document(document("summary").put("changes", count));
      } else if (count == 0) {
        output.message("nothing differs");
      }
    }
  }
}
