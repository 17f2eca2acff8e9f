package stet.engine.postgres.inplace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.InPlace;
import stet.engine.component.InPlace.Outcome;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.postgres.EveryKind;
import stet.engine.postgres.PostgresKind;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.capture.DatabaseCapture;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.restore.PostgresPlace;
import stet.engine.postgres.restore.PostgresTarget;
import stet.repository.chunk.Polynomial;
import stet.testkit.MemoryBlobs;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * Restores databases within themselves, as a managed host's customer would: by a role that owns its
 * database and everything in it, and may nothing else.
 */
@Timeout(300)
class InPlaceIT {
  private static final RowHash.Key KEY = RowHash.Key.random();
  private static final String DATABASE = "managed";
  private static final String ROLE = "customer";

  private static PostgresServer server;

  private MemoryBlobs blobs;
  private List<String> rolesBefore;

  @BeforeAll
  static void start() {
    server = PostgresServers.installed();
  }

  @BeforeEach
  void begin() {
    blobs = new MemoryBlobs();
    rolesBefore = roles();
    server.execute("postgres", "create role " + ROLE + " login password 'x'");
    server.execute("postgres", "create database " + DATABASE + " owner " + ROLE);
  }

  @AfterEach
  void drop() {
    server.dropDatabase(DATABASE);
    for (String role : roles()) {
      if (!rolesBefore.contains(role)) {
        server.execute("postgres", "drop role " + PostgresServer.identifier(role));
      }
    }
  }

  private static List<String> roles() {
    return server.query("postgres", "select rolname from pg_roles order by 1");
  }

  private static ConnectionSettings settings(String url) {
    return ConnectionSettings.parse(url, Map.of(), Path.of("/nonexistent"));
  }

  private static ConnectionSettings customer() {
    return settings(server.url(DATABASE, ROLE, "x"));
  }

  /** Runs statements as the customer. */
  private static void execute(String... statements) {
    List<String> all = new ArrayList<>(List.of("set session authorization " + ROLE));
    all.addAll(List.of(statements));
    server.execute(DATABASE, all.toArray(String[]::new));
  }

  private Captured capture(ConnectionSettings settings) {
    return new DatabaseCapture(settings, null, "default")
        .capture(
            new CaptureContext(
                new Operation("00000001", 3, Progress.NONE),
                blobs,
                blobs,
                null,
                null,
                null,
                KEY,
                new Polynomial(0x3DA3358B4DC173L)));
  }

  private RestoreContext context(Captured captured, boolean noOwner, boolean noPrivileges) {
    return new RestoreContext(
        new Operation("0a1b2c3d", 3, Progress.NONE),
        blobs,
        captured.node(),
        captured.manifest(),
        KEY,
        noOwner,
        noPrivileges);
  }

  private InPlaceRestore restore(Captured captured, Renames renames, boolean bare) {
    return restore(captured, renames, bare, Duration.ofSeconds(10));
  }

  private InPlaceRestore restore(
      Captured captured, Renames renames, boolean bare, Duration patience) {
    return new InPlaceRestore(
        new PostgresPlace("default", customer(), null, null, renames),
        context(captured, bare, bare),
        patience);
  }

  private InPlaceRestore restore(Captured captured) {
    return restore(captured, Renames.NONE, false);
  }

  private static void run(InPlaceRestore restore) {
    try (restore) {
      restore.check();
      restore.begin();
      restore.build();
      restore.commit();
    }
  }

  /** Everything that pg_dump sees. */
  private static String dump() {
    return server.dumpSchema(DATABASE)
        + server.dumpSortedData(DATABASE)
        + server.query(
            "postgres",
            "select pg_get_userbyid(datdba), datacl, datconnlimit,"
                + " shobj_description(oid, 'pg_database'), (select string_agg(setrole ||"
                + " setconfig::text, ';' order by setrole) from pg_db_role_setting where setdatabase"
                + " = d.oid) from pg_database d where datname = '"
                + DATABASE
                + "'");
  }

  /** Lets a superuser's script make everything in the customer's name. */
  private static void fillWithEveryKind() {
    server.execute("postgres", "alter role " + ROLE + " superuser");
    server.execute("postgres", "alter database " + DATABASE + " set role = " + ROLE);
    EveryKind.fill(server, DATABASE);
    server.execute("postgres", "alter database " + DATABASE + " reset role");
    server.execute("postgres", "alter role " + ROLE + " nosuperuser");
    server.execute("postgres", "grant kind_owner, kind_group to " + ROLE);
  }

