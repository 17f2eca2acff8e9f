package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Restores a database from which others are fed by logical replication. */
class ReplicationSlotsIT {
  private static PostgresServer server;

  @TempDir Path directory;
  private Site site;
  private String database;

  @BeforeAll
  static void start() throws IOException {
    server = PostgresServers.startEmbedded(13, Map.of("wal_level", "logical"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @BeforeEach
  void begin() throws Exception {
    site = new Site(directory, server);
    database = site.createDatabase("shop");
    site.configure(site.postgres("default", database));
    site.init();
    server.execute(database, "create table t as select 1 as a", "create publication p for table t");
    site.ok("backup");
    server.execute(database, "select pg_create_logical_replication_slot('debezium', 'pgoutput')");
  }

  @AfterEach
  void end() {
    site.close();
  }

  private static List<String> slots() {
    return server.query("postgres", "select slot_name from pg_replication_slots");
  }

  @Test
  void asksForConsentOnlyAfterItHasToldOfThem() throws Exception {
    assertThat(site.run("restore", "latest").error())
        .containsSubsequence(
            "warning: replication slot \"debezium\" belongs to database \""
                + database
                + "\" and stays with it when it is replaced: what reads the slot cannot go on, and"
                + " the server keeps its log for it without limit; after the restore, drop it and"
                + " make it anew in the restored database",
            "is not empty");
  }

  @Test
  void tellsWhereTheyAreAfterTheSwapAndWhenTheyGo() throws Exception {
    Stet.Result restored = site.ok("restore", "latest", "--replace");
    String previous = site.beside().getFirst();
    assertThat(restored.error())
        .containsPattern(
            "warning: replication slot \"debezium\" has stayed with database \""
                + previous
                + "\", and the server keeps [0-9.]+ [KM]iB of its log for it and ever more: run"
                + " SELECT pg_drop_replication_slot\\('debezium'\\) there, and make it anew in"
                + " database \""
                + database
                + "\"\n");
    Stet.Result back = site.ok("rollback");
    assertThat(back.error()).doesNotContain("debezium");
    server.execute(
        database,
        "select pg_logical_slot_get_binary_changes('debezium', null, null,"
            + " 'proto_version', '1', 'publication_names', 'p')");
    site.ok("previous", "drop", "--all");

    site.ok("restore", "latest", "--replace");
    assertThat(site.run("previous", "drop", "--all").ok().error())
        .contains(
            "warning: replication slot \"debezium\" was dropped with database \""
                + database
                + ".previous-");
    assertThat(slots()).isEmpty();
  }

  @Test
  void theAdviceCanBeFollowed() throws Exception {
    site.ok("restore", "latest", "--replace");
    server.execute(site.beside().getFirst(), "SELECT pg_drop_replication_slot('debezium')");
    server.execute(database, "select pg_create_logical_replication_slot('debezium', 'pgoutput')");
    site.ok("previous", "drop", "--all");
    assertThat(slots()).containsExactly("debezium");
  }

  /** Begins to read the slot, which lies in a database of that name. */
  private Process read(String from) throws Exception {
    Process reader =
        new ProcessBuilder(
                PostgresServers.clientPrograms(13)
                    .orElseThrow()
                    .resolve("pg_recvlogical")
                    .toString(),
                "--dbname=" + server.url(from),
                "--slot=debezium",
                "--start",
                "--file=-",
                "--option=proto_version=1",
                "--option=publication_names=p")
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("reader").toFile())
            .start();
    while (server.query("postgres", "select from pg_replication_slots where active").isEmpty()) {
      assertThat(reader.isAlive()).as(Files.readString(directory.resolve("reader"))).isTrue();
      Thread.sleep(20);
    }
    return reader;
  }

  @Test
  void oneThatIsReadGoesWithItsDatabaseWhereStetMayEndTheReader() throws Exception {
    site.ok("restore", "latest", "--replace");
    for (int round = 0; round < 3; round++) {
      Process reader = read(site.beside().getFirst());
      try {
        site.ok("previous", "drop", "--all");
      } finally {
        reader.destroy();
        reader.waitFor();
      }
      assertThat(slots()).isEmpty();
      server.execute(database, "select pg_create_logical_replication_slot('debezium', 'pgoutput')");
      site.ok("restore", "latest", "--replace");
    }
  }

  @Test
  void oneThatIsReadByWhomStetMayNotEndIsNamedWhenItsDatabaseIsToBeDropped() throws Exception {
    server.execute(
        "postgres",
        "create role weak login createdb password 'x'",
        "alter database \"" + database + "\" owner to weak");
    server.execute(database, "drop publication p", "alter table t owner to weak");
    Files.delete(site.directory().resolve("stet.yaml"));
    site.configure("{ postgres: default, url: \"" + server.url(database, "weak", "x") + "\" }");
    site.ok("backup");
    site.ok("restore", "latest", "--replace");
    Process reader = read(site.beside().getFirst());
    try {
      Stet.Result refused = site.run("previous", "drop", "--all");
      String pid = server.queryOne("postgres", "select active_pid from pg_replication_slots");
      assertThat(refused.status()).isEqualTo(21);
      assertThat(refused.error())
          .contains(
              "\" cannot be dropped: server process "
                  + pid
                  + " reads its replication slot \"debezium\"",
              "hint: Stop what reads the slot; then it goes with the database.")
          .doesNotContain("was dropped");
    } finally {
      reader.destroy();
      reader.waitFor();
    }
    assertThat(site.ok("previous", "drop", "--all").error()).contains("\"debezium\" was dropped");
  }
}
