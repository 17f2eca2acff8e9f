package stet.engine.postgres.capture;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Progress;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.process.ChildProcess;
import stet.engine.process.PrivateFiles;
import stet.repository.tree.Node;

/** Has PostgreSQL's own programs print definitions and globals, and saves what they print. */
final class SchemaDump {
  /** What pg_dumpall of all versions writes last. */
  private static final String END_OF_GLOBALS = "PostgreSQL database cluster dump complete";

  private final ConnectionSettings settings;
  private final PostgresTools tools;
  private final FileBlobs files;
  private final Progress progress;

  /**
   * @param progress is told of the programs' warnings, which say what they leave out
   */
  SchemaDump(ConnectionSettings settings, PostgresTools tools, FileBlobs files, Progress progress) {
    this.settings = settings;
    this.tools = tools;
    this.files = files;
    this.progress = progress;
  }

  /**
   * All definitions at the snapshot, as {@link PostgresTools#dumpArguments} has them written.
   *
   * @param serverEncoding the database's encoding
   * @param patience how long pg_dump waits for each lock
   * @throws SourceChangedException if pg_dump did not get a lock
   * @throws StetException with {@code SOURCE} if pg_dump did not end well, or what it wrote is not
   *     whole
   */
  Node definitions(String name, String snapshot, String serverEncoding, Duration patience)
      throws SourceChangedException {
    try (PrivateFiles scratch = PrivateFiles.create()) {
      Path archive = scratch.createFile("archive");
      Node node =
          print(
              name,
              archive,
              "pg_dump",
              PostgresTools.dumpArguments(
                  settings.database(),
                  serverEncoding,
                  "--snapshot=" + snapshot,
                  "--lock-wait-timeout=" + patience.toMillis()));
      requireArchive(archive, scratch);
      return node;
    } catch (StetException e) {
      if (e.code() == ErrorCode.SOURCE
          && e.getMessage().contains("due to conflict with recovery")) {
        throw SourceChangedException.byRecovery(e.getMessage(), e);
      }
      if (e.code() == ErrorCode.SOURCE
          && e.getMessage().contains("canceling statement due to lock timeout")) {
        throw new SourceChangedException(
            e.getMessage(),
            "Wait until the other session has ended, or end it, and run the backup again.",
            e);
      }
      throw e;
    }
  }

  /**
   * A program put in pg_dump's place, such as one that runs it in a container, may end well
   * whatever became of the output. The list of contents comes first in an archive, so reading it
   * shows.
   */
  private void requireArchive(Path archive, PrivateFiles scratch) {
    try {
      tools.program("pg_restore", settings, scratch).arguments("--list", archive.toString()).run();
    } catch (StetException e) {
      if (e.code() != ErrorCode.SOURCE) {
        throw e;
      }
      throw notWhole("pg_dump", "no archive: " + e.getMessage(), e);
    }
  }

  private StetException notWhole(String program, String found, @Nullable StetException cause) {
    return new StetException(
        ErrorCode.SOURCE,
        program + " ended well, but what it wrote is " + found,
        "Run " + tools.directory().resolve(program) + " by hand to see what it does.",
        cause);
  }

  /**
   * Roles and tablespaces of the whole server as SQL, without passwords.
   *
   * @throws StetException with {@code SOURCE} if pg_dumpall did not end well, or what it wrote is
   *     not whole
   */
  Node globals(String name) {
    try (PrivateFiles scratch = PrivateFiles.create()) {
      Path copy = scratch.createFile("globals");
      Node node =
          print(
              name,
              copy,
              "pg_dumpall",
              List.of(
                  "--globals-only",
                  "--no-role-passwords",
                  "--no-password",
                  "--database=" + ConnectionSettings.childDatabase(settings.database())));
      if (!Files.readString(copy, StandardCharsets.ISO_8859_1).contains(END_OF_GLOBALS)) {
        throw notWhole("pg_dumpall", "not complete: it lacks \"" + END_OF_GLOBALS + "\"", null);
      }
      return node;
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.FAILED, "cannot read what pg_dumpall wrote: " + e.getMessage(), null, e);
    }
  }

  /** Saves what a program prints, and keeps a copy of it. */
  private Node print(String name, Path copy, String program, List<String> arguments) {
    try (PrivateFiles secrets = PrivateFiles.create();
        OutputStream out = Files.newOutputStream(copy);
        ChildProcess child =
            tools
                .program(program, settings, secrets)
                .arguments(arguments)
                .onErrorLine(this::tell)
                .start()) {
      Node node = files.save(name, copying(child.stdout(), out));
      child.finish();
      return node;
    } catch (IOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw new StetException(
            ErrorCode.INTERRUPTED, "interrupted while " + program + " ran", null, e);
      }
      throw new StetException(
          ErrorCode.SOURCE, "cannot read from " + program + ": " + e.getMessage(), null, e);
    }
  }

  private void tell(String line) {
    if (line.contains("warning:")) {
      progress.warn(line);
    } else {
      progress.detail(line);
    }
  }

  /** The same stream; what is read from it goes to {@code out} as well. */
  private static InputStream copying(InputStream in, OutputStream out) {
    return new FilterInputStream(in) {
      @Override
      public int read() throws IOException {
        int next = super.read();
        if (next >= 0) {
          out.write(next);
        }
        return next;
      }

      @Override
      public int read(byte[] buffer, int offset, int length) throws IOException {
        int count = super.read(buffer, offset, length);
        if (count > 0) {
          out.write(buffer, offset, count);
        }
        return count;
      }
    };
  }
}
