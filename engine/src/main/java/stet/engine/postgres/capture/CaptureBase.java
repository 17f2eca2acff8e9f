package stet.engine.postgres.capture;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.CatalogReader.Position;
import stet.engine.postgres.catalog.CatalogReader.ReadableTable;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rows.ReadSegment;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.postgres.rows.SegmentList;
import stet.engine.postgres.rows.SegmentList.Segment;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;

/**
 * An earlier capture of the same database, from which segments are taken whose rows cannot have
 * changed since.
 *
 * <p>A segment's rows are the same if it has as many as then and none of them was written by a
 * transaction that was not over then. For each row that such a transaction did not write was
 * visible then, since a row that is visible now was not deleted then either; so the rows of now are
 * some of those of then, and as many. This leans on the numbers of transactions and on the places
 * of rows, so on one and the same server that has never gone back in time: one that was restarted
 * since may have been put back from an image of its disk.
 */
final class CaptureBase {
  /** The member of a component's manifest that makes its capture a base for others. */
  static final String KEY = "base";

  private static final String LOG = "log";

  /** The first version whose servers read a range of blocks by itself. */
  private static final int SINCE = 140000;

  /** Tables of no more blocks, or as many bytes, are read whole: to find out costs no less. */
  private static final long SMALL_BLOCKS = 3L * SegmentGeometry.BLOCKS_PER_SEGMENT;

  /** Half of all numbers of transactions, less what may begin while a capture runs. */
  private static final long MOST_TRANSACTIONS = (1L << 31) - 50_000_000;

  private static final Duration FLUSH_PATIENCE = Duration.ofSeconds(10);

  private final CaptureContext context;
  private final JsonObject manifest;
  private final CapturedFiles files;
  private final Map<Long, JsonObject> tables = new HashMap<>();

  private CaptureBase(CaptureContext context, JsonObject manifest, Node directory) {
    this.context = context;
    this.manifest = manifest;
    this.files = new CapturedFiles(context.source(), directory);
    for (JsonObject table : manifest.objects("tables")) {
      if (table.has("shape")) {
        tables.put(table.integer("oid"), table);
      }
    }
  }

  /**
   * The base to use, or why there is none.
   *
   * @param reason null if there is one
   */
  record Choice(@Nullable CaptureBase base, @Nullable String reason) {}

  /**
   * Whether a table is worth looking for in a base.
   *
   * @param blockSize bytes of a heap block
   */
  static boolean isLarge(ReadableTable readable, int blockSize) {
    return readable.bytes(blockSize) > SMALL_BLOCKS * blockSize;
  }

  /** Whether a server can have bases at all. */
  static boolean isPossible(Session session, Position position) {
    return session.version() >= SINCE && !position.standby();
  }

  /**
   * Looks whether the parent snapshot can serve.
   *
   * @param moment null if the server cannot have bases
   * @param fullInterval after which time everything is read again
   * @param witnessed whether the server has what was left as a witness by the parent snapshot, and
   *     has had it since
   */
  static Choice choose(
      CaptureContext context,
      Position position,
      @Nullable Moment moment,
      Duration fullInterval,
      Instant now,
      boolean witnessed) {
    JsonObject manifest = context.parentManifest();
    Node directory = context.parent();
    if (moment == null) {
      return new Choice(
          null,
          position.standby()
              ? "it is a standby"
              : "the server is older than version " + SINCE / 10_000);
    }
    if (manifest == null || directory == null) {
      return new Choice(
          null,
          context.full()
              ? "a full backup was asked for"
              : "there is no earlier snapshot to compare with");
    }
    try {
      String reason = reason(manifest, position, moment, fullInterval, now, witnessed);
      return reason != null
          ? new Choice(null, reason)
          : new Choice(new CaptureBase(context, manifest, directory), null);
    } catch (JsonException e) {
      return new Choice(null, "the earlier snapshot's manifest is unusable: " + e.getMessage());
    }
  }

