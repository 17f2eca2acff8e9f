package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.postgres.Samples;
import stet.engine.postgres.capture.DatabaseCapture;
import stet.engine.postgres.capture.FileBlobs;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.Extension;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.catalog.DatabaseDescription.Server;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.chunk.Polynomial;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;
import stet.testkit.MemoryBlobs;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Captures a database, restores it and swaps it in, on real servers. */
@Timeout(300)
class RestoreIT {
  private static final RowHash.Key KEY = RowHash.Key.random();
  private static PostgresServer server;

  @TempDir Path directory;
  private MemoryBlobs blobs;
  private List<String> databasesBefore;
  private List<String> rolesBefore;

  @BeforeAll
  static void start() {
    server = PostgresServers.installed();
  }

  @BeforeEach
  void begin() {
    blobs = new MemoryBlobs();
    databasesBefore = server.databases();
    rolesBefore = roles();
  }

  @AfterEach
  void dropWhatIsNew() {
    for (String name : server.databases()) {
      if (!databasesBefore.contains(name)) {
        server.dropDatabase(name);
      }
    }
    for (String role : roles()) {
      if (!rolesBefore.contains(role)) {
        server.execute("postgres", "drop role " + PostgresServer.identifier(role));
      }
    }
  }

  private static List<String> roles() {
    return server.query("postgres", "select rolname from pg_roles order by 1");
  }

  private static Operation operation(String id) {
    return new Operation(id, 3, Progress.NONE);
  }

  private static ConnectionSettings settings(String url) {
    return ConnectionSettings.parse(url, Map.of(), Path.of("/nonexistent"));
  }

  private static PostgresTarget target(PostgresServer where, String database) {
    return new PostgresTarget(
        new PostgresPlace("default", settings(where.url(database)), null, null));
  }

  private Captured capture(PostgresServer from, String database) {
    return new DatabaseCapture(settings(from.url(database)), null, "default")
        .capture(
            new CaptureContext(
                operation("00000001"), blobs, blobs, null, null, null, KEY, polynomial()));
  }

  private static Polynomial polynomial() {
    return new Polynomial(0x3DA3358B4DC173L);
  }

  private RestoreContext restore(Captured captured, String id) {
    return new RestoreContext(operation(id), blobs, captured.node(), captured.manifest(), KEY);
  }

  private static List<String> properties(PostgresServer where, String database) {
    return where.query(
        "postgres",
        """
        select pg_get_userbyid(datdba), encoding, datcollate, datctype, datacl, datconnlimit,
          shobj_description(d.oid, 'pg_database'),
          (select string_agg(coalesce(rolname, '') || setconfig::text, ';' order by 1)
            from (select rolname, setconfig from pg_db_role_setting
              left join pg_roles r on r.oid = setrole where setdatabase = d.oid
              order by 1 nulls first) s(rolname, setconfig))
        from pg_database d where datname = '%s'
        """
            .formatted(database.replace("'", "''")));
  }

  private static List<String> largeObjects(PostgresServer where, String database) {
    return where.query(
        database,
        "select oid, pg_get_userbyid(lomowner), lomacl, obj_description(oid, 'pg_largeobject'),"
            + " md5(lo_get(oid)) from pg_largeobject_metadata order by oid");
  }

  /** Damages, restores and compares everything. */
  private void comesBackEqual(String database, String... damage) {
    Captured captured = capture(server, database);
    String schema = server.dumpSchema(database);
    String data = server.dumpSortedData(database);
    List<String> properties = properties(server, database);
    List<String> objects = largeObjects(server, database);
    server.execute(database, damage);
    assertThat(server.dumpSchema(database) + server.dumpSortedData(database))
        .isNotEqualTo(schema + data);
    try (Target target = target(server, database)) {
      String old = target.live().identity();
      assertThat(target.live().empty()).isFalse();
      Beside staging = target.stage(restore(captured, "0a1b2c3d"));
      assertThat(staging.name()).isEqualTo(database + ".staging-0a1b2c3d");
      target.note(staging, "{\"journal\":1}");
      Beside previous = target.swap(staging, "0a1b2c3d", "{}");
      assertThat(previous.identity()).isEqualTo(old);
      assertThat(target.live().identity()).isEqualTo(staging.identity());
      assertThat(server.dumpSchema(database)).isEqualTo(schema);
      assertThat(server.dumpSortedData(database)).isEqualTo(data);
      assertThat(properties(server, database)).isEqualTo(properties);
      assertThat(largeObjects(server, database)).isEqualTo(objects);
      target.drop(previous);
    }
    assertThat(server.databases()).containsExactlyInAnyOrderElementsOf(with(database));
  }

  private List<String> with(String... more) {
    List<String> all = new ArrayList<>(databasesBefore);
    all.addAll(List.of(more));
    return all;
  }

  @Test
  void chinookComesBackEqual() throws Exception {
    Samples.chinook(server, "chinook", directory);
    comesBackEqual(
        "chinook",
        "drop table invoice_line cascade",
        "update track set name = name || '!' where track_id % 7 = 0",
        "delete from playlist_track");
  }

