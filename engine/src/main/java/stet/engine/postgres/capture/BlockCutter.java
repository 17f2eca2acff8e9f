package stet.engine.postgres.capture;

import java.nio.charset.StandardCharsets;
import stet.engine.postgres.rows.CopyRows;
import stet.engine.postgres.rows.ReadSegment;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.postgres.rows.SegmentList;
import stet.engine.postgres.rows.SegmentWriter;

/**
 * Cuts rows that come in the order of the heap, each with its {@code ctid} before it, into the
 * segments of consecutive blocks that they lie in.
 */
final class BlockCutter implements CopyRows.RowConsumer {
  private final SegmentWriter writer;
  private final long segments;
  private final boolean openEnded;
  private final Sink sink;
  private long segment;
  private long end;
  private long block;
  private long item;
  private boolean beyond;

  /** Receives finished segments, in order. */
  @FunctionalInterface
  interface Sink {
    void add(long ordinal, ReadSegment segment);
  }

  /**
   * A cutter for a table's first segments.
   *
   * @param segments how many there are
   * @param openEnded whether the last one has no end; if it has, rows behind it are left out
   */
  BlockCutter(SegmentWriter writer, long segments, boolean openEnded, Sink sink) {
    this.writer = writer;
    this.segments = segments;
    this.openEnded = openEnded;
    this.sink = sink;
    this.end = endOf(0);
  }

  private long endOf(long ordinal) {
    return openEnded && ordinal == segments - 1
        ? Long.MAX_VALUE
        : (ordinal + 1) * SegmentGeometry.BLOCKS_PER_SEGMENT;
  }

  /**
   * Takes a row: {@code (block,item)}, a tab, and the columns, or no tab if there are no columns.
   */
  @Override
  public void row(byte[] source, int offset, int length) {
    int i = offset;
    require(source[i++] == '(', source, offset);
    long rowBlock = 0;
    for (; source[i] != ','; i++) {
      rowBlock = 10 * rowBlock + digit(source, i, offset);
    }
    i++;
    long rowItem = 0;
    for (; source[i] != ')'; i++) {
      rowItem = 10 * rowItem + digit(source, i, offset);
    }
    i++;
    if (source[i] == '\t') {
      i++;
    }
    require(rowBlock > block || (rowBlock == block && rowItem > item), source, offset);
    block = rowBlock;
    item = rowItem;
    while (rowBlock >= end) {
      if (segment == segments - 1) {
        beyond = true;
        return;
      }
      cut();
    }
    writer.row(source, i, offset + length - i);
  }

  private int digit(byte[] source, int at, int offset) {
    int digit = source[at] - '0';
    require(digit >= 0 && digit <= 9, source, offset);
    return digit;
  }

  private void require(boolean right, byte[] source, int offset) {
    if (!right) {
      int shown = Math.min(source.length - offset, 24);
      throw new IllegalStateException(
          "the row after (%d,%d) begins with \"%s\", which is no later ctid"
              .formatted(
                  block, item, new String(source, offset, shown, StandardCharsets.US_ASCII)));
    }
  }

  private void cut() {
    sink.add(segment, writer.finish(SegmentGeometry.position(SegmentList.Cut.BLOCKS, segment)));
    segment++;
    end = endOf(segment);
  }

  /** Whether a row came that lies behind the last segment; then all rows of the segments came. */
  boolean isBeyond() {
    return beyond;
  }

  /** The {@code ctid} of the last row that came, as SQL writes it; before all rows if none came. */
  String last() {
    return "(" + block + "," + item + ")";
  }

  /** Ends the last segment, and those after the last row, which are empty. */
  void finish() {
    while (segment < segments) {
      cut();
    }
  }
}
