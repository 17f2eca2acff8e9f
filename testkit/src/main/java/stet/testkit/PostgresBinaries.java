package stet.testkit;

import java.io.BufferedInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/** The server programs of one PostgreSQL installation. */
final class PostgresBinaries {
  private static final Map<Path, Integer> VERSIONS = new ConcurrentHashMap<>();

  private PostgresBinaries() {}

  /** The directory of the newest installed {@code initdb} and {@code postgres}, if there is one. */
  static Optional<Path> installed() {
    List<Path> candidates = new ArrayList<>();
    Path debian = Path.of("/usr/lib/postgresql");
    if (Files.isDirectory(debian)) {
      try (Stream<Path> versions = Files.list(debian)) {
        versions
            .filter(version -> version.getFileName().toString().matches("[0-9]+"))
            .sorted(
                Comparator.comparingInt(
                        (Path version) -> Integer.parseInt(version.getFileName().toString()))
                    .reversed())
            .map(version -> version.resolve("bin"))
            .forEach(candidates::add);
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
    for (String directory :
        System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
      if (!directory.isEmpty()) {
        candidates.add(Path.of(directory));
      }
    }
    return candidates.stream()
        .filter(directory -> Files.isExecutable(directory.resolve("initdb")))
        .filter(directory -> Files.isExecutable(directory.resolve("postgres")))
        .findFirst();
  }

  /** The directory of client programs of a major version or newer, if there is one. */
  static Optional<Path> clients(int major) {
    return Stream.concat(
            installed().stream(),
            Stream.ofNullable(System.getenv("STET_TEST_POSTGRESQL_NEWEST")).map(Path::of))
        .filter(directory -> clientVersion(directory) >= major)
        .findFirst();
  }

  private static int clientVersion(Path directory) {
    return VERSIONS.computeIfAbsent(
        directory,
        key -> {
          try {
            return PostgresServer.versionOf(key.resolve("pg_dump"));
          } catch (IOException e) {
            return 0;
          }
        });
  }

  /** Whether binaries of a major version were packed into the testkit. */
  static boolean isPacked(int major) {
    return PostgresBinaries.class.getResource(resource(major)) != null;
  }

  private static String resource(int major) {
    String machine = System.getProperty("os.arch").equals("aarch64") ? "arm_64" : "x86_64";
    return "postgres-" + major + "/postgres-linux-" + machine + ".txz";
  }

  /** Unpacks binaries that came with the testkit, readable by every user, and gives their bin. */
  static Path unpack(int major, Path directory) throws IOException {
    try (InputStream resource = PostgresBinaries.class.getResourceAsStream(resource(major))) {
      if (resource == null) {
        throw new IOException("no PostgreSQL " + major + " is packed: " + resource(major));
      }
      TarArchiveInputStream tar =
          new TarArchiveInputStream(
              new XZCompressorInputStream(new BufferedInputStream(resource, 1 << 16)));
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        Path path = directory.resolve(entry.getName()).normalize();
        if (!path.startsWith(directory)) {
          throw new IOException("archive entry outside its directory: " + entry.getName());
        }
        if (entry.isDirectory()) {
          Files.createDirectories(path);
        } else if (entry.isSymbolicLink()) {
          Files.createDirectories(path.getParent());
          Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
        } else {
          Files.createDirectories(path.getParent());
          Files.copy(tar, path);
          Set<PosixFilePermission> permissions =
              PosixFilePermissions.fromString(
                  (entry.getMode() & 0100) != 0 ? "rwxr-xr-x" : "rw-r--r--");
          Files.setPosixFilePermissions(path, permissions);
        }
      }
    }
    return directory.resolve("bin");
  }
}
