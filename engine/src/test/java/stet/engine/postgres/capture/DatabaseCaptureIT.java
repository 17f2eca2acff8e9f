package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Progress;
import stet.engine.postgres.EveryKind;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.catalog.CatalogReader;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.SegmentList;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DatabaseCaptureIT {
  private final List<Runnable> cleanup = new ArrayList<>();

  @AfterEach
  void cleanUp() {
    cleanup.reversed().forEach(Runnable::run);
  }

  /** A new database on a server, dropped after the test. */
  private String database(PostgresServer server, String name, String options) {
    server.dropDatabase(name);
    cleanup.add(() -> server.dropDatabase(name));
    if (options.isEmpty()) {
      server.createDatabase(name);
    } else if (!options.equals("none")) {
      server.createDatabase(name, options);
    }
    return name;
  }

  @Test
  void postgresOwnProgramsBringEverythingBackFromTheFiles(@TempDir Path directory)
      throws IOException {
    everythingComesBack(PostgresServers.installed(), directory);
  }

  @Test
  void olderServersAreReadInStreams(@TempDir Path directory) throws IOException {
    everythingComesBack(PostgresServers.embedded(13), directory);
  }

  /** The hash of an enum is that of its label's OID, which is another one in every database. */
  @Test
  void rowsPartitionedByTheHashOfAnEnumAreLoadedThroughTheRoot(@TempDir Path directory)
      throws IOException {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String source = database(server, "moods", "");
    String copy = database(server, "moods_copy", "none");
    EveryKind.partitionByEnum(server, source);
    Captured captured = trip.capture(source);

    trip.recover(captured, directory, copy, "");

    String rows = "select * from moods order by n";
    assertThat(server.query(copy, rows)).isEqualTo(server.query(source, rows)).hasSize(300);
  }

  private void everythingComesBack(PostgresServer server, Path directory) throws IOException {
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String source = database(server, "kinds \"of'all", "");
    String copy = database(server, "kinds_copy", "none");
    EveryKind.fill(server, source);
    Captured captured = trip.capture(source);
    trip.recover(captured, directory, copy, "");

    assertThat(server.dumpSchema(copy)).isEqualTo(server.dumpSchema(source));
    assertThat(server.dumpSortedData(copy)).isEqualTo(server.dumpSortedData(source));
    String objects =
        "select oid, lomowner::regrole, lomacl, md5(lo_get(oid)), obj_description(oid, 'pg_largeobject')"
            + " from pg_largeobject_metadata order by oid";
    assertThat(server.query(copy, objects)).isEqualTo(server.query(source, objects));

    // The same rows, captured again from where they came back, have the same hashes.
    Captured again = trip.capture(copy);
    assertThat(tables(again)).isEqualTo(tables(captured));
    assertThat(again.manifest().object("large_objects"))
        .isEqualTo(captured.manifest().object("large_objects"));
    assertThat(trip.description(again).objectCounts())
        .isEqualTo(trip.description(captured).objectCounts());
    assertThat(trip.description(again).sequences())
        .isEqualTo(trip.description(captured).sequences());
    checkCounts(server, source, captured);
    checkSegments(trip, captured);
    noSessionStays(server, source);
  }

  /** A server process ends a moment after its connection is closed. */
  private static void noSessionStays(PostgresServer server, String database) {
    String sessions =
        "select application_name, query from pg_stat_activity"
            + " where datname = current_database() and pid <> pg_backend_pid()"
            + " and backend_type = 'client backend'";
    Instant end = Instant.now().plusSeconds(30);
    List<String> stay = server.query(database, sessions);
    while (!stay.isEmpty() && Instant.now().isBefore(end)) {
      stay = server.query(database, sessions);
    }
    assertThat(stay).isEmpty();
  }

  private static Map<String, List<Object>> tables(Captured captured) {
    Map<String, List<Object>> tables = new HashMap<>();
    for (JsonObject table : captured.manifest().objects("tables")) {
      tables.put(
          SqlText.name(table.string("schema"), table.string("name")),
          List.of(table.integer("rows"), table.string("hash")));
    }
    return tables;
  }

  private static void checkCounts(PostgresServer server, String database, Captured captured) {
    for (JsonObject table : captured.manifest().objects("tables")) {
      String name = SqlText.name(table.string("schema"), table.string("name"));
      assertThat(server.queryOne(database, "select count(*) from only " + name))
          .as(name)
          .isEqualTo(Long.toString(table.integer("rows")));
    }
  }

  /** Every table's files say of themselves what they hold, and add up to what the manifest says. */
  private static void checkSegments(PostgresRoundTrip trip, Captured captured) {
    for (JsonObject table : captured.manifest().objects("tables")) {
      RowHash sum = new RowHash(PostgresRoundTrip.KEY);
      long rows = 0;
      long bytes = 0;
      if (table.integer("blocks") > 0 && !isEmptyStream(captured, table)) {
        Node directory = trip.blobs.find(captured.node(), table.string("directory"));
        for (Node part : trip.blobs.list(directory)) {
          List<Node> files = trip.blobs.list(part);
          for (int i = 0; i < files.size(); i += 2) {
            Node copy = files.get(i);
            Node list = files.get(i + 1);
            assertThat(copy.name()).matches("[0-9]{10}\\.copy");
            assertThat(list.name()).isEqualTo(copy.name().replace(".copy", ".segments"));
            int blob = 0;
            for (SegmentList.Segment segment :
                SegmentList.parse(list.name(), trip.blobs.content(list)).segments()) {
              RowHash hash = new RowHash(PostgresRoundTrip.KEY);
              var text = new java.io.ByteArrayOutputStream();
              for (int end = blob + segment.blobs(); blob < end; blob++) {
                byte[] piece =
                    trip.blobs.load(stet.repository.BlobType.DATA, copy.content().get(blob));
                assertThat(piece.length).isLessThanOrEqualTo(8 << 20);
                text.writeBytes(piece);
              }
              byte[] all = text.toByteArray();
              long counted = 0;
              for (int from = 0; from < all.length; ) {
                int end = from;
                while (all[end] != '\n') {
                  end++;
                }
                hash.row(all, from, end - from);
                counted++;
                from = end + 1;
              }
              assertThat(List.of(counted, (long) all.length, hash.text()))
                  .isEqualTo(List.of(segment.rows(), segment.bytes(), segment.hash()));
              rows += counted;
              bytes += all.length;
              sum.add(hash);
            }
            assertThat(blob).isEqualTo(copy.content().size());
          }
        }
      }
      assertThat(List.of(rows, bytes, sum.text()))
          .as(table.string("name"))
          .isEqualTo(List.of(table.integer("rows"), table.integer("bytes"), table.string("hash")));
    }
  }

  private static boolean isEmptyStream(Captured captured, JsonObject table) {
    return captured.manifest().integer("server_version") < 140000 && table.integer("rows") == 0;
  }

  @Test
  void describesTheDatabaseAndItsRoles() throws IOException {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String name = database(server, "described", "connection limit 33");
    EveryKind.fill(server, name);
    server.execute(
        name,
        "alter database described owner to kind_owner",
        "grant connect on database described to kind_group with grant option",
        "comment on database described is 'what\nit is'",
        "alter database described set search_path = \"we.ird\", public",
        "alter database described set app.jwt_secret = 'x=y'",
        "alter role kind_group in database described set work_mem = '5MB'");
    Captured captured = trip.capture(name);
    DatabaseDescription description = trip.description(captured);

    DatabaseDescription.Database database = description.database();
    assertThat(database.name()).isEqualTo("described");
    assertThat(database.encoding()).isEqualTo("UTF8");
    assertThat(database.localeProvider()).isEqualTo(DatabaseDescription.LocaleProvider.LIBC);
    assertThat(database.collate()).isEqualTo("C.UTF-8");
    assertThat(database.owner()).isEqualTo("kind_owner");
    assertThat(database.connectionLimit()).isEqualTo(33);
    assertThat(database.comment()).isEqualTo("what\nit is");
    assertThat(database.acl())
        .contains(new DatabaseDescription.Grant("kind_owner", "kind_group", "CONNECT", true))
        .contains(new DatabaseDescription.Grant("kind_owner", null, "TEMPORARY", false));
    assertThat(database.settings())
        .contains(
            new DatabaseDescription.Setting(null, "search_path", "\"we.ird\", public", false),
            new DatabaseDescription.Setting(null, "app.jwt_secret", "x=y", true),
            new DatabaseDescription.Setting("kind_group", "work_mem", "5MB", false));
    assertThat(description.roles().stream().map(DatabaseDescription.Role::name))
        .contains("kind_group", "kind_owner", "postgres");
    DatabaseDescription.Role owner =
        description.roles().stream()
            .filter(role -> role.name().equals("kind_owner"))
            .findFirst()
            .orElseThrow();
    assertThat(owner.connectionLimit()).isEqualTo(7);
    assertThat(owner.memberOf().getFirst().role()).isEqualTo("kind_group");
    assertThat(owner.settings())
        .containsExactly(new DatabaseDescription.Setting(null, "work_mem", "8MB", false));
    assertThat(description.extensions())
        .extracting(DatabaseDescription.Extension::name)
        .containsExactly("plpgsql");
    assertThat(description.sequences())
        .contains(
            new Sequence("public", "fresh", 1, false),
            new Sequence("public", "huge", 9223372036854775806L, true),
            new Sequence(EveryKind.ODD_SCHEMA, "seq\n'\"\\", -1, true));
    Map<String, Table> tables = new HashMap<>();
    description.tables().forEach(table -> tables.put(table.name(), table));
    assertThat(tables).doesNotContainKeys("parted", "ranged", "ranged_1", "seen", "counted");
    assertThat(tables.get("parted_a").kind()).isEqualTo(TableKind.PARTITION);
    assertThat(tables.get("parted_rest").columns()).containsExactly("note", "kind", "id");
    assertThat(tables.get("computed").columns()).containsExactly("a", "c");
    assertThat(tables.get("columnless").columns()).isEmpty();
    assertThat(tables.get("unlogged").unlogged()).isTrue();
    assertThat(tables.get(EveryKind.ODD_TABLE).directory())
        .isEqualTo(
            "data/we%2Eird%2Fsch%0A%27ema.na%22me%2Ewith%2Fsl%5Cash%0Aand%20100%25%20表%20😀");
    assertThat(description.objectCounts())
        .containsEntry("partitioned_tables", 3L)
        .containsEntry("views", 1L)
        .containsEntry("materialized_views", 2L)
        .containsEntry("policies", 1L)
        .containsEntry("large_objects", 305L);

    String roles = trip.blobs.text(trip.blobs.find(captured.node(), "roles.sql"));
    assertThat(roles).contains("CREATE ROLE kind_owner;").doesNotContain("SCRAM-SHA-256");
    JsonObject snapshot = captured.manifest().object("snapshot");
    assertThat(snapshot.integer("xmin")).isPositive();
    assertThat(snapshot.string("lsn")).matches("[0-9A-F]+/[0-9A-F]+");
    assertThat(snapshot.integer("timeline")).isEqualTo(1);
    assertThat(snapshot.flag("standby", true)).isFalse();
  }

  @Test
  void keepsOtherEncodingsByteForByte(@TempDir Path directory) throws IOException {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    for (String encoding : List.of("LATIN1", "SQL_ASCII")) {
      String options = "template template0 encoding '" + encoding + "' locale 'C'";
      String source = database(server, "enc_" + encoding, options);
      String copy = database(server, "enc_copy_" + encoding, "none");
      server.execute(source, "create table t (a text)");
      if (encoding.equals("LATIN1")) {
        server.execute(
            source,
            "insert into t values ('é ÿ')",
            "create table \"Bücher\" (\"é\" text)",
            "insert into \"Bücher\" values ('ü')");
      } else {
        // Bytes that are no UTF-8 whatsoever, and none of the driver's business.
        server.execute(source, "insert into t values (E'\\xe9 \\xff\\xfe')");
      }
      Captured captured = trip.capture(source);
      trip.recover(captured, directory.resolve(encoding), copy, options);
      assertThat(server.query(copy, "select encode(a::bytea, 'hex') from t"))
          .isEqualTo(server.query(source, "select encode(a::bytea, 'hex') from t"))
          .containsExactly(encoding.equals("LATIN1") ? "e920ff" : "e920fffe");
      assertThat(tables(trip.capture(copy))).isEqualTo(tables(captured));
    }
  }

  @Test
  void extensionsKeepTheRowsThatTheyLeaveToTheUser(@TempDir Path directory) throws Exception {
    try (PostgresServer server = PostgresServers.startEmbedded(15, Map.of())) {
      Path extensions = extensionDirectory(server);
      Files.writeString(extensions.resolve("shapes.control"), "default_version = '1.0'\n");
      Files.writeString(
          extensions.resolve("shapes--1.0.sql"),
          """
          create table shape_z (id int primary key, standard bool default false);
          create table shape_a (id serial primary key, z int references shape_z);
          create table shape_all (note text);
          create table shape_fixed (v int);
          insert into shape_z values (1, true);
          insert into shape_fixed values (1);
          select pg_catalog.pg_extension_config_dump('shape_z', 'where not standard');
          select pg_catalog.pg_extension_config_dump('shape_a', '');
          select pg_catalog.pg_extension_config_dump('shape_a_id_seq', '');
          select pg_catalog.pg_extension_config_dump('shape_all', '');
          """);
      server.createDatabase("ext");
      server.execute(
          "ext",
          "create extension shapes",
          "insert into shape_z select i, false from generate_series(2, 40000) i",
          "insert into shape_a (z) select 1 + i % 40000 from generate_series(1, 500) i",
          "insert into shape_all values ('kept')");
      PostgresRoundTrip trip = new PostgresRoundTrip(server);
      Captured captured = trip.capture("ext");
      DatabaseDescription description = trip.description(captured);
      assertThat(description.tables().stream().map(Table::name))
          .containsExactlyInAnyOrder("shape_z", "shape_a", "shape_all")
          .containsSubsequence("shape_z", "shape_a");
      assertThat(description.tables())
          .allMatch(table -> table.kind() == TableKind.EXTENSION_CONFIGURATION);
      assertThat(description.sequences())
          .containsExactly(new Sequence("public", "shape_a_id_seq", 500, true));
      assertThat(tables(captured).get("\"public\".\"shape_z\"").getFirst()).isEqualTo(39999L);
      trip.recover(captured, directory, "ext_copy", "");
      for (String table : List.of("shape_z", "shape_a", "shape_all", "shape_fixed")) {
        String query = "select * from " + table + " order by 1";
        assertThat(server.query("ext_copy", query)).isEqualTo(server.query("ext", query));
      }
      assertThat(server.queryOne("ext_copy", "select nextval('shape_a_id_seq')")).isEqualTo("501");
    }
  }

  private static Path extensionDirectory(PostgresServer server) throws IOException {
    try (var files = Files.walk(server.programs().getParent())) {
      return files
          .filter(file -> file.endsWith("plpgsql.control"))
          .findFirst()
          .orElseThrow()
          .getParent();
    }
  }

  @Test
  void allTablesAreOfOneMomentWhateverIsWritten() throws Exception {
    PostgresServer server = PostgresServers.installed();
    oneMoment(server, "moment15");
  }

  @Test
  void allTablesAreOfOneMomentOnOlderServers() throws Exception {
    oneMoment(PostgresServers.embedded(13), "moment13");
  }

  private void oneMoment(PostgresServer server, String name) throws Exception {
    long seed = new Random().nextLong();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, name, "");
    int accounts = 30_000;
    server.execute(
        database,
        "create table left_side (id int primary key, money int, pad text)",
        "create table right_side (id int primary key, money int, pad text)",
        "create table log (id bigserial, amount int)",
        "insert into left_side select i, 1000, repeat('x', 100) from generate_series(1, "
            + accounts
            + ") i",
        "insert into right_side select i, 1000, repeat('y', 100) from generate_series(1, "
            + accounts
            + ") i");
    AtomicBoolean stop = new AtomicBoolean();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    AtomicInteger transfers = new AtomicInteger();
    List<Thread> writers = new ArrayList<>();
    for (int w = 0; w < 3; w++) {
      Random random = new Random(seed + w);
      writers.add(
          Thread.ofPlatform()
              .start(() -> {
                try (Connection connection = server.connect(database);
                    Statement statement = connection.createStatement()) {
                  while (!stop.get()) {
                    int amount = random.nextInt(100);
                    statement.execute(
                        ("begin; update left_side set money = money - %1$d where id = %2$d;"
                                + "update right_side set money = money + %1$d where id = %3$d;"
                                + "insert into log (amount) values (%1$d); commit")
                            .formatted(
                                amount,
                                1 + random.nextInt(accounts),
                                1 + random.nextInt(accounts)));
                    transfers.incrementAndGet();
                  }
                } catch (SQLException e) {
                  failure.set(e);
                }
              }));
    }
    try {
      for (int round = 0; round < 5; round++) {
        int before = transfers.get();
        Captured captured =
            new DatabaseCapture(trip.settings(database), null, "default")
                .capture(
                    trip.context(
                        new Watching() {
                          @Override
                          public void phase(String what) {
                            // However soon all is read: the writers write meanwhile.
                            while (transfers.get() == before && failure.get() == null) {
                              pause();
                            }
                          }
                        }));
        List<String> left = trip.rows(captured, "data/public.left_side");
        List<String> right = trip.rows(captured, "data/public.right_side");
        assertThat(left).as("seed %d", seed).hasSize(accounts);
        assertThat(right).as("seed %d", seed).hasSize(accounts);
        long leftMoney =
            left.stream().mapToLong(row -> Long.parseLong(row.split("\t", -1)[1])).sum();
        long rightMoney =
            right.stream().mapToLong(row -> Long.parseLong(row.split("\t", -1)[1])).sum();
        assertThat(leftMoney + rightMoney).as("seed %d", seed).isEqualTo(2000L * accounts);
        long logged =
            trip.rows(captured, "data/public.log").stream()
                .mapToLong(row -> Long.parseLong(row.split("\t", -1)[1]))
                .sum();
        assertThat(rightMoney - 1000L * accounts).as("seed %d", seed).isEqualTo(logged);
        long highest =
            trip.rows(captured, "data/public.log").stream()
                .mapToLong(row -> Long.parseLong(row.split("\t", -1)[0]))
                .max()
                .orElseThrow();
        assertThat(trip.description(captured).sequences().getFirst().lastValue())
            .as("seed %d", seed)
            .isGreaterThanOrEqualTo(highest);
      }
    } finally {
      stop.set(true);
      for (Thread writer : writers) {
        writer.join();
      }
    }
    assertThat(failure.get()).isNull();
  }

  /** An access method may keep rows elsewhere than in the file whose size the server tells. */
  @Test
  void aTableOfAnotherAccessMethodIsReadThoughItHasNoSize() throws IOException {
    PostgresServer server = PostgresServers.installed();
    String database = database(server, "methods", "");
    server.execute(
        database,
        "create access method heap2 type table handler heap_tableam_handler",
        "create table elsewhere (i int) using heap2",
        "create table nothing (i int) using heap2",
        "insert into elsewhere values (1), (2)",
        "create or replace function pg_catalog.pg_relation_size(regclass) returns bigint"
            + " language sql as 'select case when $1 = ''public.elsewhere''::regclass then 0"
            + " else pg_catalog.pg_relation_size($1, ''main'') end'");
    PostgresRoundTrip trip = new PostgresRoundTrip(server);

    Captured captured = trip.capture(database);

    assertThat(trip.rows(captured, "data/public.elsewhere")).containsExactly("1", "2");
    assertThat(captured.manifest().objects("tables"))
        .extracting(table -> table.string("name"), table -> table.integer("rows"))
        .containsExactlyInAnyOrder(tuple("elsewhere", 2L), tuple("nothing", 0L));
  }

  /**
   * Whoever locks another table may wait for one of a capture's, which would wait for him here. The
   * server looks at all relations if there are so many to look for.
   */
  @Test
  void sizesAreAskedWithoutWaitingForTablesOfOthers() throws SQLException {
    PostgresServer server = PostgresServers.installed();
    String database = database(server, "sized", "");
    server.execute(database, "create table mine as select 1 as i", "create table locked (i int)");
    long mine = Long.parseLong(server.queryOne(database, "select 'mine'::regclass::oid"));
    List<Long> oids = new ArrayList<>(List.of(mine));
    for (long gone = 1; gone <= 5000; gone++) {
      oids.add(4_000_000_000L + gone);
    }
    try (Connection other = server.connect(database);
        Statement statement = other.createStatement();
        Session session = Session.open(new PostgresRoundTrip(server).settings(database))) {
      other.setAutoCommit(false);
      statement.execute("lock table locked");
      session.execute("set lock_timeout = '100ms'");
      session.execute("set enable_indexscan = off");
      session.execute("set enable_bitmapscan = off");

      assertThat(new CatalogReader(session).sizes(oids)).containsOnlyKeys(mine);
    }
  }

  @Test
  void aTableWhoseSizeIsNotKnownIsNoEmptyTable() {
    PostgresServer server = PostgresServers.installed();
    String database = database(server, "sizes", "");
    server.execute(database, "create table t as select 1 as i");
    try (Session session = Session.open(new PostgresRoundTrip(server).settings(database))) {
      assertThatThrownBy(() -> new CatalogReader(session).readables(Map.of()))
          .isInstanceOf(SQLException.class)
          .hasMessage("the size of table \"public\".\"t\" is not known");
    }
  }

  @Test
  void rowsThatStayedTheSameAreTheSameBlobs() {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "same", "");
    server.execute(
        database,
        "create table t (id int primary key, v text) with (fillfactor = 80)",
        "insert into t select i, md5(i::text) from generate_series(1, 200000) i");
    List<String> before = contents(trip, trip.capture(database), "data/public.t");
    server.execute(database, "update t set v = 'changed' where id = 100000");
    List<String> after = contents(trip, trip.capture(database), "data/public.t");
    assertThat(before).hasSameSizeAs(after).hasSizeGreaterThan(10);
    List<String> changed = new ArrayList<>(after);
    changed.removeAll(before);
    assertThat(changed).hasSize(1);
  }

  @Test
  void aChangeInAStreamChangesFewBlobs() {
    PostgresServer server = PostgresServers.embedded(13);
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "stream", "");
    server.execute(
        database,
        "create table t (id int primary key, v text)",
        "insert into t select i, md5(i::text) || md5((-i)::text) from generate_series(1, 300000) i");
    List<String> before = contents(trip, trip.capture(database), "data/public.t");
    server.execute(database, "delete from t where id between 1000 and 3000");
    List<String> after = contents(trip, trip.capture(database), "data/public.t");
    assertThat(before).hasSizeBetween(8, 60);
    List<String> changed = new ArrayList<>(after);
    changed.removeAll(before);
    assertThat(changed).isNotEmpty().hasSizeLessThanOrEqualTo(3);
  }

  private static List<String> contents(
      PostgresRoundTrip trip, Captured captured, String directory) {
    List<String> ids = new ArrayList<>();
    for (Node part : trip.blobs.list(trip.blobs.find(captured.node(), directory))) {
      for (Node file : trip.blobs.list(part)) {
        if (file.name().endsWith(".copy")) {
          file.content().forEach(id -> ids.add(id.toString()));
        }
      }
    }
    return ids;
  }

  @Test
  void aLockThatStaysIsAnErrorThatNamesItsHolder() throws SQLException {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "locked", "");
    server.execute(database, "create table a (i int)", "create table \"b.c\" (i int)");
    try (Connection blocker = server.connect(database);
        Statement statement = blocker.createStatement()) {
      statement.execute("set application_name = 'migration 7'");
      statement.execute("begin; lock table \"b.c\" in access exclusive mode");
      int pid = blocker.unwrap(org.postgresql.PGConnection.class).getBackendPID();
      assertThatThrownBy(() ->
              new DatabaseCapture(trip.settings(database), null, "default", Duration.ofMillis(300))
                  .capture(trip.context(Progress.NONE)))
          .isInstanceOfSatisfying(
              StetException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
                assertThat(e.hint()).contains("run the backup again");
              })
          .hasMessageContaining("database \"locked\"")
          .hasMessageContaining(
              "table \"public\".\"b.c\" is locked by server process "
                  + pid
                  + " of user \"postgres\" (migration 7), in a transaction since ");
      statement.execute("rollback");
    }
    trip.capture(database);
  }

  /** A small table is locked by its COPY, one that may have long rows by a statement before it. */
  @ParameterizedTest
  @ValueSource(strings = {"10", "100000"})
  void aDefinitionThatWantsToChangeMayChangeAndTheCaptureStartsAgain(int length) throws Exception {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "altered", "");
    server.execute(
        database,
        "create table a (i int, t text)",
        "alter table a alter t set storage external",
        "insert into a select i, repeat('x', " + length + ") from generate_series(1, 10) i");
    AtomicInteger attempts = new AtomicInteger();
    List<String> details = new ArrayList<>();
    AtomicReference<Thread> altering = new AtomicReference<>();
    Captured captured =
        new DatabaseCapture(trip.settings(database), null, "default", Duration.ofSeconds(20))
            .capture(
                trip.context(
                    new Watching() {
                      @Override
                      public void phase(String what) {
                        // Everything is locked: a change has to wait for us, and nobody behind it
                        // may wait for it.
                        if (attempts.incrementAndGet() == 1) {
                          altering.set(
                              Thread.ofPlatform()
                                  .start(() ->
                                      server.execute(
                                          database, "alter table a add j int default 7")));
                          await(
                              server,
                              database,
                              "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and not granted",
                              "1");
                        }
                      }

                      @Override
                      public void detail(String message) {
                        details.add(message);
                      }
                    }));
    altering.get().join();
    assertThat(attempts).hasValue(2);
    assertThat(details).anyMatch(detail -> detail.startsWith("starting again: "));
    assertThat(trip.rows(captured, "data/public.a"))
        .hasSize(10)
        .contains("3\t" + "x".repeat(length) + "\t7");
  }

  @Test
  void anEnumLabelRenamedWhileItIsReadStartsTheCaptureAgain() throws Exception {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "renamed", "");
    server.execute(
        database,
        "create type mood as enum ('sad', 'glad')",
        "create table a (m mood)",
        "insert into a values ('sad')");
    AtomicInteger attempts = new AtomicInteger();
    Captured captured =
        new DatabaseCapture(trip.settings(database), null, "default")
            .capture(
                trip.context(
                    new Watching() {
                      @Override
                      public void phase(String what) {
                        if (attempts.incrementAndGet() == 1) {
                          server.execute(database, "alter type mood rename value 'sad' to 'low'");
                        }
                      }
                    }));
    assertThat(attempts).hasValue(2);
    assertThat(trip.rows(captured, "data/public.a")).containsExactly("low");
  }

  @Test
  void nobodyCanTruncateATableBetweenSnapshotAndReading() throws IOException {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "truncated", "");
    server.execute(database, "create table a as select generate_series(1, 1000) i");
    AtomicReference<String> refusal = new AtomicReference<>("none");
    Captured captured =
        new DatabaseCapture(trip.settings(database), null, "default")
            .capture(
                trip.context(
                    new Watching() {
                      @Override
                      public void phase(String what) {
                        try (Connection connection = server.connect(database);
                            Statement statement = connection.createStatement()) {
                          statement.execute("set lock_timeout = 200; truncate a");
                        } catch (SQLException e) {
                          refusal.set(e.getSQLState());
                        }
                      }
                    }));
    assertThat(refusal.get()).isEqualTo("55P03");
    assertThat(trip.rows(captured, "data/public.a")).hasSize(1000);
  }

  @Test
  void aTableThatGoesOrComesWhileOthersAreLockedDoesNoHarm() throws Exception {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "comesandgoes", "");
    server.execute(
        database,
        "create table a as select generate_series(1, 1000) i",
        "create table goes as select 1 i",
        "create table renamed as select 2 i",
        "create table z as select generate_series(1, 10) i");
    AtomicInteger attempts = new AtomicInteger();
    AtomicReference<Thread> changing = new AtomicReference<>();
    try (Connection connection = server.connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute("begin; lock table a in access exclusive mode");
      changing.set(
          Thread.ofPlatform()
              .start(() -> {
                try {
                  await(
                      server,
                      database,
                      "select count(*) from pg_locks where mode = 'AccessShareLock' and not granted",
                      "1");
                  statement.execute("drop table goes");
                  statement.execute("alter table renamed rename to became");
                  statement.execute("create table comes as select generate_series(1, 5) i");
                  statement.execute("commit");
                } catch (SQLException e) {
                  throw new AssertionError(e);
                }
              }));
      Captured captured =
          new DatabaseCapture(trip.settings(database), null, "default")
              .capture(
                  trip.context(
                      new Watching() {
                        @Override
                        public void phase(String what) {
                          attempts.incrementAndGet();
                        }
                      }));
      changing.get().join();
      assertThat(attempts).hasValue(1);
      assertThat(tables(captured).keySet())
          .containsExactlyInAnyOrder(
              "\"public\".\"a\"",
              "\"public\".\"became\"",
              "\"public\".\"z\"",
              "\"public\".\"comes\"");
      assertThat(trip.rows(captured, "data/public.comes")).hasSize(5);
      assertThat(trip.rows(captured, "data/public.z")).hasSize(10);
    }
  }

  @Test
  void failsWhenTheSessionThatHoldsTheLocksDies() {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "killed", "");
    server.execute(database, "create table a as select generate_series(1, 10) i");
    AtomicBoolean once = new AtomicBoolean();
    assertThatThrownBy(() ->
            new DatabaseCapture(trip.settings(database), null, "default")
                .capture(
                    trip.context(
                        new Watching() {
                          @Override
                          public void advance(long bytes) {
                            if (once.compareAndSet(false, true)) {
                              server.query(
                                  database,
                                  "select pg_terminate_backend(l.pid) from pg_locks l join pg_class c on c.oid = l.relation where relname = 'a' and l.mode = 'AccessShareLock' order by l.pid limit 1");
                            }
                          }
                        })))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageContaining("killed")
        .hasMessageContaining("terminat");
  }

  @Test
  void failsWhenPgDumpFailsLate(@TempDir Path directory) throws IOException {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "latefail", "");
    server.execute(database, "create table a as select generate_series(1, 10) i");
    Path bin = PostgresServers.installedBinaries().orElseThrow();
    for (String program : List.of("pg_dump", "pg_restore", "pg_dumpall")) {
      Path script = directory.resolve(program);
      Files.writeString(
          script,
          """
          #!/bin/sh
          "%s/%s" "$@" || exit
          case $1 in --version) exit 0 ;; esac
          echo "%s: error: the disk went away at the last moment" >&2
          exit 1
          """
              .formatted(bin, program, program));
      Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    assertThatThrownBy(() ->
            new DatabaseCapture(trip.settings(database), directory, "default")
                .capture(trip.context(Progress.NONE)))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageContaining("pg_dump ended with exit status 1")
        .hasMessageContaining("the disk went away at the last moment");
  }

  @Test
  void aDatabaseThatIsNotThereIsAnError() {
    PostgresRoundTrip trip = new PostgresRoundTrip(PostgresServers.installed());
    assertThatThrownBy(() -> trip.capture("no such; database"))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageContaining("database \"no such; database\"")
        .hasMessageContaining("does not exist");
    assertThat(trip.blobs.size()).isZero();
  }

  @Test
  void stopsWhenInterruptedAndLeavesNoSession() throws Exception {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "interrupted", "");
    server.execute(
        database,
        "create table a as select i, repeat('x', 500) v from generate_series(1, 100000) i");
    CountDownLatch reading = new CountDownLatch(1);
    AtomicReference<Throwable> result = new AtomicReference<>();
    Thread capture =
        Thread.ofPlatform()
            .start(() -> {
              try {
                new DatabaseCapture(trip.settings(database), null, "default")
                    .capture(
                        trip.context(
                            new Watching() {
                              @Override
                              public void advance(long bytes) {
                                reading.countDown();
                                try {
                                  Thread.sleep(60_000);
                                } catch (InterruptedException e) {
                                  Thread.currentThread().interrupt();
                                }
                              }
                            }));
              } catch (StetException e) {
                result.set(e);
              }
            });
    reading.await();
    capture.interrupt();
    capture.join(60_000);
    assertThat(capture.isAlive()).isFalse();
    assertThat(result.get())
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERRUPTED));
    await(
        server,
        database,
        "select count(*) from pg_stat_activity where datname = 'interrupted' and pid <> pg_backend_pid()",
        "0");
  }

  @Test
  void readsAStandby() throws Exception {
    try (PostgresServer server = PostgresServers.startEmbedded(15, Map.of())) {
      server.createDatabase("stood");
      server.execute(
          "stood",
          "create table a as select i, md5(i::text) from generate_series(1, 50000) i",
          "create unlogged table u as select generate_series(1, 5) i",
          "create sequence s",
          "select nextval('s')",
          "select lo_from_bytea(99, 'abc')");
      PostgresRoundTrip trip = new PostgresRoundTrip(server);
      Captured primary = trip.capture("stood");
      server.stop();
      Files.createFile(server.dataDirectory().resolve("standby.signal"));
      server.start();
      List<String> warnings = new ArrayList<>();
      Captured standby =
          new DatabaseCapture(trip.settings("stood"), null, "default")
              .capture(
                  trip.context(
                      new Watching() {
                        @Override
                        public void warn(String message) {
                          warnings.add(message);
                        }
                      }));
      assertThat(tables(standby).get("\"public\".\"a\""))
          .isEqualTo(tables(primary).get("\"public\".\"a\""));
      assertThat(tables(standby).get("\"public\".\"u\"").getFirst()).isEqualTo(0L);
      assertThat(warnings)
          .containsExactly(
              "table \"public\".\"u\" is unlogged: a standby server has none of its rows");
      assertThat(standby.manifest().object("large_objects"))
          .isEqualTo(primary.manifest().object("large_objects"));
      assertThat(standby.manifest().object("snapshot").flag("standby", false)).isTrue();
    }
  }

  @Test
  void reportsAllOfTheExpectedWorkAsDone() {
    PostgresServer server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    String database = database(server, "progress", "");
    EveryKind.fill(server, database);
    long[] counted = new long[2];
    new DatabaseCapture(trip.settings(database), null, "default")
        .capture(
            trip.context(
                new Watching() {
                  @Override
                  public synchronized void expect(long bytes) {
                    counted[0] += bytes;
                  }

                  @Override
                  public synchronized void advance(long bytes) {
                    counted[1] += bytes;
                  }
                }));
    assertThat(counted[0]).isGreaterThan(10_000_000L).isCloseTo(counted[1], within(0L));
  }

  private static void await(PostgresServer server, String database, String query, String expected) {
    Instant end = Instant.now().plusSeconds(60);
    while (Instant.now().isBefore(end)) {
      if (server.queryOne(database, query).equals(expected)) {
        return;
      }
      pause();
    }
    throw new AssertionError("never " + expected + ": " + query);
  }

  private static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Takes some of the reports. */
  private abstract static class Watching implements Progress {
    @Override
    public void phase(String what) {}

    @Override
    public void expect(long bytes) {}

    @Override
    public void advance(long bytes) {}

    @Override
    public void warn(String message) {}

    @Override
    public void detail(String message) {}
  }
}
