package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.ComponentKind;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.Warnings;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

@Timeout(300)
class SourceCheckIT {
  private static final String DATABASE = "checked";

  private PostgresServer server;

  @BeforeEach
  void create() {
    server = PostgresServers.installed();
    server.createDatabase(DATABASE);
    server.execute(
        DATABASE,
        "create role \"back up\" login password 'x'",
        "create schema \"a b\"",
        "create table \"a b\".\"t 1\" (id serial, v text)",
        "create table plain (a int)",
        "create sequence loose");
  }

  @AfterEach
  void drop() {
    server.dropDatabase(DATABASE);
    server.execute("postgres", "drop role \"back up\"");
  }

  /**
   * A server process ends, and takes no place any more, a moment after its connection is closed.
   */
  private void awaitNoSessions() throws InterruptedException {
    String sessions = "select 1 from pg_stat_activity where usename = 'back up'";
    while (!server.query("postgres", sessions).isEmpty()) {
      Thread.sleep(5);
    }
  }

  private static ComponentKind kind() {
    return ServiceLoader.load(ComponentKind.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(kind -> kind.key().equals("postgres"))
        .findFirst()
        .orElseThrow();
  }

  private Component component(String user, Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>(more);
    settings.putIfAbsent(
        "url", server.url(DATABASE, user, user.equals("postgres") ? PostgresServer.PASSWORD : "x"));
    return kind().create(new ComponentDefinition("default", settings, "stet.yaml:7:3"));
  }

  private void check() {
    check(4);
  }

  private void check(int workers) {
    component("back up", Map.of()).check(new Operation("00000001", workers, Progress.NONE));
  }

  private void fails(String message, String hint) {
    assertThatThrownBy(this::check)
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
              assertThat(e.hint()).contains(hint);
            })
        .hasMessageContaining(message);
  }

  @Test
  void namesEachObjectAndTheGrantThatCuresIt() throws Exception {
    fails("table \"a b\".\"t 1\"", "GRANT USAGE ON SCHEMA \"a b\" TO \"back up\";");
    server.execute(DATABASE, "grant usage on schema \"a b\" to \"back up\"");
    fails(
        "role \"back up\" may not read in database \"checked\" on 127.0.0.1:"
            + server.port()
            + ": table \"a b\".\"t 1\", sequence \"a b\".\"t 1_id_seq\", sequence"
            + " \"public\".\"loose\", table \"public\".\"plain\"",
        "GRANT SELECT ON TABLE \"a b\".\"t 1\" TO \"back up\"; ,".replace(" ,", ","));
    server.execute(
        DATABASE,
        "grant select on all tables in schema \"a b\", public to \"back up\"",
        "grant select on all sequences in schema \"a b\" to \"back up\"");
    fails("sequence \"public\".\"loose\"", "GRANT SELECT ON SEQUENCE \"public\".\"loose\" TO");
    server.execute(DATABASE, "grant select on sequence loose to \"back up\"");
    assertThatCode(this::check).doesNotThrowAnyException();

    server.execute(DATABASE, "select lo_create(4711)");
    fails("large object 4711", "GRANT SELECT ON LARGE OBJECT 4711 TO \"back up\";");
    server.execute(DATABASE, "grant select on large object 4711 to \"back up\"");
    assertThatCode(this::check).doesNotThrowAnyException();

    server.execute(DATABASE, "alter table plain enable row level security");
    fails(
        "is subject to row security, which would hide rows from the backup, in database",
        "ALTER ROLE \"back up\" BYPASSRLS;");
    server.execute(DATABASE, "alter role \"back up\" bypassrls");
    assertThatCode(this::check).doesNotThrowAnyException();

    server.execute(DATABASE, "alter role \"back up\" connection limit 4");
    awaitNoSessions();
    fails("has 4 free connections for role \"back up\", but 7 are needed", "fewer workers");
    awaitNoSessions();
    assertThatCode(() -> check(1)).doesNotThrowAnyException();
  }

  @Test
  void tellsOfIndexesThatAreNotCaptured() {
    server.createDatabase("indexed");
    try {
      server.execute(
          "indexed",
          "create table t (i int)",
          "create index fine on t (i)",
          "create index broken on t (i)",
          "update pg_index set indisvalid = false where indexrelid = 'broken'::regclass",
          // Not valid for want of indexes of its partitions, but dumped.
          "create table parts (i int) partition by range (i)",
          "create table part partition of parts for values from (0) to (9)",
          "create index only_here on only parts (i)");
      Warnings warnings = new Warnings();
      component("postgres", Map.of("url", server.url("indexed")))
          .check(new Operation("00000001", 1, warnings));
      assertThat(warnings.all)
          .singleElement()
          .asString()
          .startsWith(
              "not captured, as they are not valid, or being built: indexes public.broken of ");
    } finally {
      server.dropDatabase("indexed");
    }
  }

  @Test
  void countsTheLocksThatACaptureNeeds() throws IOException {
    try (PostgresServer small =
        PostgresServers.startEmbedded(
            15,
            Map.of(
                "max_locks_per_transaction", "20",
                "max_connections", "25",
                "max_prepared_transactions", "0",
                "max_worker_processes", "0",
                "max_wal_senders", "0",
                "autovacuum_max_workers", "1"))) {
      Component component = component("postgres", Map.of("url", small.url("postgres")));
      Operation operation = new Operation("00000001", 1, Progress.NONE);
      PostgresRoundTrip trip = new PostgresRoundTrip(small);
      // There is room for 540: 240 tables, 200 for catalogs and 100 for the worker fit exactly.
      createTables(small, 1, 240);
      component.check(operation);
      assertThat(trip.capture("postgres").manifest().objects("tables")).hasSize(240);

      createTables(small, 241, 295);
      assertThatThrownBy(() -> component.check(operation))
          .isInstanceOfSatisfying(
              StetException.class,
              e ->
                  assertThat(e.hint())
                      .isEqualTo(
                          "Set max_locks_per_transaction to 23 or more, now it is 20, and restart the"
                              + " server."))
          .hasMessage(
              "database \"postgres\" on 127.0.0.1:"
                  + small.port()
                  + " has 295 tables, for which the server's lock table needs room for 595 objects,"
                  + " but it has room for about 540");
    }
  }

  private static void createTables(PostgresServer server, int first, int last) {
    server.execute(
        "postgres",
        IntStream.rangeClosed(first, last)
            .mapToObj(i -> "create table t" + i + " (a int)")
            .toArray(String[]::new));
  }

  /** Row security is told by the check; should it come later, the capture fails and filters not. */
  @Test
  void rowSecurityNeverHidesRows() {
    server.execute(
        DATABASE,
        "drop schema \"a b\" cascade",
        "insert into plain select generate_series(1, 10)",
        "alter table plain owner to \"back up\"",
        "grant select on loose to \"back up\"",
        "create policy few on plain using (a < 3)",
        "alter table plain enable row level security");
    // The owner is above it, unless it is forced.
    assertThatCode(this::check).doesNotThrowAnyException();
    assertThat(captureAs("back up").manifest().objects("tables").getFirst().integer("rows"))
        .isEqualTo(10);

    server.execute(DATABASE, "alter table plain force row level security");
    fails("is subject to row security", "ALTER ROLE \"back up\" BYPASSRLS;");
    assertThatThrownBy(() -> captureAs("back up"))
        .hasMessageContaining("row-level security policy for table \"plain\"");
  }

  @Test
  void aLargeObjectThatMayNotBeReadIsNeverLeftOut() {
    server.execute(
        DATABASE,
        "drop schema \"a b\" cascade",
        "grant select on plain, loose to \"back up\"",
        "select lo_from_bytea(4711, 'abc')",
        "select lo_from_bytea(4712, 'abc')",
        "grant select on large object 4711 to \"back up\"");
    fails("large object 4712", "GRANT SELECT ON LARGE OBJECT 4712 TO \"back up\";");
    assertThatThrownBy(() -> captureAs("back up"))
        .hasMessageContaining("permission denied for large object 4712");
  }

  @Test
  void tellsWhatTheRoleMayNotSee() {
    server.execute(
        DATABASE,
        "drop schema \"a b\" cascade",
        "grant select on plain, loose to \"back up\"",
        "create subscription fed connection 'host=127.0.0.1 port=1' publication p"
            + " with (connect = false, slot_name = none)",
        "create foreign data wrapper w",
        "create server own foreign data wrapper w",
        "create server others foreign data wrapper w",
        "grant usage on foreign server own to \"back up\"",
        "create user mapping for \"back up\" server own options (password 'x')",
        "create user mapping for postgres server others options (password 'x')",
        "create user mapping for public server others options (password 'x')");
    Warnings warnings = new Warnings();
    component("back up", Map.of()).check(new Operation("00000001", 1, warnings));
    String place = " of database \"checked\" on 127.0.0.1:" + server.port();
    assertThat(warnings.all)
        .containsExactly(
            "subscription \"fed\"" + place + " is left out: only a superuser may read it",
            "the user mapping of \"postgres\" for server \"others\""
                + place
                + " is read without its options, which role \"back up\" may not see",
            "the user mapping of \"public\" for server \"others\""
                + place
                + " is read without its options, which role \"back up\" may not see");
    Warnings none = new Warnings();
    component("postgres", Map.of()).check(new Operation("00000001", 1, none));
    assertThat(none.all).isEmpty();
  }

  private Captured captureAs(String user) {
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    return component(user, Map.of()).capture(trip.context(Progress.NONE));
  }

  @Test
  void namesADatabaseThatIsNotThere() {
    assertThatThrownBy(() ->
            component("postgres", Map.of("url", server.url("no such shop")))
                .check(new Operation("00000001", 1, Progress.NONE)))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageContaining("database \"no such shop\" does not exist");
  }

  @Test
  void aWrongUrlIsAConfigurationErrorWithItsPlace() {
    assertThatThrownBy(() -> component("postgres", Map.of("url", "postgresql://u:s3cret@h/d?x=y")))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFIGURATION))
        .hasMessage("stet.yaml:7:3: default.url: unknown connection parameter \"x\"");
  }

  @Test
  void refusesAnAdminOfAnotherServer() {
    PostgresServer other = PostgresServers.embedded(13);
    Operation operation = new Operation("00000001", 1, Progress.NONE);
    assertThatThrownBy(() ->
            component("postgres", Map.of("admin_url", other.url("postgres"))).target(operation))
        .hasMessageContaining("admin_url reaches another server");
    component("back up", Map.of("admin_url", server.socketUrl("postgres", "postgres")))
        .target(operation)
        .close();
  }

  @Test
  void settingsAreDocumented() {
    assertThat(kind().settings().stream().map(s -> s.key()).collect(Collectors.toList()))
        .containsExactly("url", "admin_url", "tools", "roles", "tablespaces", "full_interval");
    assertThat(kind().settings()).allMatch(s -> s.documentation().endsWith("."));
  }
}
