package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.repository.json.JsonObject;

class TableReadingTest {
  private static final long ROW_BYTES = 100;
  private static final long ROWS = 10_000_000;

  private static TableReading reading(long rows, String condition) {
    Table table =
        new Table(
            1,
            "public",
            "t",
            List.of("i"),
            List.of("integer"),
            TableKind.ORDINARY,
            condition,
            false,
            null,
            "data/public.t");
    JsonObject manifest = new JsonObject().put("rows", rows).put("bytes", rows * ROW_BYTES);
    return new TableReading(table, "public.t", null, manifest);
  }

  private static void claim(TableReading reading, long until) {
    while (reading.claim() < until) {
      // It is claimed in pieces.
    }
  }

  @Test
  void whatIsLeftIsSharedSoThatBothEndTogether() {
    TableReading reading = reading(ROWS, "");
    claim(reading, 4_000_000);
    TableReading part = Objects.requireNonNull(reading.split());
    // The helper skips 7.6 million rows while 1.1 million are read.
    assertThat(part.first).isBetween(7_500_000L, 7_600_000L);
    assertThat(part.clauses).isEqualTo(" OFFSET " + part.first);
    assertThat(reading.left()).isEqualTo((part.first - 4_000_000) * ROW_BYTES);
    assertThat(part.left()).isEqualTo((ROWS - part.first) * ROW_BYTES);
  }

  @Test
  void whatIsLeftIsNotSharedIfThatWouldTakeLonger() {
    TableReading nearItsEnd = reading(ROWS, "");
    claim(nearItsEnd, 9_000_000);
    assertThat(nearItsEnd.split()).isNull();
    assertThat(reading(300_000, "").split()).isNull();
  }

  @Test
  void soMuchThatItIsOutOfMemoryIsNotSkipped() {
    TableReading large = reading(10 * ROWS, "");
    claim(large, 20_000_000);
    assertThat(large.left()).isEqualTo((10 * ROWS - 20_000_000) * ROW_BYTES);
    assertThat(large.split()).isNull();
  }

  @Test
  void partsOfTablesAreNotShared() {
    assertThat(reading(ROWS, "WHERE i > 0").split()).isNull();
    assertThat(new TableReading(reading(ROWS, "").table, "t", null, " WHERE i > 0").split())
        .isNull();
  }

  @Test
  void everyRowIsReadOnceHoweverOftenItIsShared() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    List<TableReading> all = new ArrayList<>(List.of(reading(ROWS, "")));
    List<long[]> read = new ArrayList<>(List.of(new long[] {0, 0}));
    for (int step = 0; step < 100_000; step++) {
      int one = random.nextInt(all.size());
      if (random.nextInt(100) == 0) {
        TableReading part = all.get(one).split();
        if (part != null) {
          all.add(part);
          read.add(new long[] {part.first, part.first});
        }
      } else {
        read.get(one)[1] = all.get(one).claim();
      }
    }
    // Each goes on to its end; the one that has none reads what there is.
    for (int i = 0; i < all.size(); i++) {
      for (long claimed = all.get(i).claim();
          claimed > read.get(i)[1] && claimed <= ROWS + 1000;
          claimed = all.get(i).claim()) {
        read.get(i)[1] = claimed;
      }
    }
    read.sort(Comparator.comparingLong(part -> part[0]));
    assertThat(all.size()).as("seed %d", seed).isGreaterThan(1);
    for (int i = 1; i < read.size(); i++) {
      assertThat(read.get(i)[0]).as("seed %d", seed).isEqualTo(read.get(i - 1)[1]);
    }
    assertThat(read.getFirst()[0]).isZero();
    assertThat(read.getLast()[1]).as("seed %d", seed).isGreaterThanOrEqualTo(ROWS);
  }
}
