package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import stet.cli.Cutter.Direction;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * What may befall a restore: whatever it is, the live state is untouched, nothing half is left, and
 * the next restore works.
 */
@Timeout(1800)
class BadNightsIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private String database;
  private Tools tools;
  private DatabaseImage kept;
  private FilesImage keptFiles;
  private DatabaseImage live;
  private FilesImage liveFiles;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServer.start(PostgresServers.installedBinaries().orElseThrow(), Map.of());
    site = new Site(directory, server);
    tools = new Tools(directory.resolve("tools"));
    database = site.createDatabase("shop");
    server.execute(
        database,
        "create table t (id int primary key, v text)",
        "insert into t select i, repeat(md5(i::text), 10) from generate_series(1, 10000) i");
    Trees.makeMedia(site.live("media"), 1, 20, 20_000);
    site.configure(site.files("media"), site.postgres("default", database, tools));
    site.init();
    site.backup();
    kept = DatabaseImage.of(server, database);
    keptFiles = FilesImage.of(site.live("media"));
    server.execute(database, "update t set v = 'live' where id % 2 = 0");
    Trees.makeMedia(site.live("media"), 2, 10, 20_000);
    live = DatabaseImage.of(server, database);
    liveFiles = FilesImage.of(site.live("media"));
  }

  @AfterEach
  void close() {
    if (server != null) {
      server.close();
    }
  }

  private void requireUntouched() throws Exception {
    DatabaseImage.of(server, database).mustEqual(live);
    FilesImage.of(site.live("media")).mustEqual(liveFiles);
  }

  private void requireTheNextOneWorks() throws Exception {
    site.ok("restore", "--replace");
    DatabaseImage.of(server, database).mustEqual(kept);
    FilesImage.of(site.live("media")).mustEqual(keptFiles);
    assertThat(site.unfinished()).isEmpty();
  }

  /** Has the restore wait before it builds indexes, when all rows are loaded. */
  private Process restoreUntilItIsLoaded() throws Exception {
    tools.hold("pg_restore");
    Path program = tools.directory().resolve("pg_restore");
    String held = Files.readString(program);
    tools.wrap(
        "pg_restore",
        "case \"$*\" in *--section=post-data*) ;; *) exec \"$real\" \"$@\" ;; esac\n"
            + held.substring(held.indexOf("echo $$")));
    Process process = site.stet().start("stet.cli.Main", "restore", "--replace");
    process.getOutputStream().close();
    tools.awaitReached(process);
    return process;
  }

  private void refused(Stet.Result result, int status, String... words) {
    assertThat(result.status()).as("%s", result).isEqualTo(status);
    assertThat(result.error()).contains(words).doesNotContain("\tat ");
  }

  @Test
  void theServerIsRestarted() throws Exception {
    Process process = restoreUntilItIsLoaded();
    server.stop();
    server.start();
    tools.release();
    refused(Stet.end(process), 21, "stet: error: ");
    requireUntouched();
    assertThat(site.unfinished()).isEmpty();
    requireTheNextOneWorks();
  }

  @Test
  void theServerStopsAndStaysAway() throws Exception {
    Process process = restoreUntilItIsLoaded();
    server.stop();
    tools.release();
    refused(
        Stet.end(process),
        21,
        "stet: error: cannot restore the definitions (post-data) of default: ",
        " could not be removed: ");
    server.start();
    requireUntouched();
    assertThat(site.unfinished()).hasSize(1);
    requireTheNextOneWorks();
  }

  @Test
  void theSessionThatHoldsTheLockIsEnded() throws Exception {
    Process process = restoreUntilItIsLoaded();
    server.execute(
        "postgres", "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
    tools.release();
    refused(
        Stet.end(process),
        21,
        "stet: error: the lock of environment \"production\" was lost with its session: ",
        "\nhint: Another operation may have begun meanwhile");
    requireUntouched();
    assertThat(site.unfinished()).isEmpty();
    requireTheNextOneWorks();
  }

  @Test
  void theConnectionIsCutAtAnyByte() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (Cutter cutter = new Cutter(server.port())) {
      String through = server.url(database).replace(":" + server.port(), ":" + cutter.port());
      site.configure(site.files("media"), "{ postgres: default, url: \"" + through + "\" }");
      cutter.cutAfter(Direction.TO_SERVER, Long.MAX_VALUE);
      site.ok("restore", "--replace");
      long[] whole = {cutter.passed(Direction.TO_SERVER), cutter.passed(Direction.FROM_SERVER)};
      site.ok("rollback");
      site.ok("previous", "drop", "--all");
      for (int round = 0; round < 6; round++) {
        Direction direction = Direction.values()[round % 2];
        long at = random.nextLong(whole[direction.ordinal()]);
        String when = "seed " + seed + ", cut after " + at + " bytes " + direction;
        cutter.cutAfter(direction, at);
        Stet.Result result = site.run("restore", "--replace");
        assertThat(site.unfinished()).as("%s: %s", when, result).isEmpty();
        if (result.status() == 0) {
          // The swap's own connection was cut, and the server had done what was asked.
          DatabaseImage.of(server, database).mustEqual(kept);
          site.ok("rollback");
        } else {
          assertThat(cutter.hasCut()).as("%s: %s", when, result).isTrue();
          refused(result, 21, "stet: error: ");
        }
        requireUntouched();
        site.awaitUnlocked();
      }
      requireTheNextOneWorks();
    }
  }

  @Test
  void theRoleHasTimeoutsOfItsOwn() throws Exception {
    server.execute(
        "postgres",
        "create role hasty superuser login password 'x'",
        "alter role hasty set statement_timeout = '1s'",
        "alter role hasty set lock_timeout = '1s'",
        "alter role hasty set idle_in_transaction_session_timeout = '1s'");
    if (server.majorVersion() >= 14) {
      server.execute("postgres", "alter role hasty set idle_session_timeout = '1s'");
    }
    if (server.majorVersion() >= 17) {
      server.execute("postgres", "alter role hasty set transaction_timeout = '1s'");
    }
    server.execute(
        database,
        "create function slow(int) returns int language plpgsql immutable as"
            + " 'begin if $1 = 1 then perform pg_sleep(2); end if; return $1; end'",
        "create index on t (slow(id))");
    live = DatabaseImage.of(server, database);
    for (String program : List.of("pg_dump", "pg_restore")) {
      tools.wrap(program, "sleep 2\nexec \"$real\" \"$@\"");
    }
    site.configure(
        site.files("media"),
        "{ postgres: default, url: \""
            + server.url(database, "hasty", "x")
            + "\", tools: \""
            + tools.directory()
            + "\" }");
    site.backup();
    kept = live;
    keptFiles = liveFiles;
    server.execute(database, "delete from t where id > 1");
    requireTheNextOneWorks();
  }

  @Test
  void theServersDiskIsFull() throws Exception {
    Path place = server.socketDirectory().resolve("small");
    try (Disk disk = Disk.mount("size=200m,mode=0777", place)) {
      Path data = Files.createDirectory(place.resolve("data"));
      Trees.shell("chown --reference=\"$1\" -- \"$2\"", server.dataDirectory() + "", data + "");
      server.execute("postgres", "create tablespace small location '" + data + "'");
      server.execute(
          "postgres",
          "alter database " + PostgresServer.identifier(database) + " set tablespace small");
      server.execute(
          database,
          "create table large as select repeat(md5(i::text), 10) from generate_series(1, 90000) i");
      live = DatabaseImage.of(server, database);
      site.backup();
      kept = live;
      keptFiles = liveFiles;
      // Room for an empty database, but not for its rows.
      Trees.shell(
          "cd -- \"$1\"; free=$(df --output=avail -k . | tail -n 1);"
              + " fallocate -l $((free - 14000))K filler",
          disk.where().toString());
      refused(
          site.run("restore", "--replace"),
          21,
          "stet: error: ",
          "No space left on device",
          "\nhint: Check free disk space.");
      requireUntouched();
      assertThat(site.unfinished()).isEmpty();
      Files.delete(place.resolve("filler"));
      requireTheNextOneWorks();
      server.stop();
    }
  }

  @Test
  void theDiskOfTheDirectoryIsFullOrReadOnly() throws Exception {
    Trees.shell("rm -r -- \"$1\"", site.live("media").toString());
    try (Disk disk = Disk.mount("size=1m", site.live(""))) {
      Trees.makeMedia(site.live("media"), 1, 30, 20_000);
      liveFiles = FilesImage.of(site.live("media"));
      site.backup();
      kept = live;
      keptFiles = liveFiles;
      refused(
          site.run("restore", "--replace"),
          21,
          "no space left on device (ENOSPC)",
          "\nhint: Make room and try again.");
      requireUntouched();
      assertThat(site.unfinished()).isEmpty();
      disk.remount("size=10m,ro");
      refused(
          site.run("restore", "--replace"),
          21,
          "read-only file system (EROFS)",
          "\nhint: A directory is restored beside the live one, so " + directory.toRealPath());
      requireUntouched();
      assertThat(site.unfinished()).isEmpty();
      disk.remount("rw");
      requireTheNextOneWorks();
    }
  }
}
