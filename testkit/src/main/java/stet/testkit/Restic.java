package stet.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A stock restic on this machine: the one in {@code PATH}, and the newest one where {@code
 * STET_TEST_RESTIC_NEWEST} names it.
 *
 * @param program the program
 * @param version what it says it is, such as {@code restic 0.14.0}
 */
public record Restic(Path program, String version) {
  private static final String NEWEST = "STET_TEST_RESTIC_NEWEST";

  /** All that are there; possibly none. */
  public static List<Restic> installed() {
    Set<Path> programs = new LinkedHashSet<>();
    for (String directory : System.getenv().getOrDefault("PATH", "").split(":", -1)) {
      Path program = Path.of(directory, "restic");
      if (Files.isExecutable(program)) {
        programs.add(program);
        break;
      }
    }
    String newest = System.getenv(NEWEST);
    if (newest != null && !newest.isEmpty()) {
      programs.add(Path.of(newest));
    }
    List<Restic> found = new ArrayList<>();
    for (Path program : programs) {
      Result version = run(List.of(program.toString(), "version"), Path.of("."), "");
      String[] words = version.text().split(" ", 3);
      found.add(new Restic(program, words[0] + " " + words[1]));
    }
    return found;
  }

  /**
   * What a run printed.
   *
   * @param status exit status
   * @param output standard output
   * @param errors standard error
   */
  public record Result(int status, byte[] output, String errors) {
    public String text() {
      return new String(output, StandardCharsets.UTF_8);
    }

    /** The result, if the program ended well. */
    public Result orThrow() {
      if (status != 0) {
        throw new AssertionError("restic ended with " + status + ": " + errors + text());
      }
      return this;
    }
  }

  /** Runs restic on a repository. */
  public Result run(Path repository, String password, String... arguments) {
    List<String> command =
        new ArrayList<>(List.of(program.toString(), "-r", repository.toString()));
    command.addAll(List.of("--no-cache"));
    command.addAll(List.of(arguments));
    return run(command, repository, password);
  }

  private static Result run(List<String> command, Path directory, String password) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("RESTIC_PASSWORD", password);
    if (Files.isDirectory(directory)) {
      builder.directory(directory.toFile());
    }
    try {
      Path errors = Files.createTempFile("restic", ".err");
      Process process = builder.redirectError(errors.toFile()).start();
      process.getOutputStream().close();
      byte[] output;
      try (InputStream in = process.getInputStream()) {
        output = in.readAllBytes();
      }
      int status = process.waitFor();
      String text = Files.readString(errors, StandardCharsets.ISO_8859_1);
      Files.delete(errors);
      return new Result(status, output, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String toString() {
    return version;
  }
}