  private static @Nullable String reason(
      JsonObject manifest,
      Position position,
      Moment moment,
      Duration fullInterval,
      Instant now,
      boolean witnessed) {
    if (!manifest.has(KEY)) {
      return "the earlier snapshot is no base";
    }
    JsonObject base = manifest.object(KEY);
    if (moment.systemIdentifier() == null || moment.timeline() == null) {
      return "the role may not execute pg_control_system() and pg_control_checkpoint()";
    }
    if (!moment.systemIdentifier().equals(base.string("system_identifier"))
        || moment.database() != base.integer("database_oid")) {
      return "the earlier snapshot is of another database";
    }
    if (moment.timeline() != base.integer("timeline")) {
      return "the server is on another timeline";
    }
    if (!witnessed && !moment.started().equals(base.string("server_started"))) {
      return "the server was restarted since the earlier snapshot";
    }
    long xmin = base.integer("xmin");
    if (position.xmin() < xmin
        || LogPosition.parse(position.lsn()) < LogPosition.parse(base.string("lsn"))) {
      return "the server has gone back in time";
    }
    if (moment.next() - xmin >= MOST_TRANSACTIONS) {
      return "too many transactions have begun since the earlier snapshot";
    }
    if (Duration.between(fullSince(manifest), now).compareTo(fullInterval) >= 0) {
      return "everything was last read " + fullSince(manifest) + ", which is long ago";
    }
    return null;
  }

  /** What the parent snapshot says of the log, or an empty mark. */
  static LogMark mark(CaptureContext context) {
    JsonObject manifest = context.parentManifest();
    try {
      return manifest != null && manifest.has(KEY) && manifest.object(KEY).has(LOG)
          ? LogMark.parse(manifest.object(KEY).object(LOG))
          : LogMark.NONE;
    } catch (JsonException | NumberFormatException e) {
      return LogMark.NONE;
    }
  }

  private static Instant fullSince(JsonObject manifest) {
    return Instant.parse(manifest.object(KEY).string("full_since"));
  }

  /** When everything was last read. */
  Instant fullSince() {
    return fullSince(manifest);
  }

  /** The oldest transaction that was not over when the base was captured. */
  long xmin() {
    return manifest.object(KEY).integer("xmin");
  }

  /**
   * A capture as a base for later ones.
   *
   * @param fullSince when everything was last read
   * @param mark where its changes begin in the log, if that is known
   * @return what goes into the manifest, or null if it cannot be one
   */
  static @Nullable JsonObject describe(
      Position position, Moment moment, Instant fullSince, @Nullable LogMark mark) {
    if (moment.systemIdentifier() == null || moment.timeline() == null) {
      return null;
    }
    return new JsonObject()
        .put("xmin", position.xmin())
        .put("lsn", position.lsn())
        .put("system_identifier", moment.systemIdentifier())
        .put("timeline", moment.timeline())
        .put("database_oid", moment.database())
        .put("server_started", moment.started())
        .put("full_since", fullSince.toString())
        .putIfPresent(LOG, mark == null ? null : mark.toJson());
  }

  /**
   * Waits until everything that the capture saw is on disk: after a crash, what was not is gone,
   * and its place may be taken by something else.
   *
   * @param settings the way to the database
   * @return whether it is
   */
  static boolean awaitFlushed(Session session, Moment moment, ConnectionSettings settings)
      throws SQLException, InterruptedException {
    if (isFlushed(session, moment)) {
      return true;
    }
    // Where nobody commits, what was written beside commits may wait for ever. A transaction that
    // has a number but has changed nothing makes the server flush it soon.
    try (Session other = Session.open(settings)) {
      other.value("SELECT pg_catalog.txid_current()");
    }
    long end = System.nanoTime() + FLUSH_PATIENCE.toNanos();
    while (!isFlushed(session, moment)) {
      if (System.nanoTime() - end > 0) {
        return false;
      }
      Thread.sleep(20);
    }
    return true;
  }

  private static boolean isFlushed(Session session, Moment moment) throws SQLException {
    String flushed = session.value("SELECT pg_catalog.pg_current_wal_flush_lsn()");
    return LogPosition.parse(Objects.requireNonNull(flushed))
        >= LogPosition.parse(moment.flushed());
  }

  /**
   * A table in the base, or why it cannot serve.
   *
   * @param reason null if it can
   */
  record Candidate(@Nullable BaseTable table, @Nullable String reason) {}

