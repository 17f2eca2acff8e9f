package stet.engine.postgres.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ObjectNamesTest {
  @Test
  void leavesOrdinaryNamesReadable() {
    assertThat(ObjectNames.directory("public", "knowledge-elements_2"))
        .isEqualTo("public.knowledge-elements_2");
    assertThat(ObjectNames.directory("Büro", "表")).isEqualTo("Büro.表");
  }

  @Test
  void encodesWhatSeparatesEscapesOrNeedsQuoting() {
    assertThat(ObjectNames.directory("a.b", "c")).isEqualTo("a%2Eb.c");
    assertThat(ObjectNames.directory("a", "b.c")).isEqualTo("a.b%2Ec");
    assertThat(ObjectNames.part("50% / 'x'\n\"\\")).isEqualTo("50%25%20%2F%20%27x%27%0A%22%5C");
    assertThat(ObjectNames.part("..")).isEqualTo("%2E%2E");
  }

  @Test
  void refusesAnEmptyName() {
    assertThatThrownBy(() -> ObjectNames.part("")).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void longNamesThatDifferOnlyAtTheEndStayApart() {
    String name = "%".repeat(62);
    assertThat(ObjectNames.part(name + "a")).isNotEqualTo(ObjectNames.part(name + "b"));
    assertThat(bytes(ObjectNames.part(name + "a"))).isLessThanOrEqualTo(ObjectNames.MAX_PART);
    assertThat(bytes(ObjectNames.part("é".repeat(200)))).isLessThanOrEqualTo(ObjectNames.MAX_PART);
  }

  @Test
  void neverMapsTwoTablesToOneDirectory() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    int[] alphabet = {'a', 'b', '.', '%', '/', '~', '2', 'E', '\n', ' ', 'é', '表', 0x1F600};
    Map<String, String> seen = new HashMap<>();
    for (int i = 0; i < 50_000; i++) {
      String schema = name(random, alphabet, i % 10 == 0 ? 63 : 3);
      String table = name(random, alphabet, i % 7 == 0 ? 63 : 3);
      String directory = ObjectNames.directory(schema, table);
      String before = seen.put(directory, schema + "\0" + table);
      assertThat(before == null || before.equals(schema + "\0" + table))
          .as("seed %d: %s", seed, directory)
          .isTrue();
      assertThat(bytes(directory)).as("seed %d", seed).isLessThanOrEqualTo(255);
      assertThat(directory).as("seed %d", seed).doesNotContain("/").doesNotContain("\n");
    }
  }

  private static String name(Random random, int[] alphabet, int longest) {
    StringBuilder name = new StringBuilder();
    int length = 1 + random.nextInt(longest);
    for (int i = 0; i < length; i++) {
      name.appendCodePoint(alphabet[random.nextInt(alphabet.length)]);
    }
    return name.toString();
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }
}
