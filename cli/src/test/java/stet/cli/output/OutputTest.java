package stet.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import stet.cli.output.Output.Level;
import stet.cli.output.Output.Style;
import stet.repository.json.JsonObject;

class OutputTest {
  private static final Terminal NONE = new Terminal(false, false, false, false);
  private static final Terminal ALL = new Terminal(true, true, true, true);

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  private Output output(Terminal terminal, boolean json, Level level, boolean colour) {
    return new Output(out, error, terminal, new Style(json, level, colour));
  }

  private String written() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String told() {
    return error.toString(StandardCharsets.UTF_8);
  }

  @Test
  void separatesDataFromMessages() {
    Output output = output(NONE, false, Level.NORMAL, true);

    output.print("data é");
    output.message("message");
    output.warn("warning", "Do this.");
    output.flush();

    assertThat(written()).isEqualTo("data é\n");
    assertThat(told()).isEqualTo("message\nstet: warning: warning\nhint: Do this.\n");
  }

  @Test
  void tellsByLevel() {
    for (Level level : Level.values()) {
      Output output = output(NONE, false, level, false);
      output.message("message ");
      output.detail("detail ");
      output.warn("warning", null);
    }

    assertThat(told())
        .isEqualTo(
            "stet: warning: warning\n"
                + "message \nstet: warning: warning\n"
                + "message \ndetail \nstet: warning: warning\n");
  }

  @Test
  void writesOnlyDocumentsInJson() {
    Output output = output(ALL, true, Level.VERBOSE, true);

    output.document(new JsonObject().put("a", "b\n"));
    output.message("message");
    output.detail("detail");
    output.status("status");
    output.warn("warning", null);
    output.flush();

    assertThat(written()).isEqualTo("{\"a\":\"b\\n\"}\n");
    assertThat(told()).isEqualTo("{\"warning\":{\"message\":\"warning\"}}\n");
  }

  @Test
  void coloursOnlyATerminalThatMayBeColoured() {
    output(ALL, false, Level.NORMAL, true).error(List.of("x"), List.of());
    output(ALL, false, Level.NORMAL, false).error(List.of("x"), List.of());
    output(NONE, false, Level.NORMAL, true).error(List.of("x"), List.of());

    assertThat(told())
        .isEqualTo("\u001b[31mstet: error:\u001b[0m x\nstet: error: x\nstet: error: x\n");
  }

  @Test
  void escapesControlCharacters() {
    Output output = output(ALL, false, Level.NORMAL, false);

    output.print("a\u001b[2J\nb\u009b");
    output.message("a\u001b[2J\nb");
    output.flush();

    assertThat(written()).isEqualTo("a\\x1b[2J\\nb\\x9b\n");
    assertThat(told()).isEqualTo("a\\x1b[2J\nb\n");
  }

  @Test
  void keepsTheStatusLineBelowWhatIsTold() {
    Output output = output(ALL, false, Level.NORMAL, false);

    output.status("50 %");
    output.message("message");
    output.status(null);

    assertThat(told()).isEqualTo("50 %\r\u001b[Kmessage\n50 %\r\u001b[K");
  }

  @Test
  void showsNoStatusWithoutATerminal() {
    Output output = output(NONE, false, Level.NORMAL, false);

    output.status("50 %");

    assertThat(told()).isEmpty();
  }

  @Test
  void passesBytesThrough() {
    Output output = output(NONE, false, Level.NORMAL, false);
    byte[] bytes = {0, 27, (byte) 0xff, 10};

    output.data(bytes);
    output.flush();

    assertThat(out.toByteArray()).isEqualTo(bytes);
  }
}
