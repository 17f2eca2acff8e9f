package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import stet.cli.output.Terminal;
import stet.cli.session.Session;
import stet.cli.session.Session.Surroundings;

class CommandTreeTest {
  private final CommandLine root = root();

  /** All verbs. */
  static CommandLine root() {
    return CommandTree.create(session());
  }

  /** One that reads and writes nothing. */
  private static Session session() {
    return new Session(
        new Surroundings(
            Map.of(),
            Path.of("/"),
            InputStream.nullInputStream(),
            OutputStream.nullOutputStream(),
            OutputStream.nullOutputStream(),
            new Terminal(false, false, false, false)),
        () -> {});
  }

  private static Set<String> verbsFor(String... arguments) {
    return CommandTree.create(session(), arguments).getSubcommands().keySet();
  }

  @Test
  void looksOnlyAtVerbsThatTheArgumentsMayMean() {
    assertThat(verbsFor("-c", "shop.yaml", "ls", "latest")).containsExactly("ls");
    assertThat(verbsFor("-c", "backup", "ls")).containsExactlyInAnyOrder("backup", "ls");
    assertThat(verbsFor("--help")).isEqualTo(root.getSubcommands().keySet());
    assertThat(verbsFor("l")).isEqualTo(root.getSubcommands().keySet());
  }

  @Test
  void describesEveryVerbAndOption() {
    for (CommandLine verb : CommandTree.all(root)) {
      String name = verb.getCommandSpec().qualifiedName();
      assertThat(verb.getCommandSpec().usageMessage().description()).as(name).isNotEmpty();
      verb.getCommandSpec()
          .options()
          .forEach(option ->
              assertThat(option.description()).as(name + " " + option.longestName()).isNotEmpty());
    }
  }

  @Test
  void givesEveryVerbTheGlobalOptions() {
    for (CommandLine verb : CommandTree.all(root)) {
      for (String option :
          List.of("-c", "--env", "--json", "-q", "-v", "--no-color", "--no-input", "--help")) {
        assertThat(verb.getCommandSpec().findOption(option))
            .as(verb.getCommandSpec().qualifiedName() + " " + option)
            .isNotNull();
      }
    }
  }

  @Test
  void showsEveryVerbInTheHelp() {
    String help = root.getUsageMessage();

    for (String verb : root.getSubcommands().keySet()) {
      assertThat(help).contains("\n  " + verb + " ");
    }
  }

  @Test
  void fitsEightyColumns() {
    for (CommandLine verb : CommandTree.all(root)) {
      assertThat(verb.getUsageMessage().lines())
          .as(verb.getCommandSpec().qualifiedName())
          .allMatch(line -> line.length() <= 80);
    }
  }
}