  @Test
  void pagilaComesBackEqual() throws Exception {
    Samples.pagila(server, "pagila", directory);
    assertThat(
            server.queryOne(
                "pagila",
                "select count(*) from pg_class where relkind = 'r' and relname like 'payment_p%'"))
        .isEqualTo("55");
    comesBackEqual(
        "pagila", "drop table film cascade", "delete from payment", "drop function last_day");
  }

  /** Such a table is large enough for an early index, and alone among the large ones. */
  @Test
  void anIndexWhoseFunctionReadsAnotherTableIsBuiltWhenAllAreLoaded() {
    server.createDatabase("shop");
    server.execute(
        "shop",
        "create table regions (code int primary key, name text not null)",
        "insert into regions values (1, 'north')",
        """
        create function region_of(int) returns text immutable language plpgsql as $$
        declare found text;
        begin
          select name into strict found from public.regions where code = $1;
          return found;
        end $$
        """,
        "create table orders (region int, note text)",
        "insert into orders select 1, repeat('x', 1000) from generate_series(1, 30000)",
        "create index by_region on orders (region_of(region))");
    Captured captured = capture(server, "shop");
    try (Target target = target(server, "shop")) {
      RestoreContext alone =
          new RestoreContext(
              new Operation("0a1b2c3d", 1, Progress.NONE),
              blobs,
              captured.node(),
              captured.manifest(),
              KEY);
      Beside staging = target.stage(alone);
      assertThat(
              server.queryOne(
                  staging.name(),
                  "select indisvalid from pg_index where indexrelid = 'by_region'::regclass"))
          .isEqualTo("t");
    }
  }

  @Test
  void indexesThatAreNotValidAreLeftOut() {
    server.createDatabase("shop");
    server.execute(
        "shop",
        "create table t (i int)",
        "create index fine on t (i)",
        "create index broken on t (i)",
        "create index unfinished on t (i)",
        "update pg_index set indisvalid = false where indexrelid = 'broken'::regclass",
        "update pg_index set indisvalid = false, indisready = false"
            + " where indexrelid = 'unfinished'::regclass",
        "create table parts (i int) partition by range (i)",
        "create table part partition of parts for values from (0) to (9)",
        "create index only_here on only parts (i)");
    Captured captured = capture(server, "shop");
    try (Target target = target(server, "shop")) {
      Beside staging = target.stage(restore(captured, "0a1b2c3d"));
      assertThat(
              server.query(
                  staging.name(),
                  "select indexrelid::regclass || ' ' || indisvalid from pg_index"
                      + " where indexrelid >= 16384 order by 1"))
          .containsExactly("fine true", "only_here false");
    }
  }

  @Test
  void whatTheCapturedDatabaseLacksOfATemplateIsNotThereAfterwards() {
    server.createDatabase("hardened");
    server.execute(
        "hardened",
        "drop schema public",
        "drop extension plpgsql",
        "create schema app",
        "create table app.t as select 1 as a");
    Captured captured = capture(server, "hardened");
    try (Target target = target(server, "hardened")) {
      Beside staging = target.stage(restore(captured, "0a1b2c3d"));
      assertThat(
              server.query(
                  staging.name(),
                  "select nspname from pg_namespace where oid >= 2200 and nspname !~ '^pg_'"
                      + " and nspname <> 'information_schema' union select extname from"
                      + " pg_extension"))
          .containsExactly("app");
    }
  }

  @Test
  void propertiesLargeObjectsAndOddTablesComeBackEqual() {
    String name = "we ird\"db; 'é=1";
    server.execute(
        "postgres",
        "create role \"own er\"",
        "create role reader login connection limit 7",
        "create role grouped in role reader");
    server.createDatabase(name, "template template0 lc_collate 'C' lc_ctype 'C.UTF-8'");
    String quoted = PostgresServer.identifier(name);
    server.execute(
        name,
        "create table \"ta\"\"b.le\" (id bigint generated always as identity, \"co l\" text,"
            + " twice bigint generated always as (id * 2) stored, gone int)",
        "alter table \"ta\"\"b.le\" drop column gone",
        "insert into \"ta\"\"b.le\" (\"co l\") select E'\\\\.\\n\\t é' || i from generate_series(1, 9) i",
        "create table empty ()",
        "insert into empty default values",
        "insert into empty default values",
        "create unlogged table u as select 1.5::money as m, 'NaN'::float8 as f, 'infinity'::date d",
        "create type mood as enum ('sad', 'happy')",
        "create table h (m mood, n int) partition by hash (m)",
        "create table h0 partition of h for values with (modulus 2, remainder 0)",
        "create table h1 partition of h for values with (modulus 2, remainder 1)",
        "insert into h select (enum_range(null::mood))[1 + i % 2], i from generate_series(1, 100) i",
        "create table parent (a int)",
        "create table child (b int) inherits (parent)",
        "insert into parent values (1)",
        "insert into child values (2, 3)",
        "create materialized view full_view as select count(*) from parent",
        "create materialized view empty_view as select 1 as one with no data",
        "create sequence fresh start 42",
        "create sequence used increment -3",
        "select nextval('used')",
        "create function noisy() returns event_trigger language plpgsql as"
            + " 'begin raise notice ''ddl''; end'",
        "create event trigger noise on ddl_command_end execute function noisy()",
        "create table watched (a int)",
        "create function never() returns trigger language plpgsql as"
            + " 'begin raise exception ''fired''; end'",
        "insert into watched values (1)",
        "create trigger t before insert on watched for each row execute function never()",
        "create extension citext",
        "create table c (e citext unique)",
        "insert into c values ('Ab')",
        "alter table c enable row level security",
        "alter table c owner to \"own er\"",
        "select lo_from_bytea(4711, decode(repeat('00ff', 3000000), 'hex'))",
        "select lo_create(4712)",
        "alter large object 4711 owner to \"own er\"",
        "grant select on large object 4711 to reader with grant option",
        "set session authorization reader",
        "grant select on large object 4711 to public",
        "reset session authorization",
        "comment on large object 4712 is 'it''s \\ empty'");
    server.execute(
        "postgres",
        "alter database " + quoted + " owner to \"own er\"",
        "alter database " + quoted + " set search_path = \"$user\", public, \"odd one\"",
        "alter database " + quoted + " set work_mem = '5MB'",
        "alter database " + quoted + " set default_transaction_read_only = on",
        "alter role reader in database " + quoted + " set statement_timeout = '77s'",
        "alter database " + quoted + " connection limit 17",
        "comment on database " + quoted + " is 'the \"shop''s\" \\ comment'",
        "revoke connect on database " + quoted + " from public",
        "grant connect on database " + quoted + " to reader with grant option");
    comesBackEqual(
        name,
        "set default_transaction_read_only = off",
        "drop event trigger noise",
        "drop table h",
        "select lo_unlink(4711)");
  }

