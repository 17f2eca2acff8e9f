package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Captures a hot standby that replays what a real primary does meanwhile. */
@Timeout(300)
class StandbyIT {
  private static PostgresServer primary;
  private static PostgresServer standby;

  @BeforeAll
  static void start() throws IOException {
    primary = PostgresServers.installed();
    if (!Files.isExecutable(primary.programs().resolve("pg_basebackup"))) {
      System.err.println("skipped: no pg_basebackup in " + primary.programs());
      Assumptions.abort("no pg_basebackup in " + primary.programs());
    }
    primary.createDatabase("followed");
    // Replay waits for nobody: whoever stands in its way is ended at once.
    standby =
        primary.startStandby(
            Map.of("max_standby_streaming_delay", "0", "hot_standby_feedback", "off"));
  }

  @AfterAll
  static void stop() {
    if (standby != null) {
      standby.close();
      primary.dropDatabase("followed");
    }
  }

  /** Does something on the primary and waits until the standby has replayed it. */
  private static void replay(String... statements) {
    primary.execute("followed", statements);
    String position = primary.queryOne("followed", "select pg_current_wal_lsn()");
    String replayed = "select pg_last_wal_replay_lsn() >= '" + position + "'";
    while (!standby.queryOne("postgres", replayed).equals("t")) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
    }
  }

  private static void fill() {
    replay(
        "drop table if exists kept, emptied",
        "create table kept with (autovacuum_enabled = false) as select i, md5(i::text) v from generate_series(1, 5000) i",
        "create table emptied with (autovacuum_enabled = false) as select generate_series(1, 5000) i");
  }

  /** Has the primary do something whenever the standby's rows begin to be read. */
  private static final class Primary implements Progress {
    private final int most;
    private final List<String> details = new ArrayList<>();
    private final List<String> statements;
    private int attempts;

    private Primary(int most, String... statements) {
      this.most = most;
      this.statements = List.of(statements);
    }

    @Override
    public void phase(String what) {
      if (what.equals("reading default") && ++attempts <= most) {
        replay(
            statements.stream()
                .map(sql -> sql.replace("$n", Integer.toString(attempts)))
                .toArray(String[]::new));
      }
    }

    @Override
    public void expect(long bytes) {}

    @Override
    public void advance(long bytes) {}

    @Override
    public void warn(String message) {}

    @Override
    public void detail(String message) {
      details.add(message);
    }
  }

  private static Captured capture(PostgresRoundTrip trip, Progress progress) {
    PostgresComponent component =
        new PostgresComponent("default", trip.settings("followed"), null, null, Renames.NONE);
    component.check(new Operation("00000001", 3, Progress.NONE));
    return component.capture(trip.context(progress));
  }

  private static void startsAgain(int rows, String... statements) throws IOException {
    fill();
    PostgresRoundTrip trip = new PostgresRoundTrip(standby);
    Primary busy = new Primary(1, statements);
    Captured captured = capture(trip, busy);
    assertThat(busy.attempts).isEqualTo(2);
    assertThat(busy.details)
        .filteredOn(detail -> detail.startsWith("starting again: "))
        .singleElement()
        .asString()
        .contains("conflict with recovery");
    assertThat(trip.rows(captured, "data/public.kept")).hasSize(rows);
    assertThat(captured.manifest().object("snapshot").flag("standby", false)).isTrue();
  }

  @Test
  void startsAgainWhenRowsOfItsSnapshotAreVacuumed() throws IOException {
    startsAgain(4000, "delete from kept where i <= 1000", "vacuum kept");
  }

  @Test
  void startsAgainWhenATableItHasLockedIsChanged() throws IOException {
    startsAgain(5000, "truncate emptied");
  }

  /** From version 15 on the sequence of an unlogged table's column is unlogged, too. */
  @Test
  void whatIsUnloggedIsCapturedAsNew() throws IOException {
    Assumptions.assumeTrue(primary.majorVersion() >= 15, "there are no unlogged sequences");
    replay(
        "drop table if exists kept, emptied",
        "create unlogged table passing (i serial, j int generated always as identity"
            + " (start 7 increment 3))",
        "create sequence \"count\"",
        "select setval('\"count\"', 4)",
        "insert into passing select from generate_series(1, 9)");
    PostgresRoundTrip trip = new PostgresRoundTrip(standby);
    Warnings warnings = new Warnings();
    try {
      Captured captured = capture(trip, warnings);

      assertThat(warnings.all)
          .contains(
              "table \"public\".\"passing\" is unlogged: a standby server has none of its rows");
      assertThat(warnings.all.stream().filter(text -> text.startsWith("sequence ")))
          .hasSize(2)
          .allMatch(text -> text.contains("\"passing_") && text.contains("is captured as new"));
      assertThat(trip.description(captured).sequences())
          .containsExactly(
              new Sequence("public", "count", 4, true),
              new Sequence("public", "passing_i_seq", 1, false),
              new Sequence("public", "passing_j_seq", 7, false));

      primary.dropDatabase("came_back");
      trip.on(primary).restore(captured, "came_back");
      assertThat(primary.queryOne("came_back", "select nextval('passing_j_seq')")).isEqualTo("7");
    } finally {
      replay("drop table passing", "drop sequence \"count\"");
      primary.dropDatabase("came_back");
    }
  }

  @Test
  void saysWhatToDoWhenItIsEndedEachTime() {
    fill();
    PostgresRoundTrip trip = new PostgresRoundTrip(standby);
    Primary busy =
        new Primary(99, "delete from kept where i <= 100 * $n", "vacuum kept", "truncate emptied");
    assertThatThrownBy(() -> capture(trip, busy))
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
              assertThat(e.hint())
                  .contains("max_standby_streaming_delay", "hot_standby_feedback", "primary");
            })
        .hasMessageContaining("conflict with recovery")
        .hasMessageContaining("127.0.0.1:" + standby.port());
    assertThat(busy.attempts).isEqualTo(5);
  }
}
