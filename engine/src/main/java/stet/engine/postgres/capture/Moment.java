package stet.engine.postgres.capture;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.catalog.CatalogReader.Position;
import stet.engine.postgres.connection.Session;

/**
 * What tells whether a later capture is of the same server, which has only gone on since.
 *
 * @param systemIdentifier null if the role may not know
 * @param timeline null if the role may not know
 * @param started when the server was started, as it says
 * @param next the number of the next transaction
 * @param flushed the place in the log that has to be on disk for everything visible to be
 */
record Moment(
    @Nullable String systemIdentifier,
    @Nullable Long timeline,
    long database,
    String started,
    long next,
    String flushed) {
  /**
   * Looks at a server.
   *
   * @param session one whose snapshot was taken already
   */
  static Moment of(Session session, @Nullable String systemIdentifier, Position position)
      throws SQLException {
    return session
        .rows(
            """
            SELECT d.oid::bigint, pg_catalog.pg_postmaster_start_time()::text,
              pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()),
              pg_catalog.pg_current_wal_insert_lsn()::text
            FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
            """,
            row ->
                new Moment(
                    systemIdentifier,
                    position.timeline(),
                    row.getLong(1),
                    row.getString(2),
                    row.getLong(3),
                    row.getString(4)))
        .getFirst();
  }
}
