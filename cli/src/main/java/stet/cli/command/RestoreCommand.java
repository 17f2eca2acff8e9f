package stet.cli.command;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import stet.cli.config.Configuration;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.session.Configured;
import stet.cli.session.Session;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.StetException;
import stet.engine.component.Component.RestoredTable;
import stet.engine.component.Component.TableWish;
import stet.engine.component.Operation;
import stet.engine.restore.Extraction;
import stet.engine.restore.PendingRestore;
import stet.engine.restore.PreviousStates;
import stet.engine.restore.Restore;
import stet.engine.restore.RestoreJournal;
import stet.engine.restore.TableRestoration;
import stet.engine.rules.Finding;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.repository.snapshot.Snapshot;

/** {@code restore}: puts a snapshot back. */
@Command(
    name = "restore",
    description = {
      "Put a snapshot back, all at once or not at all.",
      "Everything is built and verified beside the live state before it takes its place; what was live"
          + " is kept, and `stet rollback` puts it back."
    },
    footer = {
      "",
      "JSON: {message_type: \"summary\", operation, snapshot_id, components, previous, saved_snapshot_id?,"
          + " rules: [{rule, text, violations, hash, examples, orphans?, orphan_examples?}],"
          + " total_duration};"
          + " with --to-dir {message_type: \"summary\", snapshot_id, directory};"
          + " with --table {message_type: \"summary\", snapshot_id, table, rows};"
          + " with --resume or --abort {message_type: \"summary\", finished, undone}"
    })
public final class RestoreCommand implements Callable<Integer> {
  private final Session session;

  @Mixin private SnapshotChoice snapshot = new SnapshotChoice();

  @Mixin private ReadLock readLock = new ReadLock();

  @Option(
      names = "--only",
      paramLabel = "COMPONENT",
      split = ",",
      description = "Restore only these components.")
  private Set<String> only = new LinkedHashSet<>();

  @Option(
      names = "--replace",
      description = "Replace live state that is not empty, without asking.")
  private boolean replace;

  @Option(
      names = "--confirm",
      paramLabel = "NAME",
      description = "The name of a protected environment, as consent to restore onto it.")
  private @Nullable String confirm;

  @Option(
      names = "--to-dir",
      paramLabel = "DIR",
      description =
          "Write the snapshot's files into this new or empty directory; nothing live is touched.")
  private @Nullable Path toDirectory;

  @Option(
      names = "--path",
      paramLabel = "PATH",
      description =
          "With --to-dir: write only this file or directory of the snapshot; its path as `stet ls`"
              + " shows it.")
  private @Nullable String path;

  @Option(
      names = "--table",
      paramLabel = "TABLE",
      description =
          "Put this table, with columns and rows alone, beside the live one; nothing live is"
              + " touched.")
  private @Nullable String table;

  @Option(
      names = "--where",
      paramLabel = "SQL",
      description = "With --table: only the rows for which this is true.")
  private @Nullable String where;

  @Option(
      names = "--as",
      paramLabel = "NAME",
      description = "With --table: the new table's name; default: TABLE_ and the snapshot's id.")
  private @Nullable String as;

  @Option(
      names = "--in-place",
      description =
          "Replace the content of the live database in one transaction, where no database can be"
              + " created beside it; its present content becomes a snapshot first.")
  private boolean inPlace;

  @Option(
      names = "--no-owner",
      description = "Give all that is restored to the role that connects, as pg_restore does.")
  private boolean noOwner;

  @Option(
      names = "--no-privileges",
      description = "Leave out what is granted to whom, as pg_restore does.")
  private boolean noPrivileges;

  @Option(
      names = "--allow-violations",
      description =
          "Let a state become live that violates rules which held when it was captured; such as"
              + " rows without their files, where only one of the two is restored.")
  private boolean allowViolations;

  @Option(
      names = "--resume",
      description =
          "Finish a restore that was interrupted during its swap; one interrupted before is undone.")
  private boolean resume;

  @Option(names = "--abort", description = "Undo a restore that was interrupted.")
  private boolean abort;

  public RestoreCommand(Session session) {
    this.session = session;
  }

  /** The restore of a whole snapshot, as `rollback --to` asks for it. */
  static RestoreCommand of(
      Session session, String snapshot, boolean replace, @Nullable String confirm) {
    RestoreCommand command = new RestoreCommand(session);
    command.snapshot = new SnapshotChoice(snapshot);
    command.replace = replace;
    command.confirm = confirm;
    return command;
  }

