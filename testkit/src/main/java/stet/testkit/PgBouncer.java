package stet.testkit;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A real PgBouncer in front of a server, on a free loopback port. It stops when it is closed, and
 * when this JVM dies.
 */
public final class PgBouncer implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/sbin/pgbouncer");

  private final Path configuration;
  private final int port;
  private final Process process;

  private PgBouncer(Path configuration, int port, Process process) {
    this.configuration = configuration;
    this.port = port;
    this.process = process;
  }

  /**
   * Starts one that lets everybody in as the server's superuser; the running test is skipped,
   * saying why, where it is not installed.
   *
   * @param mode {@code session} or {@code transaction}
   */
  public static PgBouncer start(PostgresServer server, String mode) throws IOException {
    if (!Files.isExecutable(PROGRAM)) {
      System.err.println("skipped: PgBouncer is not installed (" + PROGRAM + ")");
      Assumptions.abort("PgBouncer is not installed");
    }
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Path configuration = server.socketDirectory().resolve("pgbouncer-" + port + ".ini");
    Files.writeString(
        configuration,
        """
        [databases]
        * = host=%s port=%d user=%s
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = %d
        unix_socket_dir =
        auth_type = any
        pool_mode = %s
        """
            .formatted(
                server.socketDirectory(), server.port(), PostgresServer.SUPERUSER, port, mode));
    List<String> command = new ArrayList<>(server.asServerUser());
    command.addAll(
        List.of(
            "sh",
            "-c",
            """
            exec 3<&0
            "$@" </dev/null 3<&- & program=$!
            (cat <&3 >/dev/null; kill -TERM $program) & watch=$!
            wait $program; kill $watch
            """,
            "sh",
            PROGRAM.toString(),
            "--quiet",
            configuration.toString()));
    Path log = server.socketDirectory().resolve("pgbouncer.log");
    Process process =
        new ProcessBuilder(command)
            .directory(new File("/"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    PgBouncer started = new PgBouncer(configuration, port, process);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
    while (true) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        if (socket.isConnected()) {
          return started;
        }
      } catch (IOException e) {
        if (!process.isAlive() || System.nanoTime() > deadline) {
          started.close();
          throw new IOException("PgBouncer did not start: " + Files.readString(log), e);
        }
      }
    }
  }

  /** A connection URI through it. */
  public String url(String database) {
    return "postgresql://" + PostgresServer.SUPERUSER + "@127.0.0.1:" + port + "/" + database;
  }

  public int port() {
    return port;
  }

  @Override
  public void close() {
    try {
      process.getOutputStream().close();
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
      Files.deleteIfExists(configuration);
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
