package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import stet.engine.ErrorCode;
import stet.engine.component.ComponentKind;
import stet.engine.component.Setting;

/** The manual says what the program does. */
class DocumentationTest {
  private static final Path DOCS = Path.of("../docs");

  private static String page(String name) throws IOException {
    return Files.readString(DOCS.resolve(name));
  }

  @Test
  void listsEveryErrorCodeWithItsStatus() throws IOException {
    List<String> documented =
        Pattern.compile("(?m)^\\| (\\d+) \\| `([a-z-]+)` \\|")
            .matcher(page("exit-codes.md"))
            .results()
            .map(row -> row.group(1) + " " + row.group(2))
            .toList();

    assertThat(documented)
        .containsExactlyElementsOf(
            Arrays.stream(ErrorCode.values())
                .map(code -> code.exitStatus() + " " + code.text())
                .toList());
  }

  @Test
  void listsEverySettingOfEveryKind() throws IOException {
    String page = page("configuration.md");

    for (ComponentKind kind : ServiceLoader.load(ComponentKind.class)) {
      if (!kind.getClass().getName().startsWith("stet.engine.")) {
        continue;
      }
      assertThat(page).contains("\n| `" + kind.key() + "` | `");
      for (Setting setting : kind.settings()) {
        assertThat(page).as(kind.key()).contains(" | `" + setting.key() + "` | ");
      }
    }
  }

  @Test
  void tellsOfTheSameDocumentsAsTheHelp() throws IOException {
    Map<String, List<String>> page = new JsonPage().texts();

    for (CommandLine verb : CommandTree.all(CommandTreeTest.root())) {
      String name = verb.getCommandSpec().qualifiedName().replaceFirst("^stet ?", "");
      List<String> documented = new ArrayList<>();
      page.forEach((command, documents) -> {
        if (command.equals(name) || command.startsWith(name + " -")) {
          documented.addAll(documents);
        }
      });
      String footer = String.join("", verb.getCommandSpec().usageMessage().footer());
      assertThat(footer.contains("JSON: ") ? documents(footer) : List.of())
          .as(name)
          .containsExactlyInAnyOrderElementsOf(new LinkedHashSet<>(documented));
    }
  }

  /** What stands in braces, those inside of others left in them. */
  private static List<String> documents(String text) {
    List<String> documents = new ArrayList<>();
    int depth = 0;
    int begin = 0;
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '{' && depth++ == 0) {
        begin = i;
      }
      if (text.charAt(i) == '}' && --depth == 0) {
        documents.add(text.substring(begin, i + 1));
      }
    }
    return documents;
  }

  @Test
  void showsAConfigurationThatIsValid(@TempDir Path directory) throws Exception {
    String example =
        Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL)
            .matcher(page("configuration.md"))
            .results()
            .map(block -> block.group(1))
            .findFirst()
            .orElseThrow();
    Path password = Files.writeString(directory.resolve("password"), "x");
    Files.writeString(
        directory.resolve("stet.yaml"),
        example.replace("/etc/stet/shop.password", password.toString()));

    Stet.Result result =
        new Stet(directory)
            .with("PREPROD_DATABASE_URL", "postgresql://pre@db/shop")
            .run("config", "validate");

    assertThat(result.status()).as(result.error()).isZero();
  }

  @Test
  void linksToPagesThatExist() throws IOException {
    List<Path> pages;
    try (var files = Files.list(DOCS)) {
      pages = files.filter(file -> file.toString().endsWith(".md")).toList();
    }
    for (Path page : pages) {
      List<String> links =
          Pattern.compile("\\]\\(([^)#:]+\\.md)[^)]*\\)")
              .matcher(Files.readString(page))
              .results()
              .map(link -> link.group(1))
              .toList();
      assertThat(links).as(page.toString()).allMatch(link -> Files.exists(DOCS.resolve(link)));
    }
  }
}
