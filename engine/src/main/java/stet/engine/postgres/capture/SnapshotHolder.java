package stet.engine.postgres.capture;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.postgres.catalog.CatalogReader;
import stet.engine.postgres.catalog.CatalogReader.LockableTable;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/**
 * One moment of a database, held for as long as a capture reads it: locks that keep all tables as
 * they are, and an exported snapshot that any number of sessions can take on.
 *
 * <p>A first session locks all tables in a READ COMMITTED transaction, and only then a second one
 * exports its snapshot. So no table can have been truncated or rewritten between the snapshot and
 * its lock, which would make old rows vanish without an error. Tables that came into being in
 * between are locked and the snapshot is taken anew until there are none.
 */
final class SnapshotHolder implements AutoCloseable {
  /** How many tables one statement locks. */
  private static final int LOCK_CHUNK = 500;

  /** How often new tables may turn up before the capture gives up. */
  private static final int MOST_ROUNDS = 10;

  /** SQLSTATEs that mean: somebody changes definitions or wants to, and may be done soon. */
  private static final Set<String> CONFLICTS =
      Set.of(
          "55P03", // lock_not_available
          "40P01", // deadlock_detected
          "42P01", // undefined_table
          "42703", // undefined_column
          "3F000"); // invalid_schema_name

  /** A standby's conflict with recovery; what only reads has no other serialization failure. */
  private static final String RECOVERY = "40001";

  /** SQLSTATEs that mean: a table was dropped or renamed since it was listed. */
  private static final Set<String> GONE =
      Set.of(
          "42P01", // undefined_table
          "3F000", // invalid_schema_name
          "42809"); // wrong_object_type: the name is another object's now

  private final ConnectionSettings settings;
  private final Duration patience;
  private final Session locks;
  private final Set<LockableTable> locked = new HashSet<>();
  private boolean standby;
  private Map<String, String> definitions = Map.of();
  private @Nullable Session exporter;
  private @Nullable String snapshot;
  private final WalSummaries.Sampling sampling;

  private SnapshotHolder(
      ConnectionSettings settings,
      Duration patience,
      Session locks,
      WalSummaries.Sampling sampling) {
    this.settings = settings;
    this.patience = patience;
    this.locks = locks;
    this.sampling = sampling;
  }

  /**
   * Locks everything and takes the snapshot.
   *
   * @param patience how long to wait for each group of locks
   * @throws SourceChangedException if somebody holds or wants a lock that conflicts
   * @throws StetException with {@code SOURCE}
   */
  static SnapshotHolder take(ConnectionSettings settings, Duration patience, Operation operation)
      throws SourceChangedException {
    Session locks = Session.open(settings);
    try {
      WalSummaries.Sampling sampling = WalSummaries.sample(locks);
      locks.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY");
      locks.execute("SET LOCAL lock_timeout = " + patience.toMillis());
      SnapshotHolder holder = new SnapshotHolder(settings, patience, locks, sampling);
      try {
        holder.lockAndExport(operation);
      } catch (SQLException | RuntimeException | SourceChangedException e) {
        holder.close();
        throw e;
      }
      return holder;
    } catch (SQLException e) {
      locks.close();
      throw failure(settings, "cannot take a snapshot of " + settings.describe(), e);
    } catch (RuntimeException | SourceChangedException e) {
      locks.close();
      throw e;
    }
  }

  private void lockAndExport(Operation operation) throws SQLException, SourceChangedException {
    lock(new CatalogReader(locks).lockables(), operation);
    for (int round = 0; round < MOST_ROUNDS; round++) {
      operation.checkStop();
      definitions = new CatalogReader(locks).unlockedDefinitions();
      Session session = Session.open(settings);
      exporter = session;
      session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      standby = new CatalogReader(session).inRecovery();
      // What it looks at besides tables, such as sequences, may be locked by somebody who waits
      // for us.
      session.execute("SET LOCAL lock_timeout = " + patience.toMillis());
      snapshot = session.value("SELECT pg_catalog.pg_export_snapshot()");
      List<LockableTable> fresh = new ArrayList<>(new CatalogReader(session).lockables());
      fresh.removeAll(locked);
      if (fresh.isEmpty()) {
        return;
      }
      session.close();
      lock(fresh, operation);
    }
    throw new StetException(
        ErrorCode.SOURCE,
        "tables of "
            + settings.describe()
            + " were created or renamed faster than they could be locked, "
            + MOST_ROUNDS
            + " times in a row",
        "Run the backup when no migration runs.");
  }

