package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;
import stet.testkit.Restic;

/** The behaviour of the systems that came before, case by case. */
class AcceptanceIT {
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

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  /** 12. */
  @Test
  void walksTheTree() throws Exception {
    List<Path> trees = List.of(site.live("top"), site.live("inner"), site.live("innermost"));
    for (Path tree : trees) {
      Trees.makeEverything(tree);
    }
    site.configure(
        site.files("top"),
        "{ set: outer, state: [ "
            + site.files("inner")
            + ", { set: deep, state: [ "
            + site.files("innermost")
            + " ] } ] }");
    List<FilesImage> images = trees.stream().map(FilesImage::of).toList();
    site.init();
    site.backup();
    for (Path tree : trees) {
      Trees.damage(tree);
    }

    site.ok("restore", "--replace");

    for (int i = 0; i < trees.size(); i++) {
      FilesImage.of(trees.get(i)).mustEqual(images.get(i));
    }
  }

  /** 13. */
  @Test
  void ordersAsDeclared() throws Exception {
    String database = site.createDatabase("three");
    write(site.live("one/file"), "1");
    write(site.live("two/file"), "2");
    site.configure(site.files("two"), site.postgres("three", database), site.files("one"));
    site.init();

    Stet.Result result = site.ok("backup", "-v");

    assertThat(result.error().lines().filter(line -> line.startsWith("capturing ")))
        .containsExactly("capturing two", "capturing three", "capturing one");
    JsonObject manifest = JsonObject.parse(site.ok("dump", "latest", "stet.json").output());
    assertThat(manifest.objects("components"))
        .extracting(component -> component.string("name"))
        .containsExactly("two", "three", "one");
  }

  /** 14. */
  @Test
  void asksBeforeItOverwrites() throws Exception {
    Path media = site.live("media");
    write(media.resolve("kept"), "kept");
    site.configure(site.files("media"));
    site.init();
    site.backup();
    write(media.resolve("later/added"), "added");
    Object inode = Files.getAttribute(media, "unix:ino");
    FilesImage live = FilesImage.of(media);

    Stet.Result refused = site.run("restore");

    assertThat(refused.status()).isEqualTo(24);
    assertThat(refused.error())
        .isEqualTo(
            "stet: error: directory "
                + media
                + " is not empty\n"
                + "hint: Give --replace to replace; what is there is kept and can be put back by `stet"
                + " rollback`.\n");
    assertThat(Files.getAttribute(media, "unix:ino")).isEqualTo(inode);
    FilesImage.of(media).mustEqual(live);

    site.ok("restore", "--replace");
    assertThat(media.resolve("later")).doesNotExist();
    assertThat(media.resolve("kept")).hasContent("kept");

    site.ok("rollback");
    assertThat(Files.getAttribute(media, "unix:ino")).isEqualTo(inode);
    FilesImage.of(media).mustEqual(live);
  }

  /** 17. */
  @Test
  void prefixIsNotAName() throws Exception {
    String shop = site.createDatabase("shop");
    String shop2 = site.adopt(shop + "2");
    server.createDatabase(shop2);
    for (String database : List.of(shop, shop2)) {
      server.execute(database, "create table t (v text)", "insert into t values ('old')");
    }
    write(site.live("media/file"), "old");
    write(site.live("media2/file"), "old");
    site.configure(
        site.files("media2"),
        site.postgres("shop2", shop2),
        site.files("media"),
        site.postgres("shop", shop));
    site.init();
    site.backup();
    for (String database : List.of(shop, shop2)) {
      server.execute(database, "update t set v = 'new'");
    }
    write(site.live("media/file"), "new");
    write(site.live("media2/file"), "new");

    site.ok("restore", "--only", "media,shop", "--replace");

    assertThat(site.live("media/file")).hasContent("old");
    assertThat(server.queryOne(shop, "select v from t")).isEqualTo("old");
    assertThat(site.live("media2/file")).hasContent("new");
    assertThat(server.queryOne(shop2, "select v from t")).isEqualTo("new");

    site.ok("restore", "--only", "media2,shop2", "--replace");
    List<JsonObject> previous = site.json("previous", "list").objects("previous");
    assertThat(previous.get(0).strings("components")).containsExactly("media", "shop");
    assertThat(previous.get(1).strings("components")).containsExactly("media2", "shop2");
    site.ok("previous", "drop", previous.get(0).string("operation"));
    assertThat(site.json("previous", "list").objects("previous"))
        .singleElement()
        .matches(left -> left.strings("components").equals(List.of("media2", "shop2")));
    site.ok("rollback");
    assertThat(server.queryOne(shop2, "select v from t")).isEqualTo("new");
    assertThat(site.live("media2/file")).hasContent("new");
    assertThat(server.queryOne(shop, "select v from t")).isEqualTo("old");
    assertThat(site.live("media/file")).hasContent("old");

    Path extracted = directory.resolve("extracted");
    site.ok("restore", "--only", "media", "--to-dir", extracted.toString());
    assertThat(extracted.resolve("media/file")).hasContent("old");
    assertThat(extracted.resolve("media2")).doesNotExist();
    assertThat(site.run("restore", "--only", "medi", "--replace").status()).isEqualTo(1);
  }

