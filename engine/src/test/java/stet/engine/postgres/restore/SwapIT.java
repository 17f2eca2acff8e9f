package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Role;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

@Timeout(300)
class SwapIT {
  private static final String LIVE = "shop 'é\"";
  private static final String OPERATION = "0a1b2c3d";
  private static final String STAGING = LIVE + ".staging-" + OPERATION;
  private static final String PREVIOUS = LIVE + ".previous-" + OPERATION;

  private static PostgresServer server;

  @BeforeAll
  static void start() {
    server = PostgresServers.installed();
  }

  @AfterEach
  void dropAll() {
    for (String name : server.databases()) {
      if (name.startsWith("shop")) {
        server.dropDatabase(name);
      }
    }
  }

  private static ConnectionSettings settings(String url) {
    return ConnectionSettings.parse(url, Map.of(), Path.of("/nonexistent"));
  }

  private static PostgresTarget target(String database) {
    return new PostgresTarget(
        new PostgresPlace("default", settings(server.url(database)), null, null));
  }

  private static void create(String name, String content) {
    server.createDatabase(name);
    server.execute(name, "create table content as select '" + content + "'::text as what");
  }

  /** A database as Stet leaves it beside a live one. */
  private static void createBeside(PostgresServer where, String name, String content) {
    where.createDatabase(name);
    where.execute(name, "create table content as select '" + content + "'::text as what");
    String oid =
        where.queryOne(
            "postgres",
            "select oid from pg_database where datname = '" + name.replace("'", "''") + "'");
    where.execute(
        "postgres", DatabaseComment.statement(name, new DatabaseComment(oid, null, null).text()));
  }

  private static void createBeside(String name, String content) {
    createBeside(server, name, content);
  }

  private static String content(String name) {
    return server.queryOne(name, "select what from content");
  }

  private static String oid(String name) {
    return server.queryOne(
        "postgres",
        "select oid from pg_database where datname = '" + name.replace("'", "''") + "'");
  }

  private static Beside staging(Target target) {
    return target.beside().stream().filter(s -> s.role() == Role.STAGING).findFirst().orElseThrow();
  }

  /** A server process ends a moment after it was told to, or after its client. */
  private static void awaitNone(String query) throws InterruptedException {
    while (!server.query("postgres", query).isEmpty()) {
      Thread.sleep(5);
    }
  }

  private static List<String> shops() {
    return server.databases().stream().filter(name -> name.startsWith("shop")).toList();
  }

  @Test
  void describesTheLiveState() {
    try (Target target = target(LIVE)) {
      assertThat(target.live())
          .isEqualTo(
              new Target.Live(
                  null, true, "database \"" + LIVE + "\" on 127.0.0.1:" + server.port()));
      server.createDatabase(LIVE);
      assertThat(target.live().identity()).isEqualTo(oid(LIVE));
      assertThat(target.live().empty()).isTrue();
      server.execute(LIVE, "create function f() returns int language sql as 'select 1'");
      assertThat(target.live().empty()).isFalse();
    }
  }

  @Test
  void waitsForADatabaseThatIsBeingMadeForAKilledOperation() throws Exception {
    create(LIVE, "old");
    try (Connection lock = server.connect("postgres");
        Target target = target(LIVE)) {
      lock.setAutoCommit(false);
      lock.createStatement().execute("lock table pg_database in share mode");
      Thread creating =
          Thread.startVirtualThread(() ->
              server.execute(
                  "postgres",
                  "create database "
                      + SqlText.name(STAGING)
                      + " connection limit "
                      + DatabaseProperties.NEWBORN));
      String waiting =
          "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
              + " and query like 'create database%'";
      while (server.query("postgres", waiting).isEmpty()) {
        Thread.sleep(5);
      }
      assertThat(target.beside()).isEmpty();
      Thread.startVirtualThread(() -> {
        try {
          Thread.sleep(300);
          lock.rollback();
        } catch (SQLException | InterruptedException e) {
          throw new AssertionError(e);
        }
      });
      target.settle();
      assertThat(target.beside()).extracting(Beside::name).containsExactly(STAGING);
      creating.join();
    }
  }

