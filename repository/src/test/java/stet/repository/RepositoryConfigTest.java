package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import stet.repository.RepositoryException.Problem;

class RepositoryConfigTest {
  private static final byte[] RESTIC = TinyRepository.open("config");

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void readsAndWritesResticsFile() {
    RepositoryConfig config = RepositoryConfig.parse(RESTIC);
    assertThat(config.version()).isEqualTo(2);
    assertThat(config.id())
        .isEqualTo("f4386f1f9a52dc15013b003835221e4c212340d13c16acba6553c296c35341af");
    assertThat(config.chunkerPolynomial()).hasToString("2d5f9dbaed39ad");
    assertThat(config.isAppendOnly()).isFalse();
    assertThat(config.isHot()).isFalse();
    assertThat(config.toBytes()).isEqualTo(RESTIC);
  }

  @Test
  void keepsWhatRusticAdds() {
    String text =
        new String(RESTIC, StandardCharsets.UTF_8)
            .replace("}", ",\"append_only\":true,\"is_hot\":true,\"treepack_size\":4194304}");
    RepositoryConfig config = RepositoryConfig.parse(utf8(text));
    assertThat(config.isAppendOnly()).isTrue();
    assertThat(config.isHot()).isTrue();
    config.others().put("treepack_size", 1);
    assertThat(new String(config.toBytes(), StandardCharsets.UTF_8)).isEqualTo(text);
  }

  @Test
  void createsOnesThatCanBeRead() {
    RepositoryConfig created = RepositoryConfig.create();
    assertThat(RepositoryConfig.parse(created.toBytes())).isEqualTo(created);
    assertThat(RepositoryConfig.create().id()).isNotEqualTo(created.id());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\u0001',
      value = {
        "\"version\":2 | \"version\":3 | UNSUPPORTED",
        "\"version\":2 | \"version\":0 | UNSUPPORTED",
        "\"version\":2 | \"version\":\"2\" | DAMAGED",
        "\"version\" | \"versio\" | DAMAGED",
        "\"f4386f | \"../.. | DAMAGED",
        "2d5f9dbaed39ad | 2d5f9dbaed39ac | DAMAGED",
        "2d5f9dbaed39ad | 7 | DAMAGED",
        "2d5f9dbaed39ad | zz | DAMAGED",
        "2d5f9dbaed39ad | 800000000000001b | DAMAGED",
        "} | | DAMAGED",
      })
  void refusesOthers(String part, String replacement, Problem problem) {
    String text =
        new String(RESTIC, StandardCharsets.UTF_8)
            .replace(part, replacement == null ? "" : replacement);
    assertThatThrownBy(() -> RepositoryConfig.parse(utf8(text)))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(problem));
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      for (int i = 0; i < 5_000; i++) {
        try {
          RepositoryConfig.parse(Seeded.mutate(random, RESTIC)).toBytes();
        } catch (RepositoryException e) {
          assertThat(e.problem()).isIn(Problem.DAMAGED, Problem.UNSUPPORTED);
        }
      }
    });
  }
}
