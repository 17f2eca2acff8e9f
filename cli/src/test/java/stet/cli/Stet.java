package stet.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import stet.repository.json.JsonObject;

/**
 * Runs the program in other processes: what is {@linkplain #start started} in one of its own, what
 * is {@linkplain #run run} to its end in one that serves many runs, see {@link ProgramHost}.
 */
final class Stet implements AutoCloseable {
  /** How a run ended. */
  record Result(int status, String output, String error) {
    JsonObject document() {
      return JsonObject.parse(output);
    }

    /** All documents of the output, one a line, and those of a list each for itself. */
    List<JsonObject> documents() {
      return output
          .lines()
          .flatMap(line ->
              line.startsWith("[")
                  ? JsonObject.parse("{\"list\":" + line + "}").objects("list").stream()
                  : Stream.of(JsonObject.parse(line)))
          .toList();
    }

    JsonObject errorDocument() {
      return JsonObject.parse(error).object("error");
    }

    /** This result, if the program ended well. */
    Result ok() {
      if (status != 0) {
        throw new AssertionError("ended with status " + status + ":\n" + error + output);
      }
      return this;
    }
  }

  /** How long any run may take, in seconds, on a machine that has much else to do. */
  private static final int PATIENCE = 240;

  /** Where the classes of the tests are. */
  private static final Path TEST_CLASSES = classes();