  @Test
  void everyKindOfObjectComesBackToARoleThatMayNothingElse() {
    fillWithEveryKind();
    // The host's own, which stays; and things that a dump takes for granted.
    server.execute(DATABASE, "create extension pg_stat_statements", "create extension pgcrypto");
    execute(
        "grant create on schema public to kind_group",
        "comment on schema public is 'ours'",
        "alter default privileges revoke execute on functions from public",
        "alter database " + DATABASE + " set work_mem = '6MB'",
        "grant connect on database " + DATABASE + " to kind_group",
        "comment on database " + DATABASE + " is 'customer''s'");
    Captured captured = capture(customer());
    String before = dump();

    execute(
        "drop table big cascade",
        "update documents set body = 'gone'",
        "create schema junk",
        "create table junk.orders (like orders including all)",
        "create function junk.big() returns int language sql as 'select 1'",
        "create aggregate public.total(int) (sfunc = int4pl, stype = int)",
        "create operator public.<+> (function = int4pl, leftarg = int, rightarg = int)",
        "create type public.happy as enum ('so')",
        "create text search configuration words (copy = simple)",
        "create publication more for table documents",
        "alter default privileges grant select on tables to kind_group",
        "revoke create on schema public from kind_group",
        "grant usage on schema public to kind_owner",
        "comment on schema public is null",
        "select lo_unlink(4242)",
        "select lo_from_bytea(424242, 'new')",
        "select setval('huge', 1)",
        "alter database " + DATABASE + " set work_mem = '7MB'",
        "alter database " + DATABASE + " set statement_timeout = '1h'",
        "revoke connect on database " + DATABASE + " from public",
        "comment on database " + DATABASE + " is null");
    String damaged = dump();
    assertThat(damaged).isNotEqualTo(before);
    Captured saved = capture(customer());
    run(restore(captured));
    assertThat(dump()).isEqualTo(before);

    run(restore(saved));
    assertThat(dump()).isEqualTo(damaged);
  }

  @Test
  void nothingChangesUnlessItIsCommitted() {
    execute(
        "create table t as select i from generate_series(1, 1000) i",
        "select lo_from_bytea(17, 'abc')");
    Captured captured = capture(customer());
    execute("drop table t", "create table other (a int)", "select lo_unlink(17)");
    String live = dump();
    String transaction;
    try (InPlace restore = restore(captured)) {
      restore.check();
      transaction = restore.begin();
      restore.build();
      assertThat(outcome(transaction)).isEqualTo(Outcome.OPEN);
    }
    awaitEnd(transaction);
    assertThat(outcome(transaction)).isEqualTo(Outcome.ROLLED_BACK);
    assertThat(dump()).isEqualTo(live);

    try (InPlace restore = restore(captured)) {
      restore.check();
      transaction = restore.begin();
      restore.build();
      restore.commit();
    }
    assertThat(outcome(transaction)).isEqualTo(Outcome.COMMITTED);
    assertThat(outcome("1." + transaction.replaceAll(".*\\.", ""))).isEqualTo(Outcome.UNKNOWN);
    assertThat(outcome(transaction.replaceAll("\\..*", ".999999999"))).isEqualTo(Outcome.UNKNOWN);
    assertThat(dump()).isNotEqualTo(live);
  }

