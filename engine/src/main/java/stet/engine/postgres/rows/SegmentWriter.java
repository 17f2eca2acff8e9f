package stet.engine.postgres.rows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.RowHash;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;

/**
 * Collects the rows of one segment after the other, hashes them and saves them as blobs. Belongs to
 * one worker, whose buffer it keeps from segment to segment.
 */
public final class SegmentWriter {
  /** No blob is longer: what restic's own chunks may have at most. */
  public static final int LONGEST_BLOB = 8 << 20;

  private static final int FIRST_BUFFER = 2 << 20;

  /**
   * A segment this long is cut into blobs where its rows say so, else it is one: its rows would all
   * come with a change of one in any case, but those of a table with long values are many.
   */
  private static final int SHORTEST_OF_SEVERAL = 2 << 20;

  private static final int SHORTEST_CUT = 256 << 10;

  /** Rows are cut on average so many bytes after the shortest piece. */
  private static final int AVERAGE_CUT_BITS = 20;

  private static final int LONGEST_CUT = 4 << 20;

  private final BlobSink sink;
  private final RowHash hash;
  private final List<Id> blobs = new ArrayList<>();
  private @Nullable FloatText floats;
  private byte[] buffer = new byte[FIRST_BUFFER];
  private int buffered;
  private long rows;
  private long bytes;

  public SegmentWriter(BlobSink sink, RowHash.Key key) {
    this.sink = sink;
    this.hash = new RowHash(key);
  }

  /** Says how to hash the rows that follow: in another form than their text, or as it is. */
  public void hashAs(@Nullable FloatText form) {
    floats = form;
  }

  /**
   * Adds a row.
   *
   * @param length bytes of its COPY text with the line end
   */
  public void row(byte[] source, int offset, int length) {
    FloatText.hash(floats, hash, source, offset, length - 1);
    rows++;
    bytes += length;
    if (buffered + length > buffer.length) {
      makeRoom(length);
      if (length > LONGEST_BLOB) {
        saveLongRow(source, offset, length);
        return;
      }
    }
    System.arraycopy(source, offset, buffer, buffered, length);
    buffered += length;
    if (buffered >= SHORTEST_OF_SEVERAL && isChosen(length)) {
      flush();
    }
  }

  private void makeRoom(int length) {
    if (buffered + length > LONGEST_BLOB) {
      flush();
    }
    int needed = buffered + Math.min(length, LONGEST_BLOB);
    if (needed > buffer.length) {
      int doubled = Math.min(LONGEST_BLOB, Math.max(needed, 2 * buffer.length));
      buffer = Arrays.copyOf(buffer, doubled);
    }
  }

  /** A row that no blob can hold is cut anywhere; what is left over begins the next blob. */
  private void saveLongRow(byte[] source, int offset, int length) {
    int from = offset;
    int end = offset + length;
    for (; end - from > LONGEST_BLOB; from += LONGEST_BLOB) {
      blobs.add(sink.save(BlobType.DATA, source, from, LONGEST_BLOB));
    }
    System.arraycopy(source, from, buffer, 0, end - from);
    buffered = end - from;
  }

  private void flush() {
    if (buffered > 0) {
      blobs.add(sink.save(BlobType.DATA, buffer, 0, buffered));
      buffered = 0;
    }
  }

  /** Whether any row was added since the last segment was finished. */
  public boolean isEmpty() {
    return rows == 0;
  }

  /**
   * Whether a stream of rows is to be cut after the last row. The choice depends on the rows since
   * the last cut only, so that after a change the old cuts are soon found again.
   */
  public boolean isCut(int lastLength) {
    if (bytes < SHORTEST_CUT) {
      return false;
    }
    return bytes >= LONGEST_CUT || isChosen(lastLength);
  }

  /**
   * Whether rows are to be cut after the last one: with a probability in proportion to its length.
   */
  private boolean isChosen(int lastLength) {
    return lastLength >>> AVERAGE_CUT_BITS != 0
        || Long.compareUnsigned(hash.lastRow(), (long) lastLength << (64 - AVERAGE_CUT_BITS)) < 0;
  }

  /** Saves what is left of the segment and starts the next one. */
  public ReadSegment finish(long position) {
    flush();
    ReadSegment result =
        new ReadSegment(
            new SegmentList.Segment(position, rows, bytes, blobs.size(), hash.text()),
            List.copyOf(blobs));
    blobs.clear();
    hash.reset();
    rows = 0;
    bytes = 0;
    return result;
  }
}
