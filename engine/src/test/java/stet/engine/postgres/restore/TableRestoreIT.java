package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Component.TableWish;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.postgres.EveryKind;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.connection.SqlText;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Puts captured tables beside live ones. */
class TableRestoreIT {
  private final PostgresServer server = PostgresServers.installed();
  private final PostgresRoundTrip trip = new PostgresRoundTrip(server);

  private RestoreContext context(Captured captured, RowHash.Key key) {
    return new RestoreContext(
        new Operation("0a1b2c3d", 1, Progress.NONE),
        trip.blobs,
        captured.node(),
        captured.manifest(),
        key);
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = "true")
  void aTableThatDiffersFromTheCapturedOneIsNeverSeen(@Nullable String where) {
    String database = where == null ? "differs_all" : "differs_some";
    server.createDatabase(database);
    try {
      server.execute(database, "create table t as select i from generate_series(1, 9) i");
      Captured captured = trip.capture(database);
      // Under another key every hash is another one.
      TableRestore restore =
          new TableRestore(
              trip.settings(database), "default", context(captured, RowHash.Key.random()));

      assertThatThrownBy(() -> restore.run(new TableWish("t", where, "copy", "x")))
          .isInstanceOf(StetException.class)
          .hasMessageStartingWith("table \"public\".\"t\": captured 9 rows with hash ")
          .hasMessageContaining(", restored 9 rows with hash ");
      assertThat(server.query(database, "select relname from pg_class where relname = 'copy'"))
          .isEmpty();
    } finally {
      server.dropDatabase(database);
    }
  }

  @Test
  void everyTableComesBackBeside() {
    server.createDatabase("beside_all");
    try {
      EveryKind.fill(server, "beside_all");
      Captured captured = trip.capture("beside_all");
      int tables = 0;
      for (DatabaseDescription.Table table : trip.description(captured).tables()) {
        TableRestore restore =
            new TableRestore(
                trip.settings("beside_all"), "default", context(captured, PostgresRoundTrip.KEY));
        String name =
            restore.run(new TableWish(table.quoted(), null, null, "suffix_" + tables++)).name();
        String columns = SqlText.names(table.columns());
        String rows =
            "select count(*), md5(string_agg(r::text, ',' order by r::text)) from (select "
                + columns
                + " from only %s) r";
        assertThat(server.query("beside_all", rows.formatted(name)))
            .as(table.quoted())
            .isEqualTo(server.query("beside_all", rows.formatted(table.quoted())));
      }
      assertThat(tables).isGreaterThan(20);
    } finally {
      server.dropDatabase("beside_all");
    }
  }
}
