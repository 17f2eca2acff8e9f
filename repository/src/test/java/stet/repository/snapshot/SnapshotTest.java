package stet.repository.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.Seeded;
import stet.repository.TinyRepository;
import stet.repository.codec.UnpackedCodec;
import stet.repository.json.JsonObject;

class SnapshotTest {
  private static final Id ID =
      Id.parse("2e84816808e35c8808060c72aabf3f925f7095331acfb0ad16294cf9d1ce9b81");
  private static final String TREE =
      "\"tree\":\"649c6d58771b264539af957c27fd0115b339556c481738b49ee0b7313d9aaa5f\"";

  /** Everything that restic 0.18 writes, in its order, and what rustic adds. */
  private static final String FULL =
      "{\"time\":\"2024-01-02T04:04:05.123+01:00\","
          + "\"parent\":\"fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f\","
          + TREE
          + ",\"paths\":[\"/a\",\"/b \\u0026 c\"],\"hostname\":\"h\",\"username\":\"u\",\"uid\":1000,"
          + "\"gid\":4294967295,\"excludes\":[\"*.tmp\"],\"tags\":[\"x\",\"y\"],"
          + "\"original\":\"fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f\","
          + "\"program_version\":\"restic 0.18.0\",\"summary\":{"
          + "\"backup_start\":\"2024-01-02T04:04:05.123+01:00\","
          + "\"backup_end\":\"2024-01-02T04:04:06+01:00\",\"files_new\":1,\"files_changed\":2,"
          + "\"files_unmodified\":3,\"dirs_new\":4,\"dirs_changed\":5,\"dirs_unmodified\":6,"
          + "\"data_blobs\":7,\"tree_blobs\":8,\"data_added\":9,\"data_added_packed\":10,"
          + "\"total_files_processed\":11,\"total_bytes_processed\":12,\"command\":\"rustic\"},"
          + "\"label\":\"l\",\"parents\":[\"p\",null,{\"q\":1.5}],\"delete\":\"Never\"}";

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] utf8) {
    return new String(utf8, StandardCharsets.UTF_8);
  }

  @Test
  void readsAndWritesResticsFile() {
    byte[] json = UnpackedCodec.decode(TinyRepository.open(TinyRepository.SNAPSHOT));
    Snapshot snapshot = Snapshot.parse(ID, json);
    assertThat(snapshot.id()).isEqualTo(ID);
    assertThat(snapshot.time()).isEqualTo(OffsetDateTime.parse("2024-01-02T03:04:05Z"));
    assertThat(snapshot.tree()).isEqualTo(TinyRepository.TREE_BLOB);
    assertThat(snapshot.paths()).containsExactly("/hello.txt");
    assertThat(snapshot.hostname()).isEqualTo("tvhost");
    assertThat(snapshot.username()).isEqualTo("root");
    assertThat(snapshot.tags()).containsExactly("demo");
    assertThat(snapshot.parent()).isNull();
    assertThat(snapshot.summary()).isNull();
    assertThat(snapshot.toJson()).isEqualTo(json);
  }

  @Test
  void keepsEveryMemberThroughAChange() {
    Snapshot snapshot = Snapshot.parse(ID, utf8(FULL));
    assertThat(text(snapshot.toJson())).isEqualTo(FULL);
    assertThat(snapshot.uid()).isEqualTo(1000);
    assertThat(snapshot.gid()).isEqualTo(4_294_967_295L);
    SnapshotSummary summary = snapshot.summary();
    assertThat(summary).isNotNull();
    assertThat(summary.totalBytesProcessed()).isEqualTo(12);
    assertThat(summary.backupEnd()).isEqualTo("2024-01-02T04:04:06+01:00");

    Snapshot changed = snapshot.toBuilder().tags(List.of("z")).original(ID).build();
    assertThat(changed.id()).isNull();
    assertThat(text(changed.toJson()))
        .isEqualTo(
            FULL.replace("[\"x\",\"y\"]", "[\"z\"]")
                .replace(
                    "\"original\":\"fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f",
                    "\"original\":\"" + ID));
    assertThat(snapshot.withId(TinyRepository.DATA_BLOB).requireId())
        .isEqualTo(TinyRepository.DATA_BLOB);
  }

  @Test
  void cannotBeChangedFromOutside() {
    Snapshot snapshot = Snapshot.parse(ID, utf8(FULL));
    snapshot.others().put("label", "other");
    assertThat(text(snapshot.toJson())).isEqualTo(FULL);
  }

  @Test
  void readsWhatItBuilt() {
    OffsetDateTime time = OffsetDateTime.parse("2026-11-20T12:00:00-03:30");
    SnapshotSummary summary =
        new SnapshotSummary(
            time, time.plusSeconds(1), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, new JsonObject());
    Snapshot built =
        Snapshot.builder(time, TinyRepository.TREE_BLOB)
            .paths(List.of("/production"))
            .hostname("shop")
            .tags(List.of("stet", "env:production"))
            .programVersion("stet 0.1")
            .summary(summary)
            .build();
    Snapshot read = Snapshot.parse(ID, built.toJson());
    assertThat(read.time()).isEqualTo(time);
    assertThat(read.summary()).isEqualTo(summary);
    assertThat(read.programVersion()).isEqualTo("stet 0.1");
    assertThat(read.toJson()).isEqualTo(built.toJson());
    assertThat(text(read.toJson()))
        .startsWith("{\"time\":\"2026-11-20T12:00:00-03:30\",\"tree\":\"")
        .doesNotContain("uid", "parent");
  }

  @Test
  void takesMissingAndNullMembers() {
    String time = "{\"time\":\"2024-01-02T03:04:05Z\",";
    for (String rest :
        List.of(
            "",
            ",\"paths\":null,\"tags\":null,\"parent\":null,\"summary\":null,\"uid\":null",
            ",\"parent\":\"" + "0".repeat(64) + "\",\"original\":\"\",\"summary\":{}")) {
      Snapshot snapshot = Snapshot.parse(ID, utf8(time + TREE + rest + "}"));
      assertThat(snapshot.paths()).isEmpty();
      assertThat(snapshot.hostname()).isEmpty();
      assertThat(snapshot.parent()).isNull();
      assertThat(snapshot.original()).isNull();
      assertThat(text(snapshot.toJson())).startsWith(time + TREE + ",\"paths\":[]");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"time\":\"2024-01-02T03:04:05Z\"}",
        "{\"time\":\"2024-01-02T03:04:05Z\",\"tree\":null}",
        "{\"time\":\"2024-01-02T03:04:05Z\",\"tree\":"
            + "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
      })
  void refusesASnapshotWithoutATree(String json) {
    assertThatThrownBy(() -> Snapshot.parse(ID, utf8(json)))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED))
        .hasMessage("snapshot " + ID + ": it has no tree");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{" + TREE + "}",
        "{\"time\":\"2024-01-02T03:04Z\"," + TREE + "}",
        "{\"time\":\"2024-01-02T03:04:05Z\"," + TREE + ",\"paths\":\"/x\"}",
        "{\"time\":\"2024-01-02T03:04:05Z\"," + TREE + ",\"uid\":-1}",
        "{\"time\":\"2024-01-02T03:04:05Z\"," + TREE + ",\"uid\":1.0}",
        "{\"time\":\"2024-01-02T03:04:05Z\"," + TREE + ",\"tags\":[1]}",
        "{\"time\":\"2024-01-02T03:04:05Z\"," + TREE + ",\"parent\":\"x\"}",
        "{\"time\":\"2024-01-02T03:04:05Z\"," + TREE + ",\"x\":1e999}",
      })
  void refusesOtherText(String json) {
    assertThatThrownBy(() -> Snapshot.parse(ID, utf8(json)))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED))
        .hasMessageStartingWith("snapshot " + ID + ": ");
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      for (int i = 0; i < 10_000; i++) {
        try {
          Snapshot.parse(ID, Seeded.mutate(random, utf8(FULL))).toJson();
        } catch (RepositoryException e) {
          assertThat(e.problem()).isEqualTo(Problem.DAMAGED);
        }
      }
    });
  }
}