  @Override
  public Integer call() {
    if ((resume ? 1 : 0) + (abort ? 1 : 0) + (toDirectory != null ? 1 : 0) + (table != null ? 1 : 0)
        > 1) {
      throw new StetException(
          ErrorCode.USAGE,
          "--resume, --abort, --to-dir and --table exclude each other",
          "Give one of them.");
    }
    if ((inPlace || noOwner || noPrivileges || allowViolations)
        && (resume || abort || toDirectory != null || table != null)) {
      throw new StetException(
          ErrorCode.USAGE,
          "--in-place, --no-owner, --no-privileges and --allow-violations do not go with --resume,"
              + " --abort, --to-dir or --table",
          "Leave them out.");
    }
    if ((resume || abort)
        && (snapshot.isGiven() || !only.isEmpty() || replace || confirm != null)) {
      throw new StetException(
          ErrorCode.USAGE,
          (resume ? "--resume finishes" : "--abort undoes")
              + " the whole interrupted restore; a snapshot, --at, --only, --replace and --confirm do"
              + " not go with it",
          "Leave them out.");
    }
    if (toDirectory != null && (replace || confirm != null)) {
      throw new StetException(
          ErrorCode.USAGE,
          "--to-dir replaces nothing; --replace and --confirm do not go with it",
          "Leave them out.");
    }
    requireWith("--path", path, "--to-dir", toDirectory);
    if (path != null && path.isEmpty()) {
      throw new StetException(
          ErrorCode.USAGE,
          "--path is empty",
          "Give the path of a file or directory as `stet ls` shows it, or leave out --path to write"
              + " the whole snapshot.");
    }
    requireWith("--where", where, "--table", table);
    requireWith("--as", as, "--table", table);
    if (path != null && !only.isEmpty()) {
      throw new StetException(
          ErrorCode.USAGE, "--path and --only exclude each other", "Give one of them.");
    }
    if (resume || abort) {
      return finish();
    }
    if (table != null) {
      return restoreTable(table);
    }
    return toDirectory != null ? extract(toDirectory) : restore();
  }

  private static void requireWith(
      String option, @Nullable Object value, String needed, @Nullable Object other) {
    if (value != null && other == null) {
      throw new StetException(
          ErrorCode.USAGE, option + " goes with " + needed, "Give " + needed + " too.");
    }
  }

  private Environment environment() {
    return Configured.environment(session.configuration(), session.environment());
  }

  private int finish() {
    Environment environment = environment();
    Output output = session.output();
    try (ProgressBar progress = session.progress();
        EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      Operation operation = session.operation(progress);
      PendingRestore.Outcome outcome =
          resume
              ? PendingRestore.resume(environment, lock, operation)
              : PendingRestore.abort(environment, lock, operation);
      progress.close();
      if (output.json()) {
        output.document(
            new JsonObject()
                .put("message_type", "summary")
                .put("finished", outcome.finished())
                .put("undone", outcome.undone()));
      } else if (outcome.finished().isEmpty() && outcome.undone().isEmpty()) {
        output.message("no restore was interrupted; nothing to do");
      } else {
        tell(output, outcome.finished(), "finished");
        tell(output, outcome.undone(), "undone, as if it had never begun");
      }
    }
    return 0;
  }

  private static void tell(Output output, List<String> operations, String what) {
    operations.forEach(each -> output.message("restore " + each + " is " + what));
  }