  @Test
  void swapsThereAndBackKeepingCommentsAndIdentities() {
    create(LIVE, "old");
    createBeside(STAGING, "new");
    server.execute(
        "postgres",
        "comment on database \"shop 'é\"\"\" is 'the old shop''s comment'",
        DatabaseComment.statement(
            STAGING, new DatabaseComment(oid(STAGING), null, "the new comment").text()));
    String old = oid(LIVE);
    String fresh = oid(STAGING);
    try (Target target = target(LIVE)) {
      target.note(staging(target), "{\"journal\":\"it's \\\\ here\"}");
      Beside staging = staging(target);
      assertThat(staging.note()).isEqualTo("{\"journal\":\"it's \\\\ here\"}");
      assertThat(staging.identity()).isEqualTo(fresh);
      assertThat(target.size(staging)).isGreaterThan(1_000_000);

      Beside previous = target.swap(staging, OPERATION, "{\"by\":\"test\"}");
      assertThat(content(LIVE)).isEqualTo("new");
      assertThat(comment(LIVE)).isEqualTo("the new comment");
      assertThat(previous)
          .isEqualTo(new Beside(Role.PREVIOUS, OPERATION, PREVIOUS, old, "{\"by\":\"test\"}"));
      assertThat(target.live().identity()).isEqualTo(fresh);
      assertThat(target.swap(staging, OPERATION, "again")).isEqualTo(previous);

      target.swapBack(staging, OPERATION);
      assertThat(content(LIVE)).isEqualTo("old");
      assertThat(comment(LIVE)).isEqualTo("the old shop's comment");
      assertThat(target.beside()).extracting(Beside::identity).containsExactly(fresh);
      assertThat(staging(target).note()).isEqualTo("{\"journal\":\"it's \\\\ here\"}");
      target.swapBack(staging, OPERATION);
      assertThat(content(LIVE)).isEqualTo("old");

      target.drop(staging);
      target.drop(staging);
      assertThat(shops()).containsExactly(LIVE);
    }
  }

  private static String comment(String name) {
    return server.queryOne(
        "postgres", "select shobj_description(" + oid(name) + ", 'pg_database')");
  }

  @Test
  void keepsAStagedStateAsThePreviousOne() {
    create(LIVE, "old");
    createBeside(STAGING, "new");
    String fresh = oid(STAGING);
    try (Target target = target(LIVE)) {
      Beside staging = staging(target);
      Beside kept = target.keep(staging, "{\"kept\":true}");
      assertThat(kept)
          .isEqualTo(new Beside(Role.PREVIOUS, OPERATION, PREVIOUS, fresh, "{\"kept\":true}"));
      assertThat(target.keep(staging, "again")).isEqualTo(kept);
      assertThat(target.beside()).containsExactly(kept);
      assertThat(content(LIVE)).isEqualTo("old");
      target.drop(kept);
      assertThat(shops()).containsExactly(LIVE);
    }
  }

  @Test
  void swapsIntoAnEmptyPlaceAndOutAgain() {
    createBeside(STAGING, "new");
    try (Target target = target(LIVE)) {
      Beside staging = staging(target);
      assertThat(target.swap(staging, OPERATION, "note")).isNull();
      assertThat(shops()).containsExactly(LIVE);
      assertThat(target.swap(staging, OPERATION, "note")).isNull();
      target.swapBack(staging, OPERATION);
      assertThat(shops()).containsExactly(STAGING);
    }
  }