  private static Path classes() {
    try {
      return Path.of(Stet.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Held while {@link #host} runs the program. */
  private static final ReentrantLock RUNNING = new ReentrantLock();

  /** There is one at a time, for the test that ran the program last. */
  private static @Nullable ProgramHost host;

  private static @Nullable Stet hosted;

  private final Path directory;
  private final Map<String, String> variables = new HashMap<>();

  /** Runs in that directory. */
  Stet(Path directory) {
    this.directory = directory;
  }

  Stet with(String variable, String value) {
    variables.put(variable, value);
    close();
    return this;
  }

  /** Ends the process that runs the program, if there is one. */
  @Override
  public void close() {
    RUNNING.lock();
    try {
      if (host != null && hosted == this) {
        host.close();
        host = null;
      }
    } finally {
      RUNNING.unlock();
    }
  }

  Process start(String main, String... arguments) throws IOException {
    return startUnder(List.of(), main, arguments);
  }

  /**
   * The words before a program that make it a plain user's who may yet read everything, and so the
   * JDK and the classes, wherever they lie.
   */
  static List<String> plainUser(int id) {
    return List.of(
        "setpriv",
        "--reuid=" + id,
        "--regid=" + id,
        "--clear-groups",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
        "--bounding-set=-all,+dac_read_search");
  }

  /** Starts as the child of a program that runs another, such as {@code setsid}. */
  Process startUnder(List<String> program, String main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(program);
    command.addAll(command(main, arguments));
    return start(command);
  }

  /**
   * The words that run the program, or another class of the class path of the tests. In integration
   * tests the program is the packaged one, and starts as fast as by the launcher.
   */
  static List<String> command(String main, String... arguments) {
    List<String> command = new ArrayList<>(java());
    Path jar = Rehearsed.JAR;
    if (jar != null && main.equals("stet.cli.Main")) {
      command.addAll(Rehearsed.options(jar, ""));
    } else if (jar != null && main.equals("stet.cli.ProgramHost")) {
      command.addAll(Rehearsed.options(jar, File.pathSeparator + TEST_CLASSES));
    } else {
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    }
    command.add(main);
    command.addAll(List.of(arguments));
    return command;
  }

  private static List<String> java() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1", // start-up counts here, not throughput
        "-XX:+UseSerialGC",
        "-XX:+UseTransparentHugePages", // each first touch of a small one is a trap into the kernel
        "--enable-native-access=ALL-UNNAMED"); // as the launcher does
  }

  /** The packaged program with the JVM's notes of a rehearsal, made once for all test processes. */
  private static final class Rehearsed {
    /** In unit tests there is none yet, or an old one. */
    static final @Nullable Path JAR =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(Path::of)
            .filter(path -> path.endsWith("stet-cli.jar"))
            .findFirst()
            .orElse(null);

    static List<String> options(Path jar, String more) {
      return List.of("-XX:AOTCache=" + Notes.of(jar), "-Xlog:aot*=off", "-cp", jar + more);
    }

    private static final class Notes {
      private static @Nullable Path made;

      static synchronized Path of(Path jar) {
        if (made == null) {
          try {
            made = make(jar);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          } catch (InterruptedException e) {
            throw new AssertionError("interrupted while rehearsing", e);
          }
        }
        return made;
      }

      private static Path make(Path jar) throws IOException, InterruptedException {
        Path notes = jar.resolveSibling("tests.aot");
        try (FileChannel lock =
                FileChannel.open(
                    jar.resolveSibling("tests.aot.lock"),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE);
            FileLock held = lock.lock()) {
          assert held.isValid();
          if (Files.exists(notes)
              && Files.getLastModifiedTime(notes).compareTo(Files.getLastModifiedTime(jar)) > 0) {
            return notes;
          }
          Path stage = Files.createTempDirectory(jar.getParent(), "rehearsal");
          List<String> command = new ArrayList<>(java());
          command.add("-XX:AOTCacheOutput=" + notes);
          command.addAll(List.of("-cp", jar.toString(), "stet.cli.Rehearsal", stage.toString()));
          Process process =
              new ProcessBuilder(command)
                  .redirectErrorStream(true)
                  .redirectOutput(jar.resolveSibling("tests.aot.log").toFile())
                  .start();
          if (process.waitFor() != 0) {
            throw new AssertionError(
                "the rehearsal failed:\n" + Files.readString(jar.resolveSibling("tests.aot.log")));
          }
          return notes;
        }
      }
    }
  }

  /** Starts any program as the real one would be. */
  Process start(List<String> command) throws IOException {
    return builder(command).start();
  }

  private ProcessBuilder builder(List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    builder
        .environment()
        .keySet()
        .removeIf(name ->
            name.startsWith("STET_") || name.startsWith("RESTIC_") || name.startsWith("PG"));
    builder.environment().remove("DATABASE_URL");
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().putAll(variables);
    return builder;
  }

  /** Runs the program; in integration tests in a process that does so many times. */
  Result run(String... arguments) throws Exception {
    if (Rehearsed.JAR != null && RUNNING.tryLock()) {
      try {
        ProgramHost mine = host;
        if (mine == null || !mine.isAlive() || hosted != this) {
          if (mine != null) {
            mine.close();
          }
          mine =
              new ProgramHost(
                  builder(command(ProgramHost.class.getName()))
                      .redirectError(ProcessBuilder.Redirect.INHERIT)
                      .start());
          host = mine;
          hosted = this;
        }
        return mine.run(PATIENCE, arguments);
      } finally {
        RUNNING.unlock();
      }
    }
    Process process = start("stet.cli.Main", arguments);
    process.getOutputStream().close();
    return end(process);
  }

  /** Skips the test if this process, and so its children, were started with a signal ignored. */
  static void assumeHeard(String signal) throws IOException {
    int number =
        switch (signal) {
          case "HUP" -> 1;
          case "INT" -> 2;
          case "TERM" -> 15;
          default -> throw new IllegalArgumentException(signal);
        };
    String mask =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .findFirst()
            .orElseThrow()
            .substring("SigIgn:".length())
            .strip();
    assumeTrue(
        (Long.parseUnsignedLong(mask, 16) >>> (number - 1) & 1) == 0,
        "SIG"
            + signal
            + " is ignored by whoever started the tests, as nohup and shells' & do, and so by the"
            + " JVM");
  }

  /** Waits for a process whose output nobody reads. */
  static Result endWithoutOutput(Process process) throws Exception {
    String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), "", error);
  }

  static Result end(Process process) throws Exception {
    try (ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<byte[]> output = readers.submit(() -> process.getInputStream().readAllBytes());
      Future<byte[]> error = readers.submit(() -> process.getErrorStream().readAllBytes());
      if (!process.waitFor(PATIENCE, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError("the program did not end within " + PATIENCE + " s");
      }
      return new Result(
          process.exitValue(),
          new String(output.get(), StandardCharsets.UTF_8),
          new String(error.get(), StandardCharsets.UTF_8));
    }
  }
}
