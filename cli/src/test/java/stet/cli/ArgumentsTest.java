package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ArgumentsTest {
  private static byte[] commandLine(Object... words) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (Object word : words) {
      bytes.writeBytes(
          word instanceof byte[] raw ? raw : word.toString().getBytes(StandardCharsets.UTF_8));
      bytes.write(0);
    }
    return bytes.toByteArray();
  }

  @Test
  void lettersThatTheLocaleLacksAreRead() {
    assertThat(
            Arguments.exact(
                commandLine("java", "-cp", "é", "stet.cli.Main", "dump", "", "/café 🙂"),
                "dump",
                "",
                "/caf\ufffd\ufffd \ufffd\ufffd\ufffd\ufffd"))
        .containsExactly("dump", "", "/café 🙂");
  }

  @Test
  void bytesThatAreNotUtf8BecomeThePrintableForm() {
    byte[] odd = {'/', '\n', '\\', 'n', (byte) 0xff};
    assertThat(Arguments.exact(commandLine("java", "ls", odd), "ls", "/\n\\n\ufffd"))
        .containsExactly("ls", "/\\n\\\\n\\xff");
  }

  @Test
  void otherWordsThanTheProgramGotChangeNothing() {
    assertThat(Arguments.exact(commandLine("java"), "ls", "é")).containsExactly("ls", "é");
    assertThat(Arguments.exact(commandLine("java", "other", "è"), "ls", "é"))
        .containsExactly("ls", "é");
  }
}
