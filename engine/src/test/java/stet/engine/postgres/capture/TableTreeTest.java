package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import stet.engine.RowHash;
import stet.engine.postgres.rows.ReadSegment;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.postgres.rows.SegmentList;
import stet.engine.postgres.rows.SegmentList.Cut;
import stet.engine.postgres.rows.SegmentList.Segment;
import stet.repository.BlobType;
import stet.repository.tree.Node;
import stet.testkit.MemoryBlobs;

class TableTreeTest {
  private static final RowHash.Key KEY = new RowHash.Key(1, 2);
  private static final Instant TIME = Instant.parse("2026-11-20T00:00:00Z");

  private final MemoryBlobs blobs = new MemoryBlobs();

  /** A segment whose rows name it; every fifth has none. */
  private ReadSegment segment(Cut cut, long ordinal) {
    RowHash hash = new RowHash(KEY);
    long position = SegmentGeometry.position(cut, ordinal);
    if (ordinal % 5 == 4) {
      return new ReadSegment(new Segment(position, 0, 0, 0, hash.text()), List.of());
    }
    byte[] row = ("segment " + ordinal + "\n").getBytes(StandardCharsets.US_ASCII);
    hash.row(row, 0, row.length - 1);
    return new ReadSegment(
        new Segment(position, 1, row.length, 1, hash.text()),
        List.of(blobs.save(BlobType.DATA, row)));
  }

  @Test
  void laysTablesOutTheSameInWhateverOrderTheyAreRead() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    int segments = 2 * 1024 + 300;
    List<Long> order = new ArrayList<>();
    for (long i = 0; i < segments; i++) {
      order.add(i);
    }
    Node first = blocks(segments, order);
    Collections.shuffle(order, random);
    assertThat(blocks(segments, order)).as("seed %d", seed).isEqualTo(first);

    assertThat(names(first)).containsExactly("00000", "00001", "00002");
    List<Node> parts = blobs.list(first);
    assertThat(blobs.list(parts.get(0))).hasSize(16);
    assertThat(names(parts.get(2)))
        .containsExactly(
            "0000262144.copy",
            "0000262144.segments",
            "0000278528.copy",
            "0000278528.segments",
            "0000294912.copy",
            "0000294912.segments");
    StringBuilder text = new StringBuilder();
    long next = 0;
    for (Node part : parts) {
      for (Node file : blobs.list(part)) {
        assertThat(file.modified()).isEqualTo(TIME);
        if (file.name().endsWith(".copy")) {
          text.append(blobs.text(file));
        } else {
          for (Segment s : SegmentList.parse(file.name(), blobs.content(file)).segments()) {
            assertThat(s.position()).isEqualTo(128 * next++);
          }
        }
      }
    }
    assertThat(next).isEqualTo(segments);
    assertThat(text.toString().lines().filter(line -> line.startsWith("segment ")).count())
        .isEqualTo(segments - segments / 5);
    assertThat(text).startsWith("segment 0\nsegment 1\n").endsWith("segment 2346\nsegment 2347\n");
  }

  private Node blocks(int segments, List<Long> order) {
    TableTree tree = TableTree.ofBlocks(segments, blobs, KEY, TIME);
    order.forEach(ordinal -> tree.add(ordinal, segment(Cut.BLOCKS, ordinal)));
    Node node = Objects.requireNonNull(tree.finish("public.t"));
    assertThat(tree.copyFiles()).hasSize(19).contains("00002/0000294912.copy");
    RowHash hash = new RowHash(KEY);
    long bytes = 0;
    for (long ordinal : order) {
      Segment one = segment(Cut.BLOCKS, ordinal).segment();
      hash.add(one.hash());
      bytes += one.bytes();
    }
    assertThat(tree.hash()).isEqualTo(hash.text());
    assertThat(tree.bytes()).isEqualTo(bytes);
    assertThat(tree.rows()).isEqualTo(segments - segments / 5);
    return node;
  }

  private List<String> names(Node directory) {
    return blobs.list(directory).stream().map(Node::name).toList();
  }

  @Test
  void laysStreamsOutByOrdinal() {
    for (int segments : new int[] {1, 128, 129, 1024, 1025}) {
      TableTree tree = TableTree.ofRows(blobs, KEY, TIME);
      for (int i = 0; i < segments; i++) {
        tree.add(i, segment(Cut.ROWS, i));
      }
      Node table = Objects.requireNonNull(tree.finish("public.t"));
      List<String> paths = new ArrayList<>();
      for (Node part : blobs.list(table)) {
        for (Node file : blobs.list(part)) {
          if (file.name().endsWith(".copy")) {
            paths.add(part.name() + "/" + file.name());
          }
        }
      }
      assertThat(paths).isEqualTo(tree.copyFiles()).hasSize((segments + 127) / 128);
      assertThat(paths.getLast())
          .isEqualTo(
              switch (segments) {
                case 1, 128 -> "00000/0000000000.copy";
                case 129 -> "00000/0000000128.copy";
                case 1024 -> "00000/0000000896.copy";
                default -> "00001/0000001024.copy";
              });
    }
  }

  @Test
  void aTableWithoutSegmentsHasNoDirectory() {
    assertThat(TableTree.ofBlocks(0, blobs, KEY, TIME).finish("a.b")).isNull();
    TableTree stream = TableTree.ofRows(blobs, KEY, TIME);
    assertThat(stream.finish("a.b")).isNull();
    assertThat(stream.copyFiles()).isEmpty();
  }

  @Test
  void refusesToFinishATableThatIsNotAllRead() {
    TableTree tree = TableTree.ofBlocks(3, blobs, KEY, TIME);
    tree.add(0, segment(Cut.BLOCKS, 0));
    tree.add(2, segment(Cut.BLOCKS, 2));
    assertThatThrownBy(() -> tree.finish("a.b"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("a.b has 2 segments of 3");
  }
}
