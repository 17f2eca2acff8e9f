package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.component.Captured;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Captures twice from a server that summarizes its log, with changes in between. */
class LogIncrementIT extends Increments {
  private static PostgresServer server;
  private static Path tools;

  LogIncrementIT() {
    super(server, tools);
  }

  @BeforeAll
  static void start() throws Exception {
    tools = PostgresServers.clientPrograms(17).orElse(null);
    Assumptions.assumeTrue(
        tools != null, "no pg_dump for PostgreSQL 17 is installed (STET_TEST_POSTGRESQL_NEWEST)");
    server = PostgresServers.startEmbedded(17, Map.of("summarize_wal", "on", "autovacuum", "off"));
  }

  @AfterAll
  static void stop() {
    if (server != null) {
      server.close();
    }
  }

  private void requireLog(Captured captured, String change) {
    assertThat(table(captured, "big").string("method")).as(change).isEqualTo("log");
  }

  private void requireMethod(Captured captured, String method, String reason) {
    JsonObject big = table(captured, "big");
    assertThat(big.string("method")).isEqualTo(method);
    assertThat(big.string("reason")).isEqualTo(reason);
  }

  @Test
  void whatHasNotChangedIsNotLookedAt() throws Exception {
    Captured first = capture(null);
    assertThat(table(first, "big").string("method")).isEqualTo("full");

    Captured second = same(first);

    requireLog(second, "none");
    assertThat(details).contains("default: the server's log tells which blocks were changed");
    assertThat(table(second, "big").integer("reused")).isEqualTo(segments());
    assertThat(table(same(second), "big").integer("reused")).isEqualTo(segments());
  }

  @Test
  void whatHasChangedIsRead() throws Exception {
    Captured before = capture(null);
    for (String change :
        List.of(
            "update big set c = 'green' where i = 3000",
            "update big set t = (select string_agg(md5(j::text), '') from"
                + " generate_series(1, 900) j) where i = 3000",
            "delete from big where i = 5000",
            "insert into big values (5000, 'green', 'again')",
            "update big set t = 'shorter' where i between 5001 and 5009; vacuum big",
            "delete from big where i < 3000; vacuum big;"
                + " insert into big select i, 'red', 'x' from generate_series(1, 2999) i",
            "delete from big where i > 15000; vacuum big",
            "insert into big select i, 'red', 'back' from generate_series(15001, 19000) i",
            "insert into big values (99999, 'red', 'appended')")) {
      server.execute(database, change.split("; *"));

      before = same(before);

      requireLog(before, change);
      assertThat(table(before, "big").integer("reused"))
          .as(change)
          .isLessThan(segments())
          .isPositive();
    }
    assertThat(warnings).isEmpty();
  }

  /** A freeze writes to all blocks, and leaves the rows as they are. */
  @Test
  void rowsAreCountedWhereMostBlocksHaveChanged() throws Exception {
    server.execute(database, "insert into big values (0, 'red', 'unfrozen')");
    Captured first = capture(null);
    server.execute(database, "vacuum freeze big");

    requireMethod(same(first), "counts", "most of its blocks have changed");
  }

  /** A truncation is all that the log says of blocks that were cut off, not that they changed. */
  @Test
  void rowsThatWereCutOffDoNotComeBack() throws Exception {
    Captured first = capture(null);
    // No block before it is touched, and it is in the middle of a segment.
    server.execute(database, "delete from big where ctid >= '(450,0)'", "vacuum big");

    Captured second = same(first);

    requireLog(second, "vacuum");
    assertThat(server.queryOne(database, "select pg_relation_size('big') / 8192")).isEqualTo("450");
  }

  @Test
  void whatMayReadOtherwiseIsReadWhole() throws Exception {
    Captured before = capture(null);
    for (String line :
        List.of(
            "alter type colour rename value 'red' to 'rouge'|its definition has changed",
            "vacuum full big|all its rows were written anew",
            "truncate big; insert into big select i, 'rouge', repeat(md5(i::text), 8)"
                + " from generate_series(1, 20000) i|all its rows were written anew",
            "create table other as select * from big; drop table big;"
                + " alter table other rename to big"
                + "|the earlier snapshot does not have it as a base")) {
      String[] parts = line.split("\\|");
      server.execute(database, parts[0].split("; *"));

      before = same(before);

      requireMethod(before, "full", parts[1]);
    }
  }

