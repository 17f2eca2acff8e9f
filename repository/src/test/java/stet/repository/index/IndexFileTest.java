package stet.repository.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.json.JsonException;

class IndexFileTest {
  /** The index of the tiny repository that restic 0.14 made. */
  private static final String RESTIC =
      """
      {"packs":[{"id":"ed0ad6419067316ea1de1fde2a6646b366f86e5aa6ad037945cd26f884c5f8ec","blobs":[{"id":"fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f","type":"data","offset":0,"length":54,"uncompressed_length":13}]},{"id":"fbeba972efaa53e6db6bc097db085a53a970f8ae1d6f9295d96ad5b608bc55ec","blobs":[{"id":"649c6d58771b264539af957c27fd0115b339556c481738b49ee0b7313d9aaa5f","type":"tree","offset":0,"length":206,"uncompressed_length":256}]}]}
      """;

  private static List<BlobIndex.Pack> decode(String json) {
    List<BlobIndex.Pack> packs = new ArrayList<>();
    IndexFile.decode(
        json.getBytes(StandardCharsets.UTF_8),
        (pack, entries, _) -> packs.add(new BlobIndex.Pack(pack, entries)));
    return packs;
  }

  @Test
  void writesTheBytesThatResticWrites() {
    List<BlobIndex.Pack> packs = decode(RESTIC);
    assertThat(packs).hasSize(2);
    assertThat(packs.getFirst().entries().getFirst().type()).isEqualTo(BlobType.DATA);
    assertThat(new String(IndexFile.encode(packs), StandardCharsets.UTF_8)).isEqualTo(RESTIC);
  }

  @Test
  void numbersAreUnsigned() {
    PackEntry entry = new PackEntry(BlobType.DATA, Id.of(new byte[1]), (int) 4_000_000_000L, -2, 0);
    List<BlobIndex.Pack> packs = List.of(new BlobIndex.Pack(Id.of(new byte[2]), List.of(entry)));
    String json = new String(IndexFile.encode(packs), StandardCharsets.UTF_8);
    assertThat(json).contains("4000000000").contains("4294967294").doesNotContain("uncompressed");
    assertThat(decode(json)).isEqualTo(packs);
  }

  @Test
  void toleratesWhatOthersWrite() {
    assertThat(decode("{\"packs\":[]}")).isEmpty();
    assertThat(decode("{\"packs\":null,\"supersedes\":[\"x\"]}")).isEmpty();
    assertThat(decode("{}")).isEmpty();
    String rustic =
        RESTIC
            .strip()
            .replaceFirst("\\{\"id\"", "{\"time\":\"2024-01-01T00:00:00Z\",\"size\":131,\"id\"");
    assertThat(decode(rustic)).isEqualTo(decode(RESTIC));
  }

  @Test
  void tellsMarkedPacksApart() {
    List<Boolean> marked = new ArrayList<>();
    String json =
        RESTIC
            .strip()
            .replaceFirst(
                "}$",
                ",\"packs_to_delete\":[{\"id\":\"" + Id.of(new byte[3]) + "\",\"blobs\":[]}]}");
    IndexFile.decode(
        json.getBytes(StandardCharsets.UTF_8), (_, _, toDelete) -> marked.add(toDelete));
    assertThat(marked).containsExactly(false, false, true);
  }

  @Test
  void saysWhichPacksAreDamaged() {
    Id first = Id.of(new byte[] {1});
    Id second = Id.of(new byte[] {2});
    BlobIndex index = new BlobIndex();
    IndexFile.decode(IndexFile.encodeDamaged(List.of(second, first)), index);
    assertThat(index.damagedPacks()).containsExactlyInAnyOrder(first, second);
    assertThat(index.packs()).isZero();
  }

  @Test
  void leavesOutPacksAndKeepsWhatOthersWrote() {
    List<BlobIndex.Pack> packs = decode(RESTIC);
    Id gone = packs.getFirst().id();
    String foreign =
        RESTIC
            .strip()
            .replaceFirst("\\{\"id\"", "{\"time\":\"2024-01-01T00:00:00Z\",\"id\"")
            .replaceFirst(
                "}$", ",\"other\":{\"x\":1},\"damaged_packs\":[\"" + packs.getLast().id() + "\"]}");

    byte[] rest = IndexFile.without(foreign.getBytes(StandardCharsets.UTF_8), Set.of(gone));

    String text = new String(rest, StandardCharsets.UTF_8);
    assertThat(decode(text)).containsExactly(packs.getLast());
    assertThat(text).contains("\"other\":{\"x\":1}").doesNotContain(gone.toString());
    BlobIndex index = new BlobIndex();
    IndexFile.decode(rest, index);
    assertThat(index.damagedPacks()).containsExactly(packs.getLast().id());
    assertThat(IndexFile.without(rest, Set.of(packs.getLast().id()))).isNull();
  }

  @Test
  void refusesWhatIsNoIndex() {
    for (String bad :
        List.of(
            "",
            "[]",
            "{\"packs\":{}}",
            "{\"packs\":[{}]}",
            "{\"packs\":[{\"id\":\"short\"}]}",
            RESTIC.replace("\"data\"", "\"other\""),
            RESTIC.replace("54", "-1"),
            RESTIC.replace("54", "4294967296"),
            "{\"damaged_packs\":[\"short\"]}",
            "{\"damaged_packs\":7}",
            RESTIC + "{}")) {
      assertThatThrownBy(() -> decode(bad)).as(bad).isInstanceOf(JsonException.class);
    }
  }

  @Test
  void damagedTextOnlyEverGivesOneKindOfError() {
    long seed = new Random().nextLong();
    System.out.println("damagedTextOnlyEverGivesOneKindOfError: seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 5_000; i++) {
      byte[] bytes = RESTIC.getBytes(StandardCharsets.UTF_8);
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      try {
        IndexFile.decode(bytes, (_, _, _) -> {});
      } catch (JsonException e) {
        assertThat(e.getMessage()).isNotBlank();
      }
    }
  }
}
