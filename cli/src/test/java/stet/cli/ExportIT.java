package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Hands a stored shop to PostgreSQL's own programs. */
class ExportIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private String database;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    database = site.createDatabase("shop");
    Samples.shop(server, database);
    Trees.makeMedia(site.live("media"), 1, 5, 1000);
    site.configure(site.postgres("default", database), site.files("media"));
    site.init();
    site.backup();
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  @Test
  void theShopComesBackThroughStockPrograms() throws Exception {
    String schema = server.dumpSchema(database);
    List<String> data = DatabaseImage.of(server, database).data();
    Path archive = site.directory().resolve("shop.dump");
    Path script = site.directory().resolve("shop.sql");

    JsonObject summary = site.json("export", "latest", "default", "-o", archive.toString());
    site.ok("export", "latest", "default", "-o", script.toString());

    assertThat(summary.string("format")).isEqualTo("custom");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(archive)))
        .isEqualTo("rw-------");
    String restored = site.createDatabase("restored");
    server.client("pg_restore", List.of("-e", "-d", restored, archive.toString()), restored);
    String loaded = site.createDatabase("loaded");
    server.psqlFile(loaded, script, true);
    for (String copy : List.of(restored, loaded)) {
      assertThat(server.dumpSchema(copy)).as(copy).isEqualTo(schema);
      Lines.mustEqual(copy, DatabaseImage.of(server, copy).data(), data);
    }
  }

  @Test
  void aTableGoesToStandardOutputAsCsv() throws Exception {
    Stet.Result result =
        site.ok("export", "latest", "default", "--table", "stock.products", "-o", "-");

    List<String> lines = result.output().lines().toList();
    assertThat(lines.getFirst()).startsWith("sku,");
    assertThat(lines.size() - 1)
        .isEqualTo(
            Integer.parseInt(server.queryOne(database, "select count(*) from stock.products")));
  }

  @Test
  void aScriptGoesToStandardOutput() throws Exception {
    String script = site.ok("export", "latest", "default", "--format", "sql", "-o", "-").output();

    assertThat(script)
        .startsWith("--\n-- PostgreSQL database dump")
        .contains("-- PostgreSQL database dump complete")
        .contains("COPY \"stock\".\"products\" ");
  }

  @Test
  void tellsWhyAFileCannotBeWritten() throws Exception {
    Path gone = site.directory().resolve("gone/shop.sql");
    Stet.Result failed = site.run("export", "latest", "default", "-o", gone.toString());
    assertThat(failed.error())
        .isEqualTo("stet: error: cannot write " + gone + ": no such file or directory\n");
    try (Disk small = Disk.mount("size=4k", site.directory().resolve("small"))) {
      for (String name : List.of("shop.sql", "shop.dump", "shop/")) {
        Stet.Result full =
            site.run("export", "latest", "default", "-o", small.where() + "/" + name);
        assertThat(full.status()).as("%s", full).isEqualTo(1);
        assertThat(full.error()).contains("No space left on device", "\nhint: Free space there, ");
        assertThat(small.where()).isEmptyDirectory();
      }
    }
  }

  @Test
  void tellsWhatItCannotExport() throws Exception {
    Path file = Files.writeString(site.directory().resolve("mine"), "mine");
    for (List<String> refused :
        List.of(
            List.of(
                "2",
                "--table and --format sql exclude each other",
                "default --table orders --format sql -o x"),
            List.of("2", "--format tar is unknown", "default --format tar -o x"),
            List.of(
                "2",
                "component media is of kind files, which has no form for export",
                "media -o x"),
            List.of("2", "csv holds one table", "default --format csv -o x"),
            List.of(
                "2",
                "a directory cannot be written to a stream",
                "default --format directory -o -"),
            List.of("1", "has no component \"none\"", "none -o x"),
            List.of("1", "component default has no table \"none\"", "default --table none -o x"),
            List.of("24", file + " exists already", "default -o " + file))) {
      Stet.Result result = site.run(("export latest " + refused.get(2)).split(" ", -1));
      assertThat(result.status() + "").as(refused.get(2)).isEqualTo(refused.get(0));
      assertThat(result.error()).contains(refused.get(1)).contains("\nhint: ");
    }
    assertThat(file).content(StandardCharsets.UTF_8).isEqualTo("mine");
    assertThat(site.directory().resolve("x")).doesNotExist();
  }
}
