package stet.engine.postgres.rows;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import stet.engine.RowHash;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.testkit.MemoryBlobs;

class SegmentWriterTest {
  private static final RowHash.Key KEY = new RowHash.Key(1, 2);

  private final MemoryBlobs blobs = new MemoryBlobs();

  private byte[] content(ReadSegment segment) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Id id : segment.blobs()) {
      byte[] blob = blobs.load(BlobType.DATA, id);
      assertThat(blob.length).isBetween(1, SegmentWriter.LONGEST_BLOB);
      out.writeBytes(blob);
    }
    return out.toByteArray();
  }

  private static byte[] row(Random random, int length) {
    byte[] row = new byte[length];
    random.nextBytes(row);
    for (int i = 0; i < length; i++) {
      row[i] = row[i] == '\n' ? (byte) 'n' : row[i];
    }
    row[length - 1] = '\n';
    return row;
  }

  @Test
  void keepsCountsAndHashesRowsOfAnyLength() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    SegmentWriter writer = new SegmentWriter(blobs, KEY);
    int max = SegmentWriter.LONGEST_BLOB;
    int[][] cases = {
      {},
      {1},
      {1, 1, 1},
      {max - 1, 1},
      {max, 1},
      {1, max},
      {max + 1},
      {5, max + 1, 5},
      {2 * max, 7},
      {100, 2 * max + 100, 3},
      {3 << 20, 3 << 20, 3 << 20, 3 << 20},
    };
    for (int[] lengths : cases) {
      RowHash hash = new RowHash(KEY);
      ByteArrayOutputStream expected = new ByteArrayOutputStream();
      for (int length : lengths) {
        byte[] row = row(random, length);
        // Rows need not begin where their array does.
        byte[] shifted = new byte[length + 3];
        System.arraycopy(row, 0, shifted, 2, length);
        writer.row(shifted, 2, length);
        hash.row(row, 0, length - 1);
        expected.writeBytes(row);
      }
      assertThat(writer.isEmpty()).isEqualTo(lengths.length == 0);
      ReadSegment segment = writer.finish(77);
      assertThat(segment.segment())
          .as("seed %d, %s", seed, Arrays.toString(lengths))
          .isEqualTo(
              new SegmentList.Segment(
                  77, lengths.length, expected.size(), segment.blobs().size(), hash.text()));
      assertThat(Arrays.equals(content(segment), expected.toByteArray()))
          .as("seed %d, %s", seed, Arrays.toString(lengths))
          .isTrue();
    }
  }

  @Test
  void cutsBlobsAtRowEndsWhereRowsAreShorter() {
    Random random = new Random(3);
    SegmentWriter writer = new SegmentWriter(blobs, KEY);
    byte[] row = row(random, 1_000_003);
    for (int i = 0; i < 20; i++) {
      writer.row(row, 0, row.length);
    }
    for (Id id : writer.finish(0).blobs()) {
      byte[] blob = blobs.load(BlobType.DATA, id);
      assertThat(blob.length % row.length).isZero();
    }
  }

  private List<Id> segment(List<byte[]> rows) {
    SegmentWriter writer = new SegmentWriter(blobs, KEY);
    rows.forEach(row -> writer.row(row, 0, row.length));
    return writer.finish(0).blobs();
  }

  /** As of a table whose values lie out of line: few blocks are many bytes. */
  @Test
  void aChangeInALongSegmentCostsTheBlobsAroundIt() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    List<byte[]> rows = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      rows.add(row(random, 20_000 + random.nextInt(60_000)));
    }
    List<Id> whole = segment(rows);
    List<byte[]> changed = new ArrayList<>(rows);
    changed.set(300, row(random, 30_000));
    changed.add(1_000, row(random, 30_000));
    changed.remove(1_500);
    List<Id> other = new ArrayList<>(segment(changed));
    other.removeAll(whole);
    assertThat(whole.size()).as("seed %d", seed).isBetween(20, 50);
    assertThat(other.size()).as("seed %d", seed).isBetween(1, 15);
  }

  @Test
  void aSegmentOfShortRowsIsOneBlob() {
    Random random = new Random(5);
    List<byte[]> rows = new ArrayList<>();
    for (int i = 0; i < 15_000; i++) {
      rows.add(row(random, 130));
    }
    assertThat(segment(rows)).hasSize(1);
  }

  private List<Id> stream(List<byte[]> rows) {
    SegmentWriter writer = new SegmentWriter(blobs, KEY);
    List<Id> ids = new ArrayList<>();
    for (byte[] row : rows) {
      writer.row(row, 0, row.length);
      if (writer.isCut(row.length)) {
        ids.addAll(writer.finish(ids.size()).blobs());
      }
    }
    if (!writer.isEmpty()) {
      ids.addAll(writer.finish(ids.size()).blobs());
    }
    return ids;
  }

  @Test
  void streamsAreCutWhereTheirRowsSaySo() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    List<byte[]> rows = new ArrayList<>();
    for (int i = 0; i < 200_000; i++) {
      rows.add(row(random, 50 + random.nextInt(200)));
    }
    List<Id> whole = stream(rows);
    assertThat(whole.size()).as("seed %d", seed).isBetween(8, 60);
    List<byte[]> changed = new ArrayList<>(rows);
    changed.subList(100_000, 100_500).clear();
    changed.add(3_000, row(random, 99));
    List<Id> other = new ArrayList<>(stream(changed));
    other.removeAll(whole);
    assertThat(other.size()).as("seed %d", seed).isBetween(1, 6);
  }
}
