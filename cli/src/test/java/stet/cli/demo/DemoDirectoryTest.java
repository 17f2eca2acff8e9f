package stet.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.ErrorCode;
import stet.engine.StetException;

class DemoDirectoryTest {
  @TempDir Path temporary;
  private Path wanted;

  @BeforeEach
  void resolve() throws IOException {
    temporary = temporary.toRealPath();
    wanted = temporary.resolve("a/demo");
  }

  @Test
  void takesADirectoryThatIsNotThereOrEmpty() throws IOException {
    DemoDirectory.claim(wanted).close();
    assertThat(wanted).isDirectory();

    Path empty = Files.createDirectory(temporary.resolve("empty"));
    DemoDirectory.claim(empty).close();
    assertThat(empty.resolve(DemoDirectory.MARKER)).isRegularFile();
  }

  @Test
  void emptiesWhatHeldADemoWithoutFollowingLinks() throws IOException {
    Path outside = Files.createDirectory(temporary.resolve("outside"));
    Files.writeString(outside.resolve("precious"), "");
    try (DemoDirectory demo = DemoDirectory.claim(wanted)) {
      demo.write("file", "");
      Files.createSymbolicLink(demo.resolve("link"), outside);
      Files.createSymbolicLink(demo.resolve(DemoServer.DIRECTORY), outside);
    }

    DemoDirectory.claim(wanted).close();

    assertThat(wanted).isDirectoryNotContaining(path -> !path.endsWith(DemoDirectory.MARKER));
    assertThat(outside.resolve("precious")).exists();
  }

  @Test
  void refusesWhatHeldNone() throws IOException {
    Files.createDirectories(wanted);
    Files.writeString(wanted.resolve("precious"), "");

    assertThatThrownBy(() -> DemoDirectory.claim(wanted))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.REFUSED));
    assertThat(wanted.resolve("precious")).exists();
  }

  @Test
  void isOneDemosAtATime() {
    try (DemoDirectory demo = DemoDirectory.claim(wanted)) {
      demo.write("file", "");
      assertThatThrownBy(() -> DemoDirectory.claim(wanted))
          .isInstanceOfSatisfying(
              StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.LOCKED));
      assertThat(demo.resolve("file")).exists();
    }
    DemoDirectory.claim(wanted).close();
  }

  @Test
  void isNamedAsTheUserWouldNameIt() {
    try (DemoDirectory demo = DemoDirectory.claim(wanted)) {
      assertThat(demo.shown(temporary, "pg")).isEqualTo("a/demo/pg");
      assertThat(demo.shown(temporary, "")).isEqualTo("a/demo");
      assertThat(demo.shown(wanted, "pg")).isEqualTo("./pg");
      assertThat(demo.shown(Path.of("/usr"), "pg")).isEqualTo(wanted + "/pg");
    }
  }
}
