package stet.engine.postgres.archive;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.process.ChildProcess;
import stet.engine.process.PrivateFiles;

/**
 * PostgreSQL's own client programs: found in a configured directory, {@code PATH}, then {@code
 * /usr/lib/postgresql/*}{@code /bin}. Of those at least as new as the server the first of a
 * configured directory is taken, else the newest.
 */
public final class PostgresTools {
  private static final Pattern VERSION =
      Pattern.compile("\\(PostgreSQL\\)\\s+(\\d+)(?:\\.(\\d+))?");

  private static final int OLDEST = 10;

  /** Versions by program path: a program is not asked twice. */
  private static final Map<Path, Integer> VERSIONS = new ConcurrentHashMap<>();

  private final Path directory;
  private final int major;

  private PostgresTools(Path directory, int major) {
    this.directory = directory;
    this.major = major;
  }

  /**
   * Finds programs for a server.
   *
   * @param configured the directory named in the configuration, or null
   * @param serverMajor the server's major version, which the programs must reach
   * @throws StetException with {@code SOURCE} saying what is there and what to install
   */
  public static PostgresTools find(@Nullable Path configured, int serverMajor) {
    return find(configured, serverMajor, System.getenv(), Path.of("/usr/lib/postgresql"));
  }

  /**
   * Finds programs that read an archive.
   *
   * @param major the oldest major version that does
   * @throws StetException with {@code SOURCE} saying what is there and what to install
   */
  public static PostgresTools findReader(int major) {
    return find(null, major, "an archive needs", System.getenv(), Path.of("/usr/lib/postgresql"));
  }

  static PostgresTools find(
      @Nullable Path configured, int serverMajor, Map<String, String> variables, Path packaged) {
    return find(configured, serverMajor, "the server is of", variables, packaged);
  }

  private static PostgresTools find(
      @Nullable Path configured,
      int serverMajor,
      String why,
      Map<String, String> variables,
      Path packaged) {
    // Older programs lack options that a capture needs.
    int wanted = Math.max(OLDEST, serverMajor);
    String install =
        "Install the package postgresql-client-"
            + wanted
            + " or newer, or name the directory of its programs with the setting \"tools\".";
    List<PostgresTools> found = new ArrayList<>();
    for (Path directory : directories(configured, variables, packaged)) {
      Integer major = version(directory.resolve("pg_dump"));
      if (major != null && Files.isExecutable(directory.resolve("pg_restore"))) {
        found.add(new PostgresTools(directory, major));
      }
    }
    if (found.isEmpty()) {
      throw new StetException(
          ErrorCode.SOURCE,
          "pg_dump and pg_restore not found in "
              + (configured != null ? configured.toString() : "PATH and " + packaged + "/*/bin"),
          install);
    }
    return found.stream()
        .filter(tools -> tools.major >= wanted)
        .max(Comparator.comparingInt(tools -> tools.major))
        .orElseThrow(() -> {
          PostgresTools newest =
              found.stream().max(Comparator.comparingInt(tools -> tools.major)).orElseThrow();
          return new StetException(
              ErrorCode.SOURCE,
              "pg_dump in "
                  + newest.directory
                  + " is of version "
                  + newest.major
                  + ", but "
                  + (serverMajor < OLDEST ? "what is needed is" : why)
                  + " version "
                  + wanted,
              install);
        });
  }

  /**
   * Finds the programs of a server.
   *
   * @param configured the directory named in the configuration, or null
   * @param wanted the major version to reach; the oldest that does is taken
   * @return their directory
   * @throws StetException with {@code SOURCE} saying what to install
   */
  public static Path findServer(@Nullable Path configured, int wanted) {
    Set<Path> all = new LinkedHashSet<>();
    if (configured != null) {
      all.add(configured);
    }
    all.addAll(directories(null, System.getenv(), Path.of("/usr/lib/postgresql")));
    return all.stream()
        .filter(directory -> Files.isExecutable(directory.resolve("initdb")))
        .filter(directory -> {
          Integer major = version(directory.resolve("postgres"));
          return major != null && major >= wanted;
        })
        .min(
            Comparator.comparingInt(
                directory -> Objects.requireNonNull(version(directory.resolve("postgres")))))
        .orElseThrow(() ->
            new StetException(
                ErrorCode.SOURCE,
                "no programs of a PostgreSQL server of version "
                    + wanted
                    + " or newer are installed, so there is no scratch to restore into",
                "Install the package postgresql-"
                    + wanted
                    + ", or name a server: `proof: { server: … }`."));
  }