  @Test
  void restoresWhatIsGoneAltogetherWithItsRoles() throws Exception {
    server.execute(
        "postgres",
        "create role keeper login createdb connection limit 3 valid until '2040-01-01'",
        "create role helper in role keeper",
        "comment on role keeper is 'keeps'",
        "alter role keeper set work_mem = '7MB'");
    server.execute("postgres", "create database gone owner keeper");
    server.execute(
        "gone",
        "create table t as select i from generate_series(1, 1000) i",
        "grant select on t to helper");
    String query =
        "select rolname, rolcanlogin, rolcreatedb, rolconnlimit, rolvaliduntil, rolconfig,"
            + " shobj_description(oid, 'pg_authid') from pg_roles where rolname in ('keeper', 'helper')"
            + " order by 1";
    List<String> rolesThen = server.query("postgres", query);
    Captured captured = capture(server, "gone");
    server.dropDatabase("gone");
    server.execute("postgres", "drop role helper", "drop role keeper");
    try (Target target = target(server, "gone")) {
      assertThat(target.live().identity()).isNull();
      Beside staging = target.stage(restore(captured, "0a1b2c3d"));
      assertThat(target.swap(staging, "0a1b2c3d", "{}")).isNull();
    }
    assertThat(server.queryOne("gone", "select count(*) from t")).isEqualTo("1000");
    assertThat(server.query("postgres", query)).isEqualTo(rolesThen);
    server.dropDatabase("gone");
  }

  private static final String OF_A_KILLED_PROOF =
      " is 'stet: made to prove a snapshot in stet_scratch_01234567_89abcdef'";

  @Test
  void aRoleThatAKilledProofHasLeftBecomesTheTargetsOwn() {
    server.execute(
        "postgres",
        "create role keeper login createdb",
        "create role helper in role keeper",
        "alter role keeper set work_mem = '7MB'",
        "comment on role helper is 'helps'");
    server.execute("postgres", "create database gone owner keeper");
    server.execute("gone", "create table t as select 1 as i", "grant select on t to helper");
    String query =
        "select rolname, rolcanlogin, rolcreatedb, rolconfig, shobj_description(oid, 'pg_authid')"
            + " from pg_roles where rolname in ('keeper', 'helper') order by 1";
    List<String> rolesThen = server.query("postgres", query);
    Captured captured = capture(server, "gone");
    server.dropDatabase("gone");
    server.execute(
        "postgres",
        "alter role keeper nologin",
        "alter role keeper set maintenance_work_mem = '7MB'",
        "comment on role keeper" + OF_A_KILLED_PROOF,
        "alter role helper createdb",
        "comment on role helper" + OF_A_KILLED_PROOF);
    try (Target target = target(server, "gone")) {
      RestoreContext context = restore(captured, "0a1b2c3d");
      target.check(context);
      target.swap(target.stage(context), "0a1b2c3d", "{}");
    }

    assertThat(server.query("postgres", query)).isEqualTo(rolesThen);
  }

