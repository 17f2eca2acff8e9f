package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.testkit.PgBouncer;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Meets a real PgBouncer where the server is expected. */
@Timeout(300)
class PoolerIT {
  private final Operation operation = new Operation("00000001", 2, Progress.NONE);
  private PostgresServer server;

  @BeforeEach
  void create() {
    server = PostgresServers.installed();
    server.createDatabase("pooled");
    server.execute("pooled", "create table t as select 1 as a");
  }

  @AfterEach
  void drop() {
    server.dropDatabase("pooled");
  }

  private static PostgresComponent component(PgBouncer pooler) {
    return component(pooler.url("pooled"));
  }

  private static PostgresComponent component(String url) {
    return new PostgresComponent(
        "default",
        ConnectionSettings.parse(url, Map.of(), Path.of("/nonexistent")),
        null,
        null,
        Renames.NONE);
  }

  private static void refuses(ThrowingCallable work, String... facts) {
    assertThatThrownBy(work)
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
              assertThat(e.getMessage()).contains(facts);
              assertThat(e.hint())
                  .contains("the server's own address", "exported snapshots, locks and settings");
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"transaction", "session"})
  void refusesAPoolerBeforeAnythingIsSetInASessionOfOthers(String mode) throws Exception {
    try (PgBouncer pooler = PgBouncer.start(server, mode)) {
      String before = throughPooler(pooler, "show search_path");
      String what = "on 127.0.0.1:" + pooler.port() + " is reached through a connection pooler";
      refuses(() -> component(pooler).check(operation), "database \"pooled\" " + what);
      refuses(() -> component(pooler).lock("shop", "production"), what);
      refuses(() -> component(pooler).target(operation).live(), what);
      assertThat(throughPooler(pooler, "show search_path")).isEqualTo(before);
      assertThat(throughPooler(pooler, "select count(*) from t")).isEqualTo("1");
    }
  }

  @Test
  void knowsAPoolerThatRefusesTheConnection() throws Exception {
    try (PgBouncer pooler = PgBouncer.start(server, "session")) {
      refuses(
          () -> component(pooler.url("pooled") + "?options=-cgeqo%3Doff").check(operation),
          "cannot connect to database \"pooled\" on 127.0.0.1:" + pooler.port(),
          "unsupported startup parameter: options");
    }
  }

  /** What another client of the pooler sees; in transaction pooling in the session used before. */
  private static String throughPooler(PgBouncer pooler, String query) throws Exception {
    try (Connection connection =
            DriverManager.getConnection(
                "jdbc:" + pooler.url("pooled").replace("postgres@", ""), "postgres", "");
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(query)) {
      row.next();
      return row.getString(1);
    }
  }
}