  private static Outcome outcome(String transaction) {
    try (Session session = Session.open(customer())) {
      return InPlaceRestore.outcome(session, transaction);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  /** A server takes a moment to notice the end of a session. */
  private static void awaitEnd(String transaction) {
    while (outcome(transaction) == Outcome.OPEN) {
      Thread.onSpinWait();
    }
  }

  @Test
  void aStatementThatFailsLeavesEverythingAsItWas() {
    server.execute("postgres", "alter role " + ROLE + " superuser");
    execute("create table t (a int)", "create publication every for all tables");
    server.execute("postgres", "alter role " + ROLE + " nosuperuser");
    Captured captured = capture(customer());
    execute("drop table t", "create table live (a int)");
    String live = dump();
    assertThatThrownBy(() -> run(restore(captured)))
        .isInstanceOf(StetException.class)
        .hasMessageContaining("CREATE PUBLICATION every FOR ALL TABLES")
        .hasMessageContaining("must be superuser");
    assertThat(dump()).isEqualTo(live);
  }

  @Test
  void rowsThatDifferAreNotCommitted() {
    execute("create table t (a int)", "insert into t values (1), (2)");
    Captured captured = capture(customer());
    execute("drop table t", "create table live (a int)");
    String live = dump();
    captured.manifest().objects("tables").forEach(table -> table.put("rows", 3L));
    assertThatThrownBy(() -> run(restore(captured)))
        .isInstanceOf(StetException.class)
        .hasMessageContaining("\"public\".\"t\": captured 3 rows");
    assertThat(dump()).isEqualTo(live);
  }

  @Test
  void othersMayReadButNotWriteUntilItIsRestored() throws SQLException {
    execute("create table t as select 1 as a");
    Captured captured = capture(customer());
    try (InPlace restore = restore(captured);
        Connection other = server.connect(DATABASE);
        Statement statement = other.createStatement()) {
      restore.check();
      restore.begin();
      statement.execute("select * from t");
      statement.execute("set lock_timeout = '100ms'");
      assertThatThrownBy(() -> statement.execute("insert into t values (2)"))
          .hasMessageContaining("lock timeout");
      assertThat(capture(customer()).manifest().objects("tables")).hasSize(1);
      restore.build();
      restore.commit();
    }
  }

  @Test
  void whatIsMadeWhileTheLiveStateIsSavedIsNotDropped() throws SQLException {
    execute("create table t as select 1 as a", "select lo_from_bytea(4241, 'old')");
    Captured captured = capture(customer());
    try (Connection open = server.connect("postgres");
        Statement statement = open.createStatement()) {
      // With it large objects of before count as young, too.
      open.setAutoCommit(false);
      statement.execute("select txid_current()");
      execute("create table u as select 2 as a", "select lo_from_bytea(4242, 'young')");
      refusesToDrop(captured, "create table rescue as select * from t", "table public.rescue of ");
      refusesToDrop(
          captured,
          "create function f() returns int language sql as 'select 1'",
          "function public.f() of ");
      refusesToDrop(captured, "select lo_from_bytea(4243, 'new')", "large object 4243 in ");
      refusesToDrop(
          captured,
          "do $$ begin perform lo_from_bytea(4244, 'new'); exception when others then null; end $$",
          "large object 4244 in ");
      run(restore(captured));
    }
    assertThat(server.query(DATABASE, "select oid from pg_largeobject_metadata"))
        .containsExactly("4241");
  }

  @Test
  void whatIsMadeMeanwhileIsSeenWhateverTheRolesIsolation() {
    execute("create table t as select 1 as a");
    Captured captured = capture(customer());
    server.execute(
        "postgres",
        "alter role " + ROLE + " set default_transaction_isolation = 'repeatable read'");
    refusesToDrop(captured, "create table rescue as select * from t", "table public.rescue of ");
    server.execute(DATABASE, "drop table rescue");
    run(restore(captured));
  }

  private void refusesToDrop(Captured captured, String making, String named) {
    try (InPlace restore = restore(captured)) {
      restore.check();
      restore.begin();
      execute(making);
      String state = dump();
      assertThatThrownBy(restore::build)
          .isInstanceOfSatisfying(
              StetException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.REFUSED);
                assertThat(e.hint()).contains("restore again");
              })
          .hasMessageStartingWith("while the live state was saved, somebody made " + named);
      restore.close();
      assertThat(dump()).isEqualTo(state);
    }
  }

  @Test
  void whoHoldsALockIsNamed() throws SQLException {
    execute("create table t as select 1 as a");
    Captured captured = capture(customer());
    try (Connection other = server.connect(DATABASE);
        Statement statement = other.createStatement();
        InPlace restore = restore(captured, Renames.NONE, false, Duration.ofMillis(500))) {
      other.setAutoCommit(false);
      statement.execute("set application_name = 'long report'");
      statement.execute("select * from t");
      restore.check();
      restore.begin();
      assertThatThrownBy(restore::build)
          .isInstanceOf(StetException.class)
          .hasMessageContaining("lock timeout")
          .hasMessageContaining("table \"public\".\"t\" is in use by server process ")
          .hasMessageContaining("of user \"postgres\" (long report)");
    }
  }

  private void refused(Captured captured, String fact, String hint) {
    String live = dump();
    try (InPlace restore = restore(captured)) {
      assertThatThrownBy(restore::check)
          .isInstanceOf(StetException.class)
          .hasMessageContaining(fact)
          .extracting(e -> ((StetException) e).hint())
          .asString()
          .contains(hint);
    }
    assertThat(dump()).isEqualTo(live);
  }

