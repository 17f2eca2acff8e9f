package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.cli.output.Terminal;
import stet.cli.session.Session;
import stet.cli.session.Session.Surroundings;
import stet.cli.session.Signals;

class SignalsTest {
  @TempDir Path directory;

  /** A program that waits for signals as a command does. */
  static final class Waiting {
    public static void main(String[] arguments) throws Exception {
      Surroundings surroundings =
          new Surroundings(
              Map.of(),
              Path.of("").toAbsolutePath(),
              new FileInputStream(FileDescriptor.in),
              new FileOutputStream(FileDescriptor.out),
              new FileOutputStream(FileDescriptor.err),
              new Terminal(false, false, false, false));
      Session session = new Session(surroundings, () -> Runtime.getRuntime().halt(130));
      Signals signals = session.signals();
      signals.install();
      Signals.Registration hangup =
          arguments[0].equals("locked") ? signals.ignoreHangup() : () -> {};
      CountDownLatch woken = new CountDownLatch(1);
      Signals.Registration wake =
          signals.onStop(() -> {
            session.output().message("woken");
            woken.countDown();
          });
      try {
        session.output().message("ready");
        Thread.sleep(60_000);
      } catch (InterruptedException e) {
        session.output().message("cleaning up, stopped " + signals.stopped());
        if (arguments[0].equals("stuck")) {
          Thread.sleep(60_000);
        }
        // A command may end before its actions ran, but what is told is to be seen.
        woken.await();
      } finally {
        wake.close();
        hangup.close();
      }
      System.exit(7);
    }
  }

  private Process start(String how) throws Exception {
    return new Stet(directory).start(Waiting.class.getName(), how);
  }

  private static void signal(Process process, String name) throws Exception {
    int status =
        new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid())).start().waitFor();
    assertThat(status).isZero();
  }

  private static BufferedReader messages(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM", "HUP"})
  void letsTheCommandCleanUpAtTheFirstSignal(String name) throws Exception {
    Stet.assumeHeard(name);
    Process process = start("free");
    BufferedReader messages = messages(process);
    assertThat(messages.readLine()).isEqualTo("ready");

    signal(process, name);

    assertThat(messages.lines()).containsExactlyInAnyOrder("woken", "cleaning up, stopped true");
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(7);
  }

  @Test
  void endsAtOnceAtTheSecondSignal() throws Exception {
    Process process = start("stuck");
    BufferedReader messages = messages(process);
    assertThat(messages.readLine()).isEqualTo("ready");
    signal(process, "TERM");
    assertThat(messages.readLine()).isNotNull();
    assertThat(messages.readLine()).isNotNull();

    signal(process, "TERM");

    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(130);
  }

  @Test
  void ignoresHangupWhileALockIsHeld() throws Exception {
    Process process = start("locked");
    BufferedReader messages = messages(process);
    assertThat(messages.readLine()).isEqualTo("ready");

    signal(process, "HUP");

    assertThat(process.waitFor(500, TimeUnit.MILLISECONDS)).isFalse();
    signal(process, "TERM");
    assertThat(messages.lines()).contains("cleaning up, stopped true");
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(7);
  }
}
