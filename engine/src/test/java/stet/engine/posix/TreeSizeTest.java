package stet.engine.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class TreeSizeTest {
  @RegisterExtension final TemporaryDirectory temporary = new TemporaryDirectory();

  private static byte[] name(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static Process shell(Path directory, String script) throws IOException {
    return new ProcessBuilder("sh", "-euc", script).directory(directory.toFile()).start();
  }

  private static String output(Path directory, String script) throws Exception {
    Process process = shell(directory, script);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    return output;
  }

  private static long measure(Path parent, String name) throws PosixException {
    try (Directory directory = Directory.open(PosixPath.of(parent.toString()))) {
      return TreeSize.measure(directory, name(name));
    }
  }

  @Test
  void countsWhatTheFileSystemHasAllocated() throws Exception {
    Path parent = temporary.path();
    output(
        parent,
        """
        mkdir top other; cd top
        head -c 3000000 /dev/zero >big; echo x >small; : >empty
        ln big second; ln small ../other/outside; ln -s ../other link; mkfifo pipe
        printf end | dd of=sparse bs=1 seek=50000000 2>/dev/null
        deep=.; i=0; while [ $i -lt 200 ]; do deep=$deep/deeper-than-that; i=$((i + 1)); done
        mkdir -p "$deep"; echo y >"$deep/end"
        printf odd >"$(printf 'line\\nfeed \\377')"
        head -c 100000 /dev/zero >../other/not-counted
        sync -f .
        """);

    long measured = measure(parent, "top");

    assertThat(measured)
        .isEqualTo(Long.parseLong(output(parent, "du -sxB1 top | cut -f1").strip()))
        .isBetween(3_000_000L, 10_000_000L);
  }

  @Test
  void whatVanishesMeanwhileCountsNothing() throws Exception {
    Path parent = temporary.path();
    Files.createDirectory(parent.resolve("top"));
    Process churn =
        shell(
            parent.resolve("top"),
            "while ! [ -e ../stop ]; do mkdir -p a/b c/d; : >a/b/f; : >c/f; rm -r a c; : >a; rm a; done");
    try {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
      while (System.nanoTime() < end) {
        assertThat(measure(parent, "top")).isNotNegative();
      }
    } finally {
      Files.createFile(parent.resolve("stop"));
      churn.waitFor();
    }
    assertThat(measure(parent, "none")).isZero();
  }

  @Test
  void whatCannotBeLookedAtIsAnError() throws Exception {
    assumeFalse(Accounts.self() == 0, "root may look at everything");
    Path parent = temporary.path();
    output(parent, "mkdir -p top/closed; chmod 0 top/closed");

    assertThatExceptionOfType(PosixException.class)
        .isThrownBy(() -> measure(parent, "top"))
        .withMessageContaining("top/closed: permission denied");
  }
}
