package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** The main job from end to end, with the real program on real servers and real input. */
class EndToEndIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  @Test
  void putsChinookBackAfterDamage() throws Exception {
    String database = Samples.chinook(site);
    Trees.makeMedia(site.live("media"), 1, 40, 20_000);
    site.configure(site.postgres("default", database), site.files("media"));
    DatabaseImage rows = DatabaseImage.of(server, database);
    FilesImage files = FilesImage.of(site.live("media"));
    site.init();
    site.backup();

    server.execute(
        database,
        "drop table invoice_line cascade",
        "update track set name = upper(name), milliseconds = milliseconds + 1 where track_id % 3 = 0",
        "delete from playlist_track where playlist_id = 1",
        "insert into artist (name) values ('nobody')");
    Trees.shell(
        "cd -- \"$1\"; rm -r folder-3; echo damaged >folder-1/file-1", site.live("media") + "");
    assertThat(DatabaseImage.of(server, database)).isNotEqualTo(rows);
    assertThat(FilesImage.of(site.live("media"))).isNotEqualTo(files);
    site.ok("restore", "--replace");

    DatabaseImage.of(server, database).mustEqual(rows);
    FilesImage.of(site.live("media")).mustEqual(files);
    assertThat(site.unfinished()).isEmpty();
  }

  @Test
  void putsPagilaBackAfterDamage() throws Exception {
    String database = Samples.pagila(site, 42);
    String view = "select * from rental_by_category order by category";
    site.configure(site.postgres("default", database));
    DatabaseImage rows = DatabaseImage.of(server, database);
    var category = server.query(database, view);
    assertThat(category).isNotEmpty();
    site.init();
    site.backup();

    server.execute(
        database,
        "drop table rental cascade",
        "truncate payment",
        "update film set title = 'gone' where film_id < 100",
        "select setval('film_film_id_seq', 7)",
        "drop function film_in_stock");
    site.ok("restore", "--replace");

    DatabaseImage.of(server, database).mustEqual(rows);
    assertThat(server.query(database, view)).isEqualTo(category);
  }

  @Test
  void putsTheShopBackAfterDamageAndTakesItBack() throws Exception {
    String database = site.createDatabase("shop");
    Samples.shop(server, database);
    Path media = site.live("media");
    Trees.makeEverything(media);
    site.configure(site.postgres("default", database), site.files("media"));
    String view = "select * from by_day order by at";
    DatabaseImage rows = DatabaseImage.of(server, database);
    var days = server.query(database, view);
    FilesImage files = FilesImage.of(media);
    site.init();
    site.backup();

    server.execute(
        database,
        "drop table orders cascade",
        "drop view rich",
        "update customers set name = 'corrupt' where id % 2 = 0",
        "delete from stock.products where price > 500",
        "select setval('down', -7)",
        "select lo_unlink(4243)",
        "select lo_put(4242, 0, 'x')",
        "alter type mood add value 'new'",
        "comment on database " + PostgresServer.identifier(database) + " is 'damaged'");
    Trees.damage(media);
    DatabaseImage damagedRows = DatabaseImage.of(server, database);
    FilesImage damagedFiles = FilesImage.of(media);
    site.ok("restore", "--replace");

    DatabaseImage.of(server, database).mustEqual(rows);
    assertThat(server.query(database, view)).isEqualTo(days);
    FilesImage.of(media).mustEqual(files);
    assertThat(site.unfinished()).isEmpty();

    site.ok("rollback");
    DatabaseImage.of(server, database).mustEqual(damagedRows);
    FilesImage.of(media).mustEqual(damagedFiles);

    site.ok("rollback", "--last");
    DatabaseImage.of(server, database).mustEqual(rows);
    FilesImage.of(media).mustEqual(files);
    assertThat(site.beside()).isNotEmpty();

    site.ok("previous", "drop", "--all");
    assertThat(site.beside()).isEmpty();
    assertThat(site.live("")).isDirectoryNotContaining(path -> !path.equals(media));
  }

  /** What the components of {@link #configureFour} are. */
  private record Four(
      DatabaseImage main, FilesImage media, FilesImage avatars, DatabaseImage extra) {
    void mustEqual(Four expected) {
      main.mustEqual(expected.main);
      media.mustEqual(expected.media);
      avatars.mustEqual(expected.avatars);
      extra.mustEqual(expected.extra);
    }
  }

  private String main;
  private String extra;

  /** Two databases and two trees, sets inside sets. */
  private void configureFour() throws Exception {
    main = site.createDatabase("main");
    extra = site.createDatabase("extra");
    server.execute(
        main,
        "create table documents (id int primary key, file text)",
        "insert into documents select i, 'folder-' || i % 7 || '/file-' || i from generate_series(0, 29) i");
    server.execute(extra, "create table events (n int)", "insert into events values (1), (2)");
    Trees.makeMedia(site.live("media"), 7, 30, 4000);
    Trees.makeMedia(site.live("avatars"), 8, 3, 100);
    site.configure(
        site.postgres("main", main),
        "{ set: uploads, state: [ "
            + site.files("media")
            + ", { set: deep, state: [ "
            + site.files("avatars")
            + " ] } ] }",
        site.postgres("extra", extra));
    site.init();
  }

  private Four four() {
    return new Four(
        DatabaseImage.of(server, main),
        FilesImage.of(site.live("media")),
        FilesImage.of(site.live("avatars")),
        DatabaseImage.of(server, extra));
  }

  private void changeFour() throws Exception {
    server.execute(main, "update documents set file = 'changed'", "create table added (a int)");
    server.execute(extra, "truncate events");
    Trees.shell("cd -- \"$1\"; rm -r folder-2; echo new >added", site.live("media").toString());
    Trees.shell("cd -- \"$1\"; : >folder-0/file-0", site.live("avatars").toString());
  }

  @Test
  void putsNestedSetsBackTogetherOrInPart() throws Exception {
    configureFour();
    Four old = four();
    String first = site.backup();
    changeFour();
    Four changed = four();
    String second = site.backup("--tag", "one,two", "--tag", "three");
    assertThat(site.snapshots()).containsExactly(first, second);

    site.ok("restore", first, "--only", "avatars,main", "--replace");
    four().mustEqual(new Four(old.main, changed.media, old.avatars, changed.extra));

    JsonObject listed = site.json("previous", "list").objects("previous").getFirst();
    assertThat(listed.strings("components")).containsExactly("main", "avatars");
    assertThat(listed.strings("missing")).isEmpty();
    assertThat(listed.string("replaced_by")).isEqualTo(first);

    Stet.Result refused = site.run("rollback", "--to", second.substring(0, 10));
    assertThat(refused.status()).isEqualTo(24);
    assertThat(refused.error())
        .contains(" are not empty\nhint: Give --replace to replace; what is there is kept");
    site.ok("rollback", "--to", second.substring(0, 10), "--replace");
    four().mustEqual(changed);

    site.ok("restore", first, "--replace");
    four().mustEqual(old);

    List<JsonObject> all = site.json("previous", "list").objects("previous");
    assertThat(all).hasSize(3);
    assertThat(all.get(1).strings("components"))
        .containsExactly("main", "media", "avatars", "extra");
    site.ok("previous", "drop", all.get(1).string("operation"));
    assertThat(site.json("previous", "list").objects("previous"))
        .extracting(each -> each.string("operation"))
        .containsExactly(all.get(0).string("operation"), all.get(2).string("operation"));

    site.ok("rollback");
    four().mustEqual(changed);
    assertThat(site.unfinished()).isEmpty();
  }

  @Test
  void writesIntoADirectoryWithoutTouchingAnything() throws Exception {
    configureFour();
    Four state = four();
    String snapshot = site.backup();
    Path all = directory.resolve("all");
    Path part = directory.resolve("part");

    site.ok("restore", "--to-dir", all.toString());
    site.ok("restore", "--to-dir", part.toString(), "--only", "media");

    FilesImage.of(all.resolve("media")).mustEqual(state.media);
    FilesImage.of(all.resolve("avatars")).mustEqual(state.avatars);
    assertThat(all.resolve("stet.json")).isRegularFile();
    assertThat(all.resolve("main/load.sql")).isRegularFile();
    assertThat(part).isDirectoryContaining(path -> path.endsWith("media"));
    FilesImage.of(part.resolve("media")).mustEqual(state.media);
    assertThat(part.resolve("main")).doesNotExist();
    // Rows of a database are for nobody else.
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(all)))
        .isEqualTo("rwx------");
    Path own = Files.createDirectory(directory.resolve("own"));
    Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-x---"));
    site.ok("restore", "--to-dir", own.toString(), "--path", "/stet.json");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(own)))
        .isEqualTo("rwxr-x---");
    four().mustEqual(state);
    assertThat(site.beside()).isEmpty();

    Stet.Result again = site.run("restore", snapshot, "--to-dir", all.toString());
    assertThat(again.status()).isEqualTo(24);
    assertThat(again.error()).startsWith("stet: error: directory " + all + " is not empty\nhint: ");
  }

  @Test
  void putsEverythingBackWhereNothingIsLeft() throws Exception {
    configureFour();
    Four state = four();
    site.backup();
    server.dropDatabase(main);
    server.dropDatabase(extra);
    Trees.shell("rm -r -- \"$@\"", site.live("media").toString(), site.live("avatars").toString());

    Stet.Result failed = site.run("backup");
    assertThat(failed.status()).isEqualTo(21);
    JsonObject summary = site.json("restore");

    four().mustEqual(state);
    assertThat(summary.strings("components")).containsExactly("main", "media", "avatars", "extra");
    assertThat(summary.strings("previous")).isEmpty();
    assertThat(site.beside()).isEmpty();
    assertThat(site.snapshots()).hasSize(1);
  }

  @Test
  void putsADatabaseBackOnAnotherServer() throws Exception {
    String database = site.createDatabase("shop");
    Samples.shop(server, database);
    site.configure(site.postgres("default", database));
    site.init();
    site.backup();
    try (PostgresServer other =
        PostgresServer.start(PostgresServers.installedBinaries().orElseThrow(), Map.of())) {
      site.configure("{ postgres: default, url: \"" + other.url(database) + "\" }");

      site.ok("restore");

      DatabaseImage.of(other, database).mustEqual(DatabaseImage.of(server, database));
      assertThat(
              other.query(
                  "postgres",
                  "select rolname, rolcanlogin from pg_roles where rolname ~ '^shop_' order by 1"))
          .isEqualTo(
              server.query(
                  "postgres",
                  "select rolname, rolcanlogin from pg_roles where rolname ~ '^shop_' order by 1"));
    }
  }

  @Test
  void asksForTheNameOfAProtectedEnvironmentAndSavesItFirst() throws Exception {
    String database = site.createDatabase("guarded");
    server.execute(database, "create table t (v text)", "insert into t values ('old')");
    Files.createDirectory(site.live("media"));
    Files.writeString(site.live("media").resolve("file"), "old");
    site.configureProtected(site.postgres("default", database), site.files("media"));
    site.init();
    String old = site.backup();
    server.execute(database, "update t set v = 'new'");
    Files.writeString(site.live("media").resolve("file"), "new");

    for (String[] refused :
        List.of(
            new String[] {"restore", "--replace"},
            new String[] {"restore", "--replace", "--confirm", "Production"},
            new String[] {"restore", "--confirm", "production"},
            new String[] {"rollback", "--to", "latest", "--replace"},
            new String[] {"rollback", "--to", "latest", "--confirm", "production"},
            new String[] {"rollback"})) {
      Stet.Result result = site.run(refused);
      assertThat(result.status()).as("%s", List.of(refused)).isEqualTo(24);
      assertThat(result.error()).contains("\nhint: Give --");
    }
    assertThat(server.queryOne(database, "select v from t")).isEqualTo("new");
    assertThat(site.snapshotFiles()).hasSize(1);

    site.ok("restore", old, "--replace", "--confirm", "production");
    assertThat(server.queryOne(database, "select v from t")).isEqualTo("old");
    assertThat(site.live("media").resolve("file")).hasContent("old");
    List<JsonObject> all = site.json("snapshots").objects("snapshots");
    assertThat(all).hasSize(2);
    assertThat(all.getLast().strings("tags")).contains("before-restore");
    // It is not the latest: a second restore would bring back what the first one undid.
    String latest =
        "the latest backup is "
            + old.substring(0, 8)
            + "; snapshot "
            + all.getLast().string("short_id")
            + " is newer, but was made of what a restore replaced\n";
    assertThat(site.run("restore", "--replace").error()).startsWith(latest);
    assertThat(site.json("status").string("snapshot_id")).isEqualTo(old);
    assertThat(site.run("ls", "latest@production").error()).startsWith(latest);

    site.ok("previous", "drop", "--all");
    site.ok("rollback", "--to", all.getLast().string("id"), "--replace", "--confirm", "production");
    assertThat(server.queryOne(database, "select v from t")).isEqualTo("new");
    assertThat(site.live("media").resolve("file")).hasContent("new");
  }

  @Test
  void leavesAloneWhatOnlyLooksLikeItsOwn() throws Exception {
    String database = site.createDatabase("shop");
    server.execute(database, "create table t (v text)", "insert into t values ('old')");
    Path media = site.live("media");
    Files.createDirectory(media);
    Files.writeString(media.resolve("file"), "old");
    List<String> names = List.of(".previous-20240601", ".staging-20240601");
    for (String name : names) {
      server.createDatabase(database + name);
      server.execute(database + name, "create table kept ()");
      Files.createDirectory(site.live("media" + name));
      Files.writeString(site.live("media" + name).resolve("file"), "kept");
    }
    List<String> strangers = site.beside();
    assertThat(strangers).hasSize(4);
    site.configure(site.postgres("default", database), site.files("media"));
    site.ok("init");
    site.backup();

    site.ok("restore", "--replace");
    site.ok("rollback");
    assertThat(site.json("previous", "list").objects("previous")).hasSize(1);
    site.ok("previous", "drop", "--all");
    assertThat(site.json("restore", "--abort").strings("undone")).isEmpty();

    assertThat(site.beside()).isEqualTo(strangers);
    for (String name : names) {
      assertThat(server.queryOne(database + name, "select count(*) from kept")).isEqualTo("0");
      assertThat(site.live("media" + name).resolve("file")).hasContent("kept");
    }
  }

  @Test
  void aRollbackTakesAwayWhatWasNotThereBefore() throws Exception {
    String database = site.createDatabase("shop");
    server.execute(database, "create table t (v text)", "insert into t values ('old')");
    Path media = site.live("media");
    Files.createDirectory(media);
    site.configure(site.files("media"), site.postgres("default", database));
    site.init();
    site.backup();
    server.dropDatabase(database);

    site.ok("restore", "--replace");
    assertThat(server.queryOne(database, "select v from t")).isEqualTo("old");
    site.ok("rollback");
    assertThat(server.databases()).doesNotContain(database);
    assertThat(media).exists();
    site.ok("rollback");
    assertThat(server.queryOne(database, "select v from t")).isEqualTo("old");
    assertThat(site.unfinished()).isEmpty();
  }

  @Test
  void directoriesAreLockedAgainstOtherUsersToo() throws Exception {
    Path media = site.live("media");
    Files.createDirectory(media);
    Files.writeString(media.resolve("file"), "old");
    site.configure(site.files("media"));
    site.init();
    site.backup();
    List<String> command =
        new ArrayList<>(List.of("flock", media.toString(), "sh", "-c", "echo held; cat"));
    if (System.getProperty("user.name").equals("root")) {
      Trees.shell("cd -- \"$1\" && chmod go+rx . live live/media", directory.toString());
      command.addAll(0, List.of("setpriv", "--reuid=65534", "--clear-groups"));
    }
    Process other = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (var input = other.outputWriter();
        var output = other.inputReader()) {
      assertThat(output.readLine()).isEqualTo("held");
      for (String[] refused : List.of(new String[] {"backup"}, new String[] {"restore"})) {
        Stet.Result result = site.run(refused);
        assertThat(result.status()).isEqualTo(11);
        assertThat(result.error())
            .startsWith(
                "stet: error: another operation works on directory " + media + ": process ");
      }
    } finally {
      // It ends with its child, which has the lock too, and that with its input.
      other.waitFor();
    }
    site.ok("restore", "--replace");
    assertThat(site.directory().resolve("state")).doesNotExist();
  }

  @Test
  void writesNothingInADryRun() throws Exception {
    configureFour();
    site.backup();
    changeFour();
    Four state = four();
    FilesImage repository = site.repositoryImage();

    JsonObject summary = site.json("backup", "-n");
    Stet.Result told = site.ok("backup", "--dry-run");

    assertThat(summary.flag("dry_run", false)).isTrue();
    assertThat(summary.objects("components"))
        .extracting(each -> each.string("name"))
        .containsExactly("main", "media", "avatars", "extra");
    assertThat(told.error()).contains("nothing was written");
    site.repositoryImage().mustEqual(repository);
    four().mustEqual(state);

    server.dropDatabase(extra);
    assertThat(site.run("backup", "-n").status()).isEqualTo(21);
    site.repositoryImage().mustEqual(repository);
  }

  private String method() throws Exception {
    return JsonObject.parse(site.ok("dump", "latest", "/stet.json").output())
        .objects("components")
        .getFirst()
        .object("details")
        .objects("tables")
        .getFirst()
        .string("method");
  }

  @Test
  void readsNoUnchangedRowsAgainUnlessToldTo() throws Exception {
    String database = site.createDatabase("rows");
    site.server()
        .execute(
            database,
            "create table t as select i, repeat(md5(i::text), 8) v from generate_series(1, 20000) i");
    site.configure(site.postgres("default", database));
    site.init();
    site.backup();
    assertThat(method()).isEqualTo("full");
    site.backup();
    assertThat(method()).isEqualTo("counts");
    site.backup("--full");
    assertThat(method()).isEqualTo("full");
    site.server().execute(database, "update t set v = 'changed' where i = 7000");
    String rows = site.server().dumpSortedData(database);
    site.backup();
    assertThat(method()).isEqualTo("counts");

    site.ok("restore", "--replace");

    assertThat(site.server().dumpSortedData(database)).isEqualTo(rows);
    assertThat(site.json("prove").flag("passed", false)).isTrue();
  }

  @Test
  void storesAndLoadsNoFasterThanToldTo() throws Exception {
    Path media = Files.createDirectories(site.live("media"));
    byte[] noise = new byte[1 << 20];
    new Random(5).nextBytes(noise);
    Files.write(media.resolve("noise"), noise);
    site.configure(site.files("media"));
    site.init();

    long begin = System.nanoTime();
    site.backup("--limit-upload", "1024");
    assertThat(System.nanoTime() - begin).isGreaterThan(1_000_000_000L);

    Files.delete(media.resolve("noise"));
    begin = System.nanoTime();
    site.ok("restore", "--replace", "--limit-download", "1024");
    assertThat(System.nanoTime() - begin).isGreaterThan(1_000_000_000L);
    assertThat(media.resolve("noise")).hasBinaryContent(noise);
  }

  @Test
  void readsNoUnchangedFileAgain() throws Exception {
    Path media = site.live("media");
    Trees.makeMedia(media, 11, 60, 50_000);
    site.configure(site.files("media"));
    site.init();
    // A change that is less than a minute old may not be all that was changed, so it is read again.
    Thread.sleep(61_000);
    JsonObject first = site.json("backup");
    Files.writeString(media.resolve("folder-1/file-1"), "changed");

    Path trace = directory.resolve("trace");
    boolean traced = Files.isExecutable(Path.of("/usr/bin/strace"));
    Process process =
        site.stet()
            .startUnder(
                traced
                    ? List.of(
                        "/usr/bin/strace", "-f", "-e", "trace=openat,open", "-o", trace.toString())
                    : List.of(),
                "stet.cli.Main",
                "backup",
                "--json");
    process.getOutputStream().close();
    JsonObject second = Stet.end(process).ok().document();

    assertThat(first.integer("data_added")).isGreaterThan(500_000);
    assertThat(second.integer("data_added")).isLessThan(30_000);
    assertThat(second.string("parent")).isEqualTo(first.string("snapshot_id"));
    String manifest = site.ok("dump", "latest", "/stet.json").output();
    JsonObject details =
        JsonObject.parse(manifest).objects("components").getFirst().object("details");
    assertThat(details.integer("files")).isEqualTo(60);
    assertThat(details.integer("unchanged")).isEqualTo(59);
    if (traced) {
      List<String> opened =
          Files.readAllLines(trace, StandardCharsets.ISO_8859_1).stream()
              .filter(line -> line.contains("\"file-"))
              .toList();
      assertThat(opened).singleElement().asString().contains("\"file-1\"");
    }
  }
}
