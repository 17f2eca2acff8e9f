package stet.engine.postgres.connection;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** Ends the sessions that stand in the way of renaming or dropping a database. */
public final class SessionEnder {
  /**
   * Sessions in a database with whether this role may end them: a superuser may end all, others
   * those of roles they are members of, and with {@code pg_signal_backend} all but superusers'.
   */
  private static final String SESSIONS =
      """
      SELECT a.pid, coalesce(r.rolname, ''), coalesce(a.application_name, ''),
        coalesce(me.rolsuper OR (NOT coalesce(r.rolsuper, true)
          AND (pg_catalog.pg_has_role(a.usesysid, 'MEMBER')
            OR EXISTS (SELECT FROM pg_catalog.pg_roles s WHERE s.rolname = 'pg_signal_backend'
              AND pg_catalog.pg_has_role(s.oid, 'MEMBER')))), false)
      FROM pg_catalog.pg_stat_activity a
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
        JOIN pg_catalog.pg_roles me ON me.rolname = current_user
      WHERE a.datid::text = ? AND a.pid <> pg_catalog.pg_backend_pid()
      """;

  /** Autovacuum workers have no user; the server itself ends them for a rename. */
  private static final String OF_USERS = " AND a.usesysid IS NOT NULL";

  private SessionEnder() {}

  /** A session. */
  public record Other(int pid, String user, String application, boolean endable) {
    @Override
    public String toString() {
      return "server process "
          + pid
          + " of user \""
          + user
          + "\""
          + (application.isEmpty() ? "" : " (" + application + ")");
    }
  }

  /** The users' sessions in a database. */
  public static List<Other> list(Session session, String oid) throws SQLException {
    return session.rows(
        SESSIONS + OF_USERS,
        row -> new Other(row.getInt(1), row.getString(2), row.getString(3), row.getBoolean(4)),
        oid);
  }

  /**
   * Ends all sessions in a database that this role may end.
   *
   * @return those it may not
   */
  public static List<Other> end(Session session, String oid) throws SQLException {
    List<Other> left = new ArrayList<>();
    for (Other other : list(session, oid)) {
      if (!other.endable()) {
        left.add(other);
        continue;
      }
      try {
        session.value("SELECT pg_catalog.pg_terminate_backend(?)", other.pid());
      } catch (SQLException e) {
        if (!PostgresErrors.is(e, "42501")) {
          throw e;
        }
        left.add(other);
      }
    }
    return left;
  }

  /** Global identifiers of transactions prepared in a database; they bind it like sessions. */
  public static List<String> prepared(Session session, String database) throws SQLException {
    return session.rows(
        "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database::text = ?",
        row -> row.getString(1),
        database);
  }
}