  @Test
  void whatStandsInTheWayIsFoundFirst() {
    server.execute("postgres", "create role someone", "create role reader");
    server.execute(DATABASE, "create table t (a int)", "alter table t owner to someone");
    Captured captured = capture(settings(server.url(DATABASE)));
    refused(captured, "role \"customer\" may not drop: table public.t of \"someone\"", "OWNER TO");
    server.execute(DATABASE, "drop table t");
    refused(captured, "may not give objects to \"someone\"", "--no-owner");

    execute("create table t (a int)", "grant select on t to reader");
    Captured granted = capture(customer());
    execute("drop table t");
    server.execute("postgres", "drop role reader");
    refused(granted, "roles that are missing: \"reader\"", "CREATE ROLE \"reader\"");

    server.execute(DATABASE, "create extension pageinspect");
    Captured extended = capture(customer());
    server.execute(DATABASE, "drop extension pageinspect");
    refused(extended, "may not create the extensions that the database uses: \"pageinspect\"", "");

    server.execute(
        "postgres",
        "create database latin template template0 encoding 'LATIN1'"
            + " lc_collate 'C' lc_ctype 'C'");
    try {
      refused(
          capture(settings(server.url("latin"))),
          "has encoding UTF8, locale provider libc, collation C.UTF-8",
          "cannot be changed in place");
    } finally {
      server.dropDatabase("latin");
    }
  }

