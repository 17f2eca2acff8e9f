package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.postgresql.PGConnection;
import stet.engine.component.Captured;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.Warnings;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.repository.Id;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;

/** A database with a table of several segments, captured again and again. */
abstract class Increments {
  /** Whose transactions and changes of pages would come between the captures by chance. */
  static final Map<String, String> WITHOUT_AUTOVACUUM = Map.of("autovacuum", "off");

  private static int count;

  private final PostgresServer server;
  private final @Nullable Path tools;
  final Warnings progress = new Warnings();
  final List<String> details = progress.details;
  final List<String> warnings = progress.all;
  PostgresRoundTrip trip;
  String database;

  /**
   * For one test.
   *
   * @param tools the directory of the client programs, or null for those installed
   */
  Increments(PostgresServer server, @Nullable Path tools) {
    this.server = server;
    this.tools = tools;
  }

  @BeforeEach
  void prepare() {
    trip = new PostgresRoundTrip(server);
    database = "increment_" + count++;
    server.createDatabase(database);
    server.execute(
        database,
        "create type colour as enum ('red', 'green')",
        "create table big (i int primary key, c colour, t text)",
        "insert into big select i, 'red', repeat(md5(i::text), 8) from generate_series(1, 20000) i",
        "create table small as select 1 as a",
        "vacuum big");
  }

  Captured capture(Captured parent) throws Exception {
    return capture(parent, parent == null ? null : parent.manifest(), Duration.ofDays(30), 0);
  }

  Captured capture(Captured parent, JsonObject manifest, Duration fullInterval, double control) {
    return capture(trip.settings(database), parent, manifest, fullInterval, control);
  }

  /** Captures as somebody else. */
  Captured captureAs(ConnectionSettings settings, Captured parent) {
    return capture(settings, parent, parent.manifest(), Duration.ofDays(30), 0);
  }

  private Captured capture(
      ConnectionSettings settings,
      Captured parent,
      JsonObject manifest,
      Duration fullInterval,
      double control) {
    details.clear();
    return new DatabaseCapture(
            settings, tools, "default", fullInterval, Duration.ofSeconds(20), control)
        .capture(trip.context(progress, parent, manifest));
  }

  static JsonObject table(Captured captured, String name) {
    return captured.manifest().objects("tables").stream()
        .filter(table -> table.string("name").equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** The blobs of a captured table. */
  Map<String, List<Id>> content(Captured captured, String name) {
    Map<String, List<Id>> content = new HashMap<>();
    for (var part : trip.blobs.list(trip.blobs.find(captured.node(), "data/public." + name))) {
      trip.blobs.list(part).forEach(file -> content.put(file.name(), file.content()));
    }
    return content;
  }

  /** Captures on a base, and compares with what the server prints. */
  Captured same(Captured parent) throws Exception {
    Captured increment = capture(parent);
    requireText(increment);
    return increment;
  }

  void requireText(Captured captured) throws Exception {
    StringWriter text = new StringWriter();
    try (Connection connection = server.connect(database)) {
      connection.unwrap(PGConnection.class).getCopyAPI().copyOut("copy big to stdout", text);
    }
    assertThat(String.join("\n", trip.rows(captured, "data/public.big")) + "\n")
        .isEqualTo(text.toString());
  }

  long segments() {
    return segmentsOf("big");
  }

  long segmentsOf(String table) {
    return Math.ceilDiv(
        Long.parseLong(
            server.queryOne(database, "select pg_relation_size('" + table + "') / 8192")),
        128L);
  }
}
