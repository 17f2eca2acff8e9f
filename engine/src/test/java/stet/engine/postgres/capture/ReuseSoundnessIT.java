package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import stet.engine.component.Captured;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.Warnings;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * Captures again and again while six writers and a vacuum work on the tables, and reads every
 * segment that counts as unchanged nevertheless, at the same snapshot: none may differ.
 *
 * <p>{@code -Dstet.pairs=500} sets how many pairs of captures there are in all, {@code
 * -Dstet.seed=…} repeats the writers' choices, {@code -Dstet.pairs.log=FILE} appends to a file.
 */
class ReuseSoundnessIT {
  private static final int PAIRS = Integer.getInteger("stet.pairs", 50);
  private static final long SEED = Long.getLong("stet.seed", System.nanoTime() & 0xffff_ffffL);

  /** The last of them has its values out of line, and few blocks beside them. */
  private static final int TABLES = 4;

  private static final int ROWS = 30_000;
  private static final int WRITERS = 6;

  private static final int ENOUGH_PAIRS = 100;

  /** Repositories are in memory. */
  private static final int PAIRS_PER_REPOSITORY = 20;

  /** SQLSTATEs of writers that stand in each other's way. */
  private static final Set<String> IN_THE_WAY = Set.of("40P01", "55P03", "42P01", "42703", "40001");

  private final AtomicBoolean stopped = new AtomicBoolean();
  private final AtomicInteger window = new AtomicInteger();
  private final AtomicLong done = new AtomicLong();
  private final Warnings progress = new Warnings();

