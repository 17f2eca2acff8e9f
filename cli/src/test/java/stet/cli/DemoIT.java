package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.StetException;
import stet.engine.postgres.archive.PostgresTools;

/** Runs the demo from the jars of this build, in directories of their own. */
class DemoIT {
  private static final Path MODULE = Path.of("").toAbsolutePath();
  private static final Pattern HASH = Pattern.compile("(?m)^([0-9a-f]{64}) +-$");
  private static final int NOBODY = 65534;
  private static final int MINUTES = 10;

  @TempDir Path directory;

  private Path jars;
  private Path work;
  private final List<Process> started = new ArrayList<>();
  private final Map<String, String> variables = new TreeMap<>();
  private List<String> prefix = List.of();
  private List<String> options = List.of();

  @BeforeEach
  void prepare() throws IOException {
    try {
      PostgresTools.find(null, 13);
    } catch (StetException e) {
      abort("skipped: " + e.getMessage());
    }
    directory = directory.toRealPath();
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    jars = Files.createDirectories(directory.resolve("jars/lib")).getParent();
    Files.copy(MODULE.resolve("target/stet-cli.jar"), jars.resolve("stet-cli.jar"));
    try (Stream<Path> libraries = Files.list(MODULE.resolve("target/lib"))) {
      for (Path library : libraries.toList()) {
        Files.copy(library, jars.resolve("lib").resolve(library.getFileName()));
      }
    }
    work = Files.createDirectory(directory.resolve("work"));
    variables.put("PATH", System.getenv("PATH"));
    variables.put("HOME", System.getProperty("user.home"));
    variables.put("LC_ALL", "C.UTF-8");
  }

  @AfterEach
  void endWhatIsLeft() throws Exception {
    for (Process process : started) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
    }
    for (long pid : running()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  /** The processes that have anything of this test in their command line. */
  private List<Long> running() {
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      return processes
          .filter(process -> process.getFileName().toString().matches("[0-9]+"))
          .filter(process -> {
            try {
              return Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1)
                  .contains(directory.toString());
            } catch (IOException e) {
              return false; // it has ended
            }
          })
          .map(process -> Long.valueOf(process.getFileName().toString()))
          .filter(pid -> pid != ProcessHandle.current().pid())
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Process start(List<String> command, Path output, Path error) throws IOException {
    List<String> all = new ArrayList<>(prefix);
    all.addAll(command);
    ProcessBuilder builder =
        new ProcessBuilder(all)
            .directory(work.toFile())
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(output.toFile())
            .redirectError(error.toFile());
    builder.environment().clear();
    builder.environment().putAll(variables);
    Process process = builder.start();
    started.add(process);
    return process;
  }

  private Path output() {
    return directory.resolve("output");
  }

  private Path error() {
    return directory.resolve("error");
  }

  private Process startStet(String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xmx384m"));
    command.addAll(options);
    command.addAll(List.of("-cp", jars.resolve("stet-cli.jar").toString(), "stet.cli.Main"));
    command.addAll(List.of(arguments));
    return start(command, output(), error());
  }

  private Stet.Result end(Process process) throws Exception {
    assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).as("ends").isTrue();
    return new Stet.Result(
        process.exitValue(), Files.readString(output()), Files.readString(error()));
  }

  private Stet.Result run(String... arguments) throws Exception {
    return end(startStet(arguments));
  }

