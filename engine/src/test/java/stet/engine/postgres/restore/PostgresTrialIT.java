package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import stet.engine.component.Captured;
import stet.engine.component.Component.Scratch;
import stet.engine.component.Progress;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.connection.Session;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Roles that a trial makes on a server which has others, and those of other trials. */
class PostgresTrialIT {
  private static final String DATABASE = "tried";
  private static final String ANOTHER = "stet_scratch_01234567_89abcdef";

  private static final String COMMENT = "stet: made to prove a snapshot in ";

  private final PostgresServer server = PostgresServers.installed();
  private final PostgresRoundTrip trip = new PostgresRoundTrip(server);
  private Captured captured;

  @BeforeEach
  void prepare() {
    drop();
    server.execute("postgres", "create role shopkeeper login");
    server.createDatabase(DATABASE);
    server.execute(
        DATABASE,
        "create table orders as select 1 as id",
        "create table invoices as select 1 as id",
        "alter table orders owner to shopkeeper");
    captured = trip.capture(DATABASE);
  }

  @AfterEach
  void drop() {
    server.dropDatabase(DATABASE);
    server.execute("postgres", "drop role if exists shopkeeper, limited");
  }

  /** As if another trial had made the role, and nothing else had to do with it. */
  private void isOfAnotherTrial() {
    server.execute(
        DATABASE,
        "alter table orders owner to current_user",
        "alter role shopkeeper nologin",
        "comment on role shopkeeper is '" + COMMENT + ANOTHER + "'");
  }

  /** The roles of that name, with whether one may log in, and its comment. */
  private List<String> roles() {
    return server.query(
        "postgres",
        "select concat_ws(', ', rolcanlogin, shobj_description(oid, 'pg_authid')) from pg_roles"
            + " where rolname = 'shopkeeper'");
  }

  private List<String> differences(Progress progress) throws Exception {
    return differences(progress, Scratch.SAME);
  }

  private List<String> differences(Progress progress, String where) throws Exception {
    try (PostgresTrial trial =
        PostgresTrial.run(
            trip.restoring(captured, progress, 2),
            new Scratch(where, false),
            new PostgresPlace("default", trip.settings(DATABASE), null, null))) {
      return trial.differences();
    }
  }

  @Test
  void aTrialsRoleCannotLogInAndTellsOfItsTrialAndGoesWithIt() throws Exception {
    server.execute(DATABASE, "alter table orders owner to current_user", "drop role shopkeeper");
    List<String> during = new ArrayList<>();

    List<String> differences =
        differences(
            new Progress() {
              @Override
              public void phase(String what) {
                if (what.startsWith("comparing definitions ")) {
                  during.addAll(roles());
                }
              }

              @Override
              public void expect(long bytes) {}

              @Override
              public void advance(long bytes) {}

              @Override
              public void warn(String message) {}

              @Override
              public void detail(String message) {}
            });

    assertThat(differences).isEmpty();
    assertThat(during)
        .singleElement()
        .asString()
        .matches("f, " + COMMENT + "stet_scratch_0a1b2c3d_[0-9a-f]{8}");
    assertThat(roles()).isEmpty();
  }

  @Test
  void aRoleOfATrialThatRunsIsLeftToIt() throws Exception {
    isOfAnotherTrial();
    try (Session running = Session.open(trip.settings("postgres"))) {
      running.value("SELECT pg_advisory_lock(?)", EnvironmentLock.key("scratch", ANOTHER));

      assertThat(differences(Progress.NONE)).isEmpty();

      assertThat(roles()).containsExactly("f, " + COMMENT + ANOTHER);
    }
  }

  @Test
  void aRoleOfATrialThatWasKilledIsDropped() throws Exception {
    isOfAnotherTrial();

    assertThat(differences(Progress.NONE)).isEmpty();

    assertThat(roles()).isEmpty();
  }

  @Test
  void aRoleOfATrialThatSomebodyHasUsedSinceStays() throws Exception {
    isOfAnotherTrial();
    server.execute(DATABASE, "alter table invoices owner to shopkeeper");

    assertThat(differences(Progress.NONE)).isEmpty();

    assertThat(roles()).containsExactly("f, " + COMMENT + ANOTHER);
  }

  @Test
  void aRoleOfATrialThatThisOneMayNotDropStays() throws Exception {
    isOfAnotherTrial();
    server.execute(
        DATABASE,
        "alter role shopkeeper superuser",
        "create role limited login createdb password 'x'",
        "alter database " + DATABASE + " owner to limited",
        "alter table orders owner to limited",
        "alter table invoices owner to limited");
    captured = trip.capture(DATABASE);

    assertThat(differences(Progress.NONE, server.url("postgres", "limited", "x"))).isEmpty();

    assertThat(roles()).containsExactly("f, " + COMMENT + ANOTHER);
  }

  /** Otherwise the application could not log in, and the next trial would drop its role. */
  @Test
  void aRestoreMakesTheRoleOfATrialWhatItShouldBe() {
    isOfAnotherTrial();

    trip.restore(captured, DATABASE);

    assertThat(roles()).containsExactly("t");
  }
}
