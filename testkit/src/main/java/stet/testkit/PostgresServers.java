package stet.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The servers that the tests of one JVM share: each is started when first asked for and stopped
 * with the JVM. A test makes databases of its own and drops them.
 */
public final class PostgresServers {
  private static final Map<Object, PostgresServer> RUNNING = new HashMap<>();
  private static final Map<Object, String> REFUSED = new HashMap<>();

  private PostgresServers() {}

  /**
   * The newest installed server; the running test is skipped, saying why, where there is none or it
   * does not start.
   */
  public static PostgresServer installed() {
    return shared(
        "installed",
        () ->
            PostgresServer.start(
                PostgresBinaries.installed()
                    .orElseThrow(() ->
                        new IOException(
                            "no initdb and postgres in /usr/lib/postgresql/*/bin or PATH")),
                Map.of()));
  }

  /**
   * A server of a major version whose programs come with the testkit; the running test is skipped,
   * saying why, where it does not start.
   */
  public static PostgresServer embedded(int major) {
    return shared(major, () -> startEmbedded(major, Map.of()));
  }

  /** Whether {@link #embedded} can be asked for this major version. */
  public static boolean hasEmbedded(int major) {
    return PostgresBinaries.isPacked(major);
  }

  /** The server programs of an installed PostgreSQL, if there is one. */
  public static Optional<Path> installedBinaries() {
    return PostgresBinaries.installed();
  }

  /**
   * Client programs that are at least as new as a server: the installed ones, or those of the
   * directory that {@code STET_TEST_POSTGRESQL_NEWEST} names.
   */
  public static Optional<Path> clientPrograms(int major) {
    return PostgresBinaries.clients(major);
  }

  /** Starts a server of its own, for tests that change or stop it; the caller closes it. */
  public static PostgresServer startEmbedded(int major, Map<String, String> settings)
      throws IOException {
    Path directory = PostgresServer.newDirectory();
    return PostgresServer.start(
        directory, PostgresBinaries.unpack(major, directory.resolve("programs")), settings);
  }

  private static synchronized PostgresServer shared(Object key, Start start) {
    PostgresServer running = RUNNING.get(key);
    if (running != null) {
      return running;
    }
    String refused = REFUSED.get(key);
    if (refused == null) {
      try {
        PostgresServer server = start.start();
        RUNNING.put(key, server);
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        return server;
      } catch (IOException e) {
        refused = "PostgreSQL (" + key + ") cannot run here: " + e.getMessage();
        REFUSED.put(key, refused);
      } catch (UncheckedIOException e) {
        refused = "PostgreSQL (" + key + ") cannot run here: " + e.getMessage();
        REFUSED.put(key, refused);
      }
    }
    System.err.println("skipped: " + refused);
    org.junit.jupiter.api.Assumptions.abort(refused);
    throw new AssertionError("unreachable");
  }

  @FunctionalInterface
  private interface Start {
    PostgresServer start() throws IOException;
  }
}
