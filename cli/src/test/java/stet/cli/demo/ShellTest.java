package stet.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShellTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"", "plain", "two words", "it's", "$HOME `id` \\ \"x\" !", "a\nb", "-n", "~"})
  void meansItselfInAShell(String word) throws Exception {
    Process shell =
        new ProcessBuilder("sh", "-c", "printf '%s' " + Shell.quote(word) + " end").start();

    String printed = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(printed).isEqualTo(word + "end");
  }

  @Test
  void leavesPlainWordsAsTheyAre() {
    assertThat(Shell.line("./stet", "-c", "my demo/stet.yaml", "backup"))
        .isEqualTo("./stet -c 'my demo/stet.yaml' backup");
  }
}
