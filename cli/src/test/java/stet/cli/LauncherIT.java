package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Runs copies of the launcher, in directories of their own, on the jars of this build. */
class LauncherIT {
  private static final Path MODULE = Path.of("").toAbsolutePath();

  @TempDir Path directory;

  private Path checkout;
  private final Map<String, String> variables = new TreeMap<>();

  @BeforeEach
  void copy() throws IOException {
    directory = directory.toRealPath();
    checkout = directory.resolve("my 'own' checkout");
    Path target = Files.createDirectories(checkout.resolve("cli/target"));
    Files.createDirectory(checkout.resolve("scripts"));
    copyFromProject("stet");
    copyFromProject("scripts/find-jdk");
    copyFromProject("cli/target/stet-cli.jar");
    Files.createDirectory(target.resolve("lib"));
    try (Stream<Path> jars = Files.list(MODULE.resolve("target/lib"))) {
      for (Path jar : jars.toList()) {
        Files.copy(jar, target.resolve("lib").resolve(jar.getFileName()));
      }
    }
    variables.put("PATH", System.getenv("PATH"));
    variables.put("LC_ALL", "C.UTF-8");
  }

  private void copyFromProject(String file) throws IOException {
    Files.copy(
        MODULE.getParent().resolve(file),
        checkout.resolve(file),
        StandardCopyOption.COPY_ATTRIBUTES);
  }

