package stet.engine.postgres.inplace;

import java.sql.SQLException;
import java.util.List;
import stet.engine.StetException;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/** Who holds locks on a database's tables, for messages. */
final class LockHolders {
  private LockHolders() {}

  /**
   * Asks in a session of its own, because one that has failed can ask nothing.
   *
   * @param pid the process that does not count
   */
  static String of(ConnectionSettings settings, int pid) {
    try (Session session = Session.open(settings)) {
      List<String> holders =
          session.rows(
              """
              SELECT DISTINCT ON (a.xact_start, l.pid) n.nspname, c.relname, l.pid, a.usename,
                a.application_name, a.xact_start
              FROM pg_catalog.pg_locks l
              JOIN pg_catalog.pg_class c ON c.oid = l.relation
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
              WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM ?
                AND l.database = (SELECT oid FROM pg_catalog.pg_database
                  WHERE datname = pg_catalog.current_database())
                AND c.oid >= 16384
              ORDER BY a.xact_start, l.pid, n.nspname, c.relname
              LIMIT 5
              """,
              row -> {
                String user = row.getString(4);
                String application = row.getString(5);
                String since = row.getString(6);
                return "table "
                    + SqlText.name(row.getString(1), row.getString(2))
                    + " is in use by "
                    + (row.getObject(3) == null
                        ? "a prepared transaction"
                        : "server process " + row.getString(3))
                    + (user == null ? "" : " of user \"" + user + "\"")
                    + (application == null || application.isEmpty() ? "" : " (" + application + ")")
                    + (since == null ? "" : ", in a transaction since " + since);
              },
              pid);
      return String.join("; ", holders);
    } catch (SQLException e) {
      return "who holds the lock could not be found out: " + PostgresErrors.text(e);
    } catch (StetException e) {
      return "who holds the lock could not be found out: " + e.getMessage();
    }
  }
}
