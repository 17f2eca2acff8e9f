package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.connection.SqlText;
import stet.testkit.ObjectKinds;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Whatever a database may hold comes back from a capture and a restore by Stet itself. */
@Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EveryKindIT {
  private final List<Runnable> cleanup = new ArrayList<>();

  @AfterEach
  void cleanUp() {
    cleanup.reversed().forEach(Runnable::run);
  }

  private String database(PostgresServer server, String name, String options) {
    server.dropDatabase(name);
    cleanup.add(() -> server.dropDatabase(name));
    server.createDatabase(name, options);
    return name;
  }

  /** Everything that pg_dump and the catalogs tell of a database. */
  private static List<String> everything(PostgresServer server, String database) {
    List<String> all = new ArrayList<>();
    all.add(server.dumpSchema(database));
    all.add(server.dumpSortedData(database));
    all.addAll(
        server.query(
            database,
            "select oid, lomowner::regrole, lomacl, md5(lo_get(oid)), obj_description(oid, 'pg_largeobject')"
                + " from pg_largeobject_metadata order by oid"));
    return all;
  }

  /** Captures a database, restores it in its own place, and compares. */
  private static Captured comesBackEqual(PostgresServer server, String database) {
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    List<String> before = everything(server, database);
    Captured captured = trip.capture(database);
    String oid = oid(server, database);
    trip.restore(captured, database);
    assertThat(oid(server, database)).isNotEqualTo(oid);
    assertThat(everything(server, database)).isEqualTo(before);
    return captured;
  }

  private static String oid(PostgresServer server, String database) {
    return server.queryOne(
        database, "select oid from pg_database where datname = current_database()");
  }

  @Test
  void everyKindOfObjectThatPgDumpKnowsComesBack() {
    everyKind(PostgresServers.installed());
  }

  private void everyKind(PostgresServer server) {
    // Cleaned up from the last to the first: the roles when nothing of theirs is left.
    cleanup.add(() ->
        server.execute(
            "postgres", "drop role if exists object_owner", "drop role if exists object_group"));
    String database = database(server, "every kind", "");
    ObjectKinds.create(server, database);
    comesBackEqual(server, database);
    String unanalysed =
        "select c.oid::regclass from pg_class c where relkind in ('r', 'm') and relnamespace = 'kinds'::regnamespace"
            + " and (reltuples < 0 or relname <> 'unpopulated' and exists (select from pg_attribute a"
            + "   where attrelid = c.oid and attnum > 0 and not attisdropped and not exists"
            + "     (select from pg_stats s where s.schemaname = 'kinds' and s.tablename = relname and s.attname = a.attname)))";
    assertThat(server.query(database, unanalysed)).isEmpty();
    assertThat(
            server.queryOne(
                database,
                "select count(*) from pg_statistic_ext_data where stxdndistinct is not null"))
        .isEqualTo(server.majorVersion() < 14 ? "1" : "2");
  }

  @Test
  void aRestoreCallsNoOtherServer() throws IOException {
    PostgresServer server = PostgresServers.installed();
    String database = database(server, "callers", "");
    AtomicInteger calls = new AtomicInteger();
    try (ServerSocket listener = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      Thread.ofPlatform()
          .daemon()
          .start(() -> {
            try {
              while (true) {
                Socket caller = listener.accept();
                calls.incrementAndGet();
                caller.close();
              }
            } catch (IOException e) {
              // The test has ended.
              return;
            }
          });
      server.execute(
          database,
          "create extension postgres_fdw",
          "create server listening foreign data wrapper postgres_fdw options (host '127.0.0.1', port '"
              + listener.getLocalPort()
              + "', dbname 'x')",
          "create user mapping for public server listening options (password 'x')",
          "create foreign table away (id int) server listening",
          "create table near (id int, k int) partition by list (k)",
          "create table near_1 partition of near for values in (1) partition by list (id)",
          "create table near_1_1 partition of near_1 for values in (1)",
          "create foreign table near_1_2 partition of near_1 for values in (2) server listening",
          "insert into near values (1, 1)",
          "create table parent (a int)",
          "create foreign table child () inherits (parent) server listening",
          "insert into parent values (1)",
          "create subscription fed connection 'host=127.0.0.1 port=1 dbname=x' publication p"
              + " with (connect = false, slot_name = fed)",
          "alter subscription fed enable");
      PostgresRoundTrip trip = new PostgresRoundTrip(server);
      Captured captured = trip.capture(database);
      assertThat(trip.description(captured).tables())
          .extracting(DatabaseDescription.Table::name)
          .containsExactlyInAnyOrder("near_1_1", "parent");
      Warnings warnings = new Warnings();
      trip.restore(captured, database, warnings);
      assertThat(calls).hasValue(0);
      assertThat(warnings.all)
          .containsExactly(
              "subscription \"fed\" of default is disabled: see to its slot at the publisher, then"
                  + " enable it");
      assertThat(
              server.query(
                  database,
                  "select subname, subenabled, subslotname from pg_subscription s"
                      + " join pg_database d on d.oid = subdbid where datname = 'callers'"))
          .containsExactly("fed|f|fed");
      assertThat(
              server.query(
                  database, "select relname from pg_class where relkind = 'f' order by relname"))
          .containsExactly("away", "child", "near_1_2");
      // The listener does hear of whoever calls.
      assertThatThrownBy(() -> server.query(database, "select * from away"))
          .hasMessageContaining("could not connect");
      assertThat(calls).hasPositiveValue();
    }
  }

  @Test
  void whateverTablesHoldAndAreCalledComesBack() {
    PostgresServer server = PostgresServers.installed();
    String database = database(server, "-d \"%/..\\\n'é=x", "");
    endsOfEveryType(server, database);
    namesOfEveryCharacter(server, database);
    tablesOf1600Columns(server, database);
    manyLargeObjects(server, database);
    List<String> hashed = hashesThatAnotherDatabaseHasNot(server, database);
    List<String> places = places(server, database, hashed);
    comesBackEqual(server, database);
    assertThat(
            server.queryOne(
                database,
                "select count(*) from numbers where f = 0 and f::text = '-0' and r::text = '-0'"))
        .isEqualTo("1");
    for (String table : hashed) {
      assertThat(places(server, database, List.of(table)))
          .as("rows of %s are elsewhere", table)
          .hasSize(300)
          .isNotEqualTo(places.stream().filter(place -> place.startsWith(table + "|")).toList());
    }
  }

  private static void endsOfEveryType(PostgresServer server, String database) {
    server.execute(
        database,
        "create table numbers (n numeric, f float8, r float4, i bigint, m money)",
        """
        insert into numbers values ('NaN', 'NaN', 'NaN', -9223372036854775808, '-92233720368547758.08'),
          (null, 'infinity', '-infinity', 9223372036854775807, null), (1e-1000, '-0', '-0', 0, 0),
          (-1e1000, 5e-324, 1e-45, 1, 1), (0.10, 1.7976931348623157e308, 3.4028235e38, 2, 2), (1.0, 0.1, 0.1, 3, 3)
        """,
        "create table times (d date, t timestamp, tz timestamptz, h time, hz timetz, i interval)",
        """
        insert into times values
          ('infinity', 'infinity', 'infinity', '24:00', '24:00-15:59', '178000000 years'),
          ('-infinity', '-infinity', '-infinity', '00:00', '00:00+15:59', '-178000000 years'),
          ('4713-01-01 BC', '4713-01-01 00:00 BC', '4713-01-01 00:00+00 BC', '23:59:59.999999', null, '-1 mon +1 day -0.000001'),
          ('0001-12-31 BC', '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC', null, null, '0'),
          ('5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', null, null, null)
        """,
        """
        create table forms (b box, ci circle, p path, l line, g polygon, a inet, n cidr, w macaddr8, v varbit, u uuid,
          j json, jb jsonb, jp jsonpath, x xml, ts tsvector, tq tsquery, ls pg_lsn, c "char", nm name, pr regclass,
          rt regtype, nr numrange)
        """,
        """
        insert into forms values ('1,2,3,4', '<(1,2),3>', '[(0,0),(1,1)]', '{1,2,3}', '((0,0),(1,1))', '::1/64', '10.0.0.0/8',
          '08:00:2b:01:02:03:04:05', b'', gen_random_uuid(), '{"b":  1, "a":1, "a":2}', '{"\\u00e9": 1e400}',
          '$.a[*] ? (@ > 1)', '<a>é</a>', 'a:1A ''b c'':2', '!a & b:*', 'FFFFFFFF/FFFFFFFF', 'x', 'n', 'numbers', 'numbers',
          '(,1.5]')
        """,
        "create table arrays (a int[], b text[], c int[][], d numeric[])",
        """
        insert into arrays values
          ('[-2:0]={1,null,3}', '{"",NULL,"NULL","a\\\\b","q\\"",\\ ,"{}"}', '{{1,2},{3,4}}', '{}')
        """,
        "create table texts (a text)",
        "insert into texts select string_agg(chr(i), '') from generate_series(1, 55295) i",
        "insert into texts values ('😀'), ('\\.'), (E'a\\r\\nb\\rc\\n')");
    if (server.majorVersion() >= 14) {
      server.execute(
          database,
          "insert into numbers (n) values ('infinity'), ('-infinity')",
          "create table spans as select '{[1,3),[5,7)}'::int4multirange m, '18446744073709551615'::xid8 x,"
              + " '10:20:10,14'::pg_snapshot s");
    }
  }

  private static void namesOfEveryCharacter(PostgresServer server, String database) {
    List<String> names = new ArrayList<>();
    for (char c = 1; c < 127; c++) {
      names.add("a" + c);
    }
    names.addAll(
        List.of(
            "-",
            "--help",
            "-f",
            ".",
            "..",
            "/",
            "%",
            "%2F",
            "~",
            "é",
            "e\u0301",
            "É",
            "ß",
            "\u202e",
            "\ufeff",
            "\u0085",
            "\u2028",
            "😀".repeat(15) + "abc",
            "é".repeat(31) + "x",
            "/".repeat(63),
            "%".repeat(62) + "1",
            "%".repeat(62) + "2",
            "select",
            ":x",
            ":'x'",
            "$1",
            "\\.",
            "\\N",
            "a;b",
            "a--b",
            "/*",
            "a\nb",
            "a\r\nb"));
    List<String> statements = new ArrayList<>();
    for (int n = 0; n < names.size(); n++) {
      String name = names.get(n);
      String quoted = SqlText.name(name);
      String schema = n % 4 == 0 ? quoted : "public";
      if (n % 4 == 0) {
        statements.add("create schema " + quoted);
      }
      statements.add("create table " + schema + "." + quoted + " (" + quoted + " int, v text)");
      statements.add("insert into " + schema + "." + quoted + " values (" + n + ", 'v')");
      if (n % 7 == 0) {
        statements.add("create sequence " + schema + "." + SqlText.name("s" + n + name.charAt(0)));
        statements.add(
            "comment on table " + schema + "." + quoted + " is " + SqlText.literal(name));
      }
    }
    server.execute(database, statements.toArray(String[]::new));
  }

  private static void tablesOf1600Columns(PostgresServer server, String database) {
    StringBuilder columns = new StringBuilder("c1 text");
    for (int i = 2; i <= 1600; i++) {
      columns.append(", c").append(i).append(i % 3 == 0 ? " int" : " text");
    }
    server.execute(
        database,
        "create table wide (" + columns + ")",
        "insert into wide (c1, c3, c1600) select repeat(md5(i::text), 500), i, 'x' from generate_series(1, 500) i",
        "insert into wide select",
        "create table was_wider (" + columns + ")",
        "insert into was_wider (c1600) values ('kept')",
        "alter table was_wider drop c1, drop c2, drop c3");
  }

  private static void manyLargeObjects(PostgresServer server, String database) {
    server.execute(
        database,
        "select lo_from_bytea(i::oid, decode(md5(i::text), 'hex')) from generate_series(20001, 30000) i",
        "do $$ begin for i in 20001..20300 loop"
            + " execute format('comment on large object %s is %L', i, 'number ' || i); end loop; end $$",
        "grant select on large object 20001, 20002, 20003 to public");
  }

  /**
   * Fills tables whose rows belong to other partitions in another database, since the values that
   * are hashed are made of an enum's, or hashed in somebody's own way.
   *
   * @return the tables
   */
  private static List<String> hashesThatAnotherDatabaseHasNot(
      PostgresServer server, String database) {
    server.execute(
        database,
        "create type mood as enum ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j')",
        "create domain feeling as mood",
        "create type pair as (m mood, n int)",
        "create type moods as range (subtype = mood)",
        """
        create function oid_hash(int, bigint) returns bigint language sql immutable as
          'select $1 * 7 + oid::bigint from pg_catalog.pg_database where datname = pg_catalog.current_database()'
        """,
        "create operator class by_oid for type int using hash as operator 1 =, function 2 oid_hash(int, bigint)");
    List<String> tables = new ArrayList<>();
    String label = "(enum_range(null::mood))[1 + i % 10]";
    tables.add(hashed(server, database, "mood", "", label));
    tables.add(hashed(server, database, "feeling", "", label));
    tables.add(hashed(server, database, "mood[]", "", "array[" + label + "]"));
    tables.add(hashed(server, database, "moods", "", "moods(" + label + ", null)"));
    tables.add(hashed(server, database, "int", "by_oid", "i"));
    if (server.majorVersion() >= 14) {
      tables.add(hashed(server, database, "pair", "", "row(" + label + ", i)::pair"));
    }
    return tables;
  }

  private static String hashed(
      PostgresServer server, String database, String type, String operators, String value) {
    String table = "by_" + type.replace("[]", "_array");
    server.execute(
        database,
        "create table %s (k %s, n int) partition by hash (k %s)".formatted(table, type, operators));
    for (int i = 0; i < 4; i++) {
      server.execute(
          database,
          "create table %1$s_%2$d partition of %1$s for values with (modulus 4, remainder %2$d)"
              .formatted(table, i));
    }
    server.execute(
        database,
        "insert into %s select %s, i from generate_series(1, 300) i".formatted(table, value));
    return table;
  }

  private static List<String> places(PostgresServer server, String database, List<String> tables) {
    List<String> places = new ArrayList<>();
    for (String table : tables) {
      places.addAll(
          server.query(
              database,
              "select '%1$s', tableoid::regclass, n from %1$s order by n".formatted(table)));
    }
    return places;
  }

  @Test
  void databasesOfOtherEncodingsComeBack() {
    PostgresServer server = PostgresServers.installed();
    String database = database(server, "latin", "template template0 encoding 'LATIN1' locale 'C'");
    server.execute(
        database,
        "create table \"é\" (\"ü\" text default 'ö', s serial)",
        "insert into \"é\" select repeat('ÿ', i) from generate_series(1, 500) i",
        "comment on table \"é\" is 'ß'",
        "create type mood as enum ('ä')",
        "create function f() returns text language sql as 'select ''é''::text'",
        "select lo_from_bytea(77, '\\xff00fe')",
        "comment on large object 77 is 'à'");
    comesBackEqual(server, database);

    // Bytes that are no UTF-8 whatsoever, and none of the driver's business.
    String bytes =
        database(server, "no text", "template template0 encoding 'SQL_ASCII' locale 'C'");
    server.execute(
        bytes,
        "create table t (a text, b bytea)",
        "insert into t select E'\\xe9 \\xff\\xfe' || i, '\\xff00' from generate_series(1, 1000) i",
        "create function f() returns text language sql as E'select ''\\xe9\\xff''::text'",
        "comment on table t is E'\\xe9\\xff'");
    String query =
        """
        select encode(a::bytea, 'hex'), encode(prosrc::bytea, 'hex'),
          encode(obj_description('t'::regclass)::bytea, 'hex') from t, pg_proc where proname = 'f' order by 1
        """;
    List<String> before = server.query(bytes, query);
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    trip.restore(trip.capture(bytes), bytes);
    assertThat(server.query(bytes, query)).isEqualTo(before).hasSize(1000);
  }

  /** No provider is packaged, so what is tested is that a label is neither lost nor passed over. */
  @Test
  void aSecurityLabelWhoseProviderIsMissingIsAnErrorThatLeavesNothing() {
    PostgresServer server = PostgresServers.installed();
    String database = database(server, "labelled", "");
    server.execute(
        database,
        "create schema kinds",
        "create table kinds.people (id int)",
        "select lo_create(7001)");
    ObjectKinds.label(server, database);
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    Captured captured = trip.capture(database);
    assertThat(trip.description(captured).largeObjects().getFirst().labels())
        .containsExactly(
            new DatabaseDescription.SecurityLabel(ObjectKinds.LABEL_PROVIDER, "bytes"));
    List<String> databases = server.databases();
    assertThatThrownBy(() -> trip.restore(captured, database))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.hint()).contains("shared_preload_libraries"))
        .hasMessageContaining("security label provider \"stet_labels\" is not loaded");
    assertThat(server.databases()).isEqualTo(databases);
  }
}