  private Process start(Path launcher, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(launcher.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    builder.environment().clear();
    builder.environment().putAll(variables);
    return builder.start();
  }

  private Stet.Result run(String... arguments) throws Exception {
    return Stet.end(start(checkout.resolve("stet"), arguments));
  }

  /**
   * Makes the copy a checkout with sources, and a program mvn that does what {@code script} says.
   */
  private void makeBuildable(String script) throws IOException {
    Files.createDirectories(checkout.resolve("cli/src/main"));
    for (String file : List.of("pom.xml", "cli/pom.xml", "cli/src/main/A.java")) {
      Files.writeString(checkout.resolve(file), "");
      touch(checkout.resolve(file), -100);
    }
    touch(checkout.resolve("cli/target/stet-cli.jar"), -50);
    Path programs = Files.createDirectories(directory.resolve("bin"));
    program(programs.resolve("mvn"), script);
    variables.put("PATH", programs + ":" + System.getenv("PATH"));
  }

  private static void program(Path file, String script) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + script);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private static void touch(Path file, long seconds) throws IOException {
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(seconds)));
  }

  @Test
  void runsThroughSymbolicLinksFromAnyDirectory() throws Exception {
    Path programs = Files.createDirectory(directory.resolve("some bin"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), checkout.resolve("stet"));
    Path relative = Files.createSymbolicLink(programs.resolve("stet"), Path.of("../link"));

    Stet.Result result = Stet.end(start(relative, "version"));

    assertThat(link).isSymbolicLink();
    assertThat(result.error()).isEmpty();
    assertThat(result.output()).startsWith("stet ");
    assertThat(result.status()).isZero();
  }

  @Test
  void passesArgumentsAndStatusOn() throws Exception {
    Stet.Result result = run("version", "a  b'\"$HOME*");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error()).startsWith("stet: error: unexpected argument \"a  b'\"$HOME*\"\n");
  }

  @Test
  void saysInOneLineThatTheWorkingDirectoryIsGone() throws Exception {
    Path gone = Files.createDirectory(directory.resolve("gone"));
    Process process =
        new ProcessBuilder(
                "/bin/sh",
                "-c",
                "cd \"$1\" && rmdir \"$1\" && exec \"$0\" version",
                checkout.resolve("stet").toString(),
                gone.toString())
            .start();

    Stet.Result result = Stet.end(process);

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.output()).isEmpty();
    // The shell may tell it, too.
    assertThat(result.error().lines().filter(line -> !line.contains("getcwd")))
        .containsExactly("stet: error: the working directory is gone; change to another one");
  }

  @Test
  void becomesTheProgram() throws Exception {
    Path pipe = directory.resolve("pipe.yaml");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    Process process = start(checkout.resolve("stet"), "-c", "pipe.yaml", "config", "show");
    try {
      // Opening the other end waits until the program reads it.
      Files.writeString(pipe, "version: 2\n");
      assertThat(process.descendants()).isEmpty();
    } finally {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    }
    assertThat(process.exitValue()).isEqualTo(20);
  }

  @Test
  void saysInOneLineWhatToInstallWithoutAJdk() throws Exception {
    Path script = checkout.resolve("scripts/find-jdk");
    String elsewhere =
        Files.readString(script)
            .replace("/usr/lib/jvm", directory + "/none")
            .replace("/opt/j", directory + "/none/j");
    Files.writeString(script, elsewhere);
    Path programs = Files.createDirectory(directory.resolve("programs"));
    for (String name : List.of("dirname", "readlink", "grep")) {
      program(programs.resolve(name), "exec /usr/bin/" + name + " \"$@\"\n");
    }
    variables.put("PATH", programs.toString());

    Stet.Result result = run("version");

    assertThat(result.status()).isEqualTo(1);
    assertThat(result.output()).isEmpty();
    assertThat(result.error().lines())
        .singleElement()
        .asString()
        .startsWith("stet: error: no JDK 25 found in ")
        .contains("temurin-25-jdk");
  }

  @Test
  void takesNamesOutsideAsciiInTheLocaleC() throws Exception {
    variables.put("LC_ALL", "C");
    Path file = directory.resolve("\u00e9t\u00e9.yaml");
    Process make =
        new ProcessBuilder("touch", file.getFileName().toString())
            .directory(directory.toFile())
            .start();
    assertThat(make.waitFor()).isZero();
    assumeThat(Files.exists(file)).as("this JVM's locale can name %s", file).isTrue();

    Stet.Result result = run("-c", file.getFileName().toString(), "config", "show");

    assertThat(result.error()).startsWith("stet: error: \u00e9t\u00e9.yaml:1:1: ");
  }

  @Test
  void keepsStandardOutputCleanOfTheJvm() throws Exception {
    variables.put("STET_JAVA_OPTS", "-XX:SharedArchiveFile=/nonexistent -Xshare:auto");

    Stet.Result result = run("version", "--json");

    assertThat(result.document().has("version")).isTrue();
  }

  @Test
  void buildsWhatIsMissing() throws Exception {
    makeBuildable("cp saved.jar cli/target/stet-cli.jar\n");
    Files.move(checkout.resolve("cli/target/stet-cli.jar"), checkout.resolve("saved.jar"));

    Stet.Result first = run("version");
    Stet.Result second = run("version");

    assertThat(first.error())
        .startsWith("stet: building, because there is no build yet;")
        .hasLineCount(1);
    assertThat(first.output()).startsWith("stet ");
    assertThat(second.error()).isEmpty();
    assertThat(second.output()).isEqualTo(first.output());
  }

  @Test
  void buildsOnceWhenSourcesChanged() throws Exception {
    makeBuildable("exit 0\n");
    assertThat(run("version").error()).isEmpty();
    touch(checkout.resolve("cli/src/main/A.java"), -10);

    Stet.Result changed = run("version");
    Stet.Result after = run("version");

    assertThat(changed.error()).startsWith("stet: building, because sources have changed;");
    assertThat(after.error()).isEmpty();
  }

  @Test
  void showsWhyABuildFailed() throws Exception {
    makeBuildable("echo '[INFO] fine'; echo '[ERROR] A.java: broken'; exit 1\n");
    touch(checkout.resolve("cli/src/main/A.java"), -10);

    Stet.Result result = run("version");

    assertThat(result.status()).isEqualTo(1);
    assertThat(result.output()).isEmpty();
    assertThat(result.error())
        .contains("[ERROR] A.java: broken\n")
        .doesNotContain("[INFO]")
        .contains("stet: error: the build failed; all it said is in ");
  }

  @Test
  void keepsAndRestoresByVariablesAlone() throws Exception {
    PostgresServer server = PostgresServers.installed();
    Path home = directory.resolve("home");
    try (Site site = new Site(Files.createDirectory(directory.resolve("site")), server)) {
      String database = site.createDatabase("shop");
      Samples.shop(server, database);
      Path media = site.live("media");
      Trees.makeMedia(media, 2, 5, 1000);
      variables.put("HOME", home.toString());
      variables.put("STET_APP", "shop");
      variables.put("RESTIC_REPOSITORY", site.repository().toString());
      variables.put("RESTIC_PASSWORD", Site.PASSWORD);
      variables.put("DATABASE_URL", server.url(database));
      variables.put("STET_FILE_MEDIA", media.toString());

      Stet.Result misspelt = run("init");
      variables.put("STET_FILES_MEDIA", variables.remove("STET_FILE_MEDIA"));
      run("init").ok();
      run("backup").ok();
      FilesImage files = FilesImage.of(media);
      DatabaseImage rows = DatabaseImage.of(server, database);
      Files.writeString(media.resolve("new file"), "to be undone");
      server.execute(database, "create table to_be_undone ()");
      run("restore", "--replace").ok();

      assertThat(misspelt.status()).isEqualTo(20);
      assertThat(misspelt.error())
          .startsWith(
              "stet: error: STET_FILE_MEDIA: unknown variable; did you mean STET_FILES_MEDIA?");
      FilesImage.of(media).mustEqual(files);
      DatabaseImage.of(server, database).mustEqual(rows);
      JsonObject snapshot = run("snapshots", "--json").document().objects("snapshots").getFirst();
      assertThat(snapshot.string("hostname")).isEqualTo("shop");
      assertThat(snapshot.string("environment")).isEqualTo("default");
      assertThat(home).as("no lasting disk is needed").doesNotExist();
    }
  }
}