  @Test
  void putsTheLiveDatabaseAsideForNothingAndBack() {
    create(LIVE, "old");
    server.execute("postgres", DatabaseComment.statement(LIVE, "its own"));
    String old = oid(LIVE);
    try (Target target = target(LIVE)) {
      Beside previous = target.swap(null, OPERATION, "note");
      assertThat(shops()).containsExactly(PREVIOUS);
      assertThat(previous.identity()).isEqualTo(old);
      assertThat(previous.note()).isEqualTo("note");
      assertThat(target.swap(null, OPERATION, "note")).isEqualTo(previous);
      target.swapBack(null, OPERATION);
      target.swapBack(null, OPERATION);
      assertThat(shops()).containsExactly(LIVE);
      assertThat(oid(LIVE)).isEqualTo(old);
      assertThat(comment(LIVE)).isEqualTo("its own");
    }
  }

  @Test
  void databasesWithSimilarNamesAreLeftAlone() {
    for (String name : List.of("shop", "shopx", "shop.staging-x", "shop.staging-" + OPERATION)) {
      create(name, name);
    }
    createBeside("shopx.staging-" + OPERATION, "new");
    try (Target target = target("shopx")) {
      assertThat(target.beside())
          .extracting(Beside::name)
          .containsExactly("shopx.staging-" + OPERATION);
      target.swap(staging(target), OPERATION, "note");
    }
    assertThat(content("shopx")).isEqualTo("new");
    assertThat(content("shop")).isEqualTo("shop");
    assertThat(shops())
        .contains(
            "shop", "shop.staging-x", "shop.staging-" + OPERATION, "shopx.previous-" + OPERATION);
    try (Target target = target("shop.staging-x")) {
      assertThat(target.beside()).isEmpty();
    }
  }

