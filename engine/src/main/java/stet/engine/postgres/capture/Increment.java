package stet.engine.postgres.capture;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.postgres.capture.CaptureBase.BaseTable;
import stet.engine.postgres.capture.LogMark.Sample;
import stet.engine.postgres.capture.LogMark.Witness;
import stet.engine.postgres.capture.WalSummaries.Testimony;
import stet.engine.postgres.capture.WalSummaries.UnavailableException;
import stet.engine.postgres.catalog.CatalogReader.Position;
import stet.engine.postgres.catalog.CatalogReader.ReadableTable;
import stet.engine.postgres.catalog.CatalogReader.Size;
import stet.engine.postgres.catalog.DatabaseDescription.Server;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rows.ReadSegment;
import stet.repository.json.JsonObject;

/**
 * What a capture takes from an earlier one, and what it offers to later ones. Everything is decided
 * before the first row is read; what cannot be decided is read.
 */
final class Increment {
  /** The methods of tables of which not everything is read, as the manifest calls them. */
  private static final String LOG = "log";

  private static final String COUNTS = "counts";

  private static final String OTHER_HISTORY =
      "the server has other WAL summaries than at the earlier snapshot, so it has gone back in time";

  private static final String NO_PLACE = "the earlier snapshot has no place in the log";

  /** The part of a table's blocks that has to be changed for counting its rows to be worth it. */
  private static final double MOST_BLOCKS = 0.8;

  private final ConnectionSettings settings;
  private final Position position;
  private final @Nullable Moment moment;
  private final CaptureBase.Choice choice;
  private final @Nullable RowShapes shapes;
  private final Log log;
  private final Map<Table, DataReader.Unchanged> unchanged = new HashMap<>();
  private final Map<Table, String> reasons = new HashMap<>();
  private final Map<Table, String> hashes = new HashMap<>();
  private final Map<Long, Size> sizes;
  private final int blockSize;

  private Increment(
      ConnectionSettings settings,
      Position position,
      @Nullable Moment moment,
      CaptureBase.Choice choice,
      @Nullable RowShapes shapes,
      Map<Long, Size> sizes,
      int blockSize,
      Log log) {
    this.log = log;
    this.settings = settings;
    this.position = position;
    this.moment = moment;
    this.choice = choice;
    this.shapes = shapes;
    this.sizes = sizes;
    this.blockSize = blockSize;
  }

  /**
   * What the server's log tells.
   *
   * @param mark what the parent snapshot says of it; nothing unless the server still has what that
   *     left as a witness, since places in the log of another history mean nothing
   * @param changes what was changed since, or null if that is not known
   * @param reason why it is not known, or null
   * @param witness for later captures, or null if none was looked for
   * @param testimony whether the server has only gone on since the parent snapshot
   */
  private record Log(
      LogMark mark,
      @Nullable LogChanges changes,
      @Nullable String reason,
      @Nullable Witness witness,
      Testimony testimony) {

    static Log unknown(@Nullable String reason) {
      return new Log(LogMark.NONE, null, reason, null, Testimony.UNKNOWN);
    }

    static Log read(
        CaptureContext context,
        ConnectionSettings settings,
        SnapshotHolder holder,
        @Nullable Moment moment) {
      LogMark mark = CaptureBase.mark(context);
      Witness before = mark.witness();
      String reason = holder.sampling().reason();
      if (moment == null || moment.timeline() == null || reason != null) {
        return unknown(reason);
      }
      if (before == null) {
        return unknown(NO_PLACE);
      }
      try (WalSummaries summaries = WalSummaries.open(moment, settings, context.operation())) {
        Testimony testimony = summaries.ask(before);
        switch (testimony) {
          case REFUTED -> {
            return new Log(LogMark.NONE, null, OTHER_HISTORY, null, testimony);
          }
          case UNKNOWN -> {
            return unknown(
                "the server does not have the WAL summary any more that it had at the earlier"
                    + " snapshot (wal_summary_keep_time)");
          }
          case CONFIRMED, ALIKE -> summaries.await();
        }
        return mark.from() == null
            ? new Log(mark, null, NO_PLACE, summaries.witness(), testimony)
            : new Log(mark, summaries.since(mark.from()), null, summaries.witness(), testimony);
      } catch (UnavailableException e) {
        return unknown(e.getMessage());
      } catch (SQLException e) {
        return unknown("WAL summaries: " + PostgresErrors.text(e));
      }
    }

    /** Whether the server is known not to have gone back in time even if it was restarted. */
    boolean witnessed() {
      return changes != null && testimony == Testimony.CONFIRMED;
    }
  }