  private static Set<Path> directories(
      @Nullable Path configured, Map<String, String> variables, Path packaged) {
    Set<Path> result = new LinkedHashSet<>();
    if (configured != null) {
      result.add(configured);
      return result;
    }
    for (String entry : variables.getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
      if (!entry.isEmpty()) {
        result.add(Path.of(entry));
      }
    }
    if (Files.isDirectory(packaged)) {
      try (Stream<Path> versions = Files.list(packaged)) {
        versions.map(version -> version.resolve("bin")).sorted().forEach(result::add);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return result;
  }

  private static @Nullable Integer version(Path program) {
    if (!Files.isExecutable(program)) {
      return null;
    }
    if (isDebianWrapper(program)) {
      return null;
    }
    Integer known = VERSIONS.get(program);
    if (known != null) {
      return known;
    }
    Integer major;
    try {
      Matcher matcher = VERSION.matcher(ChildProcess.of(program).arguments("--version").run());
      if (!matcher.find()) {
        return null;
      }
      major = Integer.valueOf(matcher.group(1));
    } catch (StetException e) {
      if (e.code() == ErrorCode.INTERRUPTED) {
        throw e;
      }
      // A program that cannot say its version is no choice; another may be.
      return null;
    }
    VERSIONS.put(program, major);
    return major;
  }

  /**
   * Debian's {@code /usr/bin/pg_dump} chooses a version by rules of its own; the programs behind it
   * are among the packaged directories.
   */
  private static boolean isDebianWrapper(Path program) {
    try {
      return program.toRealPath().endsWith("pg_wrapper");
    } catch (IOException e) {
      return true;
    }
  }

  /** The programs' major version. */
  public int major() {
    return major;
  }

  /** The directory they lie in. */
  public Path directory() {
    return directory;
  }

  /**
   * Prepares one of the programs to reach a server.
   *
   * @param program {@code pg_dump}, {@code pg_restore}, {@code psql} or {@code pg_dumpall}
   * @param settings pinned settings
   * @param files keeps the password for as long as the program runs
   */
  public ChildProcess.Builder program(
      String program, ConnectionSettings settings, PrivateFiles files) {
    return program(program).environment(settings.childEnvironment(files));
  }

  /** Prepares one of the programs to work without a server. */
  public ChildProcess.Builder program(String program) {
    return ChildProcess.of(directory.resolve(program))
        .without(ConnectionSettings::isConnectionVariable)
        .without(name -> name.startsWith("LC_") || name.equals("LANG") || name.equals("LANGUAGE"))
        // Messages are matched and shown, so they must not depend on the caller's language.
        .environment(Map.of("LC_ALL", "C"));
  }

  /**
   * What has pg_dump write all definitions of a database as an archive for {@code pg_restore}. It
   * is not compressed, so that what stayed the same is found again.
   *
   * @param serverEncoding the database's; pgjdbc and so a restore can take an archive's text only
   *     as UTF-8, if it is known to be text
   * @param more further arguments
   */
  public static List<String> dumpArguments(String database, String serverEncoding, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--format=custom",
                "--compress=0",
                "--section=pre-data",
                "--section=post-data",
                "-B",
                "--encoding=" + (serverEncoding.equals("SQL_ASCII") ? "SQL_ASCII" : "UTF8"),
                "--no-password"));
    arguments.addAll(List.of(more));
    arguments.add("--dbname=" + ConnectionSettings.childDatabase(database));
    return arguments;
  }
}
