package stet.engine.postgres.inplace;

import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.catalog.CatalogReader;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SessionEnder;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.inplace.LiveObjects.LiveObject;
import stet.engine.postgres.restore.TargetCheck;

/** Finds out, before anything is written, whether a database can be restored within itself. */
final class InPlaceCheck {
  private static final int SHOWN = 5;

  /** Locks that are left for everybody else. */
  private static final int SPARE_LOCKS = 200;

  private final Session session;
  private final DatabaseDescription description;
  private final LiveObjects live;
  private final ConnectionSettings settings;

  InPlaceCheck(
      Session session,
      DatabaseDescription description,
      LiveObjects live,
      ConnectionSettings settings) {
    this.session = session;
    this.description = description;
    this.live = live;
    this.settings = settings;
  }

  /**
   * Checks everything.
   *
   * @param owners who objects are to belong to
   * @throws StetException with {@code SOURCE} naming what stands in the way
   */
  void run(Set<String> owners) throws SQLException {
    if ("t".equals(session.value("SELECT pg_catalog.pg_is_in_recovery()"))) {
      throw error("is served by a standby, which cannot be written", "Name the primary in url.");
    }
    Set<String> present =
        live.kept().stream()
            .filter(object -> object.is(LiveObjects.EXTENSION))
            .map(LiveObject::name)
            .collect(Collectors.toSet());
    new TargetCheck(session, description, settings).runInPlace(present);
    checkLocale();
    checkForeign();
    checkOwners(owners);
    checkRights();
    checkPrepared();
    checkLocks();
  }

  private StetException error(String what, String hint) {
    return new StetException(ErrorCode.SOURCE, settings.describe() + " " + what, hint);
  }

  /** A database has these for life. */
  private void checkLocale() throws SQLException {
    String wanted = locale(description.database());
    String there = locale(new CatalogReader(session).database());
    if (!normal(wanted).equals(normal(there))) {
      throw error(
          "has " + there + ", but the snapshot's database has " + wanted,
          "These cannot be changed in place; create a database with them and name it in url.");
    }
  }

  private static String locale(Database database) {
    return "encoding "
        + database.encoding()
        + ", locale provider "
        + database.localeProvider().text()
        + ", collation "
        + database.collate()
        + ", character type "
        + database.ctype()
        + (database.locale() == null ? "" : ", locale " + database.locale());
  }

  /** {@code en_US.UTF-8} and {@code en_US.utf8} are one locale. */
  private static String normal(String locale) {
    return locale.toLowerCase(Locale.ROOT).replace("utf-8", "utf8");
  }

  private void checkForeign() throws SQLException {
    List<String> foreign =
        new java.util.ArrayList<>(live.foreign().stream().map(LiveObject::text).toList());
    foreign.addAll(
        session.rows(
            "SELECT oid, pg_catalog.pg_get_userbyid(lomowner)"
                + " FROM pg_catalog.pg_largeobject_metadata"
                + " WHERE NOT pg_catalog.pg_has_role(lomowner, 'USAGE') ORDER BY oid",
            row -> "large object " + row.getString(1) + " of \"" + row.getString(2) + "\""));
    if (!foreign.isEmpty()) {
      throw error(
          "has objects that role \"" + settings.user() + "\" may not drop: " + some(foreign),
          "Have their owner drop them, or give them to the role with ALTER … OWNER TO "
              + SqlText.name(settings.user())
              + ".");
    }
  }

  private static String some(List<String> all) {
    return String.join(", ", all.subList(0, Math.min(SHOWN, all.size())))
        + (all.size() > SHOWN ? " and " + (all.size() - SHOWN) + " more" : "");
  }

  private void checkOwners(Set<String> owners) throws SQLException {
    Set<String> refused = new TreeSet<>();
    String may = session.version() >= 160000 ? "SET" : "MEMBER";
    for (String owner : owners) {
      if (!"t".equals(session.value("SELECT pg_catalog.pg_has_role(?, '" + may + "')", owner))) {
        refused.add(owner);
      }
    }
    if (!refused.isEmpty()) {
      throw error(
          "cannot be restored as it was: role \""
              + settings.user()
              + "\" may not give objects to \""
              + String.join("\", \"", refused)
              + "\"",
          "Make it a member (GRANT "
              + SqlText.name(refused.iterator().next())
              + " TO "
              + SqlText.name(settings.user())
              + "), name another owner with the setting \"roles\", or give --no-owner.");
    }
  }

  private void checkRights() throws SQLException {
    if (!"t"
        .equals(
            session.value(
                "SELECT pg_catalog.has_database_privilege("
                    + "pg_catalog.current_database(), 'CREATE')"))) {
      throw error(
          "does not let role \"" + settings.user() + "\" create schemas",
          "As its owner run GRANT CREATE ON DATABASE "
              + SqlText.name(settings.database())
              + " TO "
              + SqlText.name(settings.user())
              + ".");
    }
    for (String tablespace : description.tablespaces()) {
      if (!"t"
          .equals(
              session.value(
                  "SELECT pg_catalog.has_tablespace_privilege(?, 'CREATE')", tablespace))) {
        throw error(
            "does not let role \"" + settings.user() + "\" use tablespace \"" + tablespace + "\"",
            "Grant CREATE on it, or name another with the setting \"tablespaces\".");
      }
    }
  }

  private void checkPrepared() throws SQLException {
    List<String> prepared = SessionEnder.prepared(session, settings.database());
    if (!prepared.isEmpty()) {
      throw error(
          "has prepared transactions: \"" + String.join("\", \"", prepared) + "\"",
          "Commit or roll them back with COMMIT PREPARED or ROLLBACK PREPARED, then try again.");
    }
  }

  /** One transaction locks all that it drops and all that it makes. */
  private void checkLocks() throws SQLException {
    long dropped =
        number(
            "SELECT (SELECT count(DISTINCT (classid, objid)) FROM pg_catalog.pg_depend"
                + " WHERE objid >= 16384)"
                + " + (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata)");
    long made = 0;
    for (var count : description.objectCounts().entrySet()) {
      boolean table =
          Set.of("tables", "partitioned_tables", "materialized_views").contains(count.getKey());
      // A table with its TOAST table and that one's index.
      made += count.getValue() * (table ? 3 : 1);
    }
    long room =
        number(
            "SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint"
                + " * (pg_catalog.current_setting('max_connections')::bigint"
                + " + pg_catalog.current_setting('max_prepared_transactions')::bigint)");
    long needed = dropped + made + SPARE_LOCKS;
    if (needed > room) {
      long connections =
          room / number("SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint");
      throw error(
          "takes about "
              + needed
              + " locks to restore in place, but the server's lock table has room for "
              + room,
          "Set max_locks_per_transaction to "
              + (needed / connections + 1)
              + " or more and restart the server.");
    }
  }

  private long number(String sql) throws SQLException {
    String value = session.value(sql);
    return value == null ? 0 : Long.parseLong(value);
  }
}