  private static void log(String format, Object... arguments) throws IOException {
    String line = String.format(Locale.ROOT, format, arguments);
    System.out.println(line);
    String file = System.getProperty("stet.pairs.log");
    if (file != null) {
      Files.writeString(
          Path.of(file), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }

  /**
   * One that changes a narrow range of rows, which is elsewhere after each capture, and in some
   * long transactions any row: nobody else is likely to have written beside it since.
   */
  private final class Writer {
    private final Random random;
    private final PostgresServer server;
    private final int number;

    Writer(PostgresServer server, int number) {
      this.server = server;
      this.number = number;
      this.random = new Random(SEED + number);
    }

    private int row() {
      return 1 + Math.floorMod(window.get() + random.nextInt(ROWS / 12), ROWS);
    }

    private int anyRow() {
      return random.nextInt(5) == 0 ? 1 + random.nextInt(ROWS) : row();
    }

    private String table() {
      return "t" + random.nextInt(TABLES);
    }

    Void run() throws SQLException, InterruptedException {
      while (!stopped.get()) {
        try (Connection connection = server.connect("sound");
            Statement statement = connection.createStatement()) {
          statement.execute("set lock_timeout = '2s'; set synchronous_commit = off");
          while (!stopped.get()) {
            step(statement);
            done.incrementAndGet();
            Thread.sleep(random.nextInt(8));
          }
        } catch (SQLException e) {
          if (!IN_THE_WAY.contains(String.valueOf(e.getSQLState()))) {
            throw e;
          }
        }
      }
      return null;
    }

    private void step(Statement statement) throws SQLException, InterruptedException {
      String table = table();
      String where = " where i = " + row();
      switch (random.nextInt(12)) {
        case 0, 1 -> statement.execute("update " + table + " set n = n + 1" + where); // HOT
        case 2 ->
            statement.execute(
                "update " + table + " set t = repeat(md5(random()::text), 3)" + where);
        case 3 ->
            statement.execute(
                "update "
                    + table
                    + " set t = (select string_agg(md5(random()::text), '')"
                    + " from generate_series(1, 120))"
                    + where); // out of line
        case 4 ->
            statement.execute(
                "insert into "
                    + table
                    + " (i, t) values ("
                    + row()
                    + ", 'upserted') on conflict (i) do update set n = "
                    + table
                    + ".n + 10");
        case 5 -> statement.execute("delete from " + table + where);
        case 6 -> {
          statement.execute("begin; savepoint a; update " + table + " set n = 0" + where);
          statement.execute("savepoint b; delete from " + table + " where i = " + row());
          statement.execute(random.nextBoolean() ? "rollback to b" : "rollback to a");
          statement.execute("update " + table + " set n = n + 2 where i = " + row());
          statement.execute(random.nextInt(4) == 0 ? "rollback" : "commit");
        }
        case 7 ->
            statement.execute(
                "begin; select 1 from "
                    + table
                    + where
                    + (random.nextBoolean() ? " for share" : " for update")
                    + "; commit");
        case 8 -> {
          String name = "'p" + number + "'";
          statement.execute("begin; update " + table + " set n = n + 3 where i = " + anyRow());
          statement.execute("prepare transaction " + name);
          Thread.sleep(random.nextInt(400));
          statement.execute(
              (random.nextInt(3) == 0 ? "rollback prepared " : "commit prepared ") + name);
        }
        case 9 -> {
          statement.execute("begin; update " + table + " set n = n + 4 where i = " + anyRow());
          Thread.sleep(random.nextInt(600));
          statement.execute(random.nextInt(3) == 0 ? "rollback" : "commit");
        }
        case 10 ->
            statement.execute(
                "insert into "
                    + table
                    + " (i, t) values ("
                    + row()
                    + ", 'inserted') on conflict do nothing");
        default -> {
          if (random.nextInt(8) == 0) {
            statement.execute("vacuum " + (random.nextInt(4) == 0 ? "(freeze) " : "") + table);
          }
        }
      }
    }
  }

  /** What a migration might do between two captures. */
  private static void change(Connection connection, Random random, int round) throws SQLException {
    String table = "t" + random.nextInt(TABLES);
    String sql =
        switch (random.nextInt(7)) {
          case 0 -> "alter table " + table + " add column c" + round + " int default " + round;
          case 1 -> "alter type mood rename value 'good' to 'better'";
          case 2 -> "alter type mood rename value 'better' to 'good'";
          case 3 -> "cluster " + table + " using " + table + "_pkey";
          case 4 -> "vacuum full " + table;
          case 5 ->
              "truncate "
                  + table
                  + "; insert into "
                  + table
                  + " (i, t) select i, repeat(md5(i::text), 6) from generate_series(1, "
                  + ROWS
                  + ") i";
          default -> "delete from " + table + " where i > " + random.nextInt(ROWS);
        };
    try (Statement statement = connection.createStatement()) {
      statement.execute("set lock_timeout = '5s'");
      statement.execute(sql);
    } catch (SQLException e) {
      if (!IN_THE_WAY.contains(String.valueOf(e.getSQLState()))
          && !"22023".equals(e.getSQLState())) {
        throw e;
      }
    }
  }

  /** How it is found out what has changed, and whether the server has checksums. */
  private enum Way {
    COUNTS(false, "counts"),
    COUNTS_WITH_CHECKSUMS(true, "counts"),
    LOG(false, "log"),
    LOG_WITH_CHECKSUMS(true, "log");

    final boolean checksums;
    final String method;

    Way(boolean checksums, String method) {
      this.checksums = checksums;
      this.method = method;
    }

    /** Servers of version 18 have checksums unless told otherwise, older ones only if told so. */
    int version() {
      return checksums ? 18 : 17;
    }

    @Nullable Path tools() {
      return this == COUNTS || this == COUNTS_WITH_CHECKSUMS
          ? null
          : PostgresServers.clientPrograms(version()).orElse(null);
    }

    PostgresServer start() throws IOException {
      Map<String, String> settings = new HashMap<>(Map.of("max_prepared_transactions", "10"));
      if (method.equals("log")) {
        Assumptions.assumeTrue(
            tools() != null,
            "no pg_dump for PostgreSQL "
                + version()
                + " is installed (STET_TEST_POSTGRESQL_NEWEST)");
        settings.put("summarize_wal", "on");
        return PostgresServers.startEmbedded(version(), settings);
      }
      Path programs = PostgresServers.installedBinaries().orElse(null);
      Assumptions.assumeTrue(
          programs != null, "no PostgreSQL is installed, and pg_checksums is among its programs");
      PostgresServer server = PostgresServer.start(programs, settings);
      if (checksums) {
        server.stop();
        server.enableChecksums();
        server.start();
      }
      return server;
    }
  }

  private Captured capture(PostgresRoundTrip trip, @Nullable Path tools, Captured parent) {
    return new DatabaseCapture(
            trip.settings("sound"),
            tools,
            "default",
            Duration.ofDays(30),
            Duration.ofSeconds(20),
            1)
        .capture(trip.context(progress, parent, parent == null ? null : parent.manifest()));
  }

  private static void fill(PostgresServer server, String table, boolean outOfLine) {
    int step = outOfLine ? 10 : 1;
    server.execute(
        "sound",
        "create table "
            + table
            + " (i int primary key, n int not null default 0, m mood default 'good', t text)"
            + " with (fillfactor = "
            + (outOfLine ? 20 : 90)
            + ")",
        "alter table " + table + " alter t set storage " + (outOfLine ? "external" : "extended"),
        "insert into "
            + table
            + " (i, t) select i, repeat(md5(i::text), "
            + (outOfLine ? 100 : 6)
            + ") from generate_series(1, "
            + ROWS
            + ", "
            + step
            + ") i",
        "vacuum " + table);
  }

  @ParameterizedTest
  @EnumSource
  void whatCountsAsUnchangedIsUnchanged(Way way) throws Exception {
    Random random = new Random(SEED);
    int pairs = PAIRS / Way.values().length;
    try (PostgresServer server = way.start();
        ExecutorService threads = Executors.newFixedThreadPool(WRITERS)) {
      String checksums = server.queryOne("postgres", "select current_setting('data_checksums')");
      assertThat(checksums).isEqualTo(way.checksums ? "on" : "off");
      server.createDatabase("sound");
      server.execute("sound", "create type mood as enum ('good', 'bad')");
      for (int i = 0; i < TABLES; i++) {
        fill(server, "t" + i, i == TABLES - 1);
      }
      List<Future<Void>> writers = new ArrayList<>();
      for (int i = 0; i < WRITERS; i++) {
        writers.add(threads.submit(new Writer(server, i)::run));
      }
      PostgresRoundTrip trip = new PostgresRoundTrip(server);
      long unchanged = 0;
      long all = 0;
      long used = 0;
      try (Connection connection = server.connect("sound")) {
        Captured before = capture(trip, way.tools(), null);
        for (int pair = 1; pair <= pairs; pair++) {
          window.set(random.nextInt(ROWS));
          Thread.sleep(random.nextInt(150));
          if (random.nextInt(4) == 0) {
            change(connection, random, pair);
          }
          if (pair % PAIRS_PER_REPOSITORY == 0) {
            trip = new PostgresRoundTrip(server);
            before = capture(trip, way.tools(), null);
          }
          before = capture(trip, way.tools(), before);
          for (JsonObject table : before.manifest().objects("tables")) {
            unchanged += table.integer("checked", 0);
            used += table.string("method").equals(way.method) ? 1 : 0;
            all += table.integer("blocks") / SegmentGeometry.BLOCKS_PER_SEGMENT + 1;
          }
          assertThat(progress.all).as("seed %s, pair %s", SEED, pair).isEmpty();
        }
      } finally {
        stopped.set(true);
      }
      for (Future<Void> writer : writers) {
        writer.get();
      }
      log(
          "seed %d, by %s, checksums %s: %d pairs, %d of %d segments held to be unchanged, all"
              + " were; %d writes",
          SEED, way.method, checksums, pairs, unchanged, all, done.get());
      assertThat(unchanged).as("seed %s, %s", SEED, progress.details).isPositive();
      // In a few pairs, all may be so full of changes that the other way was taken.
      if (pairs >= ENOUGH_PAIRS) {
        assertThat(used).as("seed %s, %s", SEED, progress.details).isGreaterThan(pairs / 4);
      }
    }
  }
}