  /**
   * Decides.
   *
   * @param settings the way to the database
   * @param blockSize bytes of a heap block
   * @param refuted why the parent snapshot must not be used, or null
   */
  static Increment plan(
      CaptureContext context,
      ConnectionSettings settings,
      SnapshotHolder holder,
      Server server,
      Position position,
      List<ReadableTable> readables,
      Map<Long, Size> sizes,
      int blockSize,
      Duration fullInterval,
      @Nullable String refuted)
      throws SQLException {
    Session session = holder.session();
    Moment moment =
        CaptureBase.isPossible(session, position)
            ? Moment.of(session, server.systemIdentifier(), position)
            : null;
    List<ReadableTable> large =
        readables.stream().filter(table -> CaptureBase.isLarge(table, blockSize)).toList();
    boolean any = !large.isEmpty();
    Log log = any ? Log.read(context, settings, holder, moment) : Log.unknown("no table is large");
    CaptureBase.Choice choice =
        refuted != null
            ? new CaptureBase.Choice(null, refuted)
            : CaptureBase.choose(
                context, position, moment, fullInterval, Instant.now(), log.witnessed());
    if (choice.base() != null && log.testimony() == Testimony.REFUTED) {
      // Transactions of now may have the numbers of some that were over at the parent snapshot.
      choice = new CaptureBase.Choice(null, log.reason());
    }
    RowShapes shapes = moment == null || !any ? null : holder.shapes();
    Increment increment =
        new Increment(settings, position, moment, choice, shapes, sizes, blockSize, log);
    if (shapes != null) {
      large.forEach(table -> increment.plan(table, shapes));
    }
    return increment;
  }

  private void plan(ReadableTable readable, RowShapes present) {
    Table table = readable.table();
    RowShapes.Shape shape = present.of(table.oid());
    if (shape.hash() != null) {
      hashes.put(table, shape.hash());
    }
    CaptureBase base = choice.base();
    if (base == null) {
      return;
    }
    Size size = sizes.get(table.oid());
    Long node = filenode(size);
    CaptureBase.Candidate found = base.table(readable, node, shape);
    BaseTable before = found.table();
    if (before == null || size == null || node == null) {
      reasons.put(table, String.valueOf(found.reason()));
    } else {
      SegmentProbe probe = new SegmentProbe(readable, base.xmin());
      LogChanges changes = log.changes();
      unchanged.put(
          table,
          (session, segments) -> {
            if (changes == null) {
              return new DataReader.Found(COUNTS, probe.unchanged(session, before, segments));
            }
            Map<Long, ReadSegment> same =
                changes.unchanged(before, size.tablespace(), node, segments);
            // All blocks are changed by what leaves the rows as they are, such as a freeze, and
            // seldom by what does not.
            return same.size() < DataReader.LEAST_REUSED * segments
                    && changes.blocks(size.tablespace(), node) > MOST_BLOCKS * readable.blocks()
                ? new DataReader.Found(COUNTS, probe.unchanged(session, before, segments))
                : new DataReader.Found(LOG, same);
          });
    }
  }

  private static @Nullable Long filenode(@Nullable Size size) {
    return size == null ? null : size.filenode();
  }