  private int extract(Path directory) {
    Output output = session.output();
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.take(repository, false);
        ProgressBar progress = session.progress()) {
      Snapshot chosen = snapshot.resolve(session, repository);
      repository.loadIndex();
      Path target = session.workingDirectory().resolve(directory);
      Operation operation = session.operation(progress);
      if (path != null) {
        Extraction.path(repository.reader(), chosen, path, target, operation);
      } else {
        Extraction.run(repository.reader(), chosen, only, target, operation);
      }
      progress.close();
      if (output.json()) {
        output.document(
            new JsonObject()
                .put("message_type", "summary")
                .put("snapshot_id", chosen.requireId().toString())
                .put("directory", directory.toString()));
      } else {
        output.message(
            (path == null ? "" : path + " of ")
                + "snapshot "
                + chosen.requireId().shortText()
                + " is in "
                + directory
                + ", verified");
      }
    }
    return 0;
  }

  private int restoreTable(String name) {
    Environment environment = environment();
    Output output = session.output();
    try (Repository repository = session.openRepository();
        EnvironmentLock environmentLock = EnvironmentLock.acquire(environment);
        RepositoryLock lock = readLock.take(repository, false);
        ProgressBar progress = session.progress()) {
      Snapshot chosen = snapshot.resolve(session, repository);
      repository.loadIndex();
      environmentLock.check();
      RestoredTable restored =
          TableRestoration.run(
              repository.reader(),
              chosen,
              environment,
              only,
              new TableWish(name, where, as, chosen.requireId().shortText()),
              session.operation(progress));
      progress.close();
      if (output.json()) {
        output.document(
            new JsonObject()
                .put("message_type", "summary")
                .put("snapshot_id", chosen.requireId().toString())
                .put("table", restored.name())
                .put("rows", restored.rows()));
      } else {
        output.message(
            "table "
                + restored.name()
                + " has "
                + Human.count(restored.rows(), "row")
                + " of snapshot "
                + chosen.requireId().shortText()
                + ", verified");
      }
    }
    return 0;
  }

  private int restore() {
    Configuration configuration = session.configuration();
    Environment environment = environment();
    Instant begun = Instant.now();
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.announce(repository);
        EnvironmentLock environmentLock = EnvironmentLock.acquire(environment)) {
      Restore.Plan plan = ReadLock.whileSettling(lock, () -> plan(repository, environment));
      Instant asked = Instant.now();
      consent(environment, plan);
      // How long a person thought about it says nothing of the restore.
      Instant started = begun.plus(Duration.between(asked, Instant.now()));
      try (ProgressBar progress = session.progress()) {
        Operation operation = session.operation(progress);
        PreviousStates.expire(environment, operation, configuration.restore().keepPrevious());
        SavedState saved = new SavedState(repository, environment, operation, session.output());
        Restore restore = new Restore(repository.reader(), environment, operation);
        Restore.Result result;
        if (inPlace) {
          result = restore.runInPlace(plan, environmentLock, tags -> saved.save(plan, tags));
        } else {
          if (environment.guarded() && !plan.replacing().isEmpty()) {
            saved.save(plan, List.of());
          }
          result = restore.run(plan, environmentLock);
        }
        progress.close();
        report(plan, result, saved, started);
      }
    }
    return 0;
  }

  private Restore.Plan plan(Repository repository, Environment environment) {
    Snapshot chosen = snapshot.resolve(session, repository);
    repository.loadIndex();
    try (ProgressBar progress = session.progress()) {
      return new Restore(repository.reader(), environment, session.operation(progress))
          .plan(chosen, only, new Restore.Manner(inPlace, noOwner, noPrivileges, allowViolations));
    }
  }

  private void consent(Environment environment, Restore.Plan plan) {
    if (environment.guarded()) {
      String fact = "environment " + environment.name() + " is protected";
      String hint = "Give --confirm " + environment.name() + " to restore onto it.";
      if (confirm == null) {
        session.consent().askName(fact, environment.name(), hint);
      } else if (!confirm.equals(environment.name())) {
        throw new StetException(
            ErrorCode.REFUSED,
            fact + ", and \"" + confirm + "\" is not \"" + environment.name() + "\"",
            hint);
      }
    }
    if (!replace && !plan.replacing().isEmpty()) {
      List<String> live = plan.replacing().stream().map(s -> s.live().description()).toList();
      session
          .consent()
          .ask(
              String.join(" and ", live) + (live.size() == 1 ? " is" : " are") + " not empty",
              "Replace by snapshot " + plan.snapshot().requireId().shortText() + "?",
              "Give --replace to replace; what is there is kept and can be put back by `stet"
                  + " rollback`.");
    }
  }

  private void report(Restore.Plan plan, Restore.Result result, SavedState saved, Instant started) {
    Output output = session.output();
    RestoreJournal journal = result.journal();
    List<String> names = plan.steps().stream().map(step -> step.entry().name()).toList();
    List<String> replaced =
        names.stream()
            .filter(name -> {
              RestoreJournal.Part part = journal.part(name);
              return part != null && part.live() != null;
            })
            .toList();
    Duration took = Duration.between(started, result.finished());
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("operation", journal.operation())
              .put("snapshot_id", plan.snapshot().requireId().toString())
              .put("components", names)
              .put("previous", replaced)
              .putIfPresent("saved_snapshot_id", saved.snapshot())
              .put("rules", result.findings().stream().map(Finding::toJson).toList())
              .put("total_duration", took.toMillis() / 1000.0));
      return;
    }
    output.message(
        "restored "
            + String.join(", ", names)
            + " from snapshot "
            + plan.snapshot().requireId().shortText()
            + ", every row and file verified, in "
            + Human.duration(took));
    if (inPlace) {
      if (saved.snapshot() != null) {
        output.message("`stet rollback` puts back what was there");
      }
    } else if (!replaced.isEmpty()) {
      output.message(
          "what was there is kept as operation "
              + journal.operation()
              + "; `stet rollback` puts it back, `stet previous drop "
              + journal.operation()
              + "` frees its space");
    }
  }
}