  /** What such a transaction wrote before the first capture may become visible after it. */
  @Test
  void aTransactionThatWasOpenAtTheCaptureIsMinded() throws Exception {
    try (Connection connection = server.connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute("begin");
      statement.execute("update big set c = 'green' where i = 3000");
      Captured first = capture(null);
      assertThat(log(first).has("from")).isFalse();

      Captured second = same(first);
      requireMethod(second, "counts", "the earlier snapshot has no place in the log");
      statement.execute("commit");
      Captured third = same(second);
      requireMethod(third, "counts", "the earlier snapshot has no place in the log");

      Captured fourth = same(third);
      requireLog(fourth, "after the transaction");
      assertThat(warnings).isEmpty();
    }
  }

  /**
   * The place that the capture before it had found serves as long as one from before it is open.
   */
  @Test
  void anEarlierPlaceInTheLogServes() throws Exception {
    Captured first = capture(null);
    try (Connection connection = server.connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute("begin");
      statement.execute("update big set c = 'green' where i = 3000");
      Captured second = same(first);
      requireLog(second, "open");
      assertThat(log(second).string("from")).isEqualTo(log(first).string("from"));

      statement.execute("commit");

      requireLog(same(second), "committed");
    }
  }

  @Test
  void aRoleThatMayNotEndASummaryHasTheRowsCounted() throws Exception {
    Captured first = capture(null);
    server.execute(
        database,
        "create role counter login password 'counts' in role pg_read_all_data",
        "grant execute on function pg_control_system, pg_control_checkpoint to counter");
    try {
      Captured second =
          captureAs(
              ConnectionSettings.parse(
                  server.url(database, "counter", "counts"), Map.of(), Path.of("/nonexistent")),
              first);

      requireMethod(
          second,
          "counts",
          "the role may not execute CHECKPOINT, which ends a summary; grant it pg_checkpoint");
    } finally {
      server.execute(database, "drop owned by counter");
      server.execute("postgres", "drop role counter");
    }
  }

  /** The summary that was left as a witness tells a restart from a disk that was put back. */
  @Test
  void aRestartIsNotTakenForAnotherHistory() throws Exception {
    Captured first = capture(null);
    server.stop();
    server.start();

    requireLog(same(first), "restart");
  }

  /**
   * What was committed without waiting for the disk can be seen and yet be lost, and then other
   * changes have its places in the log.
   */
  @Test
  void whatACrashTakesBackIsNotTakenFromTheBase() throws Exception {
    server.set("wal_writer_delay", "10s");
    server.stop();
    server.start();
    Captured first = capture(null);
    commitWithoutWaiting("update big set t = 'seen' where i = 3000");
    Captured second = same(first);
    int kept = 0;
    do {
      assertThat(kept++).as("times that the server wrote its log just then").isLessThan(5);
      commitWithoutWaiting("update big set t = 'lost' where i = 9000");
      commitWithoutWaiting("update big set t = 'lost' where i = 15000");
      server.crash();
      server.start();
    } while (!"0".equals(server.queryOne(database, "select count(*) from big where t = 'lost'")));
    assertThat(server.queryOne(database, "select count(*) from big where t = 'seen'"))
        .as("rows that were captured, so they had to be made safe")
        .isEqualTo("1");
    server.execute(database, "update big set t = 'instead' where i = 12000");

    Captured third = same(second);

    assertThat(warnings).isEmpty();
    requireLog(third, "crash");
    server.set("wal_writer_delay", "200ms");
    server.stop();
    server.start();
  }

  private void commitWithoutWaiting(String sql) throws Exception {
    try (Connection connection = server.connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute("set synchronous_commit = off");
      statement.execute(sql);
    }
  }

  /** As an image of the disk that is put back does. */
  @Test
  void aServerThatWentBackInTimeIsReadWhole(@TempDir Path image) throws Exception {
    server.execute("postgres", "checkpoint");
    server.stop();
    copy(server.dataDirectory(), image);
    server.start();
    server.execute(database, "update big set c = 'green' where i = 3000");
    Captured first = capture(null);
    server.stop();
    copy(image, server.dataDirectory());
    server.start();
    // The other history is as long as the first and leaves the same block changed.
    server.execute(database, "update big set c = 'green' where i = 3001");

    Captured second = same(first);

    requireMethod(second, "full", "the server was restarted since the earlier snapshot");
  }

  private static void copy(Path from, Path to) throws Exception {
    String script = "rm -rf \"$2\"/* && cp -a \"$1\"/. \"$2\"";
    Process copying =
        new ProcessBuilder("sh", "-c", script, "sh", from.toString(), to.toString())
            .inheritIO()
            .start();
    assertThat(copying.waitFor()).isZero();
  }

