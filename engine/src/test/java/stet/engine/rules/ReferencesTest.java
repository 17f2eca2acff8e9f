package stet.engine.rules;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ReferencesTest {
  private static Finding compare(List<String> values, List<String> files) throws Exception {
    Rule rule = RuleParser.parse("no dangling", "each t.file exists in media", at -> "");
    TreeSet<String> ordered =
        new TreeSet<>((a, b) -> Paths.compare(a.getBytes(UTF_8), b.getBytes(UTF_8)));
    ordered.addAll(values);
    try (References references =
        References.<RuntimeException>keep(
            rule,
            sink -> {
              for (String value : ordered) {
                long rows = values.stream().filter(value::equals).count();
                sink.accept(value.getBytes(UTF_8), rows, "row of " + value);
              }
            })) {
      TreeSet<String> existing = new TreeSet<>(ordered.comparator());
      existing.addAll(files);
      Iterator<String> paths = existing.iterator();
      return references.compare(() -> paths.hasNext() ? paths.next().getBytes(UTF_8) : null);
    }
  }

  @Test
  void findsValuesWithoutFilesAndFilesWithoutValues() throws Exception {
    Finding finding =
        compare(List.of("a/b", "a-b", "gone", "gone", "x"), List.of("a/b", "a-b", "a/c", "x", "y"));
    assertThat(finding.violations()).isEqualTo(2);
    assertThat(finding.examples()).containsExactly("row of gone: gone");
    assertThat(finding.orphans()).isEqualTo(new Finding.Orphans(2, List.of("a/c", "y")));
    assertThat(Finding.parse(finding.toJson())).isEqualTo(finding);
  }

  @Test
  void theHashTellsWhichValuesViolate() throws Exception {
    Finding one = compare(List.of("a", "b"), List.of("a"));
    assertThat(one.isSame(compare(List.of("b", "c"), List.of("c", "d")))).isTrue();
    assertThat(one.isSame(compare(List.of("a", "b"), List.of("b")))).isFalse();
    assertThat(one.isSame(compare(List.of("a", "b", "b"), List.of("a")))).isFalse();
  }

  @Test
  void agreesWithSetsWhateverThePaths() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    String[] names = {"a", "a-", "a0", "A", "é", "b", "-", "\u0001", " "};
    for (int round = 0; round < 300; round++) {
      List<String> values = paths(random, names);
      List<String> files = paths(random, names);
      Finding finding = compare(values, files);
      assertThat(finding.violations())
          .as("seed %d, round %d: %s in %s", seed, round, values, files)
          .isEqualTo(values.stream().filter(value -> !files.contains(value)).count());
      assertThat(finding.orphans().count())
          .as("seed %d, round %d", seed, round)
          .isEqualTo(Set.copyOf(files).stream().filter(file -> !values.contains(file)).count());
    }
  }

  private static List<String> paths(Random random, String[] names) {
    List<String> paths = new ArrayList<>();
    int count = random.nextInt(30);
    for (int i = 0; i < count; i++) {
      StringBuilder path = new StringBuilder(names[random.nextInt(names.length)]);
      while (random.nextInt(3) > 0) {
        path.append('/').append(names[random.nextInt(names.length)]);
      }
      paths.add(path.toString());
    }
    return paths;
  }
}
