package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * Restores in place from end to end, by a role that owns its database and may create none, with a
 * directory beside it.
 */
class InPlaceIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private String role;
  private String database;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    role = "customer_" + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
    server.execute("postgres", "create role " + role + " login password 'x'");
    database = site.createDatabase("managed");
    server.execute(
        "postgres", "alter database " + PostgresServer.identifier(database) + " owner to " + role);
    execute(
        "create table documents (id int primary key, file text)",
        "insert into documents select i, 'folder-' || i % 7 || '/file-' || i from"
            + " generate_series(0, 29) i",
        "create materialized view numbers as select count(*) as n from documents",
        "select lo_from_bytea(4242, 'abc')");
    Trees.makeMedia(site.live("media"), 7, 30, 4000);
    site.configure(managed("default", database), site.files("media"));
    site.init();
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
      server.execute("postgres", "drop role " + role);
    }
  }

  private String managed(String component, String name) {
    return "{ postgres: " + component + ", url: \"" + server.url(name, role, "x") + "\" }";
  }

  private void execute(String... statements) {
    List<String> all = new ArrayList<>(List.of("set session authorization " + role));
    all.addAll(List.of(statements));
    server.execute(database, all.toArray(String[]::new));
  }

  private void damage() throws Exception {
    execute(
        "drop table documents cascade",
        "create table added (a int)",
        "insert into added values (1)",
        "select lo_unlink(4242)");
    Trees.shell("cd -- \"$1\"; rm -r folder-2; echo new >added", site.live("media").toString());
  }

  private record State(DatabaseImage rows, FilesImage files) {
    void mustEqual(State expected) {
      rows.mustEqual(expected.rows);
      files.mustEqual(expected.files);
    }
  }

  private State state() {
    return new State(DatabaseImage.of(server, database), FilesImage.of(site.live("media")));
  }

  @Test
  void aDatabaseAndADirectoryComeBackAndAreRolledBack() throws Exception {
    State kept = state();
    String snapshot = site.backup();
    damage();
    State damaged = state();

    Stet.Result refused = site.run("restore", snapshot, "--replace");
    assertThat(refused.status()).isEqualTo(21);
    assertThat(refused.error()).contains("may not create databases").contains("--in-place");
    assertThat(site.run("restore", snapshot, "--in-place").status()).isEqualTo(24);
    state().mustEqual(damaged);

    JsonObject restored = site.json("restore", snapshot, "--in-place", "--replace");
    state().mustEqual(kept);
    assertThat(restored.strings("components")).containsExactly("default", "media");
    assertThat(restored.strings("previous")).containsExactly("media");
    assertThat(site.snapshots()).containsExactly(snapshot, restored.string("saved_snapshot_id"));

    JsonObject back = site.json("rollback");
    state().mustEqual(damaged);
    assertThat(back.string("undone")).isEqualTo(restored.string("operation"));
    assertThat(back.strings("components")).containsExactlyInAnyOrder("default", "media");

    site.ok("rollback");
    state().mustEqual(kept);

    // A swap that came later is what a rollback undoes first.
    damage();
    State later = state();
    site.ok("restore", snapshot, "--only", "media", "--replace");
    site.ok("rollback");
    state().mustEqual(later);
    assertThat(site.unfinished()).isEmpty();
  }

  @Test
  void aRestoreThatIsKilledInTheMiddleLeavesTheLiveState() throws Exception {
    String snapshot = site.backup();
    damage();
    execute("create materialized view seen as select count(*) as n from added");
    State live = state();
    Process process;
    try (Connection other = server.connect(database);
        Statement statement = other.createStatement()) {
      // Reading this keeps it from being dropped, when tables are locked already.
      other.setAutoCommit(false);
      statement.execute("select * from seen");
      process = site.stet().start("stet.cli.Main", "restore", snapshot, "--in-place", "--replace");
      process.getOutputStream().close();
      while (server
          .query(
              database,
              "select 1 from pg_locks where not granted and relation in ('seen'::regclass,"
                  + " 'added'::regclass)")
          .isEmpty()) {
        assertThat(process.isAlive()).isTrue();
        Thread.sleep(5);
      }
      assertThat(
              server.query(
                  database,
                  "select 1 from pg_locks where granted and mode = 'AccessExclusiveLock' and"
                      + " relation = 'added'::regclass"))
          .isNotEmpty();
      process.destroyForcibly().waitFor();
    }
    while (!server
        .query("postgres", "select 1 from pg_stat_activity where usename = '" + role + "'")
        .isEmpty()) {
      Thread.sleep(5);
    }
    state().mustEqual(live);
    assertThat(site.json("restore", "--abort").strings("undone")).hasSize(1);
    state().mustEqual(live);
    assertThat(site.beside()).isEmpty();
    // Nothing was restored, so the snapshot it took first is nothing to go back to.
    assertThat(site.run("rollback").error()).contains("there is no previous state");
    state().mustEqual(live);
    site.ok("restore", snapshot, "--in-place", "--replace");
  }

  @Test
  void aRollbackInPlaceIsWholeOrNotAtAll() throws Exception {
    String snapshot = site.backup();
    damage();
    State damaged = state();
    JsonObject restored = site.json("restore", snapshot, "--in-place", "--replace");
    State kept = state();

    // Without the repository the directory alone could be put back.
    Path away = site.repository().resolveSibling("away");
    Files.move(site.repository(), away);
    Stet.Result half = site.run("rollback");
    assertThat(half.status()).isEqualTo(10);
    assertThat(half.error()).contains(site.repository().toString());
    state().mustEqual(kept);
    Files.move(away, site.repository());

    // And without the directory's previous state the database alone.
    site.ok("previous", "drop", restored.string("operation"));
    Stet.Result refused = site.run("rollback");
    assertThat(refused.status()).isEqualTo(1);
    String saved = restored.string("saved_snapshot_id");
    assertThat(refused.error())
        .contains(
            "the previous state of operation "
                + restored.string("operation")
                + " is no longer whole: it lacks media")
        .contains("stet restore " + saved.substring(0, 8));
    state().mustEqual(kept);
    site.ok("restore", saved, "--in-place", "--replace");
    state().mustEqual(damaged);
  }

  /** A rollback would leave it there, as no previous state could tell that nothing was there. */
  @Test
  void aDirectoryThatIsGoneIsNotRestoredWithWhatARollbackWouldPutBack() throws Exception {
    String snapshot = site.backup();
    State kept = state();
    damage();
    Trees.shell("rm -r \"$1\"", site.live("media").toString());
    DatabaseImage rows = DatabaseImage.of(server, database);

    Stet.Result refused = site.run("restore", snapshot, "--in-place", "--replace");
    assertThat(refused.status()).isEqualTo(24);
    assertThat(refused.error())
        .contains("must be captured first, and cannot be: cannot open " + site.live("media"));
    DatabaseImage.of(server, database).mustEqual(rows);
    assertThat(site.live("media")).doesNotExist();
    assertThat(site.beside()).isEmpty();

    Files.createDirectory(site.live("media"));
    State emptied = state();
    site.ok("restore", snapshot, "--in-place", "--replace");
    state().mustEqual(kept);
    site.ok("rollback");
    state().mustEqual(emptied);
  }

  @Test
  void whatLiesBesideIsPutBackWithoutRepositoryOrDatabase() throws Exception {
    server.execute("postgres", "alter role " + role + " createdb");
    String snapshot = site.backup();
    damage();
    State damaged = state();
    site.ok("restore", snapshot, "--replace");
    State kept = state();
    Path away = site.repository().resolveSibling("away");
    Files.move(site.repository(), away);
    Stet.Result back = site.ok("rollback");
    assertThat(back.error()).contains("cannot see whether a restore in place came after operation");
    state().mustEqual(damaged);
    Files.move(away, site.repository());
    assertThat(site.ok("rollback").error()).doesNotContain("cannot see whether");
    state().mustEqual(kept);

    // A restore in place is known of, but the database that could tell of it is gone.
    site.ok("restore", snapshot, "--in-place", "--replace");
    site.ok("restore", snapshot, "--replace");
    server.dropDatabase(database);
    back = site.ok("rollback");
    assertThat(back.error()).contains("cannot see whether a restore in place came after operation");
    state().mustEqual(kept);
  }

  @Test
  void twoDatabasesInPlaceAreRefused() throws Exception {
    String second = site.createDatabase("second");
    server.execute(
        "postgres", "alter database " + PostgresServer.identifier(second) + " owner to " + role);
    site.configure(managed("default", database), managed("other", second), site.files("media"));
    site.backup();
    Stet.Result refused = site.run("restore", "--in-place", "--replace");
    assertThat(refused.status()).isEqualTo(2);
    assertThat(refused.error())
        .contains("components default, other would be restored in place, but only one can be");
    assertThat(site.run("restore", "--in-place", "--only", "media").error())
        .contains("none of the components to restore can be restored in place");
    site.ok("restore", "--in-place", "--replace", "--only", "other,media");
  }
}
