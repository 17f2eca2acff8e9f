package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import stet.engine.RowHash;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.postgres.rows.SegmentWriter;
import stet.testkit.MemoryBlobs;

class BlockCutterTest {
  private final List<Long> rows = new ArrayList<>();
  private final MemoryBlobs blobs = new MemoryBlobs();
  private final SegmentWriter writer = new SegmentWriter(blobs, new RowHash.Key(1, 2));

  private BlockCutter cutter(long segments, boolean openEnded) {
    return new BlockCutter(
        writer,
        segments,
        openEnded,
        (ordinal, read) -> {
          assertThat(ordinal).isEqualTo(rows.size());
          assertThat(read.segment().position())
              .isEqualTo(ordinal * SegmentGeometry.BLOCKS_PER_SEGMENT);
          rows.add(read.segment().rows());
        });
  }

  private static void row(BlockCutter cutter, String text) {
    byte[] shifted = ("??" + text).getBytes(StandardCharsets.UTF_8);
    cutter.row(shifted, 2, shifted.length - 2);
  }

  @Test
  void cutsWhereBlocksBelongToAnotherSegment() {
    BlockCutter cutter = cutter(5, true);
    row(cutter, "(0,1)\ta\n");
    row(cutter, "(127,9)\ta\n");
    row(cutter, "(128,1)\ta\n");
    row(cutter, "(400,1)\ta\n");
    cutter.finish();
    assertThat(rows).containsExactly(2L, 1L, 0L, 1L, 0L);
  }

  @Test
  void theLastSegmentTakesAllRowsIfItHasNoEnd() {
    BlockCutter cutter = cutter(2, true);
    row(cutter, "(4294967294,1)\ta\n");
    assertThat(cutter.isBeyond()).isFalse();
    cutter.finish();
    assertThat(rows).containsExactly(0L, 1L);
  }

  @Test
  void leavesOutRowsBehindTheLastSegment() {
    BlockCutter cutter = cutter(2, false);
    row(cutter, "(255,1)\ta\n");
    assertThat(cutter.isBeyond()).isFalse();
    row(cutter, "(256,1)\ta\n");
    assertThat(cutter.isBeyond()).isTrue();
    cutter.finish();
    assertThat(rows).containsExactly(0L, 1L);
  }

  @Test
  void hashesAndKeepsTheColumnsAlone() {
    BlockCutter cutter =
        new BlockCutter(
            writer,
            1,
            true,
            (ordinal, read) -> {
              RowHash hash = new RowHash(new RowHash.Key(1, 2));
              hash.row("\tb".getBytes(StandardCharsets.UTF_8), 0, 2);
              hash.row(new byte[0], 0, 0);
              assertThat(read.segment().hash()).isEqualTo(hash.text());
              assertThat(read.segment().bytes()).isEqualTo(4);
            });
    row(cutter, "(0,1)\t\tb\n");
    row(cutter, "(0,2)\n");
    cutter.finish();
  }

  @Test
  void knowsWhereToGoOn() {
    BlockCutter cutter = cutter(3, false);
    assertThat(cutter.last()).isEqualTo("(0,0)");
    row(cutter, "(7,12)\ta\n");
    assertThat(cutter.last()).isEqualTo("(7,12)");
  }

  @Test
  void refusesRowsOutOfOrderAndWhatIsNoPlace() {
    BlockCutter cutter = cutter(3, true);
    row(cutter, "(7,12)\ta\n");
    for (String wrong :
        List.of("(7,12)\ta\n", "(7,11)\ta\n", "(6,99)\ta\n", "7,13\ta\n", "(8,x)\n")) {
      assertThatThrownBy(() -> row(cutter, wrong))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("after (7,12)");
    }
  }
}
