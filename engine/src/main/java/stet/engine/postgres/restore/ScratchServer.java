package stet.engine.postgres.restore;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;
import stet.engine.process.KeptServer;
import stet.engine.process.PrivateFiles;
import stet.engine.process.ServerData;
import stet.engine.process.ServerUser;
import stet.repository.backend.Reason;

/**
 * A server of its own for one trial, reached by a socket in a temporary directory. Nothing in
 * scratch is worth an orderly end. What a process leaves that was killed, {@link
 * PrivateFiles#removeLeftovers} removes.
 */
final class ScratchServer implements AutoCloseable {
  /** A socket's path has at most 107 bytes. */
  private static final int LONGEST_DIRECTORY = 85;

  private static final String OTHER_PLACE =
      "Set TMPDIR to a directory with space that users may go through.";

  private final Path programs;
  private final PrivateFiles files;
  private final ServerUser user;
  private final Path directory;
  private final String password = ServerData.newPassword();
  private @Nullable KeptServer kept;

  private ScratchServer(Path programs, PrivateFiles files, ServerUser user, Path directory) {
    this.programs = programs;
    this.files = files;
    this.user = user;
    this.directory = directory;
  }

  /**
   * Makes and starts a server.
   *
   * @param programs the directory of its programs
   * @throws StetException with {@code SOURCE} and the server's own words if it does not start
   */
  static ScratchServer start(Path programs) {
    PrivateFiles files = PrivateFiles.createWithPassage();
    ScratchServer server = null;
    boolean done = false;
    try {
      ServerUser user = ServerUser.current();
      Path directory = user.makeDirectory(files.path("server"));
      if (directory.toString().length() > LONGEST_DIRECTORY) {
        throw new StetException(
            ErrorCode.SOURCE,
            "the path of the scratch server's socket would be too long: " + directory,
            "Set TMPDIR to a directory with a shorter path.");
      }
      server = new ScratchServer(programs, files, user, directory);
      server.makeData();
      server.run();
      done = true;
      return server;
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.SOURCE,
          "cannot make a scratch server in " + files.directory() + ": " + Reason.of(e),
          OTHER_PLACE,
          e);
    } catch (StetException e) {
      // What initdb says of it has no hint of its own.
      throw e.hint() == null && e.getMessage().contains("No space left on device")
          ? new StetException(e.code(), e.getMessage(), OTHER_PLACE, e)
          : e;
    } finally {
      if (!done) {
        if (server == null) {
          files.close();
        } else {
          server.close();
        }
      }
    }
  }

  private Path data() {
    return directory.resolve("data");
  }

  private void makeData() throws IOException {
    ServerData.make(
        user,
        programs.resolve("initdb"),
        data(),
        files.write("initial-password", password + "\n"),
        """
        listen_addresses = ''
        unix_socket_directories = '%s'
        unix_socket_permissions = 0777
        timezone = 'UTC'
        log_timezone = 'UTC'
        shared_buffers = '128MB'
        max_wal_size = '4GB'
        max_connections = 50
        max_locks_per_transaction = 1024
        autovacuum = off
        # What is in scratch may be lost with the machine, so nothing need wait for the disk.
        fsync = off
        full_page_writes = off
        wal_level = minimal
        max_wal_senders = 0
        """
            .formatted(directory.toString().replace("'", "''")));
  }

  private void run() throws IOException {
    KeptServer started =
        KeptServer.start(
            user,
            List.of(programs.resolve("postgres").toString(), "-D", data().toString()),
            directory.resolve("log"),
            KeptServer.Stop.AT_ONCE);
    kept = started;
    started.await(
        "the scratch server",
        () -> {
          try (Session session = Session.open(settings("postgres"))) {
            session.version();
            return null;
          } catch (StetException e) {
            if (e.code() == ErrorCode.INTERRUPTED) {
              throw e;
            }
            return e;
          }
        });
  }

  /** Reaches a database as a superuser, whatever the user's variables say. */
  ConnectionSettings settings(String database) {
    return ConnectionSettings.parse(
        "host='"
            + directory.toString().replace("\\", "\\\\").replace("'", "\\'")
            + "' port=5432 user="
            + ServerData.SUPERUSER
            + " password="
            + password
            + " dbname="
            + database
            + " sslmode=disable gssencmode=disable",
        Map.of(),
        Path.of("/nonexistent"));
  }

  @Override
  public void close() {
    try {
      if (kept != null) {
        kept.close();
      }
    } finally {
      files.close();
    }
  }
}
