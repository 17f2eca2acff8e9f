package stet.engine.postgres.restore;

import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component.Held;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.repository.Bytes;
import stet.repository.Id;

/**
 * The one lock of an environment on its server: an advisory lock that a session holds until it is
 * closed, or dies with its process.
 *
 * <p>The server keeps such locks of each database apart, and not every role may enter the same one.
 * So whoever has taken the lock looks for it in all databases before it counts: of two that take it
 * in different databases at the same time, at least the one that looks last sees the other.
 */
public final class EnvironmentLock implements Held {
  private final Maintenance maintenance;
  private final long key;
  private final String environment;

  private EnvironmentLock(Maintenance maintenance, long key, String environment) {
    this.maintenance = maintenance;
    this.key = key;
    this.environment = environment;
  }

  /**
   * Takes the lock.
   *
   * @param settings the server, and the database that the operation will work on
   * @throws StetException with {@code LOCKED} naming who holds it
   */
  public static EnvironmentLock acquire(
      ConnectionSettings settings, String application, String environment) {
    Maintenance maintenance = Maintenance.open(settings.pinned(), settings.database());
    boolean held = false;
    try {
      long key = key(application, environment);
      Session session = maintenance.session();
      boolean free = "t".equals(session.value("SELECT pg_catalog.pg_try_advisory_lock(?)", key));
      String holder = holder(session, key);
      held = free && holder == null;
      if (!held) {
        throw new StetException(
            ErrorCode.LOCKED,
            "another operation works on environment \""
                + environment
                + "\" of \""
                + application
                + "\""
                + Objects.requireNonNullElse(holder, ""),
            "Wait until it ends; a lock never outlives the session that holds it.");
      }
      return new EnvironmentLock(maintenance, key, environment);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot lock environment \"" + environment + "\"", e);
    } finally {
      if (!held) {
        maintenance.close();
      }
    }
  }

  /** The length keeps {@code a/b + c} apart from {@code a + b/c}. */
  static long key(String application, String environment) {
    String text = "stet:" + application.length() + ":" + application + "/" + environment;
    return Bytes.longBe(Id.of(text.getBytes(StandardCharsets.UTF_8)).toBytes(), 0);
  }

  /** Who else holds the lock, in whatever database; null if nobody does. */
  private static @Nullable String holder(Session session, long key) throws SQLException {
    return session.value(
        """
        SELECT coalesce(': server process ' || a.pid || ' of user "' || coalesce(a.usename::text, '') || '" ('
          || coalesce(a.application_name, '') || coalesce(' from ' || host(a.client_addr), '')
          || ', since ' || coalesce(to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS'), '') || ' UTC)', '')
        FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND l.pid <> pg_catalog.pg_backend_pid()
          AND l.classid::bigint = ? AND l.objid::bigint = ?
        LIMIT 1
        """,
        key >>> 32,
        key & 0xffff_ffffL);
  }

  /**
   * Fails if the lock was lost with its session.
   *
   * @throws StetException with {@code SOURCE}
   */
  @Override
  public void check() {
    String lost = "the lock of environment \"" + environment + "\" was lost";
    String hint = "Another operation may have begun meanwhile; see that none runs, and try again.";
    try {
      String held =
          maintenance
              .session()
              .value(
                  "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory'"
                      + " AND granted AND pid = pg_catalog.pg_backend_pid()");
      if ("0".equals(held)) {
        throw new StetException(ErrorCode.SOURCE, lost, hint);
      }
    } catch (SQLException e) {
      throw new StetException(
          ErrorCode.SOURCE, lost + " with its session: " + PostgresErrors.text(e), hint, e);
    }
  }

  @Override
  public void close() {
    try {
      // The server notices the end of a session later than its client, and the next would be
      // refused.
      maintenance.session().value("SELECT pg_catalog.pg_advisory_unlock(?)", key);
    } catch (SQLException e) {
      // A session that is gone holds no lock.
    } finally {
      maintenance.close();
    }
  }
}