  @Test
  void aRoleOfAProofThatIsUsedOrAnotherAdministratorsStays() throws SQLException {
    server.execute(
        "postgres",
        "create role keeper createrole login password 'x'",
        "create role used",
        "comment on role used" + OF_A_KILLED_PROOF,
        "create role mighty superuser",
        "comment on role mighty" + OF_A_KILLED_PROOF);
    server.execute("postgres", "create database held owner used");
    try (Session superuser = Session.open(settings(server.url("postgres")));
        Session session = Session.open(settings(server.url("postgres", "keeper", "x")))) {
      RoleCreation.dropUnlessUsed(superuser, "used");
      RoleCreation.dropUnlessUsed(session, "mighty");

      assertThat(RoleCreation.leftovers(session)).containsOnlyKeys("used", "mighty");
      RoleCreation ofAnotherTrial = RoleCreation.forTrial("stet_scratch_11111111_11111111");
      ofAnotherTrial.create(superuser, List.of(role("used"), role("new")), Progress.NONE);
      assertThat(RoleCreation.leftovers(session))
          .containsOnlyKeys("used", "mighty", "new")
          .containsEntry("used", "stet_scratch_01234567_89abcdef");
      ofAnotherTrial.undo(superuser);
      assertThat(RoleCreation.leftovers(session)).containsOnlyKeys("used", "mighty");
    }
  }

  private static Role role(String name) {
    return new Role(
        name, false, true, false, false, false, false, false, -1, null, null, List.of(), List.of());
  }

  /**
   * Two tables of the same size, so that each is one session's share, and one that is too small.
   * Autovacuum, which would set their pages all-visible as well, leaves them alone.
   */
  private static final String[] SHARES = {
    "create table share_1 with (autovacuum_enabled = false) as select i, repeat(md5(i::text), 4) t from generate_series(1, 45000) i",
    "create table share_2 (like share_1) partition by range (i)",
    "create table share_2_only partition of share_2 default with (autovacuum_enabled = false)",
    "create table share_2_parent (i integer, t text)",
    "create table share_2_child () inherits (share_2_parent) with (autovacuum_enabled = false)",
    "insert into share_2 select * from share_1",
    "insert into share_2_parent values (1, 'its own')",
    "insert into share_2_child select * from share_1",
    "create table small as select * from share_1 where i < 100",
  };

  /** The pages of tables that are written once. */
  private static List<String> frozen(String database) {
    return server.query(
        database,
        "select relname, relallvisible = relpages from pg_class"
            + " where relkind = 'r' and (relname like 'share%' or relname = 'small') order by 1");
  }

  @Test
  void tablesThatAreOneSessionsShareAreFrozen() {
    server.execute("postgres", "create database shares");
    server.execute("shares", SHARES);
    comesBackEqual("shares", "delete from share_1 where i % 3 = 0", "truncate share_2_child");
    assertThat(frozen("shares"))
        .containsExactly(
            "share_1|t", "share_2_child|t", "share_2_only|t", "share_2_parent|f", "small|f");
  }

  @Test
  void indexesOfLargeTablesComeBackWithWhatLeansOnThem() {
    server.execute("postgres", "create database indexed");
    server.execute(
        "indexed",
        "create function half(integer) returns integer language sql immutable as 'select $1 / 2'",
        "create table large (i integer primary key, j integer unique, t text, r int4range,"
            + " exclude using gist (r with &&))",
        "insert into large select i, -i, repeat(md5(i::text), 20), int4range(i, i + 1)"
            + " from generate_series(1, 30000) i",
        "create index halves on large (half(i))",
        "create index tenths on large (t) where i % 10 = 0",
        "alter table large cluster on halves",
        "comment on index halves is 'computed'",
        "create table statistical (i integer, j integer, t text)",
        "insert into statistical select i, i % 7, repeat(md5(i::text), 20)"
            + " from generate_series(1, 30000) i",
        "create index on statistical (half(j))",
        "create statistics dependent on i, j from statistical",
        "create table parted (i integer, t text) partition by range (i)",
        "create table parted_low partition of parted for values from (0) to (30000)",
        "create table parted_high partition of parted for values from (30000) to (60000)",
        "alter table parted add primary key (i)",
        "create index on parted (t)",
        "insert into parted select i * 2 - 1, repeat(md5(i::text), 40)"
            + " from generate_series(1, 29999) i",
        "create table refers (i integer references large, j integer references large (j),"
            + " p integer references parted)",
        "insert into refers values (7, -7, 7)");
    comesBackEqual("indexed", "alter table large drop column r", "drop index halves");
    assertThat(
            server.query(
                "indexed",
                "select count(*) from pg_stats where tablename in ('halves', 'statistical_half_idx')"))
        .as("statistics of what indexes compute")
        .containsExactly("2");
    assertThat(server.query("indexed", "select count(*) from pg_stats_ext"))
        .as("statistics over several columns")
        .containsExactly("1");
    assertThat(
            server.query(
                "indexed", "select count(*) from pg_index where not indisvalid or not indisready"))
        .containsExactly("0");
  }

