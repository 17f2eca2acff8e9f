package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Rows of hundreds of megabytes, up to those that PostgreSQL itself cannot print. */
@Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LongRowsIT {
  private static final String DATABASE = "long rows";

  private PostgresServer server;

  @BeforeEach
  void create() {
    server = PostgresServers.installed();
    server.createDatabase(DATABASE);
  }

  @AfterEach
  void drop() {
    server.dropDatabase(DATABASE);
  }

  private void fails(String message, String hint) {
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    assertThatThrownBy(() -> trip.capture(DATABASE))
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
              assertThat(e.hint()).contains(hint);
            })
        .hasMessageContaining(message);
  }

  @Test
  void aRowThatCopyCannotPrintIsNamed() {
    server.execute(
        DATABASE,
        "create table \"pi cs\" (id int, v bytea compression lz4)",
        "insert into \"pi cs\" values (1, 'small')",
        "insert into \"pi cs\" select 2, convert_to(repeat(repeat('x', 1000000), 540), 'UTF8')");
    fails(
        "table \"public\".\"pi cs\" of database \"long rows\" on 127.0.0.1:"
            + server.port()
            + " has a row, at ctid (0,2), whose text takes about 1029 MiB, but PostgreSQL prints no"
            + " more than 1024 MiB, so pg_dump cannot read it either",
        "Keep the value in pieces or as a large object; the row is SELECT * FROM"
            + " \"public\".\"pi cs\" WHERE ctid = '(0,2)'.");
  }

  @Test
  @EnabledIfSystemProperty(named = "stet.longRows", matches = "true")
  void aRowThatGrowsBeyondTheLimitInCopyIsNamed() {
    server.execute(
        DATABASE,
        "create table t (id int, v text)",
        "insert into t values (1, 'small')",
        "insert into t select 2, repeat(repeat(E'\\n', 1000000), 540)");
    fails(
        "PostgreSQL cannot print a row of table \"public\".\"t\" of database \"long rows\" on"
            + " 127.0.0.1:"
            + server.port()
            + ", so pg_dump cannot read it either: ",
        "Keep long values in pieces or as large objects.");
    fails("; the longest is at ctid (0,2)", "");
  }

  @Test
  @EnabledIfSystemProperty(named = "stet.longRows", matches = "true")
  void aRowTooLongForTheMemoryIsNamedWithWhatItNeeds() {
    long heap = Runtime.getRuntime().maxMemory() >> 20;
    server.execute(
        DATABASE,
        "create table t (id int, v json)",
        "insert into t select 1, ('\"' || repeat('x', %d) || '\"')::json"
            .formatted((heap * 7 / 10) << 20));
    fails(
        "has a row, at ctid (0,1), whose text takes about "
            + heap * 7 / 10
            + " MiB, too much for a memory of "
            + heap
            + " MiB",
        "Give Stet more memory, for example by STET_JAVA_OPTS=-Xmx"
            + (heap * 7 / 10 * 2 + 200)
            + "m");
  }

  /** Repetitive rows, so that this JVM can keep the repository in its memory, too. */
  @Test
  @EnabledIfSystemProperty(named = "stet.longRows", matches = "true")
  void rowsOfHundredsOfMegabytesComeBack() {
    server.execute(
        DATABASE,
        "create table t (id int, v bytea, w text)",
        "insert into t select 1, convert_to(repeat(md5('1'), 7000000), 'UTF8'), null",
        "insert into t select 2, null, repeat('0123456789abcdef', 20000000)",
        "insert into t select i, 'x', 'y' from generate_series(3, 1000) i");
    String query =
        "select count(*), sum(hashtext(t.id::text || coalesce(md5(v), '-') || coalesce(md5(w), '-'))) from t";
    String before = server.queryOne(DATABASE, query);
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    Captured captured = trip.capture(DATABASE);
    server.execute(DATABASE, "delete from t");
    trip.restore(captured, DATABASE);
    assertThat(server.queryOne(DATABASE, query)).isEqualTo(before);
  }
}
