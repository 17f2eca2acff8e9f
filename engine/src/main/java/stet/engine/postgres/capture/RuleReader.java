package stet.engine.postgres.capture;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rules.RuleQueries;
import stet.engine.postgres.rules.SearchPath;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;

/** Evaluates rules at a held snapshot, in a session of its own. */
final class RuleReader {
  private final ConnectionSettings settings;
  private final SnapshotHolder holder;
  private final Duration patience;
  private @Nullable Session session;
  private boolean aborted;

  /**
   * Prepares.
   *
   * @param patience how long to wait for each lock. Somebody who waits for the holder's lock on a
   *     table keeps this session waiting, and the holder is kept until this session is done: the
   *     server sees no deadlock in that.
   */
  RuleReader(ConnectionSettings settings, SnapshotHolder holder, Duration patience) {
    this.settings = settings;
    this.holder = holder;
    this.patience = patience;
  }

  /**
   * Evaluates rules.
   *
   * @return what they found, to be closed
   * @throws SourceChangedException if somebody holds or wants a lock that conflicts
   */
  Evaluation evaluate(List<Rule> rules) throws SQLException, SourceChangedException {
    try (Session own = open()) {
      holder.begin(own);
      own.execute("SET LOCAL lock_timeout = " + patience.toMillis());
      Evaluation evaluation = new RuleQueries(own, SearchPath.OWN).evaluate(rules);
      own.execute("COMMIT");
      return evaluation;
    } catch (StetException e) {
      if (e.code() == ErrorCode.SOURCE && e.getCause() instanceof SQLException cause) {
        SnapshotHolder.conflictOrSame(settings, "cannot evaluate the rules", cause);
      }
      throw e;
    } catch (SQLException e) {
      throw SnapshotHolder.failure(settings, "cannot evaluate the rules", e);
    }
  }

  private Session open() {
    Session opened = Session.open(settings);
    synchronized (this) {
      session = opened;
      if (aborted) {
        DataReader.abort(opened);
      }
    }
    return opened;
  }

  /** Cuts the connection, so that an evaluation fails. */
  synchronized void abort() {
    aborted = true;
    if (session != null) {
      DataReader.abort(session);
    }
  }
}
