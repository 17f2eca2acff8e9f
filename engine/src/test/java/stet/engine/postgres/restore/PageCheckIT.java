package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.connection.Session;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Checking pages with amcheck, on a server of version 14 or newer that has it. */
class PageCheckIT {
  private static final String DATABASE = "pages";
  private static final int BLOCK = 8192;

  /** Where a block's first line pointer lies, whose lowest 15 bits are the row's offset. */
  private static final int LINE_POINTER = 24;

  private static PostgresServer server;
  private static PostgresRoundTrip trip;

  @BeforeAll
  static void start() throws Exception {
    server =
        PostgresServer.start(
            PostgresServers.installedBinaries().orElseThrow(),
            Map.of("autovacuum", "off", "ignore_checksum_failure", "on"));
    server.createDatabase(DATABASE);
    server.execute(
        DATABASE,
        "create table whole (i int primary key, t text)",
        "insert into whole select i, 'a' from generate_series(1, 100) i",
        "create table lacking (i int primary key)",
        "insert into lacking select generate_series(1, 1000)",
        // A row a block, and more blocks than one session checks at a time.
        "create table large (t text)",
        "alter table large alter t set storage plain",
        "insert into large select repeat('x', 7000) from generate_series(1, 16400)",
        "analyze");
    trip = new PostgresRoundTrip(server);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static void work(PageCheck pages, Session session) throws SQLException {
    boolean more;
    do {
      more = pages.work(session);
    } while (more);
  }

  /** Checks everything in a session's database. */
  private static PageCheck checkAll(Session session) throws SQLException {
    PageCheck pages = new PageCheck();
    assertThat(pages.begin(session)).isTrue();
    pages.addAll(session);
    work(pages, session);
    pages.end(session);
    return pages;
  }

  /** Checks a table and what belongs to it. */
  private static PageCheck check(Session session, String table) throws SQLException {
    PageCheck pages = new PageCheck();
    assertThat(pages.begin(session)).isTrue();
    pages.add(session, table);
    work(pages, session);
    pages.end(session);
    return pages;
  }

  @Test
  void aSoundTableHasNoDifferencesAndIsCheckedOnce() throws Exception {
    try (Session session = Session.open(trip.settings(DATABASE))) {
      String memory = session.value("SHOW maintenance_work_mem");
      PageCheck pages = new PageCheck();
      assertThat(pages.begin(session)).isTrue();
      pages.add(session, "\"public\".\"whole\"");
      work(pages, session);
      // The table, its index, and what is too long for it with an index of its own.
      assertThat(pages.level().detail()).startsWith("4 tables and b-tree indexes");
      pages.add(session, "\"public\".\"whole\"");
      assertThat(pages.work(session)).isFalse();
      pages.end(session);
      assertThat(pages.differences()).isEmpty();
      assertThat(session.value("SHOW maintenance_work_mem")).isEqualTo(memory);
      assertThat(session.value("SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'"))
          .isEqualTo("0");
    }
  }

  @Test
  void anExtensionThatTheDatabaseHasItselfIsLeft() throws Exception {
    server.createDatabase("own");
    server.execute("own", "create schema s", "create extension amcheck schema s");
    try (Session session = Session.open(trip.settings("own"))) {
      PageCheck pages = checkAll(session);
      assertThat(pages.differences()).isEmpty();
      assertThat(session.value("SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'"))
          .isEqualTo("1");
    }
  }

  @Test
  void eventTriggersOfTheDatabaseDoNotMindTheExtension() throws Exception {
    server.createDatabase("guarded");
    server.execute(
        "guarded",
        "create table t (i int primary key)",
        "create function refuse() returns event_trigger language plpgsql as"
            + " $$ begin raise exception 'no more definitions'; end $$",
        "create event trigger refuse on ddl_command_end execute function refuse()");
    try (Session session = Session.open(trip.settings("guarded"))) {
      PageCheck pages = checkAll(session);
      assertThat(pages.differences()).isEmpty();
      assertThat(pages.level().ran()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 13})
  void ofOlderServersTheIndexesAreChecked(int major) throws Exception {
    try (PostgresServer older = PostgresServers.startEmbedded(major, Map.of())) {
      older.createDatabase("older");
      older.execute(
          "older",
          "create table t (i int primary key, j int)",
          "create index on t (j)",
          "insert into t select i, i % 7 from generate_series(1, 1000) i");
      try (Session session = Session.open(new PostgresRoundTrip(older).settings("older"))) {
        PageCheck pages = check(session, "\"public\".\"t\"");
        assertThat(pages.differences()).isEmpty();
        assertThat(pages.level().detail()).startsWith("2 b-tree indexes by amcheck, which has no");
      }
    }
  }

  @Test
  void aRowThatAnIndexLacksIsFound() throws Exception {
    String ready = "update pg_index set indisready = %s where indrelid = 'lacking'::regclass";
    server.execute(
        DATABASE,
        ready.formatted(false),
        "insert into lacking select generate_series(1001, 1010)",
        ready.formatted(true));
    try (Session session = Session.open(trip.settings(DATABASE))) {
      PageCheck pages = check(session, "\"public\".\"lacking\"");
      assertThat(pages.differences())
          .singleElement()
          .asString()
          .startsWith("index public.lacking_pkey: ")
          .contains("lacks matching index tuple");
    }
  }

  @Test
  void aDamagedRowIsFoundInEveryPartOfALargeTable() throws Exception {
    Path file =
        server
            .dataDirectory()
            .resolve(server.queryOne(DATABASE, "select pg_relation_filepath('large')"));
    long blocks =
        Long.parseLong(server.queryOne(DATABASE, "select pg_relation_size('large')")) / BLOCK;
    assertThat(blocks).isGreaterThan(16_384);
    server.stop();
    pointBeyond(file, 3);
    pointBeyond(file, blocks - 1);
    server.start();
    try (Session session = Session.open(trip.settings(DATABASE));
        Session other = Session.open(trip.settings(DATABASE))) {
      PageCheck pages = new PageCheck();
      pages.begin(session);
      pages.add(session, "\"public\".\"large\"");
      // The index of what is too long for the table comes first, then the most blocks.
      assertThat(pages.work(session)).isTrue();
      assertThat(pages.work(session)).isTrue();
      assertThat(pages.differences()).hasSize(1);
      work(pages, other);
      pages.end(session);
      assertThat(pages.differences())
          .hasSize(2)
          .allSatisfy(
              text -> assertThat(text).startsWith("table public.large: ").contains("line pointer"));
    }
  }

  @Test
  void aServerThatCannotCheckSaysNothingAboutTheTable() throws Exception {
    try (Session session = Session.open(trip.settings(DATABASE));
        Connection other = server.connect(DATABASE);
        Statement holder = other.createStatement()) {
      PageCheck pages = new PageCheck();
      assertThat(pages.begin(session)).isTrue();
      pages.add(session, "\"public\".\"large\"");
      holder.execute("begin; lock table large in access exclusive mode");
      session.execute("SET lock_timeout = '100ms'");
      work(pages, session);
      holder.execute("rollback");
      session.execute("RESET lock_timeout");
      pages.end(session);
      assertThat(pages.differences()).isEmpty();
      assertThat(pages.level().ran()).isFalse();
      assertThat(pages.level().detail())
          .matches("the server could not check table .*: .*lock timeout");
      assertThat(pages.begin(session)).isFalse();
    }
  }

  /** Has the first row of a block end beyond the block. */
  private static void pointBeyond(Path file, long block) throws Exception {
    try (RandomAccessFile data = new RandomAccessFile(file.toFile(), "rw")) {
      byte[] bytes = new byte[BLOCK];
      data.seek(block * BLOCK);
      data.readFully(bytes);
      ByteBuffer page = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
      page.putInt(LINE_POINTER, (page.getInt(LINE_POINTER) & ~0x7fff) | (BLOCK - 64));
      data.seek(block * BLOCK);
      data.write(bytes);
    }
  }
}
