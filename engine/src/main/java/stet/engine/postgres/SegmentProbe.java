package stet.engine.postgres;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import stet.engine.postgres.CaptureBase.BaseTable;
import stet.engine.postgres.CatalogReader.ReadableTable;

/**
 * Finds the segments of a table whose rows are those of an earlier capture, see {@link
 * CaptureBase}: by their number, and by whether any is of a transaction that was not over then.
 * Values that are stored out of line are not read.
 */
final class SegmentProbe {
  private final Session session;
  private final ReadableTable readable;
  private final long segments;
  private final long xmin;

  /**
   * A probe.
   *
   * @param session one that sees the table as it is captured
   * @param segments how many the table has
   * @param xmin the oldest transaction that was not over at the earlier capture
   */
  SegmentProbe(Session session, ReadableTable readable, long segments, long xmin) {
    this.session = session;
    this.readable = readable;
    this.segments = segments;
    this.xmin = xmin;
  }

  /** What a segment's rows are like. */
  private record Rows(long segment, long count, boolean fresh) {}

  /** The unchanged segments by ordinal. The last one, which has no end, is never among them. */
  Map<Long, ReadSegment> unchanged(BaseTable base) throws SQLException {
    Map<Long, Rows> found = new HashMap<>();
    for (Rows rows : rows()) {
      found.put(rows.segment(), rows);
    }
    Map<Long, ReadSegment> same = new HashMap<>();
    for (long first = 0; first < segments - 1; first += SegmentGeometry.SEGMENTS_PER_FILE) {
      Map<Long, ReadSegment> before = base.segments(SegmentGeometry.file(first));
      long end = Math.min(first + SegmentGeometry.SEGMENTS_PER_FILE, segments - 1);
      for (long segment = first; segment < end; segment++) {
        ReadSegment old = before.get(SegmentGeometry.position(SegmentList.Cut.BLOCKS, segment));
        Rows now = found.getOrDefault(segment, new Rows(segment, 0, false));
        if (old != null && !now.fresh() && now.count() == old.segment().rows()) {
          same.put(segment, old);
        }
      }
    }
    return same;
  }

  /**
   * One scan of the table, which takes a small ring of buffers only. A transaction's number has 32
   * bits, so numbers are compared by their age: all that began since the earlier capture are
   * younger than the oldest one that was open then, and what looks like one of them but is older by
   * four billion is only read once more.
   */
  private Iterable<Rows> rows() throws SQLException {
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
