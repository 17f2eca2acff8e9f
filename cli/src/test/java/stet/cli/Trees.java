package stet.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Directory trees to keep, made by a shell, since Java cannot make every name there may be. */
final class Trees {
  /** Runs in the new directory. */
  private static final String EVERYTHING =
      """
      set -eu
      umask 022
      mkdir -p one/two/three/four/five one/.hidden 'one/empty directory' sparse
      for d in . one one/two one/two/three one/two/three/four one/two/three/four/five; do
        printf 'a file in %s\\n' "$d" >"$d/file"; printf 'hidden' >"$d/.hidden-file"
      done
      printf 'in a hidden directory' >one/.hidden/file
      printf 'odd' >"$(printf 'line\\nfeed "quotes" '\\''single'\\'' \\\\back\\ttab')"
      printf 'odd' >"$(printf 'caf\\303\\251 \\360\\237\\230\\200')"
      printf 'odd' >"$(printf 'not UTF-8: \\377\\376')"
      printf 'odd' >' leading and trailing '
      printf 'odd' >'-rf; $(touch pwned) *'
      : >empty
      seq 1 300000 >numbers
      head -c 3000000 /dev/urandom >noise
      printf 'end' | dd of=sparse/holes bs=1 seek=20000000 2>/dev/null
      ln numbers one/second-name
      ln -s file link; ln -s /nonexistent/absolute dangling; ln -s one/two link-to-directory
      ln -s "$(printf 'target \\377')" 'odd link'
      mkfifo pipe
      chmod 0600 one/file; chmod 0444 one/two/file; chmod 4755 one/two/three/file; chmod 0000 empty
      chmod 0750 one; chmod 2775 one/two; chmod 1777 one/.hidden; chmod 0555 'one/empty directory'
      if [ "$(id -u)" = 0 ]; then
        chown 1234:5678 one/two/three/file one/.hidden; chmod 4755 one/two/three/file; chown -h 77:88 link
        chmod 1777 one/.hidden
      fi
      touch -h -d '2001-02-03 04:05:06.123456789 UTC' link
      touch -d '1969-07-20 20:17:40.000000001 UTC' file
      touch -d '2038-01-20 00:00:00.999999999 UTC' numbers
      touch -d '2020-02-29 12:00:00.5 UTC' one/two one/.hidden 'one/empty directory'
      """;

  private static final String DAMAGE =
      """
      set -eu
      chmod -R u+rwX one
      rm -rf one/two/three numbers noise link 'one/empty directory'
      printf 'corrupted' >file; printf 'X' | dd of=sparse/holes bs=1 seek=77 conv=notrunc 2>/dev/null
      printf 'new' >one/added; mkdir one/more; ln -s elsewhere link; chmod 0777 one; rm pipe; mkdir pipe
      """;

  private Trees() {}

  /** Makes a directory with a specimen of everything that a component of files keeps. */
  static void makeEverything(Path directory) throws IOException {
    shell("mkdir -p -- \"$1\"; cd -- \"$1\";" + EVERYTHING, directory.toString());
  }

  /** Deletes, changes, and adds entries of what {@link #makeEverything} made. */
  static void damage(Path directory) throws IOException {
    shell("cd -- \"$1\";" + DAMAGE, directory.toString());
  }

  /** Makes a directory with a number of plain files, their contents chosen by the seed. */
  static void makeMedia(Path directory, long seed, int count, int size) throws IOException {
    Files.createDirectories(directory);
    Random random = new Random(seed);
    for (int i = 0; i < count; i++) {
      byte[] bytes = new byte[1 + random.nextInt(2 * size)];
      random.nextBytes(bytes);
      Path folder = Files.createDirectories(directory.resolve("folder-" + i % 7));
      Files.write(folder.resolve("file-" + i), bytes);
    }
  }

  /** Runs a script, with arguments from {@code $1} on; it must end well. */
  static void shell(String script, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("sh", "-c", script, "sh"));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    try {
      if (process.waitFor() != 0) {
        throw new AssertionError("the script ended with " + process.exitValue() + ": " + text);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