  @Test
  void anOwnerThatMayNotTruncateItsTablesGetsThemBack() throws Exception {
    server.execute("postgres", "create role owner login createdb password 'x'");
    server.execute("postgres", "create database shares owner owner");
    try (var connection = server.connect("shares", "owner", "x");
        var statement = connection.createStatement()) {
      statement.execute("create schema inner_one");
      statement.execute("set search_path = inner_one");
      for (String sql : SHARES) {
        statement.execute(sql);
      }
      statement.execute("revoke truncate on share_1, share_2_only, share_2_child from owner");
    }
    ConnectionSettings settings = settings(server.url("shares", "owner", "x"));
    String schema = server.dumpSchema("shares");
    String data = server.dumpSortedData("shares");
    Captured captured =
        new DatabaseCapture(settings, null, "default")
            .capture(
                new CaptureContext(
                    operation("00000001"), blobs, blobs, null, null, null, KEY, polynomial()));
    try (Target target = new PostgresTarget(new PostgresPlace("default", settings, null, null))) {
      Beside staging = target.stage(restore(captured, "0a1b2c3d"));
      target.note(staging, "{}");
      target.drop(target.swap(staging, "0a1b2c3d", "{}"));
    }
    assertThat(server.dumpSchema("shares")).isEqualTo(schema);
    assertThat(server.dumpSortedData("shares")).isEqualTo(data);
    assertThat(frozen("shares"))
        .containsExactly(
            "share_1|f", "share_2_child|f", "share_2_only|f", "share_2_parent|f", "small|f");
  }

  @Test
  void anOwnerWhoMayCreateDatabasesRestoresItsOwn() throws Exception {
    server.execute("postgres", "create role owner login createdb password 'x'");
    server.execute("postgres", "create database owned owner owner");
    try (var connection = server.connect("owned", "owner", "x");
        var statement = connection.createStatement()) {
      statement.execute("create schema inner_one");
      statement.execute("create extension citext");
      statement.execute(
          "create table inner_one.t as select i, i::text::citext v from generate_series(1, 999) i");
      statement.execute("select lo_from_bytea(123456, 'abc')");
      statement.execute("comment on database owned is 'mine'");
    }
    ConnectionSettings settings = settings(server.url("owned", "owner", "x"));
    String schema = server.dumpSchema("owned");
    String data = server.dumpSortedData("owned");
    Captured captured =
        new DatabaseCapture(settings, null, "default")
            .capture(
                new CaptureContext(
                    operation("00000001"), blobs, blobs, null, null, null, KEY, polynomial()));
    server.execute("owned", "drop table inner_one.t");
    try (Target target = new PostgresTarget(new PostgresPlace("default", settings, null, null))) {
      Beside staging = target.stage(restore(captured, "0a1b2c3d"));
      target.note(staging, "{}");
      target.drop(target.swap(staging, "0a1b2c3d", "{}"));
    }
    assertThat(server.dumpSchema("owned")).isEqualTo(schema);
    assertThat(server.dumpSortedData("owned")).isEqualTo(data);
    assertThat(properties(server, "owned"))
        .first()
        .asString()
        .startsWith("owner|")
        .contains("mine");
  }

  @Test
  void anAdministratorRestoresWhereTheOwnerMayNot() throws Exception {
    server.execute("postgres", "create role owner login password 'x'");
    server.execute("postgres", "create database owned owner owner");
    server.execute("owned", "create table t (a int)", "alter table t owner to owner");
    Captured captured = capture(server, "owned");
    String schema = server.dumpSchema("owned");
    server.execute("owned", "drop table t");
    try (Target target =
        new PostgresTarget(
            new PostgresPlace(
                "default",
                settings(server.url("owned", "owner", "x")),
                settings(server.socketUrl("postgres", "postgres")),
                null))) {
      target.drop(target.swap(target.stage(restore(captured, "0a1b2c3d")), "0a1b2c3d", "{}"));
    }
    assertThat(server.dumpSchema("owned")).isEqualTo(schema);
    assertThat(properties(server, "owned")).first().asString().startsWith("owner|");
  }

  @Test
  void anAdministratorNeedNotBeASuperuser() throws Exception {
    server.execute(
        "postgres",
        "create role owner login password 'x'",
        "create role helper login createdb password 'x'",
        "grant owner to helper",
        "create database owned owner owner");
    try (var connection = server.connect("owned", "owner", "x");
        var statement = connection.createStatement()) {
      statement.execute("create schema inner_one");
      statement.execute("create table inner_one.t as select generate_series(1, 99) i");
    }
    Captured captured = capture(server, "owned");
    String schema = server.dumpSchema("owned");
    String data = server.dumpSortedData("owned");
    server.execute("owned", "drop table inner_one.t");
    ConnectionSettings owner = settings(server.url("owned", "owner", "x"));
    failsLeavingNothing(
        captured,
        owner,
        null,
        ErrorCode.SOURCE,
        "role \"owner\" may not create databases on",
        "or give a role that may as admin_url; or restore with --in-place.");
    try (Target target =
        new PostgresTarget(
            new PostgresPlace(
                "default", owner, settings(server.url("postgres", "helper", "x")), null))) {
      target.drop(target.swap(target.stage(restore(captured, "0a1b2c3d")), "0a1b2c3d", "{}"));
    }
    assertThat(server.dumpSchema("owned")).isEqualTo(schema);
    assertThat(server.dumpSortedData("owned")).isEqualTo(data);
    assertThat(properties(server, "owned")).first().asString().startsWith("owner|");
  }

