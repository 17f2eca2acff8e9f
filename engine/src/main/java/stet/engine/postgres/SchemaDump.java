package stet.engine.postgres;

import java.io.IOException;
import java.time.Duration;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.ChildProcess;
import stet.engine.process.PrivateFiles;
import stet.repository.tree.Node;

/** Has PostgreSQL's own programs print definitions and globals, and saves what they print. */
final class SchemaDump {
  private final ConnectionSettings settings;
  private final PostgresTools tools;
  private final FileBlobs files;

  SchemaDump(ConnectionSettings settings, PostgresTools tools, FileBlobs files) {
    this.settings = settings;
    this.tools = tools;
    this.files = files;
  }

  /**
   * All definitions at the snapshot, as an archive for {@code pg_restore}. It is not compressed, so
   * that what stayed the same is found again.
   *
   * @param encoding the encoding of the archive's text
   * @param patience how long pg_dump waits for each lock
   * @throws SourceChangedException if pg_dump did not get a lock
   * @throws StetException with {@code SOURCE} if pg_dump did not end well
   */
  Node definitions(String name, String snapshot, String encoding, Duration patience)
      throws SourceChangedException {
    try {
      return print(
          name,
          "pg_dump",
          "--format=custom",
          "--compress=0",
          "--section=pre-data",
          "--section=post-data",
          "-B",
          "--encoding=" + encoding,
          "--snapshot=" + snapshot,
          "--lock-wait-timeout=" + patience.toMillis(),
          "--no-password",
          "--dbname=" + ConnectionSettings.childDatabase(settings.database()));
    } catch (StetException e) {
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
   * Roles and tablespaces of the whole server as SQL, without passwords.
   *
   * @throws StetException with {@code SOURCE} if pg_dumpall did not end well
   */
  Node globals(String name) {
    return print(
        name,
        "pg_dumpall",
        "--globals-only",
        "--no-role-passwords",
        "--no-password",
        "--database=" + ConnectionSettings.childDatabase(settings.database()));
  }

  private Node print(String name, String program, String... arguments) {
    try (PrivateFiles secrets = PrivateFiles.create();
        ChildProcess child =
            tools.program(program, settings, secrets).arguments(arguments).start()) {
      Node node = files.save(name, child.stdout());
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
}