  @Test
  void summariesThatAreGoneAreMissed() throws Exception {
    Captured first = capture(null);
    JsonObject log = log(first);
    server.execute(database, "update big set c = 'green' where i = 3000");
    awaitSummaries();
    try (Stream<Path> files = Files.list(server.dataDirectory().resolve("pg_wal/summaries"))) {
      String witness = log.object("witness").string("end");
      for (Path file : files.toList()) {
        if (!file.toString().endsWith(hex(witness) + ".summary")) {
          Files.deleteIfExists(file);
        }
      }
    }

    requireMethod(
        same(first),
        "counts",
        "the server's WAL summaries since the earlier snapshot are not all there"
            + " (wal_summary_keep_time)");
  }

  /** A server removes the oldest summaries, so what it has is of later. */
  @Test
  void aWitnessThatHasExpiredTellsNothing() throws Exception {
    Captured first = capture(null);
    JsonObject early = otherwise(otherwise(log(first), "start", "0/10"), "end", "0/20");

    Captured second = capture(first, withLog(first, early));

    requireMethod(
        second,
        "counts",
        "the server does not have the WAL summary any more that it had at the earlier snapshot"
            + " (wal_summary_keep_time)");
  }

  /**
   * As where a machine is put back to an earlier moment with its memory: it does not know of it,
   * and the transactions of now have numbers that others had at the earlier snapshot.
   */
  @Test
  void aServerWithOtherSummariesIsReadWhole() throws Exception {
    Captured first = capture(null);
    JsonObject log = log(first);
    String start = log.object("witness").string("start");
    long inside = LogPosition.parse(start) + 1;
    String between = "%X/%X".formatted(inside >> 32, inside & 0xffffffffL);
    for (JsonObject other :
        List.of(
            otherwise(log, "digest", "1 1"),
            otherwise(log, "modified", "2001-02-03 04:05:06+00"),
            otherwise(log, "end", between),
            otherwise(log, "end", "FFFFFF/0"),
            otherwise(otherwise(log, "start", "FFFFFE/0"), "end", "FFFFFF/0"))) {
      Captured second = capture(first, withLog(first, other));

      requireMethod(
          second,
          "full",
          "the server has other WAL summaries than at the earlier snapshot, so it has gone back in"
              + " time");
      assertThat(log(second).objects("samples")).hasSize(1);
    }
  }

  private static JsonObject log(Captured captured) {
    return captured.manifest().object("base").object("log");
  }

  /** A capture's manifest with something else about the log. */
  private static JsonObject withLog(Captured captured, JsonObject log) {
    JsonObject base = captured.manifest().object("base");
    return captured
        .manifest()
        .without(Set.of("base"))
        .put("base", base.without(Set.of("log")).put("log", log));
  }

  /** The same about the log with another witness. */
  private static JsonObject otherwise(JsonObject log, String member, String value) {
    JsonObject witness = log.object("witness").without(Set.of(member)).put(member, value);
    return log.without(Set.of("witness")).put("witness", witness);
  }

  private Captured capture(Captured parent, JsonObject manifest) {
    return capture(parent, manifest, Duration.ofDays(30), 0);
  }

  /** Places in the log of another history mean nothing in this one. */
  @Test
  void samplesOfAnotherHistoryAreForgotten() throws Exception {
    Captured first = capture(null);
    JsonObject strange = withLog(first, otherwise(log(first), "digest", "1 1"));
    try (Connection connection = server.connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute("begin");
      statement.execute("update big set c = 'green' where i = 3000");

      Captured second = capture(first, strange);

      assertThat(log(second).has("from")).isFalse();
      assertThat(log(second).objects("samples")).hasSize(1);
    }
  }

  private void awaitSummaries() throws InterruptedException {
    String place = server.queryOne(database, "select pg_current_wal_insert_lsn()");
    server.execute(database, "checkpoint");
    String summarized =
        "select summarized_lsn >= '" + place + "' from pg_get_wal_summarizer_state()";
    while (!"t".equals(server.queryOne(database, summarized))) {
      Thread.sleep(20);
    }
  }

  private static String hex(String place) {
    return String.format("%016X", LogPosition.parse(place));
  }

  @Test
  void aWrongReuseIsAnAlarmAndEverythingIsRead() throws Exception {
    Captured first = capture(null);
    server.execute(database, "update big set c = 'green' where i = 3000", "checkpoint");
    String later = server.queryOne(database, "select pg_current_wal_insert_lsn()");
    JsonObject log = log(first).without(Set.of("from")).put("from", later);

    Captured second = capture(first, withLog(first, log), Duration.ofDays(30), 1);

    assertThat(warnings).hasSize(1);
    requireText(second);
    assertThat(table(second, "big").string("method")).isEqualTo("full");
  }
}