  @Test
  void restoresFromAnOlderServer() throws Exception {
    PostgresServer old = PostgresServers.embedded(13);
    old.createDatabase("shop", "template template0 lc_collate 'C' lc_ctype 'C.UTF-8'");
    try {
      old.execute(
          "shop",
          "create table t (id serial primary key, v text)",
          "insert into t (v) select repeat(md5(i::text), 10) from generate_series(1, 20000) i",
          "select lo_from_bytea(99, 'abc')");
      String rows = "select count(*), sum(hashtext(t::text)) from t";
      Captured captured = capture(old, "shop");
      try (Target newer = target(server, "shop");
          Target same = target(old, "shop")) {
        newer.swap(newer.stage(restore(captured, "0a1b2c3d")), "0a1b2c3d", "{}");
        assertThat(server.query("shop", rows)).isEqualTo(old.query("shop", rows));
        String schema = old.dumpSchema("shop");
        old.execute("shop", "drop table t");
        Beside previous = same.swap(same.stage(restore(captured, "0a1b2c3d")), "0a1b2c3d", "{}");
        assertThat(old.dumpSchema("shop")).isEqualTo(schema);
        assertThat(server.query("shop", rows)).isEqualTo(old.query("shop", rows));
        same.drop(previous);
      }
      Captured fromNewer = capture(server, "shop");
      try (Target target = target(old, "shop")) {
        assertThatThrownBy(() -> target.stage(restore(fromNewer, "0a1b2c3e")))
            .hasMessageStartingWith("the database was captured from PostgreSQL 15")
            .hasMessageEndingWith(", but the server is PostgreSQL 13 on 127.0.0.1:" + old.port());
      }
    } finally {
      old.dropDatabase("shop");
    }
  }

  private Captured smallShop() {
    server.createDatabase("shop");
    server.execute(
        "shop",
        "create table t (id int primary key, v text)",
        "insert into t select i, md5(i::text) from generate_series(1, 50000) i",
        "create table u as select 1 as one");
    return capture(server, "shop");
  }

  private void failsLeavingNothing(
      Captured captured, @Nullable Path tools, ErrorCode code, String message, String hint) {
    failsLeavingNothing(captured, settings(server.url("shop")), tools, code, message, hint);
  }

  private void failsLeavingNothing(
      Captured captured,
      ConnectionSettings settings,
      @Nullable Path tools,
      ErrorCode code,
      String message,
      String hint) {
    List<String> databases = server.databases();
    List<String> roles = roles();
    try (Target target = new PostgresTarget(new PostgresPlace("default", settings, null, tools))) {
      if (code == ErrorCode.SOURCE) {
        assertThatThrownBy(() -> target.check(restore(captured, "0a1b2c3d")))
            .hasMessageContaining(message);
      }
      assertThatThrownBy(() -> target.stage(restore(captured, "0a1b2c3d")))
          .isInstanceOfSatisfying(
              StetException.class,
              e -> {
                assertThat(e.code()).as(e.getMessage()).isEqualTo(code);
                assertThat(e.hint()).contains(hint);
                assertThat(e.getSuppressed()).isEmpty();
              })
          .hasMessageContaining(message);
      assertThat(target.beside()).isEmpty();
    }
    assertThat(server.databases()).isEqualTo(databases);
    assertThat(roles()).isEqualTo(roles);
  }

  private Captured changed(Captured captured, UnaryOperator<DatabaseDescription> change) {
    CapturedFiles files = new CapturedFiles(blobs, captured.node());
    DatabaseDescription description =
        change.apply(
            DatabaseDescription.parse("x", files.read(files.require(CapturedFiles.DESCRIPTION))));
    List<Node> nodes = new ArrayList<>(files.list(captured.node()));
    nodes.removeIf(node -> node.name().equals(CapturedFiles.DESCRIPTION));
    nodes.add(
        new FileBlobs(blobs, polynomial(), Instant.EPOCH)
            .save(CapturedFiles.DESCRIPTION, description.toJson().toBytes()));
    nodes.sort(Tree.BY_NAME);
    return new Captured(
        Node.directory("default", Instant.EPOCH, blobs.save(BlobType.TREE, Tree.encode(nodes))),
        captured.manifest());
  }

  private static DatabaseDescription with(
      DatabaseDescription d,
      Server server,
      Database database,
      List<Role> roles,
      List<String> tablespaces,
      List<Extension> extensions) {
    return new DatabaseDescription(
        server,
        database,
        roles,
        tablespaces,
        extensions,
        d.tables(),
        d.sequences(),
        d.largeObjects(),
        d.objectCounts());
  }

  private static Role role(String name, boolean superuser) {
    return new Role(
        name, superuser, true, false, false, false, false, false, -1, null, null, List.of(),
        List.of());
  }

