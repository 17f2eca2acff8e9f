package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;
import stet.testkit.Restic;

/** Whole backups between this program and every stock restic of this machine, both ways. */
class StockResticIT {
  @TempDir Path directory;

  private PostgresServer server;
  private List<Restic> restics;
  private Site site;
  private String database;
  private Path media;

  @BeforeEach
  void prepare() throws Exception {
    restics = Restic.installed();
    assumeFalse(restics.isEmpty(), "there is no restic in PATH");
    server = PostgresServers.installed();
    site = new Site(directory, server);
    database = site.createDatabase("shop");
    Samples.shop(server, database);
    media = site.live("media");
    Trees.makeEverything(media);
    site.configure(site.postgres("default", database), site.files("media"));
    site.init();
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  @Test
  void resticReadsAllThatWasWritten() throws Exception {
    String first = site.backup();
    server.execute(database, "update customers set name = 'x' where id < 2000");
    Files.writeString(media.resolve("one/added"), "more");
    String second = site.backup("--tag", "nightly");
    Path extracted = directory.resolve("extracted");
    site.ok("restore", "--to-dir", extracted.toString());
    FilesImage expected = FilesImage.of(extracted).withoutTop();
    List<String> paths = site.ok("ls", "latest").output().lines().toList();
    String copy =
        paths.stream()
            .filter(path -> path.matches("/default/data/stock\\.products/.*\\.copy"))
            .findFirst()
            .orElseThrow();
    byte[] rows = Files.readAllBytes(extracted.resolve(copy.substring(1)));
    assertThat(new String(rows, StandardCharsets.UTF_8)).startsWith("sku-1\t");

    for (Restic restic : restics) {
      site.restic(restic, "check", "--read-data");
      List<JsonObject> snapshots = snapshots(restic);
      assertThat(snapshots).extracting(s -> s.string("id")).containsExactly(first, second);
      assertThat(snapshots.getLast().string("hostname")).isEqualTo("shop");
      assertThat(snapshots.getLast().strings("paths")).containsExactly("/production");
      assertThat(snapshots.getLast().strings("tags"))
          .containsExactly("stet", "env:production", "nightly");
      assertThat(snapshots.getLast().string("parent")).isEqualTo(first);

      assertThat(site.restic(restic, "ls", second).text())
          .contains(
              "/stet.json\n", "/default/load.sql\n", copy + "\n", "/media/one/.hidden/file\n");
      assertThat(site.restic(restic, "dump", second, copy).output()).isEqualTo(rows);

      Path restored = directory.resolve("by-" + restic.version().replace(' ', '-'));
      site.restic(restic, "restore", second, "--target", restored.toString());
      // Before 0.17 restic knew no target of a link that is not UTF-8.
      boolean old = restic.version().matches("restic 0\\.1[0-6]\\..*");
      String odd = old ? ".*/odd link\\|.*" : "";
      FilesImage.of(restored).withoutTop().without(odd).mustEqual(expected.without(odd));
      assertThat(site.run("check").status()).as("after %s", restic).isZero();
    }
  }

  private List<JsonObject> snapshots(Restic restic) {
    String json = site.restic(restic, "snapshots", "--json").text();
    return JsonObject.parse("{\"all\":" + json + "}").objects("all");
  }

  @Test
  void recoversWithResticAndPostgresProgramsAlone() throws Exception {
    site.backup();
    DatabaseImage expected = DatabaseImage.of(server, database);
    String schema = server.dumpSchema(database);
    Restic restic = restics.getFirst();
    Path files = directory.resolve("files");
    site.restic(restic, "restore", "latest", "--target", files.toString());
    Trees.shell("chmod 0755 -- \"$1\"", files.toString());
    Path component = files.resolve("default");
    String archive = component.resolve("schema.pgdump").toString();
    server.dropDatabase(database);
    server.createDatabase(database, "template template0");

    server.client(
        "pg_restore", List.of("--section=pre-data", "--dbname=" + database, archive), database);
    Trees.shell(
        "cd -- \"$1\" && \"$2\" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host=\"$3\" --port=\"$4\""
            + " --username=postgres --dbname=\"$5\" --file=load.sql",
        component.toString(),
        PostgresServers.installedBinaries().orElseThrow().resolve("psql").toString(),
        server.socketDirectory().toString(),
        Integer.toString(server.port()),
        database);
    server.client(
        "pg_restore", List.of("--section=post-data", "--dbname=" + database, archive), database);

    DatabaseImage recovered = DatabaseImage.of(server, database);
    Lines.mustEqual("data", recovered.data(), expected.data());
    // The database's own comment, privileges and settings are in database.json for a person to
    // read.
    assertThat(server.dumpSchema(database)).isEqualTo(schema);
  }

  @Test
  void readsWhatResticHasPrunedAndCopied() throws Exception {
    DatabaseImage rows = DatabaseImage.of(server, database);
    FilesImage files = FilesImage.of(media);
    String kept = site.backup();
    for (Restic restic : restics) {
      server.execute(
          database,
          "insert into note select i, md5(random()::text) from generate_series(1, 20000) i");
      Trees.shell("head -c 400000 /dev/urandom >\"$1\"", media.resolve("noise").toString());
      String forgotten = site.backup();
      site.restic(restic, "forget", "--prune", "--max-unused", "0", forgotten);

      assertThat(site.snapshots()).as("after %s", restic).containsExactly(kept);
      assertThat(site.json("check", "--read-data").integer("num_errors")).isZero();

      Path copied = directory.resolve("copied-by-" + restic.version().replace(' ', '-'));
      Path password = directory.resolve("password");
      for (String[] arguments :
          List.of(
              new String[] {
                "init",
                "--from-repo",
                site.repository().toString(),
                "--copy-chunker-params",
                "--from-password-file",
                password.toString()
              },
              new String[] {
                "copy",
                "--from-repo",
                site.repository().toString(),
                "--from-password-file",
                password.toString()
              })) {
        restic.run(copied, Site.PASSWORD, arguments).orThrow();
      }
      Files.move(site.repository(), directory.resolve("original"));
      Files.move(copied, site.repository());
      try {
        assertThat(site.snapshots()).hasSize(1);
        assertThat(site.json("check", "--read-data").integer("num_errors")).isZero();
        Path extracted = directory.resolve("extracted-" + restic.version().replace(' ', '-'));
        site.ok("restore", "--to-dir", extracted.toString());
        FilesImage.of(extracted.resolve("media")).mustEqual(files);
        site.ok("restore", "--replace");
        DatabaseImage.of(server, database).mustEqual(rows);
        FilesImage.of(media).mustEqual(files);
        site.backup();
        assertThat(site.restic(restic, "check", "--read-data").status()).isZero();
      } finally {
        Files.move(site.repository(), copied);
        Files.move(directory.resolve("original"), site.repository());
      }
      site.ok("restore", kept, "--replace");
    }
  }
}
