package stet.engine.postgres;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;

/** Finds out before a capture whether it could read everything; each fault names its cure. */
final class SourceCheck {
  /** Connections a capture needs besides its workers: the lock holder, pg_dump, one to look. */
  private static final int EXTRA_CONNECTIONS = 3;

  private static final int SHOWN = 10;

  private static final int OLDEST = 90600;

  private final Session session;
  private final ConnectionSettings settings;
  private final Operation operation;

  SourceCheck(Session session, ConnectionSettings settings, Operation operation) {
    this.session = session;
    this.settings = settings;
    this.operation = operation;
  }

  void run() throws SQLException {
    checkVersion();
    if ("t".equals(session.value("SELECT pg_catalog.pg_is_in_recovery()"))) {
      refuseOldStandby();
      operation.progress().detail(settings.describe() + " is a standby");
    }
    checkRights();
    checkRowSecurity();
    checkLargeObjects();
    checkConnections();
    checkLocks();
  }

  private void checkVersion() {
    if (session.version() < OLDEST) {
      throw new StetException(
          ErrorCode.SOURCE,
          settings.describe()
              + " is served by PostgreSQL "
              + session.version() / 10_000
              + "."
              + session.version() / 100 % 100
              + ", but 9.6 is the oldest version that can be read",
          "Upgrade the server.");
    }
  }

  private void refuseOldStandby() {
    if (session.version() < 100000) {
      throw new StetException(
          ErrorCode.SOURCE,
          settings.describe()
              + " is a standby of PostgreSQL 9.6, which cannot export a snapshot for several"
              + " sessions to read",
          "Back up its primary; standby servers can be read from version 10 on.");
    }
  }

  /** A relation or other object with the statement that grants what is missing. */
  private record Missing(String object, String grant) {}

  private void fail(List<Missing> missing, String what) {
    if (missing.isEmpty()) {
      return;
    }
    List<String> objects = missing.stream().map(Missing::object).toList();
    List<String> grants = missing.stream().map(Missing::grant).distinct().toList();
    throw new StetException(
        ErrorCode.SOURCE,
        "role \""
            + settings.user()
            + "\" "
            + what
            + " in "
            + settings.describe()
            + ": "
            + some(objects),
        "As their owner or a superuser run: " + some(grants));
  }

  private static String some(List<String> all) {
    return String.join(", ", all.subList(0, Math.min(SHOWN, all.size())))
        + (all.size() > SHOWN ? " and " + (all.size() - SHOWN) + " more" : "");
  }

  private void checkRights() throws SQLException {
    List<Missing> missing = new ArrayList<>();
    session.rows(
        """
        SELECT n.nspname, c.relname, c.relkind::text,
          pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
          pg_catalog.quote_ident(current_user)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND c.relkind IN ('r', 'p', 'S')
          AND (NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
            OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE'))
          AND (NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                AND d.deptype = 'e')
            OR EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))
        ORDER BY 4, 1, 2
        """,
        row -> {
          String schema = row.getString(1);
          String name = SqlText.name(schema, row.getString(2));
          boolean sequence = row.getString(3).equals("S");
          String role = row.getString(5);
          missing.add(
              row.getBoolean(4)
                  ? new Missing(
                      (sequence ? "sequence " : "table ") + name,
                      "GRANT SELECT ON "
                          + (sequence ? "SEQUENCE " : "TABLE ")
                          + name
                          + " TO "
                          + role
                          + ";")
                  : new Missing(
                      (sequence ? "sequence " : "table ") + name,
                      "GRANT USAGE ON SCHEMA " + SqlText.name(schema) + " TO " + role + ";"));
          return name;
        });
    fail(missing, "may not read");
  }

  /** With row security the server would rather fail than filter: row_security is off. */
  private void checkRowSecurity() throws SQLException {
    List<Missing> missing =
        session.rows(
            """
            SELECT n.nspname, c.relname, pg_catalog.quote_ident(current_user)
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_catalog.pg_roles me ON me.rolname = current_user
            WHERE c.relrowsecurity AND c.relkind IN ('r', 'p')
              AND NOT me.rolsuper AND NOT me.rolbypassrls
              AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE'))
            ORDER BY 1, 2
            """,
            row ->
                new Missing(
                    "table " + SqlText.name(row.getString(1), row.getString(2)),
                    "ALTER ROLE " + row.getString(3) + " BYPASSRLS;"));
    fail(missing, "is subject to row security, which would hide rows from the backup,");
  }

  private void checkLargeObjects() throws SQLException {
    List<Missing> missing =
        session.rows(
            """
            SELECT m.oid, pg_catalog.quote_ident(current_user)
            FROM pg_catalog.pg_largeobject_metadata m
              JOIN pg_catalog.pg_roles me ON me.rolname = current_user
            WHERE NOT me.rolsuper
              AND pg_catalog.current_setting('lo_compat_privileges') = 'off'
              AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE')
              AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a
                WHERE a.privilege_type = 'SELECT'
                  AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))
            ORDER BY 1
            """,
            row ->
                new Missing(
                    "large object " + row.getString(1),
                    "GRANT SELECT ON LARGE OBJECT "
                        + row.getString(1)
                        + " TO "
                        + row.getString(2)
                        + ";"));
    fail(missing, "may not read");
  }

  private void checkConnections() throws SQLException {
    int needed = operation.workers() + EXTRA_CONNECTIONS;
    // This session is one of those counted and will be free again.
    String free =
        session.value(
            """
            SELECT least(
              current_setting('max_connections')::int
                - CASE WHEN me.rolsuper THEN 0
                  ELSE current_setting('superuser_reserved_connections')::int END
                - (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE %s) + 1,
              CASE WHEN d.datconnlimit < 0 OR me.rolsuper THEN 1000000 ELSE d.datconnlimit
                - (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) + 1 END,
              CASE WHEN me.rolconnlimit < 0 OR me.rolsuper THEN 1000000 ELSE me.rolconnlimit
                - (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = me.oid) + 1 END)
            FROM pg_catalog.pg_roles me, pg_catalog.pg_database d
            WHERE me.rolname = current_user AND d.datname = current_database()
            """
                .formatted(
                    // Before 10 nobody else was listed.
                    session.version() >= 100000 ? "a.backend_type = 'client backend'" : "true"));
    long available = free == null ? 0 : Long.parseLong(free);
    if (available < needed) {
      throw new StetException(
          ErrorCode.SOURCE,
          settings.describe()
              + " has "
              + Math.max(0, available)
              + " free connections for role \""
              + settings.user()
              + "\", but "
              + needed
              + " are needed",
          "Use fewer workers, or raise max_connections or the connection limit of the database or"
              + " role.");
    }
  }

  private void checkLocks() throws SQLException {
    String counts =
        session.value(
            """
            SELECT (SELECT count(*) FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p')) || ' '
              || current_setting('max_locks_per_transaction')::bigint
                * (current_setting('max_connections')::bigint
                  + current_setting('max_prepared_transactions')::bigint)
            """);
    String[] fields = (counts == null ? "0 0" : counts).split(" ", -1);
    if (Long.parseLong(fields[0]) > Long.parseLong(fields[1])) {
      throw new StetException(
          ErrorCode.SOURCE,
          settings.describe()
              + " has "
              + fields[0]
              + " tables to lock, but its lock table has room for about "
              + fields[1],
          "Raise max_locks_per_transaction and restart the server.");
    }
  }
}
