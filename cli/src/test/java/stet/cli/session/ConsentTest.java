package stet.cli.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.cli.output.Output;
import stet.cli.output.Terminal;
import stet.engine.ErrorCode;
import stet.engine.StetException;

class ConsentTest {
  private static final String FACT = "database \"shop\" is not empty";
  private static final String HINT = "Use --replace to replace it.";

  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  private Consent consent(String answer, boolean mayAsk) {
    return consent(new ByteArrayInputStream(answer.getBytes(StandardCharsets.UTF_8)), mayAsk);
  }

  private Consent consent(InputStream input, boolean mayAsk) {
    Output output =
        new Output(
            OutputStream.nullOutputStream(),
            error,
            new Terminal(true, true, true, true),
            new Output.Style(false, Output.Level.NORMAL, false));
    return new Consent(output, input, mayAsk);
  }

  @ParameterizedTest
  @ValueSource(strings = {"y\n", "yes\n", "Y\n", " YES \n", "y"})
  void goesOnAfterYes(String answer) {
    assertThatCode(() -> consent(answer, true).ask(FACT, "Replace it?", HINT))
        .doesNotThrowAnyException();

    assertThat(error.toString(StandardCharsets.UTF_8))
        .isEqualTo("Database \"shop\" is not empty. Replace it? [y/N] ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n", "n\n", "yess\n", "no\ny\n", ""})
  void refusesAfterAnythingElse(String answer) {
    StetException e =
        catchThrowableOfType(
            StetException.class, () -> consent(answer, true).ask(FACT, "Replace it?", HINT));

    assertThat(e.code()).isEqualTo(ErrorCode.REFUSED);
    assertThat(e.getMessage()).startsWith(FACT + ", and ");
  }

  @Test
  void refusesWithoutAsking() {
    StetException e =
        catchThrowableOfType(
            StetException.class, () -> consent("y\n", false).ask(FACT, "Replace it?", HINT));

    assertThat(e.code()).isEqualTo(ErrorCode.REFUSED);
    assertThat(e.getMessage()).isEqualTo(FACT);
    assertThat(e.hint()).isEqualTo(HINT);
    assertThat(error.size()).isZero();
  }

  @Test
  void asksForANameExactly() {
    assertThatCode(() -> consent("production\n", true).askName(FACT, "production", HINT))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> consent("Production\n", true).askName(FACT, "production", HINT))
        .hasMessage(FACT + ", and \"Production\" is not \"production\"");
  }

  @Test
  void stopsAskingWhenInterrupted() throws IOException {
    try (PipedInputStream never = new PipedInputStream(new PipedOutputStream())) {
      Thread.currentThread().interrupt();

      StetException e =
          catchThrowableOfType(
              StetException.class, () -> consent(never, true).ask(FACT, "Replace it?", HINT));

      assertThat(e.code()).isEqualTo(ErrorCode.INTERRUPTED);
      assertThat(Thread.interrupted()).isTrue();
    }
  }
}