  @Test
  void refusesWhatTheTargetLacksBeforeAnythingIsCreated() throws Exception {
    Captured captured = smallShop();
    failsLeavingNothing(
        changed(
            captured,
            d ->
                with(
                    d,
                    new Server(180001, "18.1", null),
                    d.database(),
                    d.roles(),
                    d.tablespaces(),
                    d.extensions())),
        null,
        ErrorCode.SOURCE,
        "the database was captured from PostgreSQL 18.1, but the server is PostgreSQL",
        "Restore onto a server of version 18 or newer.");
    failsLeavingNothing(
        changed(
            captured,
            d ->
                with(
                    d,
                    d.server(),
                    d.database(),
                    d.roles(),
                    d.tablespaces(),
                    List.of(new Extension("handmade", "3.4", "public")))),
        null,
        ErrorCode.SOURCE,
        "the database uses extensions that are not available: \"handmade\" on 127.0.0.1:",
        "Install their packages on the server's machine, for example postgresql-");
    failsLeavingNothing(
        changed(
            captured,
            d ->
                with(
                    d,
                    d.server(),
                    d.database(),
                    d.roles(),
                    List.of("fast", "slow"),
                    d.extensions())),
        null,
        ErrorCode.SOURCE,
        "the database uses tablespaces that are missing: \"fast\", \"slow\"",
        "As a superuser run CREATE TABLESPACE \"fast\" LOCATION");
    failsLeavingNothing(
        changed(captured, d -> of(d, d.database().encoding(), "xx_XX.utf8")),
        null,
        ErrorCode.SOURCE,
        "the database uses the locale \"xx_XX.utf8\", which is missing on 127.0.0.1:",
        "Install the locale on the server's machine (locale-gen) and restart the server.");
    failsLeavingNothing(
        changed(captured, d -> of(d, "UTF-9", "C")),
        null,
        ErrorCode.SOURCE,
        "the database has the encoding \"UTF-9\", which is unknown on 127.0.0.1:",
        "Restore onto a server that knows it.");
  }

  /** The same with a database of another kind, and a role that would have to be made. */
  private static DatabaseDescription of(DatabaseDescription d, String encoding, String locale) {
    Database b = d.database();
    return with(
        d,
        d.server(),
        new Database(
            b.name(),
            encoding,
            b.localeProvider(),
            locale,
            locale,
            null,
            null,
            null,
            b.monetary(),
            b.owner(),
            b.acl(),
            -1,
            "pg_default",
            null,
            List.of(),
            List.of()),
        List.of(role("made for nothing", false)),
        d.tablespaces(),
        d.extensions());
  }

  @Test
  void refusesWhatTheRoleMayNotDo() {
    Captured captured = smallShop();
    server.execute("postgres", "create role weak login password 'x'");
    ConnectionSettings weak = settings(server.url("shop", "weak", "x"));
    failsLeavingNothing(
        captured,
        weak,
        null,
        ErrorCode.SOURCE,
        "role \"weak\" may not create databases on",
        "ALTER ROLE \"weak\" CREATEDB; or give a role that may as admin_url; or restore with --in-place.");
    server.execute("postgres", "alter role weak createdb");
    failsLeavingNothing(
        changed(
            captured,
            d ->
                with(
                    d,
                    d.server(),
                    d.database(),
                    List.of(role("missing one", false)),
                    d.tablespaces(),
                    d.extensions())),
        weak,
        null,
        ErrorCode.SOURCE,
        "the database refers to roles that are missing and that role \"weak\" may not create:"
            + " \"missing one\"",
        "As a superuser run CREATE ROLE \"missing one\"; or run roles.sql");
    failsLeavingNothing(
        changed(
            captured,
            d ->
                with(
                    d,
                    d.server(),
                    d.database(),
                    d.roles(),
                    d.tablespaces(),
                    List.of(new Extension("file_fdw", "1.0", "public")))),
        weak,
        null,
        ErrorCode.SOURCE,
        "role \"weak\" may not create the extensions that the database uses: \"file_fdw\"",
        "Give a superuser as admin_url.");
  }

