package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SessionEnder;
import stet.engine.postgres.connection.SqlText;

/**
 * Renames databases into each other's place in one transaction, while clients keep coming.
 *
 * <p>The rename comes first: its lock keeps new sessions out. Meanwhile a second session ends those
 * that are in, until the rename gets through. Nothing has to be undone if this process dies in
 * between: the server then rolls the transaction back.
 */
final class DatabaseSwap {
  /** How long sessions that nobody may end are waited for before the lock is taken. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** How often the rename is tried; the server itself waits 5 s for sessions to end. */
  private static final int ATTEMPTS = 4;

  private static final String IN_USE = "55006";

  private final Maintenance maintenance;

  DatabaseSwap(Maintenance maintenance) {
    this.maintenance = maintenance;
  }

  /**
   * A rename with the comment that the database has under its new name.
   *
   * @param oid the database's identity
   */
  record Rename(String oid, String from, String to, @Nullable String comment) {}

  /**
   * Waits for sessions that this role may not end. Nothing is renamed.
   *
   * @throws StetException with {@code SOURCE} naming the sessions or prepared transactions that
   *     stand in the way
   */
  void check(List<Rename> renames) {
    try {
      requireFree(renames);
    } catch (SQLException e) {
      throw failed(renames, e);
    }
  }

  private void requireFree(List<Rename> renames) throws SQLException {
    for (Rename rename : renames) {
      checkPrepared(rename);
      waitForOthers(rename);
    }
  }

  /**
   * Does all renames in order, or none.
   *
   * @throws StetException with {@code SOURCE} naming the sessions that stand in the way
   */
  void rename(List<Rename> renames) {
    try {
      requireFree(renames);
      for (int attempt = 1; ; attempt++) {
        try {
          renameOnce(renames);
          return;
        } catch (SQLException e) {
          if (!PostgresErrors.is(e, IN_USE) || attempt == ATTEMPTS) {
            throw e;
          }
        }
      }
    } catch (SQLException e) {
      throw failed(renames, e);
    }
  }

  private void checkPrepared(Rename rename) throws SQLException {
    List<String> prepared = SessionEnder.prepared(maintenance.session(), rename.from());
    if (!prepared.isEmpty()) {
      throw new StetException(
          ErrorCode.SOURCE,
          "database \""
              + rename.from()
              + "\" has prepared transactions: \""
              + String.join("\", \"", prepared)
              + "\"",
          "Commit or roll them back with COMMIT PREPARED or ROLLBACK PREPARED, then try again.");
    }
  }

  /**
   * Without a lock, so that the application goes on while a session that must not be ended ends.
   */
  private void waitForOthers(Rename rename) throws SQLException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      List<SessionEnder.Other> others =
          SessionEnder.list(maintenance.session(), rename.oid()).stream()
              .filter(other -> !other.endable())
              .toList();
      if (others.isEmpty()) {
        return;
      }
      if (System.nanoTime() > deadline) {
        throw inUse(rename.from(), others);
      }
      pause(100);
    }
  }

  private static StetException inUse(String database, List<SessionEnder.Other> others) {
    return new StetException(
        ErrorCode.SOURCE,
        "database \""
            + database
            + "\" is in use by sessions that this role may not end: "
            + String.join(", ", others.stream().map(SessionEnder.Other::toString).toList()),
        "End them, or grant pg_signal_backend to the role; only a superuser, for example of"
            + " admin_url, may end a superuser's session.");
  }

  private void renameOnce(List<Rename> renames) throws SQLException {
    Session session = maintenance.session();
    AtomicReference<@Nullable Throwable> enderFailure = new AtomicReference<>();
    try (Session second = maintenance.another()) {
      Thread ender = new Thread(() -> endSessions(second, renames, enderFailure), "end-sessions");
      ender.setDaemon(true);
      session.connection().setAutoCommit(false);
      try {
        session.execute("SET LOCAL lock_timeout = '10s'");
        ender.start();
        for (Rename rename : renames) {
          session.execute(
              "ALTER DATABASE "
                  + SqlText.name(rename.from())
                  + " RENAME TO "
                  + SqlText.name(rename.to()));
          checkRenamed(session, rename);
        }
        for (Rename rename : renames) {
          session.execute(DatabaseComment.statement(rename.to(), rename.comment()));
        }
        session.connection().commit();
      } catch (SQLException | RuntimeException e) {
        Throwable other = enderFailure.get();
        if (other != null) {
          e.addSuppressed(other);
        }
        rollBack(session, e);
        throw e;
      } finally {
        ender.interrupt();
        join(ender);
      }
      session.connection().setAutoCommit(true);
    }
  }

  private static void rollBack(Session session, Exception e) {
    try {
      session.connection().rollback();
      session.connection().setAutoCommit(true);
    } catch (SQLException alsoFailed) {
      e.addSuppressed(alsoFailed);
    }
  }

  /** A name may have changed hands since it was looked up; then the transaction goes no further. */
  private static void checkRenamed(Session session, Rename rename) throws SQLException {
    String oid =
        session.value(
            "SELECT oid::text FROM pg_catalog.pg_database WHERE datname::text = ?", rename.to());
    if (!rename.oid().equals(oid)) {
      throw new StetException(
          ErrorCode.SOURCE,
          "database \""
              + rename.from()
              + "\" has OID "
              + oid
              + " where "
              + rename.oid()
              + " was expected; somebody else renamed or replaced it meanwhile",
          null);
    }
  }

  private static void endSessions(
      Session session, List<Rename> renames, AtomicReference<@Nullable Throwable> failure) {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        for (Rename rename : renames) {
          SessionEnder.end(session, rename.oid());
        }
        Thread.sleep(10);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (SQLException e) {
      if (!Thread.currentThread().isInterrupted()) {
        failure.set(e);
      }
    }
  }

  private static void join(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private StetException failed(List<Rename> renames, SQLException e) {
    if (PostgresErrors.is(e, IN_USE)) {
      try {
        for (Rename rename : renames) {
          List<SessionEnder.Other> others = SessionEnder.list(maintenance.session(), rename.oid());
          if (!others.isEmpty()) {
            return inUse(rename.from(), others);
          }
        }
      } catch (SQLException alsoFailed) {
        e.addSuppressed(alsoFailed);
      }
    }
    String what =
        "cannot rename database \""
            + renames.getFirst().from()
            + "\" to \""
            + renames.getFirst().to()
            + "\"";
    StetException failure = PostgresErrors.failed(what, e);
    if (PostgresErrors.is(e, "42501")) {
      return new StetException(
          failure.code(),
          failure.getMessage(),
          "The role must own the database and have CREATEDB; or give a superuser as admin_url.",
          e);
    }
    return failure;
  }

  private static void pause(int milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(
          ErrorCode.INTERRUPTED, "interrupted while waiting for sessions to end", null);
    }
  }

  /** Whether a failure was the loss of the connection, after which the outcome must be asked. */
  static boolean lostConnection(StetException e) {
    return e.getCause() instanceof SQLException sql
        && Objects.requireNonNullElse(sql.getSQLState(), "").matches("08.*|57P0[123]");
  }
}
