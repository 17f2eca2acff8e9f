package stet.engine.postgres.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.postgres.rows.SegmentList.Cut;
import stet.engine.postgres.rows.SegmentList.Segment;

class SegmentListTest {
  private static final String HASH = "0123456789abcdef0123456789abcdef";

  @Test
  void isReadableText() {
    SegmentList list =
        new SegmentList(
            Cut.BLOCKS, List.of(new Segment(0, 3, 42, 1, HASH), new Segment(128, 0, 0, 0, HASH)));
    assertThat(new String(list.encode(), StandardCharsets.US_ASCII))
        .isEqualTo("stet segments 1 blocks\n0 3 42 1 " + HASH + "\n128 0 0 0 " + HASH + "\n");
  }

  @Test
  void roundTrips() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      List<Segment> segments = new ArrayList<>();
      long position = random.nextInt(3);
      for (int i = random.nextInt(20); i > 0; i--) {
        long rows = random.nextInt(3) == 0 ? 0 : random.nextInt(Integer.MAX_VALUE);
        RowHash hash = new RowHash(new RowHash.Key(random.nextLong(), random.nextLong()));
        hash.row(new byte[] {1}, 0, 1);
        segments.add(
            new Segment(
                position,
                rows,
                rows == 0 ? 0 : rows + random.nextInt(1000),
                rows == 0 ? 0 : 1 + random.nextInt(9),
                hash.text()));
        position += 1 + random.nextInt(1 << 30);
      }
      SegmentList list = new SegmentList(random.nextBoolean() ? Cut.BLOCKS : Cut.ROWS, segments);
      assertThat(SegmentList.parse("p", list.encode())).as("seed %d", seed).isEqualTo(list);
    }
  }

  @Test
  void namesPathAndLineOfWhatIsWrong() {
    refused("", "p: line 1: the last line has no end");
    refused("stet segments 2 blocks\n", "p: line 1: expected \"stet segments 1 blocks\" or");
    refused("stet segments 1 blocks\n0 1 2 1 " + HASH, "p: line 3: the last line has no end");
    refused("stet segments 1 rows\n0 1 2 " + HASH + "\n", "p: line 2: expected 5 fields");
    refused(
        "stet segments 1 rows\n0 x 2 1 " + HASH + "\n",
        "p: line 2: rows is not a decimal number: \"x\"");
    refused("stet segments 1 rows\n0 01 2 1 " + HASH + "\n", "p: line 2: rows is not a decimal");
    refused("stet segments 1 rows\n0 1 -2 1 " + HASH + "\n", "p: line 2: bytes is not a decimal");
    refused(
        "stet segments 1 rows\n0 1 2 1 abc\n", "p: line 2: the hash is not 32 hexadecimal digits");
    refused(
        "stet segments 1 rows\n0 3 2 1 " + HASH + "\n", "p: line 2: 3 rows, 2 bytes and 1 blobs");
    refused(
        "stet segments 1 rows\n0 1 2 0 " + HASH + "\n", "p: line 2: 1 rows, 2 bytes and 0 blobs");
    String line = "7 1 2 1 " + HASH + "\n";
    refused(
        "stet segments 1 rows\n" + line + line, "p: line 3: position 7 does not follow position 7");
    refused("stet segments 1 rows\n\n", "p: line 2: expected 5 fields, found \"\"");
  }

  private static void refused(String text, String message) {
    assertThatThrownBy(() -> SegmentList.parse("p", text.getBytes(StandardCharsets.US_ASCII)))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.REPOSITORY_DAMAGED))
        .hasMessageStartingWith(message);
  }
}
