package stet.engine.postgres;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.RowHash;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.postgres.capture.DatabaseCapture;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.restore.PostgresPlace;
import stet.engine.postgres.restore.PostgresTarget;
import stet.engine.process.ChildProcess;
import stet.repository.chunk.Polynomial;
import stet.repository.json.JsonObject;
import stet.testkit.MemoryBlobs;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Captures databases, and brings them back with PostgreSQL's own programs alone. */
public final class PostgresRoundTrip {
  public static final RowHash.Key KEY = new RowHash.Key(0x0123456789abcdefL, 0xfedcba9876543210L);

  public final MemoryBlobs blobs;
  final PostgresServer server;

  public PostgresRoundTrip(PostgresServer server) {
    this(server, new MemoryBlobs());
  }

  private PostgresRoundTrip(PostgresServer server, MemoryBlobs blobs) {
    this.server = server;
    this.blobs = blobs;
  }

  /** What is captured here can be restored there. */
  public PostgresRoundTrip on(PostgresServer other) {
    return new PostgresRoundTrip(other, blobs);
  }

  public ConnectionSettings settings(String database) {
    return ConnectionSettings.parse(server.url(database), Map.of(), Path.of("/nonexistent"));
  }

  public CaptureContext context(Progress progress) {
    return context(new Operation("00000001", 3, progress), null, null);
  }

  /** The context of a capture that may build on an earlier one, with two workers. */
  public CaptureContext context(Progress progress, Captured parent, JsonObject manifest) {
    return context(new Operation("00000002", 2, progress), parent, manifest);
  }

  private CaptureContext context(
      Operation operation, @Nullable Captured parent, @Nullable JsonObject manifest) {
    return new CaptureContext(
        operation,
        blobs,
        blobs,
        parent == null ? null : parent.node(),
        manifest,
        null,
        KEY,
        new Polynomial(0x3DA3358B4DC173L));
  }

  public Captured capture(String database) {
    return new DatabaseCapture(settings(database), null, "default").capture(context(Progress.NONE));
  }

  /** Puts a captured database in its place, or back into it, and drops what was there. */
  public void restore(Captured captured, String database) {
    restore(captured, database, Progress.NONE);
  }

  public void restore(Captured captured, String database, Progress progress) {
    restore(captured, database, progress, 3);
  }

  public void restore(Captured captured, String database, Progress progress, int workers) {
    try (Target target =
        new PostgresTarget(new PostgresPlace("default", settings(database), null, null))) {
      Beside staging = target.stage(restoring(captured, progress, workers));
      Beside previous = target.swap(staging, "0a1b2c3d", "{}");
      if (previous != null) {
        target.drop(previous);
      }
    }
  }

  /** The context of a restore, or of a trial. */
  public RestoreContext restoring(Captured captured, Progress progress, int workers) {
    return new RestoreContext(
        new Operation("0a1b2c3d", workers, progress),
        blobs,
        captured.node(),
        captured.manifest(),
        KEY);
  }

  public DatabaseDescription description(Captured captured) {
    return DatabaseDescription.parse(
        "database.json", blobs.content(blobs.find(captured.node(), "database.json")));
  }

  /** Follows the instructions in {@code load.sql} into a new database. */
  public void recover(Captured captured, Path directory, String database, String options)
      throws IOException {
    blobs.writeTo(captured.node(), directory);
    server.createDatabase(database, options);
    client(
        directory,
        "pg_restore",
        database,
        "--section=pre-data",
        "--exit-on-error",
        "schema.pgdump");
    client(directory, "psql", database, "-X", "-q", "-f", "load.sql");
    client(
        directory,
        "pg_restore",
        database,
        "--section=post-data",
        "--exit-on-error",
        "schema.pgdump");
  }

  private void client(Path directory, String program, String database, String... arguments) {
    List<String> all = new ArrayList<>(List.of("-d", database));
    all.addAll(List.of(arguments));
    Path bin = PostgresServers.installedBinaries().orElseThrow();
    ChildProcess.of(bin.resolve(program))
        .without(name -> name.startsWith("PG"))
        .environment(
            Map.of(
                "PGHOST", server.socketDirectory().toString(),
                "PGPORT", Integer.toString(server.port()),
                "PGUSER", PostgresServer.SUPERUSER))
        .directory(directory)
        .arguments(all)
        .run();
  }

  /** The rows of all files of a table as text. */
  public List<String> rows(Captured captured, String directory) throws IOException {
    Path temporary = Files.createTempDirectory("stet-rows");
    try {
      blobs.writeTo(blobs.find(captured.node(), directory), temporary);
      StringBuilder text = new StringBuilder();
      try (var files = Files.walk(temporary)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".copy")).sorted().toList()) {
          try (InputStream in = Files.newInputStream(file)) {
            text.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
          }
        }
      }
      return text.toString().lines().toList();
    } finally {
      try (var files = Files.walk(temporary)) {
        for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
