package stet.cli.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResticTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`sftp foo@bar`                                  | sftp;foo@bar",
        "`'sftp -c foo' bar`                             | sftp -c foo;bar",
        "`s'ftp' user@host`                              | s;ftp;user@host",
        "`\"sftp -C 'foo\"`                              | sftp -C 'foo",
        "`ssh -i /path/to/key\\ x`                       | ssh;-i;/path/to/key;x",
        "`\"foo \\\" bar\" baz`                          | foo \\\" bar;baz"
      })
  void splitsCommandsLikeRestic(String command, String parts) throws Unusable {
    assertThat(Restic.split(command)).isEqualTo(List.of(parts.split(";")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`a 'b`   | single-quoted string not terminated",
        "`a \"b`  | double-quoted string not terminated",
        "`  `     | the command is empty"
      })
  void refusesWhatResticRefuses(String command, String message) {
    assertThat(catchThrowableOfType(Unusable.class, () -> Restic.split(command)).getMessage())
        .isEqualTo(message);
  }

  @Test
  void trimsWhatGoCallsSpace() {
    assertThat(Restic.trim(" \t\r\n\u00a0\u0085x y\u3000\u2028\n")).isEqualTo("x y");
    assertThat(Restic.trim("\u001cx\u200b")).isEqualTo("\u001cx\u200b");
    assertThat(Restic.trim(" \n ")).isEmpty();
  }
}