  private void lock(List<LockableTable> tables, Operation operation)
      throws SQLException, SourceChangedException {
    for (int from = 0; from < tables.size(); from += LOCK_CHUNK) {
      operation.checkStop();
      List<LockableTable> chunk = tables.subList(from, Math.min(from + LOCK_CHUNK, tables.size()));
      if (!lockIfThere(chunk)) {
        for (LockableTable table : chunk) {
          lockIfThere(List.of(table));
        }
      }
    }
  }

  /**
   * Locks tables, or none if one of them is gone. One that is gone does no harm: the snapshot will
   * not have it either, or have it under another name and so as one that is yet to be locked.
   */
  private boolean lockIfThere(List<LockableTable> tables)
      throws SQLException, SourceChangedException {
    List<String> names =
        tables.stream().map(t -> "ONLY " + SqlText.name(t.schema(), t.name())).toList();
    locks.execute("SAVEPOINT one");
    try {
      locks.execute("LOCK TABLE " + String.join(", ", names) + " IN ACCESS SHARE MODE");
    } catch (SQLException e) {
      if (e.getSQLState() == null || !GONE.contains(e.getSQLState())) {
        throw conflictOrSame(settings, "cannot lock the tables of " + settings.describe(), e);
      }
      locks.execute("ROLLBACK TO SAVEPOINT one");
      return false;
    }
    locks.execute("RELEASE SAVEPOINT one");
    locked.addAll(tables);
    return true;
  }

  /** The snapshot's name for {@code SET TRANSACTION SNAPSHOT} and {@code pg_dump --snapshot}. */
  String snapshot() {
    return Objects.requireNonNull(snapshot);
  }

  /**
   * The sizes of all locked tables by OID, none smaller than at the snapshot.
   *
   * @throws SourceChangedException if one is gone although it was locked
   */
  Map<Long, CatalogReader.Size> sizes() throws SQLException, SourceChangedException {
    Map<Long, CatalogReader.Size> sizes =
        new CatalogReader(locks).sizes(locked.stream().map(LockableTable::oid).toList());
    for (LockableTable table : locked) {
      if (!table.root() && !sizes.containsKey(table.oid())) {
        throw new SourceChangedException(
            "table "
                + SqlText.name(table.schema(), table.name())
                + " of "
                + settings.describe()
                + " was dropped while it was locked",
            "Run the backup when no migration runs.",
            null);
      }
    }
    return sizes;
  }

  /** What the text of rows depends on now, whatever the snapshot sees. */
  RowShapes shapes() throws SQLException {
    return new RowShapes(locks);
  }

  /** A place in the log that was read before the snapshot was taken. */
  WalSummaries.Sampling sampling() {
    return sampling;
  }

  /** The session that exported the snapshot and sees the database by it. */
  Session session() {
    return Objects.requireNonNull(exporter);
  }

