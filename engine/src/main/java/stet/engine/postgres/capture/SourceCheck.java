package stet.engine.postgres.capture;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.postgres.catalog.ObjectCounts;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/** Finds out before a capture whether it could read everything; each fault names its cure. */
public final class SourceCheck {
  /** Connections a capture needs besides its workers: the lock holder, pg_dump, one to look. */
  private static final int EXTRA_CONNECTIONS = 3;

  private static final int SHOWN = 10;

  private static final int OLDEST = 90600;

  /** About how many catalogs and indexes of catalogs there are to be locked. */
  private static final int CATALOG_LOCKS = 200;

  private final Session session;
  private final ConnectionSettings settings;
  private final Operation operation;

  public SourceCheck(Session session, ConnectionSettings settings, Operation operation) {
    this.session = session;
    this.settings = settings;
    this.operation = operation;
  }

  public void run() throws SQLException {
    checkVersion();
    if ("t".equals(session.value("SELECT pg_catalog.pg_is_in_recovery()"))) {
      refuseOldStandby();
      operation.progress().detail(settings.describe() + " is a standby");
    }
    checkRights();
    checkRowSecurity();
    checkLargeObjects();
    tellOfSubscriptions();
    tellOfUserMappings();
    tellOfInvalidIndexes();
    checkConnections();
    checkLocks();
  }

  /** Like pg_dump, for a restore would only fail to build what could not be built here. */
  private void tellOfInvalidIndexes() throws SQLException {
    List<String> invalid =
        session.rows(
            """
            SELECT i.indexrelid::pg_catalog.regclass::text
            FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
            WHERE NOT ($dumped_index) AND r.relpersistence <> 't'
            ORDER BY 1
            """
                .replace("$dumped_index", ObjectCounts.DUMPED_INDEX),
            row -> row.getString(1));
    if (!invalid.isEmpty()) {
      operation
          .progress()
          .warn(
              "not captured, as they are not valid, or being built: indexes "
                  + some(invalid)
                  + " of "
                  + settings.describe()
                  + "; REINDEX makes one anew, DROP INDEX removes it");
    }
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

  private void tellOfSubscriptions() throws SQLException {
    for (String subscription :
        session.rows(
            """
            SELECT s.subname FROM pg_catalog.pg_subscription s
              JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
              JOIN pg_catalog.pg_roles me ON me.rolname = current_user
            WHERE d.datname = current_database() AND NOT me.rolsuper
            ORDER BY 1
            """,
            row -> row.getString(1))) {
      operation
          .progress()
          .warn(
              "subscription "
                  + SqlText.name(subscription)
                  + " of "
                  + settings.describe()
                  + " is left out: only a superuser may read it");
    }
  }

  private void tellOfUserMappings() throws SQLException {
    for (String mapping :
        session.rows(
            """
            SELECT u.usename, u.srvname FROM pg_catalog.pg_user_mappings u
              JOIN pg_catalog.pg_foreign_server s ON s.oid = u.srvid
              JOIN pg_catalog.pg_roles me ON me.rolname = current_user
            WHERE NOT me.rolsuper
              AND NOT (u.usename = current_user
                AND (pg_catalog.pg_has_role(s.srvowner, 'USAGE')
                  OR pg_catalog.has_server_privilege(s.oid, 'USAGE')))
              AND NOT (u.umuser = 0 AND pg_catalog.pg_has_role(s.srvowner, 'USAGE'))
            ORDER BY 1, 2
            """,
            row ->
                SqlText.name(row.getString(1)) + " for server " + SqlText.name(row.getString(2)))) {
      operation
          .progress()
          .warn(
              "the user mapping of "
                  + mapping
                  + " of "
                  + settings.describe()
                  + " is read without its options, which role \""
                  + settings.user()
                  + "\" may not see");
    }
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

  /**
   * The holder and pg_dump lock every table at the same time, and each worker some. Each session
   * that looks at the catalogs locks these and their indexes, too. The server has room for twice as
   * many holdings as locked objects, and a tenth more than it says of both.
   */
  private void checkLocks() throws SQLException {
    long tables =
        number(
            "SELECT count(*) FROM pg_catalog.pg_class c"
                + " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
                + " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'");
    long perProcess = number("SELECT current_setting('max_locks_per_transaction')");
    long processes =
        number(
            """
            SELECT 1 + current_setting('max_connections')::bigint
              + current_setting('max_prepared_transactions')::bigint
              + current_setting('max_worker_processes')::bigint
              + coalesce(current_setting('autovacuum_worker_slots', true),
                current_setting('autovacuum_max_workers'))::bigint
              + CASE WHEN current_setting('server_version_num')::int >= 120000
                THEN current_setting('max_wal_senders')::bigint ELSE 0 END
            """);
    long needed =
        CATALOG_LOCKS + tables + (long) operation.workers() * DataReader.TABLES_PER_TRANSACTION / 2;
    long room = perProcess * processes;
    if (needed > room + room / 10) {
      throw new StetException(
          ErrorCode.SOURCE,
          settings.describe()
              + " has "
              + tables
              + " tables, for which the server's lock table needs room for "
              + needed
              + " objects, but it has room for about "
              + room,
          "Set max_locks_per_transaction to "
              + Math.ceilDiv(needed, processes)
              + " or more, now it is "
              + perProcess
              + ", and restart the server.");
    }
  }

  private long number(String sql) throws SQLException {
    return Long.parseLong(Objects.requireNonNull(session.value(sql)));
  }
}