  @Test
  void moreObjectsThanTheServerCanLockAreRefused() throws Exception {
    try (PostgresServer small =
        PostgresServer.start(
            PostgresServers.installedBinaries().orElseThrow(),
            Map.of(
                "max_locks_per_transaction", "10",
                "max_connections", "20",
                "max_prepared_transactions", "0"))) {
      small.createDatabase("many");
      List<String> tables = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        tables.add("create table t" + i + " (a int primary key, b text)");
      }
      small.execute("many", tables.toArray(String[]::new));
      Captured captured = capture(settings(small.url("many")));
      try (InPlace restore =
          new InPlaceRestore(
              new PostgresPlace("default", settings(small.url("many")), null, null),
              context(captured, false, false),
              Duration.ofSeconds(1))) {
        assertThatThrownBy(restore::check)
            .hasMessageContaining("locks to restore in place")
            .hasMessageContaining("room for 200");
      }
    }
  }

  @Test
  void ownersAndPrivilegesAreLeftOutOnDemand() {
    server.execute("postgres", "create role someone", "create role reader");
    server.execute(
        DATABASE,
        "create table t (a int)",
        "alter table t owner to someone",
        "grant select on t to reader",
        "alter default privileges for role someone grant select on tables to reader",
        "select lo_from_bytea(17, 'abc')",
        "alter large object 17 owner to someone",
        "grant select on large object 17 to reader");
    Captured captured = capture(settings(server.url(DATABASE)));
    server.execute(DATABASE, "drop owned by someone", "drop owned by reader");
    server.execute("postgres", "drop role someone", "drop role reader");

    run(restore(captured, Renames.NONE, true));
    assertThat(
            server.query(
                DATABASE, "select relowner::regrole, relacl from pg_class where relname = 't'"))
        .containsExactly("customer|null");
    assertThat(
            server.query(DATABASE, "select lomowner::regrole, lomacl from pg_largeobject_metadata"))
        .containsExactly("customer|null");
    assertThat(server.query(DATABASE, "select * from pg_default_acl")).isEmpty();
  }

  @Test
  void rolesAndTablespacesGetTheirOtherNamesByIdentity() throws Exception {
    server.execute(
        "postgres",
        "create role shop",
        "create role new_shop",
        "create role \"shop reader\"",
        "create role shop_reader_2",
        "create role \"New \"\"reader\"");
    Path space = server.socketDirectory().resolve("space");
    Files.createDirectory(space);
    Files.setOwner(space, Files.getOwner(server.dataDirectory()));
    server.execute("postgres", "create tablespace fast location '" + space + "'");
    try {
      server.execute(
          DATABASE,
          "set role " + ROLE,
          "create table plain (a int)",
          "reset role",
          "create schema s authorization shop",
          "grant usage on schema s to \"shop reader\"",
          "set search_path = s",
          "create table t (a int, \"shop reader\" int, note text default 'shop') tablespace fast",
          "create index t_a on t (a) tablespace fast",
          "alter table t owner to shop",
          "grant select on t to \"shop reader\" with grant option",
          "set role \"shop reader\"",
          "grant select on t to shop_reader_2",
          "reset role",
          "grant update (\"shop reader\") on t to \"shop reader\"",
          "alter table t enable row level security",
          "create policy \"to\" on t as restrictive for select to shop, \"shop reader\""
              + " using (note <> 'TO shop; USING')",
          "alter default privileges for role shop grant select on tables to \"shop reader\"",
          "create function shop() returns text language sql as $$ select 'GRANT TO shop' $$",
          "alter function shop() owner to shop",
          "select lo_from_bytea(17, 'abc')",
          "alter large object 17 owner to shop",
          "grant select on large object 17 to \"shop reader\"");
      Captured captured = capture(settings(server.url(DATABASE)));
      String expected =
          dump()
              .replace("OWNER TO shop;", "OWNER TO new_shop;")
              .replaceAll("Owner: shop\\b", "Owner: new_shop")
              .replace("ROLE shop ", "ROLE new_shop ")
              .replace(
                  "FOR SELECT TO shop, \"shop reader\"",
                  "FOR SELECT TO new_shop, \"New \"\"reader\"")
              .replaceAll("(?m)(TO|AUTHORIZATION|FROM) \"shop reader\"", "$1 \"New \"\"reader\"")
              .replace("; Tablespace: fast", "")
              .replace("default_tablespace = fast", "default_tablespace = pg_default");
      server.execute(
          DATABASE, "drop owned by shop cascade", "drop owned by \"shop reader\" cascade");
      server.execute("postgres", "drop role shop, \"shop reader\"", "drop tablespace fast");
      server.execute("postgres", "grant new_shop, \"New \"\"reader\" to " + ROLE);

      run(
          restore(
              captured,
              new Renames(
                  Map.of("shop", "new_shop", "shop reader", "New \"reader"),
                  Map.of("fast", "pg_default")),
              false));
      assertThat(dump().replace("SET default_tablespace = '';\n\n", ""))
          .isEqualTo(
              expected
                  .replace("SET default_tablespace = pg_default;\n\n", "")
                  .replace("SET default_tablespace = '';\n\n", ""));
    } finally {
      server.dropDatabase(DATABASE);
      if (!server
          .query("postgres", "select 1 from pg_tablespace where spcname = 'fast'")
          .isEmpty()) {
        server.execute("postgres", "drop tablespace fast");
      }
    }
  }

  @Test
  void rolesThatWouldBecomeOneAreRefused() {
    server.execute("postgres", "create role one", "create role two", "create role merged");
    execute("create table t (a int)", "grant select on t to one", "grant update on t to two");
    Captured captured = capture(customer());
    try (InPlace restore =
        restore(captured, new Renames(Map.of("one", "merged", "two", "merged"), Map.of()), false)) {
      assertThatThrownBy(restore::check).hasMessageContaining("would both become \"merged\"");
    }
    server.execute("postgres", "grant one to " + ROLE);
    execute("create function f() returns int language sql set role = 'one' as 'select 1'");
    Captured setting = capture(customer());
    String live = dump();
    assertThatThrownBy(
            () -> run(restore(setting, new Renames(Map.of("one", "merged"), Map.of()), false)))
        .hasMessageContaining("function public.f() sets role to \"one\"");
    assertThat(dump()).isEqualTo(live);
  }

  @Test
  void aNewNameThatHasAnotherNewNameIsRefused() {
    ComponentDefinition definition =
        new ComponentDefinition(
            "default",
            Map.of("url", server.url(DATABASE), "roles", Map.of("one", "two", "two", "three")),
            "stet.yaml:3:1");
    assertThatThrownBy(() -> new PostgresKind().create(definition))
        .hasMessage(
            "stet.yaml:3:1: default.roles: \"two\" is a new name and has another new name,"
                + " \"three\"");
  }

  @Test
  void rolesGetTheirOtherNamesBesideTheLiveDatabaseToo() {
    server.execute("postgres", "create role shop", "create role staging_shop");
    server.execute(DATABASE, "create table t (a int)", "alter table t owner to shop");
    ConnectionSettings admin = settings(server.url(DATABASE));
    Captured captured = capture(admin);
    PostgresPlace place =
        new PostgresPlace(
            "default",
            customer(),
            admin,
            null,
            new Renames(Map.of("shop", "staging_shop"), Map.of()));
    try (Target target = new PostgresTarget(place)) {
      Beside staging = target.stage(context(captured, false, false));
      assertThat(
              server.query(
                  staging.name(), "select tableowner from pg_tables where tablename = 't'"))
          .containsExactly("staging_shop");
      target.drop(staging);
      Beside bare = target.stage(context(captured, true, true));
      assertThat(
              server.query(bare.name(), "select tableowner from pg_tables where tablename = 't'"))
          .containsExactly(ROLE);
      target.drop(bare);
    }
    server.execute(DATABASE, "drop table t");
    server.execute("postgres", "drop role staging_shop");
    try (Target target = new PostgresTarget(place)) {
      assertThatThrownBy(() -> target.stage(context(captured, false, false)))
          .hasMessageContaining(
              "role \"staging_shop\", which the setting \"roles\" names, is missing");
    }
  }
}
