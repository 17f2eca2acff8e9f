package stet.engine.postgres.capture;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Operation;
import stet.engine.postgres.capture.LogMark.Sample;
import stet.engine.postgres.capture.LogMark.Summary;
import stet.engine.postgres.capture.LogMark.Witness;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rows.SegmentGeometry;

/**
 * What a server has written down of the blocks that its log changes: it does from version 17 on,
 * where {@code summarize_wal} is on.
 *
 * <p>A block that was not changed since a place in the log has the rows of an earlier capture, if
 * all transactions that were not over at that capture began after that place. Such a place is known
 * by a sample: the place is read first, and the number of a transaction taken after that.
 */
final class WalSummaries implements AutoCloseable {
  private static final int SINCE = 170000;

  /** The file of a table that has its rows. */
  private static final int MAIN_FORK = 0;

  /** So much log may be summarized together with what comes after a sample. */
  private static final long SLACK = 1L << 20;

  private static final String MAY_CHECKPOINT =
      "SELECT pg_catalog.pg_has_role('pg_checkpoint', 'USAGE')";

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int PAUSE_MILLIS = 10;

  private final Session session;
  private final Operation operation;
  private final Moment moment;

  /** That the summaries cannot serve, and why. */
  static final class UnavailableException extends Exception {
    private static final long serialVersionUID = 1L;

    UnavailableException(String message) {
      super(message);
    }
  }

  /**
   * A sample, or why there is none.
   *
   * @param reason null if there is one
   */
  record Sampling(@Nullable Sample sample, @Nullable String reason) {}

  private WalSummaries(Session session, Operation operation, Moment moment) {
    this.session = session;
    this.operation = operation;
    this.moment = moment;
  }

  /**
   * Takes a sample.
   *
   * @param session one that is in no transaction
   */
  static Sampling sample(Session session) {
    if (session.version() < SINCE) {
      return new Sampling(null, "the server is older than version " + SINCE / 10_000);
    }
    try {
      if (!"on".equals(session.value("SHOW summarize_wal"))) {
        return new Sampling(null, "summarize_wal is off on the server");
      }
      if ("t".equals(session.value("SELECT pg_catalog.pg_is_in_recovery()"))) {
        return new Sampling(null, "it is a standby");
      }
      beginSummary(session);
      String lsn = session.value("SELECT pg_catalog.pg_current_wal_insert_lsn()");
      String xid = session.value("SELECT pg_catalog.pg_current_xact_id()");
      return new Sampling(
          new Sample(Objects.requireNonNull(lsn), Long.parseLong(Objects.requireNonNull(xid))),
          null);
    } catch (SQLException e) {
      // Not reason enough to have no backup.
      return new Sampling(null, "WAL summaries: " + PostgresErrors.text(e));
    }
  }

  /**
   * A summary tells nothing of when within it a block was changed, so a sample is best early in
   * one.
   */
  private static void beginSummary(Session session) throws SQLException {
    boolean late =
        "t"
            .equals(
                session.value(
                    "SELECT CASE WHEN pg_catalog.has_function_privilege("
                        + "'pg_catalog.pg_control_checkpoint()', 'EXECUTE') THEN (SELECT"
                        + " pg_catalog.pg_current_wal_insert_lsn() - redo_lsn > "
                        + SLACK
                        + " FROM pg_catalog.pg_control_checkpoint()) END"));
    if (late && "t".equals(session.value(MAY_CHECKPOINT))) {
      session.execute("CHECKPOINT");
    }
  }

  /**
   * Connects, and waits until the summaries have everything that a snapshot sees. A summary ends
   * with a checkpoint, so one is asked for.
   *
   * @param moment read after the snapshot was taken
   */
  static WalSummaries upTo(Moment moment, ConnectionSettings settings, Operation operation)
      throws SQLException, UnavailableException {
    WalSummaries summaries = open(moment, settings, operation);
    boolean done = false;
    try {
      summaries.await();
      done = true;
      return summaries;
    } finally {
      if (!done) {
        summaries.close();
      }
    }
  }

  /**
   * Connects.
   *
   * @param moment read after the snapshot was taken
   */
  static WalSummaries open(Moment moment, ConnectionSettings settings, Operation operation) {
    return new WalSummaries(Session.open(settings), operation, moment);
  }

  /** Waits until the summaries have everything that the snapshot sees. */
  void await() throws SQLException, UnavailableException {
    if (isSummarized()) {
      return;
    }
    if (!"t".equals(session.value(MAY_CHECKPOINT))) {
      throw new UnavailableException(
          "the role may not execute CHECKPOINT, which ends a summary; grant it pg_checkpoint");
    }
    session.execute("CHECKPOINT");
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!isSummarized()) {
      operation.checkStop();
      if (System.nanoTime() - end > 0) {
        throw new UnavailableException(
            "the server did not summarize its log within " + PATIENCE.toSeconds() + " s");
      }
      try {
        Thread.sleep(PAUSE_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new UnavailableException("interrupted");
      }
    }
  }

  private boolean isSummarized() throws SQLException {
    String place =
        session.value("SELECT summarized_lsn FROM pg_catalog.pg_get_wal_summarizer_state()");
    return LogPosition.parse(Objects.requireNonNull(place)) >= LogPosition.parse(moment.flushed());
  }

