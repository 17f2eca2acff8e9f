package stet.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import stet.testkit.PostgresServers;

/**
 * A directory of PostgreSQL's client programs in which a test puts scripts before the real ones, so
 * that they fail, wait or meddle at a chosen moment.
 */
final class Tools {
  private final Path directory;
  private final Path real;

  /** Makes a directory whose programs only run the real ones. */
  Tools(Path directory) throws IOException {
    this.directory = Files.createDirectories(directory);
    this.real = PostgresServers.installedBinaries().orElseThrow();
    for (String program : List.of("pg_dump", "pg_restore", "pg_dumpall", "psql")) {
      wrap(program, "exec \"$real\" \"$@\"");
    }
  }

  /** The directory, for the setting {@code tools}. */
  Path directory() {
    return directory;
  }

  /**
   * Replaces a program by a shell script. In it {@code $real} is the real program, {@code $bin} its
   * directory and {@code $here} this directory. What only asks for the version gets it.
   */
  void wrap(String program, String script) throws IOException {
    Path file = directory.resolve(program);
    Path fresh = directory.resolve(program + ".new");
    Files.writeString(
        fresh,
        "#!/bin/sh\nbin='%s' real='%s' here='%s'\ncase $1 in --version) exec \"$real\" \"$@\" ;; esac\n"
                .formatted(real, real.resolve(program), directory)
            + script
            + "\n");
    Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Has a program say that it is {@link #awaitReached reached}, and wait for {@link #release}. */
  void hold(String program) throws IOException {
    Files.deleteIfExists(directory.resolve("go"));
    Files.deleteIfExists(directory.resolve("reached"));
    wrap(
        program,
        "echo $$ >\"$here/reached\"\nwhile [ ! -e \"$here/go\" ]; do sleep 0.05; done\nexec \"$real\" \"$@\"");
  }

  /** Waits until the held program runs. */
  void awaitReached(Process process) throws Exception {
    while (!Files.exists(directory.resolve("reached"))) {
      if (!process.isAlive()) {
        throw new AssertionError("the program ended early: " + Stet.end(process));
      }
      Thread.sleep(20);
    }
  }

  /** Lets the held program go on. */
  void release() throws IOException {
    Files.createFile(directory.resolve("go"));
  }
}
