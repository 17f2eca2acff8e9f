package stet.engine.postgres;

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
import stet.engine.component.Progress;
import stet.engine.postgres.CaptureBase.BaseTable;
import stet.engine.postgres.CaptureBase.Moment;
import stet.engine.postgres.CatalogReader.Position;
import stet.engine.postgres.CatalogReader.ReadableTable;
import stet.engine.postgres.CatalogReader.Size;
import stet.engine.postgres.DatabaseDescription.Server;
import stet.engine.postgres.DatabaseDescription.Table;
import stet.repository.json.JsonObject;

/**
 * What a capture takes from an earlier one, and what it offers to later ones. Everything is decided
 * before the first row is read; what cannot be decided is read.
 */
final class Increment {
  private final ConnectionSettings settings;
  private final Position position;
  private final @Nullable Moment moment;
  private final CaptureBase.Choice choice;
  private final @Nullable RowShapes shapes;
  private final Map<Table, BaseTable> bases = new HashMap<>();
  private final Map<Table, String> reasons = new HashMap<>();
  private final Map<Table, String> hashes = new HashMap<>();
  private final Map<Long, Size> sizes;

  private Increment(
      ConnectionSettings settings,
      Position position,
      @Nullable Moment moment,
      CaptureBase.Choice choice,
      @Nullable RowShapes shapes,
      Map<Long, Size> sizes) {
    this.settings = settings;
    this.position = position;
    this.moment = moment;
    this.choice = choice;
    this.shapes = shapes;
    this.sizes = sizes;
  }

  /**
   * Decides.
   *
   * @param settings the way to the database
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
      Duration fullInterval,
      @Nullable String refuted)
      throws SQLException {
    Session session = holder.session();
    Moment moment =
        CaptureBase.isPossible(session, position)
            ? Moment.of(session, server.systemIdentifier(), position)
            : null;
    CaptureBase.Choice choice =
        refuted != null
            ? new CaptureBase.Choice(null, refuted)
            : CaptureBase.choose(context, position, moment, fullInterval, Instant.now());
    boolean any = readables.stream().anyMatch(Increment::isLarge);
    RowShapes shapes = moment == null || !any ? null : holder.shapes();
    Increment increment = new Increment(settings, position, moment, choice, shapes, sizes);
    if (shapes != null) {
      readables.stream().filter(Increment::isLarge).forEach(table -> increment.plan(table, shapes));
    }
    return increment;
  }

  private static boolean isLarge(ReadableTable readable) {
    return readable.blocks()
        > (CaptureBase.FEWEST_SEGMENTS - 1) * (long) SegmentGeometry.BLOCKS_PER_SEGMENT;
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
    CaptureBase.TableChoice found = base.table(readable, filenode(table), shape);
    if (found.table() != null) {
      bases.put(table, found.table());
    } else {
      reasons.put(table, String.valueOf(found.reason()));
    }
  }

  private @Nullable Long filenode(Table table) {
    Size size = sizes.get(table.oid());
    return size == null ? null : size.filenode();
  }

  /** Says what is read whole, and why. */
  void tell(String component, Progress progress) {
    if (choice.reason() != null) {
      progress.detail(component + ": everything is read: " + choice.reason());
    }
    reasons.forEach((table, reason) ->
        progress.detail("table " + table.quoted() + " is read whole: " + reason));
  }

  /** What need not be read. */
  DataReader.Reuse reuse(double control) {
    CaptureBase base = choice.base();
    return base == null ? DataReader.Reuse.NONE : new DataReader.Reuse(bases, base.xmin(), control);
  }

  /**
   * What makes the capture a base for later ones, once everything is read.
   *
   * @param started when it began
   * @return null if it cannot be one
   * @throws SourceChangedException if a definition has changed since it began
   */
  @Nullable JsonObject asBase(SnapshotHolder holder, Instant started)
      throws SQLException, SourceChangedException {
    if (moment == null) {
      return null;
    }
    if (shapes != null) {
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
    }
    try {
      CaptureBase base = choice.base();
      return CaptureBase.awaitFlushed(holder.session(), moment, settings)
          ? CaptureBase.describe(position, moment, base == null ? started : base.fullSince())
          : null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    }
  }

  /**
   * Adds to a table's entry in the manifest how it was read, and what makes it a base.
   *
   * @param segments how many it has
   * @param reused how many of them were taken from the earlier capture
   * @param checked how many could have been, but were read and found the same
   * @param base whether the capture is one
   */
  void describe(
      Table table, long segments, long reused, long checked, boolean base, JsonObject entry) {
    boolean counted = reused + checked > 0;
    entry.put("method", counted ? "counts" : "full");
    if (counted) {
      entry.put("segments", segments).put("reused", reused).put("checked", checked);
    }
    String reason = choice.reason() != null ? choice.reason() : reasons.get(table);
    if (!counted && segments >= CaptureBase.FEWEST_SEGMENTS) {
      entry.put("reason", reason != null ? reason : "most of it has changed");
    }
    Long filenode = filenode(table);
    String hash = hashes.get(table);
    if (base && hash != null && filenode != null) {
      entry.put("oid", table.oid()).put("filenode", filenode).put("shape", hash);
    }
  }
}
