package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.postgres.PostgresKind;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Finding;
import stet.engine.rules.Rule;
import stet.engine.rules.RuleException;
import stet.engine.rules.RuleParser;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Rules of a capture beside migrations, which wait for the capture's locks. */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RuleReaderIT {
  private static final String DATABASE = "ruled";

  private static final String WAITING =
      "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and not granted";

  private final PostgresServer server = PostgresServers.installed();
  private final PostgresRoundTrip trip = new PostgresRoundTrip(server);
  private final List<String> details = new ArrayList<>();
  private final AtomicReference<Thread> migration = new AtomicReference<>();
  private int attempts;

  @BeforeEach
  void prepare() {
    server.dropDatabase(DATABASE);
    server.createDatabase(DATABASE);
    server.execute(
        DATABASE,
        "create table orders (id int primary key, total int)",
        "insert into orders values (1, 5), (2, -1)",
        "create table gate (id int primary key)",
        "insert into gate values (1)",
        // False once a migration waits for a lock, or has had it.
        """
        create function wait_for_migration() returns bool language plpgsql as $$
        begin
          for i in 1..600 loop
            if exists (select from pg_attribute where attname = 'added') or exists (
                select from pg_locks where mode = 'AccessExclusiveLock' and not granted) then
              return false;
            end if;
            perform pg_sleep(0.1);
          end loop;
          return true;
        end $$
        """);
  }

  @AfterEach
  void close() throws Exception {
    Thread thread = migration.get();
    boolean ended = thread == null || thread.join(Duration.ofSeconds(30));
    server.dropDatabase(DATABASE);
    assertThat(ended).as("the migration has ended").isTrue();
  }

  private static Rule rule(String name, String text) throws RuleException {
    return RuleParser.parse(name, text, offset -> "stet.yaml:1:" + (offset + 1));
  }

  private Captured capture(Duration patience, Runnable whenLocked, Rule... rules) {
    CaptureContext plain =
        trip.context(
            new Progress() {
              @Override
              public void phase(String what) {
                if (what.startsWith("reading ") && ++attempts == 1) {
                  whenLocked.run();
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
            });
    return new DatabaseCapture(trip.settings(DATABASE), null, "default", patience)
        .capture(
            new CaptureContext(
                plain.operation(),
                plain.sink(),
                plain.source(),
                null,
                null,
                null,
                false,
                plain.hashKey(),
                plain.polynomial(),
                List.of(rules)));
  }

  private void migrate() {
    server.execute(DATABASE, "alter table orders add added int default 7");
  }

  private void await(String query, String expected) {
    while (!server.queryOne("postgres", query).equals(expected)) {
      sleep(Duration.ofMillis(10));
    }
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  private void requireBegunAnew(Captured captured) throws IOException {
    assertThat(attempts).isEqualTo(2);
    assertThat(details)
        .filteredOn(detail -> detail.startsWith("starting again: "))
        .singleElement()
        .asString()
        .contains("\"public\".\"orders\" is about to be locked by server process ");
    assertThat(trip.rows(captured, "data/public.orders")).contains("1\t5\t7");
    assertThat(captured.evaluation().findings())
        .filteredOn(finding -> finding.rule().equals("no negative total"))
        .extracting(Finding::violations)
        .containsExactly(1L);
  }

  /** All else has what it needs by then, so nothing but the rule's own patience ends this. */
  @Test
  void aRuleBehindAMigrationThatWaitsForTheCaptureGivesUpAndTheCaptureStartsAgain()
      throws Exception {
    String ruling =
        "select count(*) from pg_stat_activity where state = 'active' and query like"
            + " 'WITH bad%wait_for_migration%'";
    Runnable afterTheDump =
        () ->
            migration.set(
                Thread.ofPlatform()
                    .start(() -> {
                      await(ruling, "1");
                      sleep(Duration.ofSeconds(3));
                      migrate();
                    }));

    Captured captured =
        capture(
            Duration.ofSeconds(2),
            afterTheDump,
            rule("slow", "none in gate where wait_for_migration()"),
            rule("no negative total", "none in orders where total < 0"));

    requireBegunAnew(captured);
  }

  /**
   * A session in which a rule is asked about beside a capture. The function is called when the
   * statement is planned, as its result does not depend on rows.
   */
  @Test
  void whoAsksAboutRulesGivesUpWaitingForALock() throws Exception {
    server.execute(
        DATABASE,
        """
        create function waits_for_ever() returns bool immutable language plpgsql as $$
        begin
          if current_setting('lock_timeout') = '0' then
            raise exception 'would wait for ever';
          end if;
          return false;
        end $$
        """);
    Component component =
        new PostgresKind()
            .create(
                new ComponentDefinition(
                    "default", Map.of("url", server.url(DATABASE)), "stet.yaml:1:1"));
    List<Rule> rules = List.of(rule("patient", "none in orders where waits_for_ever()"));

    assertThatCode(() -> component.checkRules(rules)).doesNotThrowAnyException();
    try (Evaluation evaluation = component.evaluate(rules)) {
      assertThat(evaluation.unevaluated()).isEmpty();
      assertThat(evaluation.findings())
          .singleElement()
          .extracting(Finding::violations)
          .isEqualTo(0L);
    }
  }

  @Test
  void aRuleThatWaitsIsCutWhenTheRowsCannotBeRead() throws Exception {
    Runnable atOnce =
        () -> {
          migration.set(Thread.ofPlatform().start(this::migrate));
          await(WAITING, "1");
        };

    Captured captured =
        capture(
            Duration.ofMinutes(10),
            atOnce,
            rule("no negative total", "none in orders where total < 0"));

    requireBegunAnew(captured);
  }

  @Test
  void rulesAreNotEvaluatedOnceTheirCaptureHasFailed() throws Exception {
    ConnectionSettings pinned = trip.settings(DATABASE).pinned();
    Duration patience = Duration.ofMinutes(1);
    Operation operation = new Operation("00000001", 1, Progress.NONE);
    try (SnapshotHolder holder = SnapshotHolder.take(pinned, patience, operation)) {
      RuleReader reader = new RuleReader(pinned, holder, patience);
      reader.abort();
      Rule rule = rule("no negative total", "none in orders where total < 0");

      assertThatThrownBy(() -> reader.evaluate(List.of(rule)))
          .isInstanceOf(StetException.class)
          .hasMessageStartingWith("cannot evaluate the rules: ");
    }
  }
}
