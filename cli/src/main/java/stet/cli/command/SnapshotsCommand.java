package stet.cli.command;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import stet.cli.config.Configuration;
import stet.cli.output.Output;
import stet.cli.output.Table;
import stet.cli.session.Session;
import stet.engine.Human;
import stet.engine.snapshot.SnapshotCatalog;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.snapshot.Snapshot;

/** {@code snapshots}: lists what the repository keeps of the application. */
@Command(
    name = "snapshots",
    description = "List the application's snapshots, oldest first.",
    footer = {
      "",
      "JSON: {snapshots: [{id, short_id, time, environment, parent, tree, paths, hostname, tags}]}"
    })
public final class SnapshotsCommand implements Callable<Integer> {
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");

  private final Session session;

  public SnapshotsCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Configuration configuration = session.configuration();
    String environment = session.environmentName();
    Output output = session.output();
    List<Snapshot> snapshots = new ArrayList<>();
    try (Repository repository = session.openRepository()) {
      for (Snapshot snapshot :
          new SnapshotCatalog(
                  configuration.app(),
                  repository.snapshots(e -> output.warn(e.getMessage(), e.hint())))
              .all()) {
        if (environment == null
            || Objects.equals(environment, SnapshotCatalog.environment(snapshot))) {
          snapshots.add(snapshot);
        }
      }
    }
    if (snapshots.isEmpty()
        && environment != null
        && !configuration.environments().containsKey(environment)) {
      // Neither the repository nor the configuration knows it; this tells what there is.
      configuration.environment(environment);
    }
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("snapshots", snapshots.stream().map(SnapshotsCommand::document).toList()));
      return 0;
    }
    if (snapshots.isEmpty()) {
      output.message("no snapshots yet; `stet backup` makes one");
      return 0;
    }
    Table table =
        new Table(
            Table.Column.text("ID"),
            Table.Column.text("TIME"),
            Table.Column.text("AGE"),
            Table.Column.text("ENVIRONMENT"),
            Table.Column.text("TAGS"));
    for (Snapshot snapshot : snapshots) {
      table.row(
          snapshot.requireId().shortText(),
          snapshot.time().atZoneSameInstant(ZoneId.systemDefault()).format(TIME),
          Human.age(snapshot.time().toInstant(), Instant.now()),
          Objects.requireNonNullElse(SnapshotCatalog.environment(snapshot), "?"),
          String.join(
              ",",
              snapshot.tags().stream()
                  .filter(t -> !t.equals(SnapshotCatalog.TAG) && !t.startsWith("env:"))
                  .toList()));
    }
    output.print(table);
    return 0;
  }

  private static JsonObject document(Snapshot snapshot) {
    return new JsonObject()
        .put("id", snapshot.requireId().toString())
        .put("short_id", snapshot.requireId().shortText())
        .put("time", snapshot.time().toString())
        .put("environment", SnapshotCatalog.environment(snapshot))
        .put("parent", text(snapshot.parent()))
        .put("tree", snapshot.tree().toString())
        .put("paths", snapshot.paths())
        .put("hostname", snapshot.hostname())
        .put("tags", snapshot.tags());
  }

  private static @Nullable String text(@Nullable Object value) {
    return value == null ? null : value.toString();
  }
}