  /**
   * Looks for a table.
   *
   * @param node the number of the file that its rows are in
   * @param shape what the text of its rows depends on now
   */
  Candidate table(ReadableTable readable, @Nullable Long node, RowShapes.Shape shape) {
    if (!readable.heap() || readable.table().kind() == TableKind.EXTENSION_CONFIGURATION) {
      return new Candidate(null, "its rows do not lie in blocks");
    }
    if (readable.table().unlogged()) {
      return new Candidate(null, "it is unlogged");
    }
    if (shape.hash() == null) {
      return new Candidate(null, shape.reason());
    }
    JsonObject before = tables.get(readable.table().oid());
    if (before == null) {
      return new Candidate(null, "the earlier snapshot does not have it as a base");
    }
    if (node == null || before.integer("filenode") != node) {
      return new Candidate(null, "all its rows were written anew");
    }
    if (!before.string("shape").equals(shape.hash())) {
      return new Candidate(null, "its definition has changed");
    }
    return new Candidate(new BaseTable(before.string("directory")), null);
  }

  /** What a base has of a table. */
  final class BaseTable {
    private final String directory;
    private @Nullable String part;
    private Map<String, Node> entries = Map.of();

    private BaseTable(String directory) {
      this.directory = directory;
    }

    /**
     * Goes through the segments up to a number, in their order.
     *
     * @param action takes a segment's ordinal, and what the base has of it
     */
    void forEachHeld(long segments, BiConsumer<Long, ReadSegment> action) {
      for (long first = 0; first < segments; first += SegmentGeometry.SEGMENTS_PER_FILE) {
        Map<Long, ReadSegment> before = segments(SegmentGeometry.file(first));
        long end = Math.min(first + SegmentGeometry.SEGMENTS_PER_FILE, segments);
        for (long segment = first; segment < end; segment++) {
          ReadSegment held = before.get(SegmentGeometry.position(SegmentList.Cut.BLOCKS, segment));
          if (held != null) {
            action.accept(segment, held);
          }
        }
      }
    }

    /**
     * The segments of one of the table's files by position; those that the repository does not hold
     * whole any more are left out.
     *
     * @param file its ordinal
     */
    private Map<Long, ReadSegment> segments(int file) {
      String wanted = SegmentGeometry.partName(SegmentGeometry.part(file));
      try {
        if (!wanted.equals(part)) {
          Map<String, Node> found = new HashMap<>();
          Node node = files.find(directory + "/" + wanted);
          if (node != null) {
            files.list(node).forEach(entry -> found.put(entry.name(), entry));
          }
          part = wanted;
          entries = found;
        }
        String name = SegmentGeometry.fileName(SegmentList.Cut.BLOCKS, file);
        Node copy = entries.get(name + SegmentGeometry.COPY_SUFFIX);
        Node list = entries.get(name + SegmentGeometry.SEGMENTS_SUFFIX);
        return copy == null || list == null ? Map.of() : held(name, copy, list);
      } catch (RepositoryException | StetException | JsonException e) {
        context
            .operation()
            .progress()
            .warn(
                directory
                    + "/"
                    + wanted
                    + " of the parent snapshot cannot be used, so the rows are read again: "
                    + e.getMessage());
        return Map.of();
      }
    }

    private Map<Long, ReadSegment> held(String name, Node copy, Node list) {
      Map<Long, ReadSegment> segments = new HashMap<>();
      SegmentList parsed = SegmentList.parse(directory + "/" + name, files.read(list));
      if (parsed.cut() != SegmentList.Cut.BLOCKS
          || parsed.segments().stream().mapToLong(Segment::blobs).sum() != copy.content().size()) {
        return segments;
      }
      int from = 0;
      for (Segment segment : parsed.segments()) {
        List<Id> blobs = new ArrayList<>(copy.content().subList(from, from + segment.blobs()));
        from += segment.blobs();
        if (blobs.stream().allMatch(blob -> context.sink().holds(BlobType.DATA, blob))) {
          segments.put(segment.position(), new ReadSegment(segment, blobs));
        }
      }
      return segments;
    }
  }
}
