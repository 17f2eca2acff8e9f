package stet.repository.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import stet.repository.BlobType;
import stet.repository.Id;

class BlobIndexTest {
  private static Id id(Random random) {
    return new Id(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
  }

  private static PackEntry entry(BlobType type, Id id, int offset) {
    return new PackEntry(type, id, offset, 100, 200);
  }

  @Test
  void findsWhatAPlainMapFinds() {
    long seed = new Random().nextLong();
    System.out.println("findsWhatAPlainMapFinds: seed " + seed);
    Random random = new Random(seed);
    BlobIndex index = new BlobIndex();
    Map<Id, List<BlobLocation>> expected = new HashMap<>();
    List<Id> known = new ArrayList<>();
    for (int p = 0; p < 300; p++) {
      Id pack = id(random);
      List<PackEntry> entries = new ArrayList<>();
      for (int i = 0; i < random.nextInt(1, 200); i++) {
        boolean again = !known.isEmpty() && random.nextInt(20) == 0;
        Id blob = again ? known.get(random.nextInt(known.size())) : id(random);
        known.add(blob);
        PackEntry entry =
            new PackEntry(
                BlobType.DATA,
                blob,
                random.nextInt(),
                32 + random.nextInt(1 << 20),
                random.nextInt(2) * 77);
        entries.add(entry);
        expected
            .computeIfAbsent(blob, _ -> new ArrayList<>())
            .add(
                new BlobLocation(
                    pack,
                    Integer.toUnsignedLong(entry.offset()),
                    entry.length(),
                    entry.uncompressedLength()));
      }
      index.addPack(pack, entries, false);
      index.addPack(pack, entries, false);
    }
    expected.forEach((blob, copies) -> {
      assertThat(index.locate(BlobType.DATA, blob)).isEqualTo(copies);
      assertThat(index.holds(BlobType.DATA, blob)).isTrue();
      assertThat(index.holds(BlobType.TREE, blob)).isFalse();
    });
    for (int i = 0; i < 10_000; i++) {
      assertThat(index.locate(BlobType.DATA, id(random))).isEmpty();
    }
    assertThat(index.blobs(BlobType.DATA)).isEqualTo(expected.size());
    int entries = index.byPack().stream().mapToInt(p -> p.entries().size()).sum();
    assertThat(entries).isEqualTo(expected.values().stream().mapToInt(List::size).sum());
  }

  @Test
  void namesThePacksReliedOnThatAreNotStoredWhole() {
    BlobIndex index = new BlobIndex();
    Random random = new Random(2);
    Map<Id, Long> stored = new HashMap<>();
    Id whole = id(random);
    Id cut = id(random);
    Id gone = id(random);
    Id leaving = id(random);
    Id known = id(random);
    for (Id pack : List.of(whole, cut, gone, leaving, known)) {
      index.addPack(
          pack, List.of(entry(BlobType.DATA, id(random), 0)), /* toDelete= */ pack.equals(leaving));
    }
    index.markDamaged(known);
    stored.put(whole, 100 + 41 + 36L);
    stored.put(cut, 100 + 41 + 35L);
    stored.put(id(random), 7L);
    assertThat(index.notWhole(stored)).containsExactly(cut, gone);
  }

  @Test
  void equalBytesAsDataAndTreeAreTwoBlobs() {
    BlobIndex index = new BlobIndex();
    Random random = new Random(1);
    Id blob = id(random);
    index.addPack(id(random), List.of(entry(BlobType.TREE, blob, 0)), false);
    assertThat(index.holds(BlobType.TREE, blob)).isTrue();
    assertThat(index.holds(BlobType.DATA, blob)).isFalse();
  }

  @Test
  void readsButDoesNotRelyOnPacksMarkedForDeletion() {
    BlobIndex index = new BlobIndex();
    Random random = new Random(2);
    Id blob = id(random);
    index.addPack(id(random), List.of(entry(BlobType.DATA, blob, 0)), true);
    assertThat(index.locate(BlobType.DATA, blob)).hasSize(1);
    assertThat(index.holds(BlobType.DATA, blob)).isFalse();
    index.addPack(id(random), List.of(entry(BlobType.DATA, blob, 7)), false);
    assertThat(index.holds(BlobType.DATA, blob)).isTrue();
  }

  @Test
  void doesNotRelyOnADamagedPackWhicheverIsHeardOfFirst() {
    for (boolean markFirst : new boolean[] {false, true}) {
      BlobIndex index = new BlobIndex();
      Random random = new Random(3);
      Id blob = id(random);
      Id bad = id(random);
      Id good = id(random);
      if (markFirst) {
        index.markDamaged(bad);
      }
      index.addPack(bad, List.of(entry(BlobType.DATA, blob, 0)), false);
      index.markDamaged(bad);
      assertThat(index.holds(BlobType.DATA, blob)).isFalse();
      assertThat(index.locate(BlobType.DATA, blob)).extracting(l -> l.pack()).containsExactly(bad);
      index.addPack(good, List.of(entry(BlobType.DATA, blob, 0)), false);
      assertThat(index.holds(BlobType.DATA, blob)).isTrue();
      assertThat(index.locate(BlobType.DATA, blob))
          .extracting(l -> l.pack())
          .containsExactly(good, bad);
      assertThat(index.damagedPacks()).containsExactly(bad);
    }
  }

  /** The worst moment is right after the slots have doubled; the figure holds there too. */
  @Test
  void takesAtMost64BytesABlob() {
    filled(10_000); // so that what is loaded once does not count
    for (int blobs : new int[] {393_300, 600_000, 786_500}) {
      long before = used();
      BlobIndex index = filled(blobs);
      double each = (double) (used() - before) / blobs;
      assertThat(index.blobs(BlobType.DATA)).isEqualTo(blobs);
      assertThat(each).as("bytes a blob of " + blobs).isLessThan(64);
    }
  }

  private static BlobIndex filled(int blobs) {
    BlobIndex index = new BlobIndex();
    Random random = new Random(4);
    for (int p = 0; p < blobs / 100; p++) {
      List<PackEntry> entries = new ArrayList<>(100);
      for (int i = 0; i < 100; i++) {
        entries.add(entry(BlobType.DATA, id(random), i * 100));
      }
      index.addPack(id(random), entries, false);
    }
    return index;
  }

  private static long used() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
