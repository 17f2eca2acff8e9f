package stet.cli.output;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Which standard streams are a terminal.
 *
 * @param input whether standard input is one
 * @param output whether standard output is one
 * @param error whether standard error is one
 * @param ansi whether it understands control sequences
 */
public record Terminal(boolean input, boolean output, boolean error, boolean ansi) {
  private static final int DEFAULT_WIDTH = 80;

  /** The streams of this process. */
  public static Terminal ofProcess(Map<String, String> variables) {
    String type = variables.getOrDefault("TERM", "");
    return new Terminal(
        isTerminal(0), isTerminal(1), isTerminal(2), !type.isEmpty() && !type.equals("dumb"));
  }

  private static boolean isTerminal(int descriptor) {
    try {
      // Cheaper than a call of isatty, which needs the foreign-function machinery at every start.
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }

  /** The terminal's columns, or 80 if it does not say. */
  public int width() {
    if (!input && !error) {
      return DEFAULT_WIDTH;
    }
    try {
      Process process =
          new ProcessBuilder("stty", "size")
              .redirectInput(
                  input
                      ? ProcessBuilder.Redirect.INHERIT
                      : ProcessBuilder.Redirect.from(Path.of("/proc/self/fd/2").toFile()))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String size =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
      if (process.waitFor(1, TimeUnit.SECONDS) && size.matches("\\d{1,5} \\d{1,5}")) {
        int columns = Integer.parseInt(size.substring(size.indexOf(' ') + 1));
        return columns == 0 ? DEFAULT_WIDTH : columns;
      }
    } catch (IOException e) {
      return DEFAULT_WIDTH;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return DEFAULT_WIDTH;
  }
}
