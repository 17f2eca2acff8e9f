package stet.cli.command;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
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
import stet.engine.backup.Backup;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.restore.PreviousStates;
import stet.engine.rules.Finding;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.ReservedTags;
import stet.repository.Repository;
import stet.repository.json.JsonObject;

/** {@code backup}: captures the environment as one snapshot. */
@Command(
    name = "backup",
    description = "Capture the environment's backup set as one snapshot.",
    footer = {
      "",
      "JSON: {message_type: \"summary\", dry_run, snapshot_id, parent, data_blobs, tree_blobs, data_added,"
          + " data_added_packed, total_duration, components: [{name, kind}], skipped, rules: [{rule,"
          + " text, violations, hash, examples, orphans?, orphan_examples?}]};"
          + " with -n {message_type: \"summary\", dry_run, components: [{name, kind}]}"
    })
public final class BackupCommand implements Callable<Integer> {
  private final Session session;

  @Option(
      names = {"-n", "--dry-run"},
      description = "Check everything that a backup needs, and write nothing.")
  private boolean dryRun;

  @Option(
      names = "--tag",
      paramLabel = "TAG",
      split = ",",
      description = {
        "A tag for the snapshot; may be given several times. Reserved are stet, proof,"
            + " before-restore, and what begins with env: or in-place:."
      })
  private List<String> tags = new ArrayList<>();

  @Option(
      names = "--full",
      description = "Read everything again, also what has not changed since the last snapshot.")
  private boolean full;

  public BackupCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    tags.forEach(ReservedTags::check);
    Configuration configuration = session.configuration();
    Environment environment = Configured.environment(configuration, session.environment());
    Output output = session.output();
    try (Repository repository = session.openRepository();
        ProgressBar progress = session.progress()) {
      Operation operation = session.operation(progress);
      Backup backup = new Backup(repository, environment, operation);
      if (dryRun) {
        backup.check();
        progress.close();
        return checked(output, environment);
      }
      Backup.Result result;
      try (EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
        for (String dropped :
            PreviousStates.expire(environment, operation, configuration.restore().keepPrevious())) {
          progress.detail("dropped what restore " + dropped + " had replaced, as it has expired");
        }
        result = backup.run(tags, full);
      }
      progress.close();
      return done(output, result, configuration.failsOnViolations());
    }
  }

  private static int checked(Output output, Environment environment) {
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("dry_run", true)
              .put(
                  "components",
                  environment.components().stream()
                      .map(c -> new JsonObject().put("name", c.name()).put("kind", c.kind()))
                      .toList()));
    } else {
      output.message(
          "everything is ready to capture "
              + String.join(", ", environment.components().stream().map(Component::name).toList())
              + "; nothing was written");
    }
    return 0;
  }

  private static int done(Output output, Backup.Result result, boolean failsOnViolations) {
    Manifest manifest = result.manifest();
    Duration took = Duration.between(result.started(), result.finished());
    List<String> skipped = result.skipped();
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("dry_run", false)
              .put("snapshot_id", result.snapshot().toString())
              .put("parent", result.parent() == null ? null : result.parent().toString())
              .put("data_blobs", result.totals().dataBlobs())
              .put("tree_blobs", result.totals().treeBlobs())
              .put("data_added", result.totals().bytes())
              .put("data_added_packed", result.totals().storedBytes())
              .put("total_duration", took.toMillis() / 1000.0)
              .put(
                  "components",
                  manifest.components().stream()
                      .map(e -> new JsonObject().put("name", e.name()).put("kind", e.kind()))
                      .toList())
              .put("skipped", skipped)
              .put("rules", manifest.findings().stream().map(Finding::toJson).toList()));
    } else {
      output.message(
          "added "
              + Human.size(result.totals().bytes())
              + ", stored as "
              + Human.size(result.totals().storedBytes())
              + ", in "
              + Human.duration(took));
      output.message(
          "snapshot "
              + result.snapshot().shortText()
              + " of "
              + manifest.environment()
              + (skipped.isEmpty() ? " is complete" : " is complete but for what was warned of")
              + "; it is not proven until it has been restored");
    }
    List<String> violated =
        manifest.findings().stream()
            .filter(finding -> finding.violations() > 0)
            .map(Finding::describe)
            .toList();
    if (!violated.isEmpty() && failsOnViolations) {
      throw new StetException(
          ErrorCode.INCOHERENT,
          "snapshot "
              + result.snapshot().shortText()
              + " is complete, but what it holds is incoherent: "
              + String.join("; ", violated),
          "Mend the rows or files and back up again; `dangling: warn` lets it pass.");
    }
    if (!output.json()) {
      violated.forEach(text -> output.warn(text, null));
    }
    return skipped.isEmpty() ? 0 : ErrorCode.UNREADABLE.exitStatus();
  }
}
