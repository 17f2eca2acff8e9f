package stet.engine.postgres.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.ExportFormat;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.postgres.EveryKind;
import stet.engine.postgres.PostgresKind;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.Samples;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.restore.Export;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Has PostgreSQL's own programs load what is exported. */
@Timeout(300)
class ExportIT {
  @TempDir Path directory;

  private PostgresServer server;
  private PostgresRoundTrip trip;
  private List<String> before;

  @BeforeEach
  void prepare() throws IOException {
    server = PostgresServers.installed();
    trip = new PostgresRoundTrip(server);
    before = server.databases();
    // The server's user reads what psql is told to.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @AfterEach
  void dropWhatIsNew() {
    for (String database : server.databases()) {
      if (!before.contains(database)) {
        server.dropDatabase(database);
      }
    }
  }

  private Export export(Captured captured) {
    return new Export(
        new PostgresKind(),
        trip.blobs,
        captured.node(),
        new Operation("0a1b2c3d", 2, Progress.NONE));
  }

  private Path file(
      Captured captured, String name, ExportFormat format, @Nullable String table, boolean gzip)
      throws IOException {
    Path file = directory.resolve(name);
    export(captured).to(file, format, table, gzip);
    return file;
  }

  private String empty(String name) {
    server.createDatabase(name, "template template0");
    return name;
  }

  private static List<String> largeObjects(PostgresServer server, String database) {
    return server.query(
        database,
        "select oid, pg_get_userbyid(lomowner), lomacl, obj_description(oid, 'pg_largeobject'),"
            + " md5(lo_get(oid)) from pg_largeobject_metadata order by oid");
  }

  private void mustEqual(String database, String source) {
    assertThat(server.dumpSchema(database)).isEqualTo(server.dumpSchema(source));
    assertThat(server.dumpSortedData(database)).isEqualTo(server.dumpSortedData(source));
    assertThat(largeObjects(server, database)).isEqualTo(largeObjects(server, source));
  }

  private void restores(Path archive, String database, String... options) {
    List<String> all = new ArrayList<>(List.of("--exit-on-error", "--dbname=" + database));
    all.addAll(List.of(options));
    all.add(archive.toString());
    server.client("pg_restore", all, database);
  }

  /** Exports in every form, and loads each. */
  private void comesBackInEveryForm(String source) throws Exception {
    Captured captured = trip.capture(source);

    Path custom = file(captured, source + ".dump", ExportFormat.CUSTOM, null, false);
    restores(custom, empty(source + "_custom"));
    mustEqual(source + "_custom", source);
    restores(custom, empty(source + "_parallel"), "--jobs=3");
    mustEqual(source + "_parallel", source);

    Path folder = file(captured, source + ".dir", ExportFormat.DIRECTORY, null, false);
    restores(folder, empty(source + "_directory"), "--jobs=2");
    mustEqual(source + "_directory", source);

    Path script = file(captured, source + ".sql", ExportFormat.SQL, null, false);
    server.psqlFile(empty(source + "_script"), script, true);
    mustEqual(source + "_script", source);
    Path zipped = file(captured, source + ".sql.gz", ExportFormat.SQL, null, true);
    try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(zipped))) {
      assertThat(withoutKeys(new String(in.readAllBytes(), StandardCharsets.ISO_8859_1)))
          .isEqualTo(withoutKeys(Files.readString(script, StandardCharsets.ISO_8859_1)));
    }

    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    export(captured).to(stream, ExportFormat.CUSTOM, null);
    restores(
        Files.write(directory.resolve(source + ".stream"), stream.toByteArray()),
        empty(source + "_stream"));
    mustEqual(source + "_stream", source);
    try (var files = Files.list(directory)) {
      assertThat(files).noneMatch(file -> file.getFileName().toString().contains(".stet-"));
    }
  }

  /** A script's restrict commands hold a key of their own every time. */
  private static String withoutKeys(String script) {
    return script.replaceAll("(?m)^\\\\(un)?restrict .*$", "");
  }

  @Test
  void chinookComesBackInEveryForm() throws Exception {
    Samples.chinook(server, "chinook_x", directory);
    comesBackInEveryForm("chinook_x");
  }

  @Test
  void pagilaComesBackInEveryForm() throws Exception {
    Samples.pagila(server, "pagila_x", directory);
    comesBackInEveryForm("pagila_x");
  }

  @Test
  void everyKindOfObjectComesBackInEveryForm() throws Exception {
    server.createDatabase("kinds_x");
    EveryKind.fill(server, "kinds_x");
    comesBackInEveryForm("kinds_x");
  }

  @Test
  void rowsPartitionedByTheHashOfAnEnumComeBackInEveryForm() throws Exception {
    server.createDatabase("moods_x");
    EveryKind.partitionByEnum(server, "moods_x");
    comesBackInEveryForm("moods_x");
  }

  @Test
  void aDatabaseInLatin1ComesBackAndItsTablesAreCsvInUtf8() throws Exception {
    server.createDatabase("latin_x", "template template0 encoding 'LATIN1' locale 'C'");
    server.execute(
        "latin_x", "create table \"é\" (\"ü\" text)", "insert into \"é\" values ('ß,à')");
    Captured captured = trip.capture("latin_x");

    Path custom = file(captured, "latin.dump", ExportFormat.CUSTOM, null, false);
    server.createDatabase("latin_back", "template template0 encoding 'LATIN1' locale 'C'");
    restores(custom, "latin_back");
    mustEqual("latin_back", "latin_x");
    Path script = file(captured, "latin.sql", ExportFormat.SQL, null, false);
    server.psqlFile(empty("latin_to_utf8"), script, true);
    assertThat(server.queryOne("latin_to_utf8", "select \"ü\" from \"é\"")).isEqualTo("ß,à");

    assertThat(file(captured, "latin.csv", ExportFormat.CSV, "é", false))
        .hasContent("ü\n\"ß,à\"\n");
  }

  @Test
  void aTableIsTheSameCsvThatTheServerWrites() throws Exception {
    server.createDatabase("csv_x");
    EveryKind.fill(server, "csv_x");
    server.execute(
        "csv_x",
        "create table one (a text)",
        "insert into one values (null), (''), ('\\.'), ('\\N'), (' x'), ('\"'), ('a,b'), (repeat('\"', 70000)),"
            + " (repeat('x', 60000))",
        "delete from documents where id = 1000");
    Captured captured = trip.capture("csv_x");
    int compared = 0;
    for (DatabaseDescription.Table table : trip.description(captured).tables()) {
      Path csv = file(captured, ++compared + ".csv", ExportFormat.CSV, table.quoted(), false);
      ByteArrayOutputStream expected = new ByteArrayOutputStream();
      try (Session session = Session.open(trip.settings("csv_x"))) {
        String columns = SqlText.names(table.columns());
        session
            .copy()
            .copyOut(
                "COPY "
                    + table.quoted()
                    + (columns.isEmpty() ? "" : "(" + columns + ")")
                    + " TO STDOUT (FORMAT csv, HEADER)",
                expected);
      }
      assertThat(Files.readString(csv))
          .as(table.quoted())
          .isEqualTo(expected.toString(StandardCharsets.UTF_8));
    }
    assertThat(compared).isGreaterThan(20);
  }

  /** Only then is it written before all of it is known, and quoted without need. */
  @Test
  void longValuesComeBackFromCsv() throws Exception {
    server.createDatabase("long_x");
    server.execute(
        "long_x",
        "create table t (id int, a text, b text)",
        "insert into t values (1, repeat('x', 65536), repeat('x', 65537)),"
            + " (2, repeat('\"', 65536), repeat('\"', 65537)), (3, repeat(E',\n\r\t\\\\é', 90000), null)",
        "create table back (like t)");
    Path csv = file(trip.capture("long_x"), "long.csv", ExportFormat.CSV, "t", false);

    try (Session session = Session.open(trip.settings("long_x"));
        var in = Files.newInputStream(csv)) {
      session.copy().copyIn("COPY public.back FROM STDIN (FORMAT csv, HEADER)", in);
    }

    assertThat(server.query("long_x", "table t except table back")).isEmpty();
    assertThat(server.queryOne("long_x", "select count(*) from back")).isEqualTo("3");
  }

  @Test
  void namesTheTablesWhenItIsAskedForAnother() {
    server.createDatabase("names_x");
    server.execute(
        "names_x",
        "create schema a",
        "create schema b",
        "create table a.t ()",
        "create table b.t ()",
        "create table \"a.t\" ()");
    Captured captured = trip.capture("names_x");

    assertThatThrownBy(() -> file(captured, "x.csv", ExportFormat.CSV, "none", false))
        .isInstanceOf(StetException.class)
        .hasMessage("component default has no table \"none\" with rows of its own")
        .extracting(e -> ((StetException) e).hint())
        .isEqualTo("There is: a.t, b.t, public.a%2Et.");
    assertThatThrownBy(() -> file(captured, "x.csv", ExportFormat.CSV, "t", false))
        .hasMessage("component default has 2 tables \"t\"");
    assertThat(directory.resolve("x.csv")).doesNotExist();
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void replacesNothing() throws Exception {
    server.createDatabase("twice_x");
    Captured captured = trip.capture("twice_x");
    Path file = Files.writeString(directory.resolve("mine"), "mine");

    assertThatThrownBy(() -> export(captured).to(file, ExportFormat.CUSTOM, null, false))
        .isInstanceOf(StetException.class)
        .hasMessage(file + " exists already")
        .extracting(e -> ((StetException) e).code())
        .isEqualTo(ErrorCode.REFUSED);
    assertThat(file).hasContent("mine");
  }
}
