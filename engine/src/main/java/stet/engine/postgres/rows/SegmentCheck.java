package stet.engine.postgres.rows;

import java.util.List;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.postgres.rows.SegmentList.Segment;

/**
 * Compares the text of segments, as it comes blob by blob, with what their list says. The hash of a
 * table does not tell when segments have changed places.
 */
public final class SegmentCheck {
  private final RowHash hash;
  private final String path;
  private final List<Segment> segments;
  private CopyRows rows = new CopyRows();
  private int current = -1;
  private int blobs;
  private long count;

  /**
   * A check of some segments.
   *
   * @param path where they lie in the snapshot, for messages
   */
  public SegmentCheck(RowHash.Key key, String path, List<Segment> segments) {
    this.hash = new RowHash(key);
    this.path = path;
    this.segments = segments;
  }

  /**
   * Takes the next blob.
   *
   * @throws StetException with {@code VERIFICATION_FAILED} naming the segment that ends with it, if
   *     that is another than was captured
   */
  public void blob(byte[] bytes) {
    while (blobs == 0) {
      current++;
      blobs = segments.get(current).blobs();
    }
    count += rows.message(bytes, (source, offset, length) -> hash.row(source, offset, length - 1));
    blobs--;
    if (blobs == 0) {
      finish(segments.get(current));
    }
  }

  private void finish(Segment segment) {
    if (!rows.isWhole() || count != segment.rows() || !hash.text().equals(segment.hash())) {
      throw new StetException(
          ErrorCode.VERIFICATION_FAILED,
          path
              + ": the segment at "
              + segment.position()
              + " has "
              + Human.count(count, "row")
              + " with hash "
              + hash.text()
              + " where "
              + segment.rows()
              + " with hash "
              + segment.hash()
              + " were captured",
          "The snapshot was changed; try another snapshot.");
    }
    hash.reset();
    rows = new CopyRows();
    count = 0;
  }
}
