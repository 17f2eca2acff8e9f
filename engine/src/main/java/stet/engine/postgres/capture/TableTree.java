package stet.engine.postgres.capture;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.RowHash;
import stet.engine.postgres.rows.ReadSegment;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.postgres.rows.SegmentList;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/**
 * Puts the segments of one table, which workers read in any order, together to files and parts as
 * {@link SegmentGeometry} lays them out. What is complete is saved at once, so that a big table
 * costs no more memory than the parts being read. Safe for use by several threads.
 */
final class TableTree {
  private static final long UNKNOWN = -1;

  private final SegmentList.Cut cut;
  private final BlobSink sink;
  private final Instant time;
  private final RowHash hash;
  private final Map<Integer, File> open = new HashMap<>();
  private final Map<Integer, List<Node>> openParts = new HashMap<>();
  private final List<Node> parts = new ArrayList<>();
  private long expected;
  private long segments;
  private long rows;
  private long bytes;

  /** The segments of a file that is not complete yet. */
  private static final class File {
    final @Nullable ReadSegment[] segments;
    int count;

    File(long length) {
      segments = new ReadSegment[Math.toIntExact(length)];
    }
  }

  private TableTree(
      SegmentList.Cut cut, long expected, BlobSink sink, RowHash.Key key, Instant time) {
    this.cut = cut;
    this.expected = expected;
    this.sink = sink;
    this.time = time;
    this.hash = new RowHash(key);
  }

  /** A table cut by blocks, whose number of segments is known beforehand. */
  static TableTree ofBlocks(long segments, BlobSink sink, RowHash.Key key, Instant time) {
    return new TableTree(SegmentList.Cut.BLOCKS, segments, sink, key, time);
  }

  /** A table cut by rows, whose segments come in order until {@link #finish}. */
  static TableTree ofRows(BlobSink sink, RowHash.Key key, Instant time) {
    return new TableTree(SegmentList.Cut.ROWS, UNKNOWN, sink, key, time);
  }

  /** Adds the segment with this ordinal. */
  synchronized void add(long ordinal, ReadSegment segment) {
    segments++;
    rows += segment.segment().rows();
    bytes += segment.segment().bytes();
    hash.add(segment.segment().hash());
    int number = SegmentGeometry.file(ordinal);
    File file = open.computeIfAbsent(number, k -> new File(segmentsOf(k)));
    file.segments[(int) (ordinal % SegmentGeometry.SEGMENTS_PER_FILE)] = segment;
    file.count++;
    if (file.count == segmentsOf(number)) {
      save(number, file);
    }
  }

  /** How many segments a file will have, as far as is known. */
  private long segmentsOf(int file) {
    long perFile = SegmentGeometry.SEGMENTS_PER_FILE;
    return expected == UNKNOWN ? perFile : Math.min(perFile, expected - file * perFile);
  }

  private void save(int number, File file) {
    open.remove(number);
    List<SegmentList.Segment> lines = new ArrayList<>(file.count);
    List<Id> content = new ArrayList<>(file.count);
    long size = 0;
    for (ReadSegment segment : file.segments) {
      if (segment != null) {
        lines.add(segment.segment());
        content.addAll(segment.blobs());
        size += segment.segment().bytes();
      }
    }
    byte[] list = new SegmentList(cut, lines).encode();
    String name = SegmentGeometry.fileName(cut, number);
    int partNumber = SegmentGeometry.part(number);
    List<Node> part = openParts.computeIfAbsent(partNumber, k -> new ArrayList<>());
    part.add(Node.file(name + SegmentGeometry.COPY_SUFFIX, time, size, content));
    part.add(
        Node.file(
            name + SegmentGeometry.SEGMENTS_SUFFIX,
            time,
            list.length,
            List.of(sink.save(BlobType.DATA, list))));
    if (part.size() == 2 * filesOf(partNumber)) {
      savePart(partNumber, part);
    }
  }

  private long filesOf(int part) {
    long perPart = SegmentGeometry.FILES_PER_PART;
    if (expected == UNKNOWN) {
      return perPart;
    }
    long files = Math.ceilDiv(expected, (long) SegmentGeometry.SEGMENTS_PER_FILE);
    return Math.min(perPart, files - part * perPart);
  }

  private void savePart(int number, List<Node> part) {
    openParts.remove(number);
    part.sort(Tree.BY_NAME);
    parts.add(
        Node.directory(
            SegmentGeometry.partName(number), time, sink.save(BlobType.TREE, Tree.encode(part))));
  }

  /**
   * Saves the table's directory once all segments were added.
   *
   * @param name the directory's name
   * @return its node, or null if the table has no segment
   */
  synchronized @Nullable Node finish(String name) {
    if (expected == UNKNOWN) {
      expected = segments;
      Map.copyOf(open).forEach(this::save);
      Map.copyOf(openParts).forEach(this::savePart);
    }
    if (segments != expected || !open.isEmpty() || !openParts.isEmpty()) {
      throw new IllegalStateException(
          name + " has " + segments + " segments of " + expected + " when it should be complete");
    }
    if (parts.isEmpty()) {
      return null;
    }
    parts.sort(Tree.BY_NAME);
    return Node.directory(name, time, sink.save(BlobType.TREE, Tree.encode(parts)));
  }

  /** The paths of all files with rows below the table's directory, once it is finished. */
  synchronized List<String> copyFiles() {
    List<String> paths = new ArrayList<>();
    for (int file = 0; (long) file * SegmentGeometry.SEGMENTS_PER_FILE < segments; file++) {
      paths.add(
          SegmentGeometry.partName(SegmentGeometry.part(file))
              + "/"
              + SegmentGeometry.fileName(cut, file)
              + SegmentGeometry.COPY_SUFFIX);
    }
    return paths;
  }

  /** The number of rows of all segments. */
  synchronized long rows() {
    return rows;
  }

  /** The bytes of all segments. */
  synchronized long bytes() {
    return bytes;
  }

  /** The content hash of all rows. */
  synchronized String hash() {
    return hash.text();
  }

  SegmentList.Cut cut() {
    return cut;
  }
}
