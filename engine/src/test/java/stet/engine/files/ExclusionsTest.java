package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ExclusionsTest {
  @Test
  void aPatternWithoutSlashIsHeldAgainstEveryName() {
    assertThat(excludes("*.tmp", "a.tmp")).isTrue();
    assertThat(excludes("*.tmp", "deep/down/a.tmp")).isTrue();
    assertThat(excludes("*.tmp", "a.tmp.txt")).isFalse();
    assertThat(excludes("cache", "x/cache")).isTrue();
    assertThat(excludes("cache", "cache2")).isFalse();
    assertThat(excludes("cache", "a-cache")).isFalse();
    assertThat(excludes(".*", ".hidden")).isTrue();
    assertThat(excludes("*", ".hidden")).isTrue();
  }

  @Test
  void aPatternWithSlashIsHeldAgainstThePath() {
    assertThat(excludes("/tmp", "tmp")).isTrue();
    assertThat(excludes("/tmp", "x/tmp")).isFalse();
    assertThat(excludes("thumbs/*.jpg", "thumbs/a.jpg")).isTrue();
    assertThat(excludes("thumbs/*.jpg", "x/thumbs/a.jpg")).isFalse();
    assertThat(excludes("thumbs/*.jpg", "thumbs/x/a.jpg")).isFalse();
  }

  @Test
  void twoStarsMatchAnyNumberOfDirectories() {
    assertThat(excludes("**/a", "a")).isTrue();
    assertThat(excludes("**/a", "x/y/a")).isTrue();
    assertThat(excludes("a/**/b", "a/b")).isTrue();
    assertThat(excludes("a/**/b", "a/x/y/b")).isTrue();
    assertThat(excludes("a/**/b", "x/a/b")).isFalse();
    assertThat(excludes("a/**", "a/x")).isTrue();
    assertThat(excludes("a/**", "a/x/y")).isTrue();
    assertThat(excludes("a/**", "a")).isFalse();
    assertThat(excludes("x**y", "xaby")).isTrue();
  }

  @Test
  void aSlashAtTheEndMeansDirectories() {
    Exclusions exclusions = Exclusions.parse(List.of("cache/"));
    assertThat(exclusions.excludes(path("x/cache"), true)).isTrue();
    assertThat(exclusions.excludes(path("x/cache"), false)).isFalse();
    assertThat(Exclusions.parse(List.of("a/b/")).excludes(path("a/b"), true)).isTrue();
    assertThat(Exclusions.parse(List.of("a/b/")).excludes(path("x/a/b"), true)).isFalse();
  }

  @Test
  void theLastPatternThatMatchesDecides() {
    List<String> patterns = List.of("*.log", "!keep.log", "/old/keep.log");
    assertThat(excludes(patterns, "a.log")).isTrue();
    assertThat(excludes(patterns, "keep.log")).isFalse();
    assertThat(excludes(patterns, "x/keep.log")).isFalse();
    assertThat(excludes(patterns, "old/keep.log")).isTrue();
  }

  @Test
  void charactersAreThoseOfUtf8() {
    assertThat(excludes("?", "é")).isTrue();
    assertThat(excludes("?", "🙂")).isTrue();
    assertThat(excludes("??", "é")).isFalse();
    assertThat(excludes("[à-ü]", "é")).isTrue();
    assertThat(excludes("[!à-ü]", "é")).isFalse();
    byte[] invalid = {'a', (byte) 0xff, 'b'};
    assertThat(Exclusions.parse(List.of("a?b")).excludes(List.of(Glob.characters(invalid)), false))
        .isTrue();
    assertThat(Exclusions.parse(List.of("aÿb")).excludes(List.of(Glob.characters(invalid)), false))
        .isFalse();
  }

  @Test
  void setsAndEscapes() {
    assertThat(excludes("[a-c]x", "bx")).isTrue();
    assertThat(excludes("[^a-c]x", "bx")).isFalse();
    assertThat(excludes("[]]", "]")).isTrue();
    assertThat(excludes("[a-]", "-")).isTrue();
    assertThat(excludes("[\\]]", "]")).isTrue();
    assertThat(excludes("\\*", "*")).isTrue();
    assertThat(excludes("\\*", "a")).isFalse();
    assertThat(excludes("\\!important", "!important")).isTrue();
    assertThat(excludes("#x", "#x")).isTrue();
    assertThat(excludes(" ", " ")).isTrue();
  }

  @Test
  void saysWhatIsWrongWithAPattern() {
    refuses("", "pattern \"\" names nothing");
    refuses("/", "pattern \"/\" names nothing");
    refuses("a//b", "pattern \"a//b\" has an empty name between two slashes");
    refuses("../x", "pattern \"../x\" has a name .., which no entry has");
    refuses("[a", "pattern \"[a\" has a [ without a ]");
    refuses("[a-", "pattern \"[a-\" has a [ without a ]");
    refuses("[z-a]", "pattern \"[z-a]\" has a range that runs backwards: z-a");
    refuses("a\\", "pattern \"a\\\" ends in a backslash");
  }

  /**
   * Against the definition, which takes exponential time: a star is nothing, or a character and a
   * star.
   */
  @Test
  void starsMatchAsDefined() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      String pattern = text(random, "ab*?", 7);
      String name = text(random, "ab", 7);
      assertThat(Glob.parse(pattern).matches(Glob.characters(bytes(name))))
          .as("seed %d, pattern %s, name %s", seed, pattern, name)
          .isEqualTo(matchesByDefinition(pattern, name));
    }
  }

  private static boolean matchesByDefinition(String pattern, String name) {
    if (pattern.isEmpty()) {
      return name.isEmpty();
    }
    char first = pattern.charAt(0);
    String rest = pattern.substring(1);
    if (first == '*') {
      return matchesByDefinition(rest, name)
          || (!name.isEmpty() && matchesByDefinition(pattern, name.substring(1)));
    }
    return !name.isEmpty()
        && (first == '?' || first == name.charAt(0))
        && matchesByDefinition(rest, name.substring(1));
  }

  private static String text(Random random, String alphabet, int maxLength) {
    StringBuilder text = new StringBuilder();
    for (int n = random.nextInt(maxLength + 1); n > 0; n--) {
      text.append(alphabet.charAt(random.nextInt(alphabet.length())));
    }
    return text.toString();
  }

  private static void refuses(String pattern, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Exclusions.parse(List.of(pattern)))
        .withMessage(message);
  }

  private static boolean excludes(String pattern, String path) {
    return excludes(List.of(pattern), path);
  }

  private static boolean excludes(List<String> patterns, String path) {
    return Exclusions.parse(patterns).excludes(path(path), false);
  }

  private static List<int[]> path(String path) {
    return Arrays.stream(path.split("/", -1)).map(name -> Glob.characters(bytes(name))).toList();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
