package stet.engine.postgres.capture;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import stet.engine.postgres.capture.CaptureBase.BaseTable;
import stet.engine.postgres.catalog.CatalogReader.ReadableTable;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rows.ReadSegment;
import stet.engine.postgres.rows.SegmentGeometry;

/**
 * Finds the segments of a table whose rows are those of an earlier capture, see {@link
 * CaptureBase}: by their number, and by whether any is of a transaction that was not over then.
 * Values that are stored out of line are not read.
 */
final class SegmentProbe {
  private final ReadableTable readable;
  private final long xmin;

  /**
   * A probe.
   *
   * @param xmin the oldest transaction that was not over at the earlier capture
   */
  SegmentProbe(ReadableTable readable, long xmin) {
    this.readable = readable;
    this.xmin = xmin;
  }

  /** What a segment's rows are like. */
  private record Rows(long segment, long count, boolean fresh) {}

  /**
   * The unchanged segments by ordinal. That the last one has no end makes no difference: what a
   * snapshot sees lies in the blocks that the table has at any time after it was taken.
   *
   * @param session one that sees the table as it is captured
   * @param segments how many the table has
   */
  Map<Long, ReadSegment> unchanged(Session session, BaseTable base, long segments)
      throws SQLException {
    Map<Long, Rows> found = new HashMap<>();
    for (Rows rows : rows(session, segments)) {
      found.put(rows.segment(), rows);
    }
    Map<Long, ReadSegment> same = new HashMap<>();
    base.forEachHeld(
        segments,
        (segment, held) -> {
          Rows now = found.getOrDefault(segment, new Rows(segment, 0, false));
          if (!now.fresh() && now.count() == held.segment().rows()) {
            same.put(segment, held);
          }
        });
    return same;
  }

  /**
   * One scan of the table, which takes a small ring of buffers only. A transaction's number has 32
   * bits, so numbers are compared by their age: all that began since the earlier capture are
   * younger than the oldest one that was open then, and what looks like one of them but is older by
   * four billion is only read once more.
   */
  private Iterable<Rows> rows(Session session, long segments) throws SQLException {
    String age =
        Objects.requireNonNull(
            session.value(
                "SELECT pg_catalog.age('" + (xmin & 0xffff_ffffL) + "'::pg_catalog.xid)"));
    String ends =
        LongStream.range(1, segments)
            .mapToObj(segment -> "\"(" + segment * SegmentGeometry.BLOCKS_PER_SEGMENT + ",0)\"")
            .collect(Collectors.joining(",", "{", "}"));
    return session.rows(
        "SELECT pg_catalog.width_bucket(ctid, '"
            + ends
            + "'::pg_catalog.tid[]), pg_catalog.count(*),"
            + " pg_catalog.bool_or(pg_catalog.age(xmin) <= "
            + age
            + ") FROM ONLY "
            + readable.table().quoted()
            + " GROUP BY 1",
        row -> new Rows(row.getLong(1), row.getLong(2), row.getBoolean(3)));
  }
}
