package stet.engine.postgres.rows;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CopyRowsTest {
  @Test
  void findsTheFirstLineEndWhereverItIs() {
    for (int length = 0; length < 40; length++) {
      for (int at = 0; at < length; at++) {
        for (int from = 0; from <= at; from++) {
          byte[] bytes = new byte[length];
          // The neighbours of the line end's code are what a trick with carries gets wrong.
          Arrays.fill(bytes, (byte) (at % 2 == 0 ? 0x0b : 0x8a));
          bytes[at] = '\n';
          assertThat(CopyRows.newline(bytes, from)).isEqualTo(at);
          assertThat(CopyRows.newline(bytes, at + 1)).isEqualTo(-1);
        }
      }
    }
  }

  @Test
  void findsTheSameAsALoopInAnyBytes() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = new byte[random.nextInt(50)];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) (random.nextInt(12) == 0 ? '\n' : random.nextInt(256));
      }
      int from = bytes.length == 0 ? 0 : random.nextInt(bytes.length);
      int expected = -1;
      for (int i = from; i < bytes.length && expected < 0; i++) {
        expected = bytes[i] == '\n' ? i : -1;
      }
      assertThat(CopyRows.newline(bytes, from)).as("seed %d", seed).isEqualTo(expected);
    }
  }

  @Test
  void rowsAreTheSameHoweverTheStreamIsCutIntoMessages() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 500; round++) {
      StringBuilder text = new StringBuilder();
      for (int row = random.nextInt(20); row > 0; row--) {
        text.append("x".repeat(random.nextInt(4) == 0 ? 0 : random.nextInt(40))).append('\n');
      }
      List<String> expected = text.toString().lines().toList();
      List<String> rows = new ArrayList<>();
      CopyRows copy = new CopyRows();
      long count = 0;
      for (int from = 0; from < text.length(); ) {
        int to = Math.min(text.length(), from + random.nextInt(30));
        count +=
            copy.message(
                text.substring(from, to).getBytes(StandardCharsets.US_ASCII),
                (source, offset, length) -> {
                  assertThat(source[offset + length - 1]).isEqualTo((byte) '\n');
                  rows.add(new String(source, offset, length - 1, StandardCharsets.US_ASCII));
                });
        from = to;
      }
      assertThat(rows).as("seed %d", seed).isEqualTo(expected);
      assertThat(count).as("seed %d", seed).isEqualTo(expected.size());
      assertThat(copy.isWhole()).as("seed %d", seed).isTrue();
    }
  }

  @Test
  void noticesThatTheStreamEndsWithinARow() {
    CopyRows copy = new CopyRows();
    assertThat(copy.message("a\nb".getBytes(StandardCharsets.US_ASCII), (s, o, l) -> {}))
        .isEqualTo(1);
    assertThat(copy.isWhole()).isFalse();
  }
}