  private Stet.Result demo(String... arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of("demo"));
    all.addAll(List.of(arguments));
    Stet.Result result = run(all.toArray(String[]::new));
    assumeServerIsThere(result);
    assertThat(result.status()).as(result.error()).isZero();
    awaitNothingRuns();
    return result;
  }

  private static void assumeServerIsThere(Stet.Result result) {
    assumeTrue(
        result.status() != 21 || !result.error().contains("Maven"),
        () -> "skipped: the demo's server is not to be had: " + result.error());
  }

  private Stet.Result shell(String script) throws Exception {
    Path file = Files.writeString(directory.resolve("by-hand.sh"), script);
    return end(start(List.of("sh", "-e", file.toString()), output(), error()));
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waits for " + what).isLessThan(deadline);
      Thread.sleep(50);
    }
  }

  /** What kept a server is there for a moment more. */
  private void awaitNothingRuns() throws InterruptedException {
    await("nothing to run any more", () -> running().isEmpty());
  }

  private void awaitStep(Process process, String title) throws Exception {
    await(
        title,
        () -> {
          try {
            return !process.isAlive() || Files.readString(error()).contains(title);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    if (!process.isAlive()) {
      assumeServerIsThere(end(process));
    }
    assertThat(process.isAlive()).as(Files.readString(error())).isTrue();
  }

  @Test
  void tellsTheWholeWayAndHowToRepeatIt() throws Exception {
    // Variables that would lead the commands elsewhere.
    variables.put("RESTIC_REPOSITORY", directory.resolve("elsewhere").toString());
    variables.put("RESTIC_PASSWORD", "another");
    variables.put("STET_CONFIG", "another.yaml");
    variables.put("PGHOSTADDR", "192.0.2.1");
    variables.put("PGPASSWORD", "another");
    variables.put("PGPORT", "1");

    Stet.Result told = demo();

    assertThat(told.error())
        .contains("1. A PostgreSQL server of its own\n")
        .contains("lines of pg_dump")
        .contains("different\n")
        .contains("\nEverything is back: rows and files are equal to what was there.")
        .doesNotContain("warning");
    assertThat(directory.resolve("elsewhere")).doesNotExist();

    Stet.Result byHand = shell(told.output());

    assertThat(byHand.status()).as(byHand.error()).isZero();
    awaitNothingRuns();
    List<String> hashes =
        HASH.matcher(byHand.output()).results().map((MatchResult m) -> m.group(1)).toList();
    assertThat(hashes).hasSize(6);
    assertThat(told.output())
        .contains("the first line is " + hashes.get(0).substring(0, 16) + "...");
    assertThat(hashes.subList(4, 6)).isEqualTo(hashes.subList(0, 2));
    assertThat(hashes.get(2)).isNotEqualTo(hashes.get(0));
    assertThat(hashes.get(3)).isNotEqualTo(hashes.get(1));

    // Again, over a demo with a running server and things of the user's in it.
    Path demo = work.resolve("stet-demo");
    String oldPassword = Files.readString(demo.resolve("password"));
    Files.writeString(demo.resolve("mine"), "");
    assertThat(shell("stet-demo/start\nstet-demo/start\n").status()).isZero();
    assertThat(running()).isNotEmpty();

    Stet.Result document = demo("--json");

    new JsonPage().printed("demo", document.document());
    assertThat(document.error()).isEmpty();
    assertThat(document.document().flag("equal", false)).isTrue();
    assertThat(document.document().object("shop").integer("rows")).isGreaterThan(100_000);
    assertThat(document.document().objects("steps"))
        .filteredOn(step -> step.has("result") && step.object("result").has("snapshot_id"))
        .as("backup and restore of one snapshot")
        .hasSize(2)
        .extracting(step -> step.object("result").string("snapshot_id"))
        .allMatch(id -> id.matches("[0-9a-f]{64}"));
    assertThat(demo.resolve("mine")).doesNotExist();
    assertThat(Files.readString(demo.resolve("password"))).isNotEqualTo(oldPassword);
    assertThat(Files.getPosixFilePermissions(demo.resolve("password")))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void runsAsAPlainUserToo() throws Exception {
    assumeTrue(
        Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0),
        "skipped: only root becomes another user, and the other tests run as this one");
    assumeTrue(
        System.getProperty("java.home").startsWith("/usr/")
            || System.getProperty("java.home").startsWith("/opt/"),
        "skipped: other users cannot run the JDK in " + System.getProperty("java.home"));
    Path home = Files.createDirectory(directory.resolve("home"));
    copyServers(home);
    own(home);
    own(work);
    prefix = List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups", "--");
    options = List.of("-Duser.home=" + home);
    variables.put("HOME", home.toString());
    variables.put("MAVEN_OPTS", "-Duser.home=" + home);

    demo();

    assertThat(Files.getAttribute(work.resolve("stet-demo/server/data"), "unix:uid"))
        .isEqualTo(NOBODY);
  }

  /** Spares another home the download. */
  private static void copyServers(Path home) throws IOException {
    Path servers = Path.of(".m2/repository/io/zonky/test/postgres");
    Path from = Path.of(System.getProperty("user.home")).resolve(servers);
    if (!Files.isDirectory(from)) {
      return;
    }
    try (Stream<Path> walk = Files.walk(from)) {
      for (Path path : walk.filter(file -> file.toString().endsWith(".jar")).toList()) {
        Path to = home.resolve(servers).resolve(from.relativize(path));
        Files.createDirectories(to.getParent());
        Files.copy(path, to, StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
  }

  private static void own(Path directory) throws IOException {
    try (Stream<Path> walk = Files.walk(directory)) {
      for (Path path : walk.toList()) {
        Files.setAttribute(path, "unix:gid", NOBODY);
        Files.setAttribute(path, "unix:uid", NOBODY);
      }
    }
  }

  @Test
  void needsNoDirectoryThatOthersMayEnter() throws Exception {
    Files.setPosixFilePermissions(work, PosixFilePermissions.fromString("rwx------"));
    // A name that shells and PostgreSQL's own programs stumble over.
    String name = "my \"$HOME\" it's";

    Stet.Result told = demo("-q", "--directory", name);

    assertThat(told.error()).isEmpty();
    Path server = work.resolve(name).resolve("server");
    assertThat(server).isSymbolicLink();
    Path elsewhere = server.toRealPath();
    Stet.Result started =
        shell(told.output().lines().filter(line -> line.endsWith("/start'")).findFirst().get());
    assertThat(started.status()).as(started.error()).isZero();
    assertThat(Files.exists(elsewhere.resolve("data/postmaster.pid"))).isTrue();
    Stet.Result stopped =
        shell(told.output().lines().filter(line -> line.endsWith("/stop'")).findFirst().get());
    assertThat(stopped.status()).as(stopped.error()).isZero();
    assertThat(Files.exists(elsewhere.resolve("data/postmaster.pid"))).isFalse();

    String remove = told.output().lines().reduce((first, last) -> last).get();
    shell(remove.substring(remove.indexOf("rm -rf ")));
    assertThat(elsewhere).doesNotExist();
    assertThat(work).isEmptyDirectory();
  }

  @Test
  void refusesADirectoryThatHoldsNoDemo() throws Exception {
    Path other = Files.createDirectory(work.resolve("other"));
    Files.writeString(other.resolve("precious"), "");

    Stet.Result result = run("demo", "--directory", "other");

    assertThat(result.status()).isEqualTo(24);
    assertThat(result.error())
        .isEqualTo(
            """
            stet: error: the directory %s is not empty and holds no demo
            hint: Name another one with --directory, or empty it.
            """
                .formatted(other));
    assertThat(other).isDirectoryContaining(path -> path.endsWith("precious"));
    try (Stream<Path> entries = Files.list(other)) {
      assertThat(entries).hasSize(1);
    }
  }

  @Test
  void leavesNothingRunningWhenAskedToStop() throws Exception {
    Process process = startStet("demo");
    awaitStep(process, "A backup of database and files");

    process.destroy();

    requireInterrupted(end(process));
  }

  /** A terminal sends the signal to all that runs in it, not to the program alone. */
  @Test
  void leavesNothingRunningWhenInterruptedAtATerminal() throws Exception {
    Stet.assumeHeard("INT");
    prefix = List.of("setsid");
    Process process = startStet("demo");
    awaitStep(process, "A backup of database and files");

    Trees.shell("kill -INT -\"$1\"", Long.toString(process.pid()));

    requireInterrupted(end(process));
  }

  private void requireInterrupted(Stet.Result result) throws InterruptedException {
    assertThat(result.status()).as(result.error()).isEqualTo(130);
    assertThat(result.error()).endsWith("stet: error: interrupted\n");
    awaitNothingRuns();
    assertThat(work.resolve("stet-demo/server/data/postmaster.pid")).doesNotExist();
  }

  @Test
  void leavesNothingRunningWhenKilled() throws Exception {
    Process process = startStet("demo");
    awaitStep(process, "A web shop");
    assertThat(running()).isNotEmpty();

    process.destroyForcibly().waitFor();

    awaitNothingRuns();
    assertThat(work.resolve("stet-demo/server/data/postmaster.pid")).doesNotExist();
  }

  private static void program(Path file, String script) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + script);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  @Test
  void saysWhatToDoWithoutMaven() throws Exception {
    Path programs = Files.createDirectory(directory.resolve("programs"));
    program(programs.resolve("rm"), "exec /bin/rm \"$@\"\n");
    variables.put("PATH", programs.toString());
    variables.put("HOME", directory.toString());
    options = List.of("-Duser.home=" + directory);

    Stet.Result without = run("demo");

    assertThat(without.status()).isEqualTo(21);
    assertThat(without.error())
        .contains("is not in the local Maven repository, and Maven is not there to fetch it\n")
        .endsWith("hint: Install the package maven.\n");

    program(
        programs.resolve("mvn"),
        "echo '[INFO] x'; echo '[ERROR] Unknown host repo.example'; exit 1\n");

    Stet.Result failing = run("demo");

    assertThat(failing.status()).isEqualTo(21);
    assertThat(failing.error())
        .contains("stet: error: Maven cannot fetch the demo's server, io.zonky.test.postgres:")
        .contains(": Unknown host repo.example\nhint: It comes from Maven Central");
    awaitNothingRuns();
  }
}