  @Test
  void databasesThatOnlyBearSuchANameAreNobodysToDrop() {
    create("shop", "live");
    create("shop.staging-20240601", "made by hand");
    create("shop.previous-20240601", "kept by hand");
    server.execute(
        "postgres", "comment on database \"shop.previous-20240601\" is 'stet:{\"note\":\"mine\"}'");
    try (Target target = target("shop")) {
      assertThat(target.beside()).isEmpty();
      for (Role role : Role.values()) {
        String name = "shop." + role.name().toLowerCase(Locale.ROOT) + "-20240601";
        Beside taken = new Beside(role, "20240601", name, oid(name), null);
        assertThatThrownBy(() -> target.drop(taken))
            .isInstanceOfSatisfying(
                StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.REFUSED))
            .hasMessage("database \"" + name + "\" was not put there by Stet and is not dropped");
      }
      Beside live = new Beside(Role.STAGING, "20240601", "shop.staging-x", oid("shop"), null);
      target.swapBack(live, "20240601");
    }
    assertThat(shops())
        .containsExactly("shop.previous-20240601", "shop.staging-20240601", "shop.staging-x");
    assertThat(content("shop.previous-20240601")).isEqualTo("kept by hand");
  }

  @Test
  void knowsADatabaseWhoseMakerDiedBeforeItCouldSayMore() {
    create("shop", "live");
    server.execute(
        "postgres",
        "create database \"shop.staging-0a1b2c3d\" connection limit 1937007988",
        "create database \"shop.previous-0a1b2c3d\" connection limit 1937007988");
    try (Target target = target("shop")) {
      assertThat(target.beside()).extracting(Beside::name).containsExactly("shop.staging-0a1b2c3d");
      target.beside().forEach(target::drop);
    }
    assertThat(shops()).containsExactly("shop", "shop.previous-0a1b2c3d");
  }

  @Test
  void neverDropsWhatIsLive() {
    create(LIVE, "old");
    createBeside(STAGING, "new");
    try (Target target = target(LIVE)) {
      Beside staging = staging(target);
      target.swap(staging, OPERATION, "note");
      assertThatThrownBy(() -> target.drop(staging))
          .isInstanceOfSatisfying(
              StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.REFUSED));
      assertThat(content(LIVE)).isEqualTo("new");
    }
  }

  @Test
  void swapsUnderTenReconnectingClients() throws Exception {
    create(LIVE, "old");
    createBeside(STAGING, "new");
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong longestGap = new AtomicLong();
    AtomicInteger read = new AtomicInteger();
    List<String> wrong = new ArrayList<>();
    List<Thread> clients = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      Thread client =
          new Thread(() -> {
            long last = System.nanoTime();
            boolean seenNew = false;
            while (!stop.get()) {
              try (Connection connection = server.connect(LIVE);
                  var statement = connection.createStatement()) {
                while (!stop.get()) {
                  try (var row = statement.executeQuery("select what from content")) {
                    row.next();
                    String what = row.getString(1);
                    if (seenNew && what.equals("old")) {
                      synchronized (wrong) {
                        wrong.add("old after new");
                      }
                    }
                    seenNew |= what.equals("new");
                  }
                  long now = System.nanoTime();
                  long gap = now - last;
                  longestGap.accumulateAndGet(gap, Math::max);
                  last = now;
                  read.incrementAndGet();
                  Thread.sleep(1);
                }
              } catch (SQLException e) {
                // What an application sees while its database is swapped; it connects again.
                if (!List.of("57P01", "3D000", "55000", "08006", "08003", "08001")
                    .contains(String.valueOf(e.getSQLState()))) {
                  synchronized (wrong) {
                    wrong.add(e.getSQLState() + " " + e.getMessage());
                  }
                }
              } catch (InterruptedException e) {
                return;
              }
            }
          });
      clients.add(client);
      client.start();
    }
    while (read.get() < 100) {
      Thread.sleep(10);
    }
    longestGap.set(0);
    try (Target target = target(LIVE)) {
      Beside staging = staging(target);
      long start = System.nanoTime();
      target.swap(staging, OPERATION, "note");
      System.err.printf("swap under 10 clients: %d ms%n", (System.nanoTime() - start) / 1_000_000);
      Thread.sleep(200);
      target.swapBack(staging, OPERATION);
      assertThat(content(LIVE)).isEqualTo("old");
      stop.set(true);
      for (Thread client : clients) {
        client.join();
      }
      // Swapping back makes "old" right again.
      wrong.removeIf("old after new"::equals);
      assertThat(wrong).isEmpty();
      System.err.printf("longest gap of a client: %d ms%n", longestGap.get() / 1_000_000);
      assertThat(longestGap.get()).isLessThan(5_000_000_000L);
    }
    assertThat(
            server.queryOne("postgres", "select count(*) from pg_database where not datallowconn"))
        .isEqualTo("1");
  }

  @Test
  void namesSessionsThatItMayNotEnd() throws Exception {
    server.execute(
        "postgres",
        "create role shopkeeper login createdb password 'x'",
        "create role boss superuser login");
    server.execute("postgres", "create database shop owner shopkeeper");
    createBeside("shop.staging-0a1b2c3d", "new");
    server.execute("postgres", "alter database \"shop.staging-0a1b2c3d\" owner to shopkeeper");
    try (Session superuser =
            Session.open(settings(server.socketUrl("shop", "boss") + "&application_name=psql"));
        Target target =
            new PostgresTarget(
                new PostgresPlace(
                    "default", settings(server.url("shop", "shopkeeper", "x")), null, null))) {
      assertThatThrownBy(() -> target.checkSwap(staging(target), OPERATION))
          .hasMessageContaining(
              "is in use by sessions that this role may not end: server process ");
      assertThatThrownBy(() -> target.swap(staging(target), OPERATION, "note"))
          .isInstanceOfSatisfying(
              StetException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
                assertThat(e.hint()).contains("pg_signal_backend");
              })
          .hasMessageMatching(
              "database \"shop\" is in use by sessions that this role may not end: server process \\d+"
                  + " of user \"boss\".*");
      assertThat(superuser.value("select 1")).isEqualTo("1");
      assertThat(shops()).containsExactly("shop", "shop.staging-0a1b2c3d");
      server.execute(
          "postgres",
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'boss'");
      awaitNone("select 1 from pg_stat_activity where usename = 'boss'");
      target.checkSwap(staging(target), OPERATION);
      assertThat(shops()).containsExactly("shop", "shop.staging-0a1b2c3d");
      target.swap(staging(target), OPERATION, "note");
      assertThat(shops()).containsExactly("shop", "shop.previous-0a1b2c3d");
    } finally {
      dropAll();
      server.execute("postgres", "drop role shopkeeper", "drop role boss");
    }
  }

  @Test
  void namesPreparedTransactions() throws Exception {
    try (PostgresServer own =
        PostgresServers.startEmbedded(15, Map.of("max_prepared_transactions", "5"))) {
      own.createDatabase("shop");
      createBeside(own, "shop.staging-0a1b2c3d", "new");
      own.execute(
          "shop",
          "create table t ()",
          "begin; insert into t default values; prepare transaction 'gid-1'");
      try (Target target =
          new PostgresTarget(new PostgresPlace("default", settings(own.url("shop")), null, null))) {
        assertThatThrownBy(() -> target.checkSwap(staging(target), OPERATION))
            .hasMessage("database \"shop\" has prepared transactions: \"gid-1\"");
        assertThatThrownBy(() -> target.swap(staging(target), OPERATION, "note"))
            .hasMessage("database \"shop\" has prepared transactions: \"gid-1\"");
        own.execute("shop", "rollback prepared 'gid-1'");
        target.swap(staging(target), OPERATION, "note");
      }
      assertThat(own.databases()).contains("shop.previous-0a1b2c3d");
    }
  }

  @Test
  void oldServersSwapAndDropToo() throws Exception {
    PostgresServer old = PostgresServers.embedded(13);
    old.createDatabase("shop");
    createBeside(old, "shop.staging-0a1b2c3d", "new");
    try (Target target =
            new PostgresTarget(
                new PostgresPlace("default", settings(old.url("shop")), null, null));
        Connection client = old.connect("shop")) {
      target.swap(staging(target), OPERATION, "note");
      assertThat(client.isValid(5)).isFalse();
      target.beside().forEach(target::drop);
      assertThat(old.databases()).contains("shop").doesNotContain("shop.previous-0a1b2c3d");
    } finally {
      old.dropDatabase("shop");
    }
  }

  @Test
  void aKilledSwapLeavesOneOfTheTwoStates() throws Exception {
    create("shop", "old");
    createBeside("shop.staging-" + OPERATION, "new");
    String old = oid("shop");
    String fresh = oid("shop.staging-" + OPERATION);
    long seed = System.nanoTime();
    java.util.Random random = new java.util.Random(seed);
    int swapped = 0;
    for (int round = 0; round < 6; round++) {
      Process child =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty(
                      "surefire.real.class.path", System.getProperty("java.class.path")),
                  SwapMain.class.getName())
              .redirectErrorStream(true)
              .start();
      try (var out = child.outputWriter();
          var in = child.inputReader()) {
        out.write(server.url("shop") + "\n");
        out.flush();
        assertThat(in.readLine()).isEqualTo("swapping");
        Thread.sleep(random.nextInt(250));
        child.destroyForcibly();
        child.waitFor();
      }
      // What the server was at when its client died, it brings to an end.
      awaitNone("select 1 from pg_stat_activity where application_name = 'stet'");
      try (Target target = target("shop")) {
        Beside other = target.beside().getFirst();
        String live = target.live().identity();
        assertThat(List.of(live, other.identity())).containsExactlyInAnyOrder(old, fresh);
        boolean done = live.equals(fresh);
        assertThat(content("shop")).isEqualTo(done ? "new" : "old");
        assertThat(other.role()).isEqualTo(done ? Role.PREVIOUS : Role.STAGING);
        if (done) {
          swapped++;
          target.swapBack(
              new Beside(Role.STAGING, OPERATION, "shop.staging-" + OPERATION, fresh, "n"),
              OPERATION);
        }
      } catch (AssertionError e) {
        throw new AssertionError("seed " + seed + ", round " + round + ": " + e.getMessage(), e);
      }
    }
    System.err.printf("killed swaps, seed %d: %d of 6 had committed%n", seed, swapped);
  }

  /** Swaps in a JVM of its own, to be killed. */
  static final class SwapMain {
    public static void main(String[] arguments) throws Exception {
      String url = new java.io.BufferedReader(new java.io.InputStreamReader(System.in)).readLine();
      try (Target target =
          new PostgresTarget(new PostgresPlace("default", settings(url), null, null))) {
        Beside staging = staging(target);
        System.out.println("swapping");
        System.out.flush();
        target.swap(staging, OPERATION, "note");
      }
      Thread.sleep(60_000);
    }
  }

  @Test
  void environmentLockIsHeldByOneAndNamesItsHolder() {
    create("shop", "old");
    ConnectionSettings settings = settings(server.url("shop"));
    try (EnvironmentLock lock = EnvironmentLock.acquire(settings, "shop", "production")) {
      lock.check();
      assertThatThrownBy(() -> EnvironmentLock.acquire(settings, "shop", "production"))
          .isInstanceOfSatisfying(
              StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.LOCKED))
          .hasMessageMatching(
              "another operation works on environment \"production\" of \"shop\": server process \\d+ of"
                  + " user \"postgres\" \\(stet from 127.0.0.1, since .* UTC\\)");
      EnvironmentLock.acquire(settings, "shop", "preprod").close();
    }
    EnvironmentLock.acquire(settings, "shop", "production").close();
    assertThat(EnvironmentLock.key("a/b", "c")).isNotEqualTo(EnvironmentLock.key("a", "b/c"));
  }

  /** Advisory locks are kept apart by database, and not every role may enter the same one. */
  @Test
  void environmentLockIsHeldByOneAlsoWhereRolesEnterDifferentDatabases() {
    create("shop", "old");
    ConnectionSettings restore = settings(server.url("shop"));
    server.execute(
        "postgres",
        "create role shop_backup login password 'x'",
        "revoke connect on database postgres from public");
    try {
      ConnectionSettings backup = settings(server.url("shop", "shop_backup", "x"));
      try (EnvironmentLock lock = EnvironmentLock.acquire(backup, "shop", "production")) {
        assertThat(
                server.queryOne(
                    "postgres",
                    "select d.datname from pg_locks l join pg_database d on d.oid = l.database"
                        + " where l.locktype = 'advisory'"))
            .isEqualTo("template1");
        refusesTheEnvironmentLock(restore, "shop_backup");
        lock.check();
      }
      try (EnvironmentLock lock = EnvironmentLock.acquire(restore, "shop", "production")) {
        refusesTheEnvironmentLock(backup, "postgres");
        lock.check();
      }
      EnvironmentLock.acquire(backup, "shop", "production").close();
    } finally {
      server.execute(
          "postgres", "grant connect on database postgres to public", "drop role shop_backup");
    }
  }

  private static void refusesTheEnvironmentLock(ConnectionSettings settings, String holder) {
    assertThatThrownBy(() -> EnvironmentLock.acquire(settings, "shop", "production"))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.LOCKED))
        .hasMessageContaining("of user \"" + holder + "\"");
  }

  @Test
  void noticesThatTheEnvironmentLockWasLost() throws Exception {
    create("shop", "old");
    ConnectionSettings settings = settings(server.url("shop"));
    try (EnvironmentLock lock = EnvironmentLock.acquire(settings, "shop", "production")) {
      server.execute(
          "postgres", "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
      awaitNone("select 1 from pg_locks where locktype = 'advisory'");
      assertThatThrownBy(lock::check)
          .isInstanceOfSatisfying(
              StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
          .hasMessageStartingWith(
              "the lock of environment \"production\" was lost with its session: ");
    }
  }
}