  /** Says what is read whole, and why. */
  void tell(String component, Progress progress) {
    if (choice.reason() != null) {
      progress.detail(component + ": everything is read: " + choice.reason());
    } else if (log.changes() != null) {
      progress.detail(component + ": the server's log tells which blocks were changed");
    } else {
      progress.detail(
          component + ": rows are counted to see which segments were changed: " + log.reason());
    }
    reasons.forEach((table, reason) ->
        progress.detail("table " + table.quoted() + " is read whole: " + reason));
  }

  /** What need not be read. */
  DataReader.Reuse reuse(double control) {
    CaptureBase base = choice.base();
    return base == null ? DataReader.Reuse.NONE : new DataReader.Reuse(unchanged, control);
  }

  /**
   * What makes the capture a base for later ones, once everything is read.
   *
   * @param started when it began
   * @return null if it cannot be one, or has no table that would be looked for in it
   * @throws SourceChangedException if a definition has changed since it began
   */
  @Nullable JsonObject asBase(SnapshotHolder holder, Instant started, Operation operation)
      throws SQLException, SourceChangedException {
    if (moment == null || shapes == null) {
      return null;
    }
    RowShapes after = holder.shapes();
    for (Map.Entry<Table, String> entry : hashes.entrySet()) {
      if (!entry.getValue().equals(after.of(entry.getKey().oid()).hash())) {
        throw new SourceChangedException(
            "what the text of table "
                + entry.getKey().quoted()
                + " depends on was changed while it was read",
            "Run the backup when no migration runs.",
            null);
      }
    }
    try {
      CaptureBase base = choice.base();
      LogMark mark = mark(holder, operation);
      return CaptureBase.awaitFlushed(holder.session(), moment, settings)
          ? CaptureBase.describe(position, moment, base == null ? started : base.fullSince(), mark)
          : null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    }
  }

  /** What later captures need to know of the log, or null if the server keeps no account of it. */
  private @Nullable LogMark mark(SnapshotHolder holder, Operation operation) {
    Sample sample = holder.sampling().sample();
    if (sample == null || moment == null || moment.timeline() == null) {
      return null;
    }
    // Without a base, nothing of the parent snapshot is known to be of this server's history.
    LogMark before = choice.base() == null ? LogMark.NONE : log.mark();
    LogMark mark = LogMark.of(position.xmin(), sample, before, log.witness());
    if (mark.witness() != null) {
      return mark;
    }
    try (WalSummaries summaries = WalSummaries.upTo(moment, settings, operation)) {
      return new LogMark(mark.from(), mark.samples(), summaries.witness());
    } catch (UnavailableException e) {
      return mark;
    } catch (SQLException e) {
      operation.progress().detail("WAL summaries: " + PostgresErrors.text(e));
      return mark;
    }
  }

  /**
   * Adds to a table's entry in the manifest how it was read, and what makes it a base.
   *
   * @param work the table, read
   * @param base whether the capture is one
   */
  void describe(DataReader.TableWork work, boolean base, JsonObject entry) {
    Table table = work.readable().table();
    entry.put("method", work.method());
    String reason;
    if (work.method().equals(DataReader.FULL)) {
      reason = choice.reason() != null ? choice.reason() : reasons.get(table);
      if (reason == null) {
        reason = "most of it has changed";
      }
    } else {
      entry
          .put("segments", work.segments())
          .put("reused", work.reused())
          .put("checked", work.checked());
      reason = work.method().equals(LOG) ? null : log.reason();
      if (reason == null && work.method().equals(COUNTS)) {
        reason = "most of its blocks have changed";
      }
    }
    if (CaptureBase.isLarge(work.readable(), blockSize)) {
      entry.putIfPresent("reason", reason);
    }
    Long filenode = filenode(sizes.get(table.oid()));
    String hash = hashes.get(table);
    if (base && hash != null && filenode != null) {
      entry.put("oid", table.oid()).put("filenode", filenode).put("shape", hash);
    }
  }
}