  /** The summaries of the server's timeline, in the order of the log. */
  private List<Summary> summaries() throws SQLException {
    return session.rows(
        "SELECT tli, start_lsn::text, end_lsn::text FROM pg_catalog.pg_available_wal_summaries()"
            + " WHERE tli = ? ORDER BY start_lsn, end_lsn",
        row -> new Summary(row.getLong(1), row.getString(2), row.getString(3)),
        Objects.requireNonNull(moment.timeline()));
  }

  /** What tells later that the server still is what it is now. */
  Witness witness() throws SQLException, UnavailableException {
    List<Summary> summaries = summaries();
    if (summaries.isEmpty()) {
      throw new UnavailableException("the server has no WAL summaries");
    }
    Summary last = summaries.getLast();
    return new Witness(last, digest(last), modified(last));
  }

  /** What a server's summaries say of what it was when a witness was taken. */
  enum Testimony {
    /** It has the witness as it was, so it has only gone on since. */
    CONFIRMED,
    /** It has one like it, and the role may not know, or might not know, when that was written. */
    ALIKE,
    /** All it has is of later, as summaries are not kept for ever. */
    UNKNOWN,
    /** It has something else in the witness's place: it is not of the same history. */
    REFUTED
  }

  /** Looks for a witness. A server never writes a summary anew, nor loses one before older ones. */
  Testimony ask(Witness witness) throws SQLException {
    Summary summary = witness.summary();
    List<Summary> summaries = summaries();
    if (summaries.contains(summary)) {
      if (!digest(summary).equals(witness.digest())) {
        return Testimony.REFUTED;
      }
      String modified = modified(summary);
      return witness.modified() == null || modified == null
          ? Testimony.ALIKE
          : witness.modified().equals(modified) ? Testimony.CONFIRMED : Testimony.REFUTED;
    }
    long end = LogPosition.parse(summary.end());
    return summaries.stream().allMatch(each -> LogPosition.parse(each.start()) >= end)
        ? Testimony.UNKNOWN
        : Testimony.REFUTED;
  }

  private String digest(Summary summary) throws SQLException {
    return Objects.requireNonNull(
        session.value(
            "SELECT pg_catalog.count(*) || ' ' ||"
                + " coalesce(pg_catalog.sum(pg_catalog.hash_record_extended(c, 0)), 0)"
                + " FROM pg_catalog.pg_wal_summary_contents("
                + summary.arguments()
                + ") c"));
  }

  private @Nullable String modified(Summary summary) throws SQLException {
    if (!"t"
        .equals(
            session.value(
                "SELECT pg_catalog.has_function_privilege("
                    + "'pg_catalog.pg_stat_file(text, boolean)', 'EXECUTE')"))) {
      return null;
    }
    return session.value(
        "SELECT modification FROM pg_catalog.pg_stat_file(?, true)",
        "pg_wal/summaries/" + summary.fileName());
  }

  /**
   * What was changed since a place in the log.
   *
   * @throws UnavailableException if the summaries since then are not all there
   */
  LogChanges since(String from) throws SQLException, UnavailableException {
    long covered = LogPosition.parse(from);
    long until = LogPosition.parse(moment.flushed());
    List<Summary> needed = new ArrayList<>();
    for (Summary summary : summaries()) {
      long start = LogPosition.parse(summary.start());
      long end = LogPosition.parse(summary.end());
      if (end > covered && start <= covered && covered < until) {
        needed.add(summary);
        covered = end;
      }
    }
    if (covered < until) {
      throw new UnavailableException(
          "the server's WAL summaries since the earlier snapshot are not all there"
              + " (wal_summary_keep_time)");
    }
    LogChanges changes = new LogChanges();
    if (!needed.isEmpty()) {
      read(needed, changes);
    }
    return changes;
  }

  private void read(List<Summary> summaries, LogChanges changes) throws SQLException {
    String files =
        summaries.stream()
            .map(summary ->
                "("
                    + summary.timeline()
                    + "::bigint, '"
                    + summary.start()
                    + "'::pg_catalog.pg_lsn, '"
                    + summary.end()
                    + "'::pg_catalog.pg_lsn)")
            .collect(Collectors.joining(", "));
    session.rows(
        "SELECT c.reltablespace::bigint, c.relfilenode::bigint, c.is_limit_block,"
            + " pg_catalog.count(DISTINCT c.relblocknumber), c.relblocknumber / "
            + SegmentGeometry.BLOCKS_PER_SEGMENT
            + " FROM (VALUES "
            + files
            + ") f (tli, start_lsn, end_lsn),"
            + " LATERAL pg_catalog.pg_wal_summary_contents(f.tli, f.start_lsn, f.end_lsn) c"
            + " WHERE c.reldatabase::bigint = ?"
            + " AND (c.relforknumber = "
            + MAIN_FORK
            + " OR c.relfilenode = 0)"
            + " GROUP BY 1, 2, 3, 5",
        row -> {
          changes.add(
              row.getLong(1), row.getLong(2), row.getBoolean(3), row.getLong(4), row.getLong(5));
          return changes;
        },
        moment.database());
  }

  @Override
  public void close() {
    session.close();
  }
}