  /** 21. */
  @Test
  void passwordStaysSecret() throws Exception {
    String password = "Geheim-7f3a\\:9'c\"d e";
    String database = site.createDatabase("secrets");
    String role = database.replace("secrets", "secret_role");
    server.execute(
        "postgres",
        "create role \""
            + role
            + "\" superuser login password '"
            + password.replace("'", "''")
            + "'");
    server.execute(
        database,
        "create table t (v text)",
        "insert into t select 'v' || i from generate_series(1, 5000) i");
    write(site.live("media/file"), "x");
    String url = server.url(database, role, password);
    site.configure("{ postgres: default, url: \"" + url + "\" }", site.files("media"));
    // As it stands in the file, as the server gets it, and as it stands in a password file.
    List<String> words =
        List.of(
            password,
            url.substring(url.indexOf(role) + role.length() + 1, url.indexOf('@')),
            password.replace("\\", "\\\\").replace(":", "\\:"),
            "Geheim-7f3a",
            Site.PASSWORD,
            "correct horse");
    StringBuilder said = new StringBuilder();
    try (Spy spy = new Spy(words)) {
      String[][] commands = {
        {"config", "show", "-v"},
        {"init", "-v"},
        {"backup", "-v"},
        {"restore", "-v"},
        {"restore", "-v", "--replace"},
        {"rollback", "-v"},
        {"previous", "list", "-v"},
        {"previous", "drop", "--all", "-v"},
        {"check", "--read-data", "-v"},
        {"ls", "latest", "-v"},
        {"dump", "latest", "/stet.json", "-v"},
        {"restore", "-v", "--to-dir", "extracted"},
        {"snapshots", "-v"},
        {"unlock", "-v"},
        {"restore", "nothing", "-v", "--json"},
      };
      for (String[] command : commands) {
        Stet.Result result = site.run(command);
        said.append(result.output()).append(result.error());
      }
      // A look may miss a program that runs for a moment only.
      for (int more = 0;
          more < 50 && !spy.programs().containsAll(List.of("pg_dump", "pg_restore"));
          more++) {
        site.backup();
        site.ok("restore", "--replace");
      }
      // What fails because of the very connection says much; none of it may be the password.
      server.execute("postgres", "alter role \"" + role + "\" password 'another'");
      for (String[] command :
          List.of(
              new String[] {"backup", "-v"},
              new String[] {"restore", "--replace", "-v", "--json"})) {
        Stet.Result result = site.run(command);
        assertThat(result.status()).isEqualTo(21);
        said.append(result.output()).append(result.error());
      }
      site.configure(
          "{ postgres: default, url: \"" + url.replace("127.0.0.1", "nowhere.invalid") + "\" }");
      Stet.Result unreachable = site.run("backup", "-v");
      assertThat(unreachable.status()).isEqualTo(21);
      said.append(unreachable.output()).append(unreachable.error());
      site.configure(
          "{ postgres: default, url: \""
              + url.replace("/secrets", "/secrets?sslmod=1&x=")
              + "\" }");
      Stet.Result wrong = site.run("backup", "-v", "--json");
      assertThat(wrong.status()).isEqualTo(20);
      said.append(wrong.output()).append(wrong.error());

      assertThat(spy.looks()).isGreaterThan(20);
      assertThat(spy.programs()).contains("java", "pg_dump", "pg_restore");
      assertThat(spy.findings()).isEmpty();
    } finally {
      server.dropDatabase(database);
      server.execute("postgres", "drop role \"" + role + "\"");
    }
    for (String word : words) {
      assertThat(said.toString()).doesNotContain(word);
    }
    for (String kept : List.of("repository", "extracted")) {
      try (Stream<Path> files = Files.walk(directory.resolve(kept))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          byte[] bytes = Files.readAllBytes(file);
          for (String word : words) {
            assertThat(Spy.contains(bytes, word.getBytes(StandardCharsets.UTF_8)))
                .as("%s", file)
                .isFalse();
          }
        }
      }
    }
  }

  /** 22. */
  @Test
  void textSurvives() throws Exception {
    String database = site.createDatabase("texts");
    server.execute(
        database,
        "create table texts (id int generated always as identity primary key, body text, doc jsonb, list text[])",
        """
        insert into texts (body) values (E'line\\nfeed\\r\\nend'), (E'\\n'), ('\\.'), (E'\\\\.\\n\\\\.\\n'), ('\\N'),
          (E'\\\\N'), (null), (''), (');'), (E');\\n--'), (E'tab\\tin\\ttext\\t'), ('é'), (E'e\\u0301'), ('😀👨‍👩‍👧'),
          (E'\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\x0b\\x0c\\x0e\\x1b\\x7f\\u0085\\u2028\\ufeff'),
          (E'back\\\\slash\\\\'), (E'\\\\'), ('  spaces  '), ('"quoted"'), ('''single'''), ('copy from stdin;'),
          (E'\\\\copy t from program ''false'''), ('$$'), ('{}'), ('NULL'), (U&'\\+10FFFF')
        """,
        "insert into texts (body) select string_agg(chr(i), '' order by i) from generate_series(1, 55295) i",
        "insert into texts (body, doc, list) select body, jsonb_build_object(coalesce(body, 'n'), body),"
            + " array[body, null, ''] from texts where octet_length(body) < 1000",
        "insert into texts (body) select repeat(E'\\\\.\\n', 300000)");
    String query = "select id, body, doc::text, list::text from texts order by id";
    List<String> rows = server.query(database, query);
    DatabaseImage image = DatabaseImage.of(server, database);
    site.configure(site.postgres("default", database));
    site.init();
    site.backup();
    server.execute(database, "truncate texts");

    site.ok("restore", "--replace");

    assertThat(server.query(database, query)).isEqualTo(rows).hasSizeGreaterThan(50);
    DatabaseImage.of(server, database).mustEqual(image);
  }

  /** 16. */
  @Test
  void preCheckStops() throws Exception {
    String database = site.createDatabase("checked");
    server.execute(database, "create table t as select 1 as a");
    write(site.live("media/file"), "x");
    Files.createDirectories(site.live("documents"));
    site.configure(
        site.files("media"), site.postgres("default", database), site.files("documents"));
    site.init();
    site.backup();
    Files.delete(site.live("documents"));
    write(site.live("media/new"), "new");
    FilesImage repository = site.repositoryImage();

    Stet.Result stopped = site.run("backup");

    assertThat(stopped.status()).as("%s", stopped).isEqualTo(21);
    assertThat(stopped.error()).contains("documents").contains("hint: ");
    site.repositoryImage().mustEqual(repository);
  }

  /** 25; a dry run is in EndToEndIT, what no open may wait for in FilesOfEveryKindIT. */
  @Test
  void optionsAreNeverShell() throws Exception {
    Path witness = site.directory().resolve("witness");
    Files.writeString(witness, "x");
    String name = "; rm -rf " + witness + " $(rm " + witness + ") `rm " + witness + "` --help '";
    String database = site.createDatabase("; rm -rf $(rm witness) `rm witness` --a \"");
    server.execute(database, "create table \"; rm -rf witness\" as select 1 as a");
    write(site.live(name.replace('/', '_')).resolve("-rf"), "x");
    site.configure(
        site.postgres("default", database),
        "{ files: media, path: \"" + site.live(name.replace('/', '_')) + "\" }");
    site.init();
    String snapshot = site.backup("--tag", "$(rm witness)");
    server.execute(database, "drop table \"; rm -rf witness\"");

    site.ok("restore", snapshot, "--replace");

    assertThat(server.queryOne(database, "select a from \"; rm -rf witness\"")).isEqualTo("1");
    assertThat(site.run("restore", "$(rm " + witness + ")", "--replace").status()).isNotZero();
    assertThat(site.run("dump", snapshot, "/`rm " + witness + "`").status()).isNotZero();
    assertThat(witness).exists();
    site.ok("previous", "drop", "--all");
  }

  /** 23. */
  @Test
  void noBackupOfNothing() throws Exception {
    Tools tools = new Tools(directory.resolve("tools"));
    String database = site.createDatabase("nothing");
    server.execute(
        database,
        "create table t (id int, v text)",
        "insert into t select i, repeat(md5(i::text), 30) from generate_series(1, 20000) i");
    write(site.live("media/file"), "x");
    String good = site.postgres("default", database, tools);
    site.configure(site.files("media"), good);
    site.init();

    site.configure(site.files("media"), site.postgres("default", database + "_not", tools));
    Stet.Result missing = noSnapshot(21);
    assertThat(missing.error())
        .startsWith("stet: error: ")
        .contains("database \"" + database + "_not\" does not exist");

    site.configure(site.files("media"), good);
    String[][] late = {
      {
        "pg_dump",
        "\"$real\" \"$@\"; echo 'disk on fire' >&2; exit 1",
        "pg_dump ended with exit status 1",
        "disk on fire"
      },
      {
        "pg_dump",
        "\"$real\" \"$@\" | head -c 2000; kill -9 $$",
        "pg_dump was ended by signal KILL",
        ""
      },
      {"pg_dump", "head -c 100000 /dev/zero; exit 3", "pg_dump ended with exit status 3", ""},
      {"pg_dumpall", "\"$real\" \"$@\"; exit 1", "pg_dumpall ended with exit status 1", ""},
    };
    for (String[] each : late) {
      tools.wrap(each[0], each[1]);
      Stet.Result failed = noSnapshot(21);
      assertThat(failed.error()).startsWith("stet: error: ").contains(each[2]).contains(each[3]);
      tools.wrap(each[0], "exec \"$real\" \"$@\"");
    }

    // It ends well, but what it wrote is no archive.
    for (String garbage :
        List.of("exit 0", "echo garbage; exit 0", "\"$real\" \"$@\" | head -c 800")) {
      tools.wrap("pg_dump", garbage);
      noSnapshot(21);
    }
    tools.wrap("pg_dump", "exec \"$real\" \"$@\"");

    assertThat(site.backup()).isNotEmpty();
    assertThat(site.snapshotFiles()).hasSize(1);
    for (Restic restic : Restic.installed()) {
      site.restic(restic, "check", "--read-data");
    }
  }

  /** A backup that must fail, in text and as JSON, and leave neither a snapshot nor a lock. */
  private Stet.Result noSnapshot(int status) throws Exception {
    Stet.Result failed = site.run("backup");
    assertThat(failed.status()).as("%s", failed).isEqualTo(status);
    assertThat(failed.output()).isEmpty();
    assertThat(site.snapshotFiles()).isEmpty();
    assertThat(site.repository().resolve("locks")).isEmptyDirectory();
    return failed;
  }

  /** 23, the server dies in the middle. */
  @Test
  void noBackupOfAServerThatDies() throws Exception {
    Tools tools = new Tools(directory.resolve("tools"));
    try (PostgresServer mortal =
        PostgresServer.start(PostgresServers.installedBinaries().orElseThrow(), Map.of())) {
      mortal.createDatabase("mortal");
      mortal.execute(
          "mortal",
          "create table t (id int, v text)",
          "insert into t select i, repeat(md5(i::text), 30) from generate_series(1, 20000) i");
      write(site.live("media/file"), "x");
      site.configure(
          site.files("media"),
          "{ postgres: default, url: \""
              + mortal.url("mortal")
              + "\", tools: \""
              + tools.directory()
              + "\" }");
      site.init();
      tools.hold("pg_dump");
      Process process = site.stet().start("stet.cli.Main", "backup");
      process.getOutputStream().close();
      tools.awaitReached(process);
      String postmaster =
          Files.readAllLines(mortal.dataDirectory().resolve("postmaster.pid")).getFirst();
      Trees.shell("kill -QUIT \"$1\"", postmaster);
      mortal.stop();
      tools.release();

      Stet.Result failed = Stet.end(process);

      assertThat(failed.status()).as("%s", failed).isEqualTo(21);
      assertThat(failed.error()).startsWith("stet: error: ");
      assertThat(site.snapshotFiles()).isEmpty();
      assertThat(site.repository().resolve("locks")).isEmptyDirectory();

      mortal.start();
      tools.wrap("pg_dump", "exec \"$real\" \"$@\"");
      site.backup();
      assertThat(site.snapshotFiles()).hasSize(1);
    }
  }

  /** 24. */
  @Test
  void unknownSelection() throws Exception {
    write(site.live("media/file"), "x");
    write(site.live("avatars/file"), "x");
    site.configure(site.files("media"), site.files("avatars"));
    site.init();
    String snapshot = site.backup();
    FilesImage live = FilesImage.of(site.live(""));

    List<List<String>> selections = new ArrayList<>();
    selections.add(List.of("restore", "--only", "documents", "--replace"));
    selections.add(List.of("restore", "--only", "media,documents", "--replace"));
    selections.add(
        List.of("restore", "--only", "documents", "--to-dir", directory.resolve("new").toString()));
    for (List<String> selection : selections) {
      Stet.Result result = site.run(selection.toArray(String[]::new));
      assertThat(result.status()).isEqualTo(1);
      assertThat(result.error())
          .startsWith(
              "stet: error: snapshot "
                  + snapshot.substring(0, 8)
                  + " has no component \"documents\"\nhint: It has: ")
          .contains("media", "avatars");
    }
    assertThat(directory.resolve("new")).doesNotExist();
    FilesImage.of(site.live("")).mustEqual(live);

    // The snapshot lacks what the configuration has by now.
    write(site.live("documents/file"), "x");
    site.configure(site.files("media"), site.files("avatars"), site.files("documents"));
    assertThat(site.run("restore", "--only", "documents", "--replace").error())
        .contains("has no component \"documents\"\nhint: It has: media, avatars.");
  }
}
