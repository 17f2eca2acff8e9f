package stet.engine.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.ErrorCode;
import stet.engine.StetException;

@Timeout(120)
class ChildProcessTest {
  private static ChildProcess.Builder shell(String script) {
    return ChildProcess.of(Path.of("/bin/sh")).arguments("-c", script);
  }

  @Test
  void givesStandardOutputAndAnEmptyInput() {
    assertThat(shell("cat; printf %s \"$GREETING\"").environment(Map.of("GREETING", "héllo")).run())
        .isEqualTo("héllo");
  }

  @Test
  void passesInputAndKeepsUnwantedVariablesFromTheChild() throws Exception {
    try (ChildProcess child =
        shell("cat; echo ${PATH-none}").without("PATH"::equals).withInput().start()) {
      child.stdin().write("in".getBytes(StandardCharsets.UTF_8));
      child.stdin().close();
      assertThat(new String(child.stdout().readAllBytes(), StandardCharsets.UTF_8))
          .startsWith("in");
      child.finish();
    }
  }

  @Test
  void namesProgramStatusAndLastErrorLines() {
    assertThatThrownBy(() -> shell("seq 1 100 >&2; echo no such thing >&2; exit 3").run())
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageStartingWith("sh ended with exit status 3: 82\n")
        .hasMessageEndingWith("100\nno such thing");
  }

  @Test
  void namesTheSignalThatEndedTheProgram() {
    assertThatThrownBy(() -> shell("kill -9 $$").run()).hasMessage("sh was ended by signal KILL");
  }

  @Test
  void refusesAProgramThatIsNotThere() {
    assertThatThrownBy(() -> ChildProcess.of(Path.of("/no/such/program")).start())
        .hasMessage("cannot run /no/such/program: no such file or directory");
  }

  @Test
  void refusesAFileThatIsNoProgram(@TempDir Path directory) throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    assertThatThrownBy(() -> ChildProcess.of(file).start())
        .hasMessage("cannot run " + file + ": permission denied");
  }

  @Test
  void killsTheWholeFamilyWhenItsOwnerIsInterruptedWhileReading() throws Exception {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    AtomicReference<String> grandchild = new AtomicReference<>();
    Thread owner =
        new Thread(() -> {
          try (ChildProcess child = shell("sleep 1000 & echo $!; wait").start()) {
            StringBuilder line = new StringBuilder();
            for (int c = child.stdout().read(); c >= 0; c = child.stdout().read()) {
              if (c == '\n') {
                grandchild.set(line.toString());
              }
              line.append((char) c);
            }
            child.finish();
          } catch (Throwable e) {
            failure.set(e);
          }
        });
    owner.start();
    while (grandchild.get() == null) {
      Thread.sleep(10);
    }
    ProcessHandle sleeper = ProcessHandle.of(Long.parseLong(grandchild.get())).orElseThrow();
    owner.interrupt();
    owner.join();
    assertThat(failure.get())
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERRUPTED));
    sleeper.onExit().get(60, TimeUnit.SECONDS);
  }

  @Test
  void closingKillsAProgramThatStillRuns() throws Exception {
    ChildProcess child = shell("exec sleep 1000").start();
    child.close();
    assertThat(child.await()).isEqualTo(128 + 9);
  }

  @Test
  void privateFilesAreTheOwnersAloneAndGoAway() throws Exception {
    Path file;
    Path directory;
    try (PrivateFiles files = PrivateFiles.create()) {
      file = files.write("secret", "s3cret");
      directory = files.directory();
      assertThat(Files.readString(file)).isEqualTo("s3cret");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
          .isEqualTo("rw-------");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
          .isEqualTo("rwx------");
      Files.createDirectory(files.path("sub"));
      Files.writeString(files.path("sub").resolve("x"), "y");
    }
    assertThat(Files.exists(directory)).isFalse();
  }
}
