package stet.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a directory tree is, as find(1) and sha256sum(1) see it: type, mode, owner, modification
 * time to the nanosecond, links, size, device and content of everything in it, by path. The
 * programs rather than Java or Stet's own code, because names may be any bytes and the judge should
 * be another.
 *
 * @param lines a line for each entry, sorted
 */
record FilesImage(List<String> lines) {
  private static final String LIST =
      """
      cd -- "$1" || exit 1
      find . \\( -type d -printf '%P|%y|%m|%U:%G|%T@\\0' \\) -o -printf '%P|%y|%m|%U:%G|%T@|%n|%s|%l\\0'
      printf '=\\0'
      find . \\( -type b -o -type c \\) -exec stat --printf '%n|%t:%T\\0' -- {} +
      find . -type f -exec sha256sum -z -- {} +
      """;

  static FilesImage of(Path directory) {
    return new FilesImage(list(directory));
  }

  private static List<String> list(Path directory) {
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", LIST, "sh", directory.toString());
    builder.environment().put("LC_ALL", "C");
    try {
      Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
      process.getOutputStream().close();
      String text =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      if (process.waitFor() != 0) {
        throw new AssertionError("cannot list " + directory);
      }
      List<String> lines = new ArrayList<>(Arrays.asList(text.split("\0", -1)));
      lines.sort(null);
      return lines;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** The same without the lines of the top directory itself, whose time its parent's user sets. */
  FilesImage withoutTop() {
    return new FilesImage(lines.stream().filter(line -> !line.startsWith("|d|")).toList());
  }

  /** The same without the lines that match. */
  FilesImage without(String pattern) {
    return new FilesImage(lines.stream().filter(line -> !line.matches("(?s)" + pattern)).toList());
  }

  /** Fails, showing what differs, unless the other is equal. */
  void mustEqual(FilesImage expected) {
    Lines.mustEqual("files", lines, expected.lines);
  }

  @Override
  public String toString() {
    return lines.size() + " lines with hash " + lines.hashCode();
  }
}