  /** Lets a transaction of another session see the database by the snapshot. */
  void begin(Session session) throws SQLException {
    session.execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT "
            + SqlText.literal(snapshot()));
    if (session.version() >= 110000) {
      // Compiling a statement that reads a few blocks takes longer than running it.
      session.execute("SET LOCAL jit = off");
    }
  }

  /**
   * Fails unless everything that was read is of one moment: both sessions live, and no definition
   * that the text of rows depends on was changed meanwhile.
   */
  void verifyUnchanged() throws SourceChangedException {
    try {
      String now = session().value("SELECT pg_catalog.pg_is_in_recovery()");
      Objects.requireNonNull(now);
      Map<String, String> after = new CatalogReader(locks).unlockedDefinitions();
      Map<String, String> before = new HashMap<>(definitions);
      before.keySet().retainAll(after.keySet());
      for (Map.Entry<String, String> entry : before.entrySet()) {
        String other = after.get(entry.getKey());
        if (!entry.getValue().equals(other)) {
          throw new SourceChangedException(
              "definitions of "
                  + settings.describe()
                  + " were changed while it was read: "
                  + entry.getKey().replaceAll(" [0-9.]+$", "")
                  + " \""
                  + entry.getValue()
                  + "\" became \""
                  + other
                  + "\"",
              "Run the backup when no migration runs.",
              null);
        }
      }
    } catch (SQLException e) {
      throw new StetException(
          ErrorCode.SOURCE,
          "the session that held the snapshot of "
              + settings.describe()
              + " has ended, so what was read may not be of one moment: "
              + PostgresErrors.text(e),
          "See the server's log for the reason.",
          e);
    }
  }

  /**
   * Why a capture failed if it was a standby's replay: it ends the sessions that hold the snapshot
   * or the locks, and what others see of that is that these are gone.
   */
  @Nullable SourceChangedException endedByRecovery(Exception failure) {
    if (!standby || Thread.currentThread().isInterrupted()) {
      return null;
    }
    try {
      locks.execute("SELECT 1");
      session().execute("SELECT 1");
      return null;
    } catch (SQLException e) {
      // The driver may know no more than that the connection is gone.
      failure.addSuppressed(e);
      return SourceChangedException.byRecovery(
          "the standby "
              + settings.describeServer()
              + " has ended a session that held the snapshot or the locks, as it does on a conflict"
              + " with recovery: "
              + failure.getMessage(),
          failure);
    }
  }

  /** The checked conflict, or else the failure, that an error of a reading session stands for. */
  static SQLException conflictOrSame(ConnectionSettings settings, String what, SQLException e)
      throws SourceChangedException {
    if (PostgresErrors.is(e, RECOVERY)) {
      throw SourceChangedException.byRecovery(what + ": " + PostgresErrors.text(e), e);
    }
    if (e.getSQLState() == null || !CONFLICTS.contains(e.getSQLState())) {
      return e;
    }
    boolean lock = "55P03".equals(e.getSQLState()) || "40P01".equals(e.getSQLState());
    String holders = lock ? lockHolders(settings) : "";
    throw new SourceChangedException(
        what + ": " + PostgresErrors.text(e) + (holders.isEmpty() ? "" : "; " + holders),
        lock
            ? "Wait until the other session has ended, or end it, and run the backup again."
            : "Run the backup when no migration runs.",
        e);
  }

  /** The error for the user when a session that reads has failed. */
  static StetException failure(ConnectionSettings settings, String what, SQLException e)
      throws SourceChangedException {
    return PostgresErrors.failed(what, conflictOrSame(settings, what, e));
  }

  /**
   * Who holds or awaits locks that keep everybody else from reading a table, asked in a session of
   * its own because the failed one can ask nothing.
   */
  private static String lockHolders(ConnectionSettings settings) {
    try (Session session = Session.open(settings)) {
      List<String> holders =
          session.rows(
              """
              SELECT n.nspname, c.relname, l.granted, l.pid, a.usename, a.application_name,
                a.xact_start
              FROM pg_catalog.pg_locks l
              JOIN pg_catalog.pg_class c ON c.oid = l.relation
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
              WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                AND l.database = (SELECT oid FROM pg_catalog.pg_database
                  WHERE datname = pg_catalog.current_database())
                AND c.relkind IN ('r', 'p')
              ORDER BY l.granted DESC, a.xact_start, n.nspname, c.relname
              LIMIT 5
              """,
              row -> {
                String user = row.getString(5);
                String application = row.getString(6);
                String since = row.getString(7);
                return "table "
                    + SqlText.name(row.getString(1), row.getString(2))
                    + " is "
                    + (row.getBoolean(3) ? "locked" : "about to be locked")
                    + " by "
                    + (row.getObject(4) == null
                        ? "a prepared transaction"
                        : "server process " + row.getString(4))
                    + (user == null ? "" : " of user \"" + user + "\"")
                    + (application == null || application.isEmpty() ? "" : " (" + application + ")")
                    + (since == null ? "" : ", in a transaction since " + since);
              });
      return String.join("; ", holders);
    } catch (SQLException e) {
      return "who holds the lock could not be found out: " + PostgresErrors.text(e);
    } catch (StetException e) {
      return "who holds the lock could not be found out: " + e.getMessage();
    }
  }

  @Override
  public void close() {
    if (exporter != null) {
      exporter.close();
    }
    locks.close();
  }
}
