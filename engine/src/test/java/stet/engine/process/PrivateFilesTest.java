package stet.engine.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Directory;
import stet.engine.posix.PosixPath;

class PrivateFilesTest {
  private static final byte[] LONG = "0".repeat(255).getBytes(StandardCharsets.US_ASCII);

  @Test
  void anInterruptIsToldAsSuch() {
    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(PrivateFiles::create)
          .isInstanceOfSatisfying(
              StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERRUPTED));
    } finally {
      Thread.interrupted();
    }
  }

  /** Makes directories deeper than a path may be long, and some that their owner may not change. */
  private static void fill(Path directory) throws IOException {
    Directory at = Directory.open(PosixPath.of(directory.toString()));
    for (int i = 0; i < 20; i++) {
      at.makeDirectory(LONG, 0700);
      Directory inner = at.openDirectory(LONG);
      at.close();
      at = inner;
    }
    at.create("file".getBytes(StandardCharsets.US_ASCII)).close();
    at.chmod(0500);
    at.close();
  }

  @Test
  void whatIsInIsRemovedWhateverItsDepthAndModes() throws IOException {
    PrivateFiles files = PrivateFiles.create();
    fill(files.directory());

    files.close();

    assertThat(files.directory()).doesNotExist();
  }

  /** Between the making of its lock and the locking anybody may take a directory for a leftover. */
  @Test
  void aDirectoryThatIsTakenForALeftoverIsMadeAnew() throws IOException {
    List<Path> made = new ArrayList<>();
    try (PrivateFiles files =
        PrivateFiles.create(
            PrivateFiles.OWNER_ONLY_DIRECTORY,
            directory -> {
              made.add(directory);
              if (made.size() == 1) {
                remove(directory);
              }
            })) {
      assertThat(made).hasSize(2);
      assertThat(files.directory()).isEqualTo(made.getLast());
      assertThat(files.write("file", "text")).hasContent("text");
    }
  }

  private static void remove(Path directory) {
    try {
      Files.delete(directory.resolve(".lock"));
      Files.delete(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void whatAKilledProcessLeftIsRemovedWhateverItsDepthAndModes() throws IOException {
    try (PrivateFiles living = PrivateFiles.create()) {
      Path left = Files.createTempDirectory(living.directory().getParent(), "stet-private-");
      Files.createFile(left.resolve(".lock"));
      fill(left);

      PrivateFiles.removeLeftovers();

      assertThat(left).doesNotExist();
      assertThat(living.directory()).exists();
    }
  }

  /** A process that does nothing but remove what others have left. */
  static final class Remover {
    private Remover() {}

    public static void main(String[] arguments) {
      System.out.println("removing");
      while (true) {
        PrivateFiles.removeLeftovers();
      }
    }
  }

  @Test
  void whatIsBeingMadeIsNotTakenForLeftBehind() throws Exception {
    Process remover =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "--enable-native-access=ALL-UNNAMED",
                Remover.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat(remover.inputReader().readLine()).isEqualTo("removing");
      for (int i = 0; i < 3000; i++) {
        try (PrivateFiles files = PrivateFiles.create()) {
          files.write("text", "text");
        }
      }
      assertThat(remover.isAlive()).isTrue();
    } finally {
      remover.destroyForcibly().waitFor();
    }
  }
}
