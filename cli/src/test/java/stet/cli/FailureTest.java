package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import stet.cli.output.Output;
import stet.cli.output.Terminal;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.json.JsonObject;

class FailureTest {
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  private String told(Failure failure, boolean json, Output.Level level) {
    Output output =
        new Output(
            OutputStream.nullOutputStream(),
            error,
            new Terminal(false, false, false, false),
            new Output.Style(json, level, false));
    failure.tell(output);
    return error.toString(StandardCharsets.UTF_8);
  }

  @Test
  void tellsFactAndHint() {
    Failure failure =
        Failure.of(new StetException(ErrorCode.SOURCE, "no server", "Start it."), false);

    assertThat(failure.code().exitStatus()).isEqualTo(21);
    assertThat(told(failure, false, Output.Level.NORMAL))
        .isEqualTo("stet: error: no server\nhint: Start it.\n");
  }

  @Test
  void givesTheRepositorysProblemsTheirCode() {
    Failure failure =
        Failure.of(new RepositoryException(Problem.WRONG_PASSWORD, "no key opens", null), false);

    assertThat(failure.code()).isEqualTo(ErrorCode.WRONG_PASSWORD);
    assertThat(JsonObject.parse(told(failure, true, Output.Level.NORMAL)).toString())
        .isEqualTo(
            "{\"error\":{\"code\":\"wrong-password\",\"message\":\"no key opens\",\"exit\":12}}");
  }

  @Test
  void blamesTheSignalForWhateverItCaused() {
    Failure failure = Failure.of(new IllegalStateException("half done"), true);

    assertThat(failure.code().exitStatus()).isEqualTo(130);
    assertThat(told(failure, false, Output.Level.NORMAL)).isEqualTo("stet: error: interrupted\n");
  }

  @Test
  void asksForAReportOfTheUnexpectedWithoutItsSecrets() {
    Failure failure =
        Failure.of(new IllegalStateException("cannot use postgresql://shop:s3cret@db/shop"), false);

    String text = told(failure, false, Output.Level.VERBOSE);

    assertThat(failure.code().exitStatus()).isEqualTo(1);
    assertThat(text)
        .startsWith(
            "stet: error: unexpected IllegalStateException: cannot use postgresql://shop:***@db/shop\n"
                + "hint: This is a fault in stet. Please report it ")
        .contains("\tat stet.cli.FailureTest")
        .doesNotContain("s3cret");
  }

  @Test
  void showsNoTraceUnlessAsked() {
    Failure failure = Failure.of(new IllegalStateException("x"), false);

    assertThat(told(failure, false, Output.Level.NORMAL)).doesNotContain("\tat ");
  }

  @Test
  void saysHowToGiveMoreMemory() {
    Failure failure = Failure.of(new OutOfMemoryError("Java heap space"), false);

    assertThat(failure.message()).matches("out of memory: \\d+ MiB are not enough");
    assertThat(failure.hint()).contains("STET_JAVA_OPTS");
  }
}