  @Test
  void refusesProgramsThatAreTooOld() throws Exception {
    Captured captured = smallShop();
    for (String program : List.of("pg_dump", "pg_restore")) {
      Path file = directory.resolve(program);
      Files.writeString(file, "#!/bin/sh\necho '" + program + " (PostgreSQL) 12.9'\n");
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    failsLeavingNothing(
        captured,
        directory,
        ErrorCode.SOURCE,
        "pg_dump in " + directory + " is of version 12, but the server is of version",
        "Install the package postgresql-client-");
  }

  @Test
  void differencesAreNamedWithBothValuesAndNothingIsLeft() {
    Captured captured = smallShop();
    JsonObject manifest = JsonObject.parse(captured.manifest().toString());
    for (JsonObject table : manifest.objects("tables")) {
      if (table.string("name").equals("t")) {
        table.put("hash", "0123456789abcdef0123456789abcdef");
      }
    }
    failsLeavingNothing(
        new Captured(captured.node(), manifest),
        null,
        ErrorCode.VERIFICATION_FAILED,
        "the restored database differs from the captured one: table \"public\".\"t\": captured"
            + " 50000 rows with hash 0123456789abcdef0123456789abcdef, restored 50000 rows with hash ",
        "The live state was not touched.");
  }

  /** Tables that are read back as soon as they are loaded, and a function that writes into one. */
  private static void thirds(String... more) {
    server.execute("postgres", "create database thirds");
    for (String table : List.of("a", "b", "c")) {
      server.execute(
          "thirds",
          "create table %s as select i, repeat(md5(i::text), 40) t from generate_series(1, 14000) i"
              .formatted(table));
    }
    server.execute("thirds", more);
  }

  private static StetException refused(RestoreContext context) {
    try (Target target = target(server, "thirds")) {
      AtomicReference<StetException> failure = new AtomicReference<>();
      assertThatThrownBy(() -> target.stage(context))
          .isInstanceOfSatisfying(StetException.class, failure::set);
      return failure.get();
    }
  }

  @Test
  void tablesThatAreReadWhileOthersLoadAreComparedToo() {
    thirds();
    Captured captured = capture(server, "thirds");
    JsonObject manifest = JsonObject.parse(captured.manifest().toString());
    for (JsonObject table : manifest.objects("tables")) {
      table.put("hash", "0123456789abcdef0123456789abcdef");
    }
    StetException failure = refused(restore(new Captured(captured.node(), manifest), "0a1b2c3d"));
    assertThat(failure.code()).isEqualTo(ErrorCode.VERIFICATION_FAILED);
    for (String table : List.of("a", "b", "c")) {
      assertThat(failure)
          .hasMessageContaining(
              "table \"public\".\"" + table + "\": captured 14000 rows with hash 0123456789abcdef");
    }
  }

  @Test
  void rowsThatBuildingAnIndexWritesAreFound() {
    thirds(
        """
        create function writes() returns void language plpgsql volatile as $$
          begin
            perform pg_sleep(3);
            insert into public.a values (0, '');
          end $$
        """,
        """
        create function computed(i integer) returns integer language plpgsql immutable as $$
          begin
            if i = 1 then perform public.writes(); end if;
            return i;
          end $$
        """,
        "create index on c (computed(i))");
    StetException failure = refused(restore(capture(server, "thirds"), "0a1b2c3d"));
    assertThat(failure.code()).isEqualTo(ErrorCode.VERIFICATION_FAILED);
    assertThat(failure)
        .hasMessageContaining("table \"public\".\"a\": captured 14001 rows with hash ");
  }

  @Test
  void failuresHalfwayLeaveNothing() {
    Captured captured = smallShop();
    Captured withRole =
        changed(
            captured,
            d -> {
              List<Role> roles = new ArrayList<>(d.roles());
              roles.add(role("made and removed", true));
              return with(d, d.server(), d.database(), roles, d.tablespaces(), d.extensions());
            });
    // A row twice: the primary key cannot be built.
    CapturedFiles files = new CapturedFiles(blobs, withRole.node());
    Node copy = files.require("data/public.t/00000/0000000000.copy");
    Id first = copy.content().getFirst();
    blobs.remove(BlobType.DATA, first);
    List<String> databases = server.databases();
    try (Target target = target(server, "shop")) {
      assertThatThrownBy(() -> target.stage(restore(withRole, "0a1b2c3d")))
          .isInstanceOf(StetException.class)
          .hasCauseInstanceOf(RepositoryException.class);
    }
    assertThat(server.databases()).isEqualTo(databases);
    assertThat(roles()).doesNotContain("made and removed");
    assertThat(server.queryOne("shop", "select count(*) from t")).isEqualTo("50000");
  }

  @Test
  void aDatabaseThatTookTheNameIsNotRemoved() {
    Captured captured = smallShop();
    server.createDatabase("shop.staging-0a1b2c3d");
    PostgresPlace place = new PostgresPlace("default", settings(server.url("shop")), null, null);
    try (Maintenance maintenance = Maintenance.open(place.adminSettings(), "shop")) {
      Staging staging =
          new Staging(place, restore(captured, "0a1b2c3d"), "shop.staging-0a1b2c3d", maintenance);
      assertThatThrownBy(staging::build)
          .isInstanceOf(StetException.class)
          .hasMessageContaining("already exists");
    }
    assertThat(server.databases()).contains("shop.staging-0a1b2c3d");
  }

  @Test
  void anInterruptLeavesNothing() throws Exception {
    Captured captured = smallShop();
    long seed = System.nanoTime();
    java.util.Random random = new java.util.Random(seed);
    for (int round = 0; round < 4; round++) {
      AtomicReference<Throwable> failure = new AtomicReference<>();
      AtomicBoolean staged = new AtomicBoolean();
      List<String> databases = server.databases();
      Thread restorer =
          new Thread(() -> {
            try (Target target = target(server, "shop")) {
              Beside staging = target.stage(restore(captured, "0a1b2c3d"));
              synchronized (staged) {
                staged.set(true);
                Thread.interrupted();
              }
              // An interrupted removal would leave it.
              target.drop(staging);
            } catch (Throwable e) {
              failure.set(e);
            }
          });
      restorer.start();
      Thread.sleep(random.nextInt(1000));
      synchronized (staged) {
        if (!staged.get()) {
          restorer.interrupt();
        }
      }
      restorer.join();
      assertThat(server.databases()).as("seed " + seed).isEqualTo(databases);
      if (failure.get() instanceof StetException e) {
        assertThat(e.code()).as("seed %d: %s", seed, e).isEqualTo(ErrorCode.INTERRUPTED);
      } else {
        assertThat(failure.get()).as("seed " + seed).isNull();
      }
    }
  }
}
