package stet.repository.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static stet.repository.TinyRepository.hex;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.Seeded;
import stet.repository.TinyRepository;
import stet.repository.index.PackEntry;

class PackHeaderTest {
  @ParameterizedTest
  @CsvSource({
    TinyRepository.DATA_PACK
        + ", DATA, 54, 13, 02360000000d000000"
        + "fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f",
    TinyRepository.TREE_PACK
        + ", TREE, 206, 256, 03ce00000000010000"
        + "649c6d58771b264539af957c27fd0115b339556c481738b49ee0b7313d9aaa5f"
  })
  void readsResticsPacks(String path, BlobType type, int length, int plain, String plaintext) {
    byte[] pack = TinyRepository.file(path);
    int sealed = PackHeader.sealedLength(pack, pack.length);
    assertThat(sealed).isEqualTo(73);
    byte[] header = TinyRepository.MASTER_KEY.open(pack, pack.length - 4 - sealed, sealed);
    assertThat(header).isEqualTo(hex(plaintext));
    List<PackEntry> entries = PackHeader.decode(header);
    Id id = type == BlobType.DATA ? TinyRepository.DATA_BLOB : TinyRepository.TREE_BLOB;
    assertThat(entries).containsExactly(new PackEntry(type, id, 0, length, plain));
    assertThat(PackHeader.encode(entries)).isEqualTo(header);
    assertThat(PackEntry.packSize(entries)).isEqualTo(pack.length);
  }

  @Test
  void readsWhatItWrote() {
    Seeded.run(random -> {
      for (int i = 0; i < 100; i++) {
        List<PackEntry> entries = entries(random, 1 + random.nextInt(50));
        byte[] header = PackHeader.encode(entries);
        assertThat(PackHeader.decode(header)).isEqualTo(entries);
        long blobs = entries.stream().mapToLong(PackEntry::length).sum();
        assertThat(PackEntry.packSize(entries)).isEqualTo(blobs + header.length + 36);
      }
    });
  }

  private static List<PackEntry> entries(Random random, int count) {
    List<PackEntry> entries = new ArrayList<>();
    int offset = 0;
    for (int i = 0; i < count; i++) {
      int length = 32 + random.nextInt(1_000_000);
      int plain = random.nextBoolean() ? 0 : 1 + random.nextInt(8_000_000);
      Id id = Id.read(Seeded.bytes(random, 32), 0);
      BlobType type = random.nextBoolean() ? BlobType.DATA : BlobType.TREE;
      entries.add(new PackEntry(type, id, offset, length, plain));
      offset += length;
    }
    return entries;
  }

  @Test
  void countsUnsigned() {
    List<PackEntry> entries =
        List.of(
            new PackEntry(BlobType.DATA, TinyRepository.DATA_BLOB, 0, 0x9000_0000, 0xf000_0000),
            new PackEntry(BlobType.DATA, TinyRepository.TREE_BLOB, 0x9000_0000, 100, 0));
    assertThat(PackHeader.decode(PackHeader.encode(entries))).isEqualTo(entries);
    assertThat(PackEntry.packSize(entries)).isEqualTo(0x9000_0000L + 100 + 41 + 37 + 36);
    assertThat(entries.getLast().plaintextLength()).isEqualTo(68);
  }

  @Test
  void refusesToWriteGapsAndTooMuch() {
    PackEntry entry = new PackEntry(BlobType.DATA, TinyRepository.DATA_BLOB, 1, 50, 0);
    assertThatThrownBy(() -> PackHeader.encode(List.of(entry)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is at 1, but the blobs before it end at 0");
    assertThatThrownBy(() -> PackHeader.encode(List.of()))
        .isInstanceOf(IllegalArgumentException.class);
    List<PackEntry> most = new ArrayList<>();
    for (int i = 0; i < 409_199; i++) {
      most.add(new PackEntry(BlobType.DATA, TinyRepository.DATA_BLOB, i * 33, 33, 1));
    }
    assertThat(PackHeader.decode(PackHeader.encode(most))).hasSize(409_199);
    most.add(new PackEntry(BlobType.DATA, TinyRepository.DATA_BLOB, 409_199 * 33, 33, 1));
    assertThatThrownBy(() -> PackHeader.encode(most)).isInstanceOf(IllegalArgumentException.class);
    List<PackEntry> heavy =
        Collections.singletonList(new PackEntry(BlobType.DATA, TinyRepository.DATA_BLOB, 0, -1, 0));
    assertThatThrownBy(() -> PackHeader.encode(heavy)).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "'', lists no blobs",
    "04, unknown type 4",
    "ff, unknown type 255",
    "00360000, cut off: 4 bytes of 37",
    "001f000000, 'has 31 bytes in the pack header, a sealed blob has at least 32'",
    "023600000000000000, is compressed from 0 bytes",
    "00ffffffff, more than 4 GiB",
  })
  void refusesABadHeader(String start, String message) {
    byte[] header = hex(start);
    if (!message.startsWith("cut")) {
      int length = start.startsWith("02") ? 41 : start.startsWith("00") ? 37 : header.length;
      header = Arrays.copyOf(header, length);
    }
    if (start.startsWith("00ff")) {
      header = Arrays.copyOf(header, 74);
      System.arraycopy(header, 0, header, 37, 37);
    }
    byte[] bad = header;
    assertThatThrownBy(() -> PackHeader.decode(bad))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED))
        .hasMessageContaining(message);
  }

  @Test
  void refusesAHeaderLengthThatCannotBe() {
    for (String end : List.of("00000000", "44000000", "ffffffff", "01000001", "7d000000", "")) {
      assertThatThrownBy(() -> PackHeader.sealedLength(hex(end), 128))
          .as(end)
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
    }
    assertThat(PackHeader.sealedLength(hex("7c000000"), 128)).isEqualTo(124);
    assertThat(PackHeader.sealedLength(hex("45000000"), 128)).isEqualTo(69);
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      byte[] header = PackHeader.encode(entries(random, 20));
      for (int i = 0; i < 5_000; i++) {
        byte[] damaged = Seeded.mutate(random, header);
        List<PackEntry> entries;
        try {
          entries = PackHeader.decode(damaged);
        } catch (RepositoryException e) {
          assertThat(e.problem()).isEqualTo(Problem.DAMAGED);
          continue;
        }
        assertThat(entries).isNotEmpty();
        long size = PackEntry.packSize(entries);
        if (size < 1L << 32) {
          assertThat(PackHeader.encode(entries)).isEqualTo(damaged);
        }
      }
    });
  }
}
