package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Brings single tables, files and directories back without touching what is live. */
class TableRestoreIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private String database;
  private String snapshot;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    database = site.createDatabase("shop");
    server.execute(
        database,
        "create type mood as enum ('sad', 'happy')",
        "create collation backwards (locale = 'C')",
        "create schema \"we.ird\"",
        "create table orders (id int primary key, mood mood not null, total numeric(9,2), note varchar(20)"
            + " collate backwards, twice int generated always as (id * 2) stored, tags text[] default '{}')",
        "insert into orders (id, mood, total, note, tags) select i, (enum_range(null::mood))[1 + i % 2], i / 3.0, 'n' || i,"
            + " array['a', i::text] from generate_series(1, 5000) i",
        "create table \"we.ird\".\"o\"\"dd\" (\"a b\" money)",
        "insert into \"we.ird\".\"o\"\"dd\" values (1.5)",
        "create table \"" + "ä".repeat(31) + "\" (a int)",
        "create table orders_parent (a int) partition by list (a)",
        "create table orders_1 partition of orders_parent for values in (1)",
        "insert into orders_parent values (1)");
    Trees.makeMedia(site.live("media"), 1, 10, 1000);
    site.configure(site.postgres("default", database), site.files("media"));
    site.init();
    snapshot = site.backup();
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  private List<String> rows(String table) {
    return server.query(
        database, "select id, mood, total, note, tags from " + table + " order by id");
  }

  @Test
  void aTableComesBackBesideTheLiveOne() throws Exception {
    List<String> old = rows("orders");
    server.execute(database, "delete from orders where id > 10", "update orders set note = 'x'");
    List<String> live = rows("orders");

    JsonObject summary = site.json("restore", "--table", "orders");

    String name = "orders_" + snapshot.substring(0, 8);
    assertThat(summary.string("table")).isEqualTo("\"public\".\"" + name + "\"");
    assertThat(summary.integer("rows")).isEqualTo(5000);
    assertThat(rows(name)).isEqualTo(old);
    assertThat(rows("orders")).isEqualTo(live);
    assertThat(columns(name)).isEqualTo(columns("orders"));

    Stet.Result again = site.run("restore", "--table", "orders");
    assertThat(again.status()).isEqualTo(24);
    assertThat(again.error())
        .contains("table \"public\".\"" + name + "\" exists already in database")
        .contains("\nhint: Give another name with --as");
    Stet.Result onto = site.run("restore", "--table", "orders", "--as", "orders");
    assertThat(onto.status()).isEqualTo(24);
    assertThat(rows("orders")).isEqualTo(live);
  }

  private List<String> columns(String table) {
    return server.query(
        database,
        "select attname, format_type(atttypid, atttypmod), attcollation from pg_attribute"
            + " where attrelid = '"
            + table
            + "'::regclass and attnum > 0 and attgenerated = '' order by attnum");
  }

  @Test
  void onlyTheRowsThatAreAskedForComeBack() throws Exception {
    List<String> old =
        server.query(
            database,
            "select id, mood, total, note, tags from orders where mood = 'sad' and id < 100 order by id");
    server.execute(database, "drop table orders");

    site.ok(
        "restore",
        "--table",
        "public.orders",
        "--where",
        "orders.mood = 'sad'::mood and id < 100 and tags <> '{}' -- ?",
        "--as",
        "so me");

    assertThat(rows("\"so me\"")).isEqualTo(old);
    Stet.Result wrong = site.run("restore", "--table", "orders", "--where", "nosuch = 1");
    assertThat(wrong.status()).isEqualTo(21);
    assertThat(wrong.error()).contains("column \"nosuch\" does not exist");
  }

  @Test
  void oddNamesAndPartitionsComeBack() throws Exception {
    site.ok("restore", "--table", "we%2Eird.o%22dd");
    site.ok("restore", "--table", "ä".repeat(31));
    site.ok("restore", "--table", "orders_1", "--as", "part");

    String id = snapshot.substring(0, 8);
    assertThat(server.queryOne(database, "select \"a b\" from \"we.ird\".\"o\"\"dd_" + id + "\""))
        .isEqualTo("$1.50");
    assertThat(server.query(database, "select * from \"" + "ä".repeat(27) + "_" + id + "\""))
        .isEmpty();
    assertThat(server.queryOne(database, "select count(*) from part")).isEqualTo("1");
    assertThat(server.queryOne(database, "select count(*) from orders_parent")).isEqualTo("1");
  }

  @Test
  void tellsWhatATableNeeds() throws Exception {
    server.execute(database, "drop table orders", "drop type mood");

    Stet.Result gone = site.run("restore", "--table", "orders");

    assertThat(gone.status()).isEqualTo(21);
    assertThat(gone.error()).contains("type \"public.mood\" does not exist", "stet export --table");
    for (List<String> wrong :
        List.of(
            List.of("--table", "none"),
            List.of("--table", "file", "--only", "media"),
            List.of("--where", "true"),
            List.of("--as", "x"),
            List.of("--path", "x"),
            List.of("--table", "orders", "--as", "x".repeat(64)),
            List.of("--table", "orders", "--to-dir", "x"))) {
      String[] arguments =
          Stream.concat(Stream.of("restore"), wrong.stream()).toArray(String[]::new);
      Stet.Result result = site.run(arguments);
      assertThat(result.status()).as("%s", wrong).isEqualTo(wrong.contains("none") ? 1 : 2);
      assertThat(result.error()).as("%s", wrong).contains("\nhint: ");
    }
    Stet.Result unknown = site.run("restore", "--table", "orders", "--only", "default2");
    assertThat(unknown.status()).isEqualTo(1);
    assertThat(unknown.error()).contains("has no component \"default2\"\nhint: It has: ");
    assertThat(
            server.query(
                database, "select relname from pg_class where relname like 'orders_" + "%_%'"))
        .noneMatch(name -> name.contains(snapshot.substring(0, 8)));
  }

  @Test
  void aFileOrADirectoryIsWrittenAlone() throws Exception {
    Path file = directory.resolve("one");
    Path folder = directory.resolve("two");
    Path live = site.live("media/folder-1");
    Path first;
    try (Stream<Path> files = Files.list(live)) {
      first = files.sorted().findFirst().orElseThrow();
    }

    site.ok("restore", "--to-dir", file + "", "--path", "/media/folder-1/" + first.getFileName());
    site.ok("restore", "--to-dir", folder + "", "--path", "media/folder-1");

    assertThat(file).isDirectoryContaining(each -> each.endsWith(first.getFileName()));
    assertThat(file.resolve(first.getFileName())).hasSameBinaryContentAs(first);
    FilesImage.of(folder.resolve("folder-1")).mustEqual(FilesImage.of(live));
    Stet.Result missing =
        site.run("restore", "--to-dir", directory + "/three", "--path", "media/none");
    assertThat(missing.status()).isEqualTo(1);
    assertThat(missing.error()).contains("there is no /media/none in snapshot");
    assertThat(directory.resolve("three")).doesNotExist();
  }
}
