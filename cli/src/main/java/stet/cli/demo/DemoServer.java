package stet.cli.demo;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.ChildProcess;
import stet.engine.process.KeptServer;
import stet.engine.process.ServerData;
import stet.engine.process.ServerUser;

/**
 * The demo's PostgreSQL server, on a port of 127.0.0.1 that was free.
 *
 * <p>While the demo runs, so does the server, under a shell that stops it when its standard input
 * ends: when it is closed, and also when this process is gone in whatever way. Afterwards the
 * programs {@code start} and {@code stop} in the demo's directory serve the user.
 */
final class DemoServer implements AutoCloseable {
  /** Its directory or link in the demo's directory. */
  static final String DIRECTORY = "server";

  static final String DATABASE = "shop";
  static final String OWNER = "shop";

  private static final int STOP_SECONDS = 30;

  private final Path directory;
  private final ServerUser user;
  private final int port;
  private final String password;
  private @Nullable KeptServer kept;

  private DemoServer(Path directory, ServerUser user, int port, String password) {
    this.directory = directory;
    this.user = user;
    this.port = port;
    this.password = password;
  }

  /**
   * Makes a server with an empty database; it does not run yet.
   *
   * @param jar the archive of its programs
   */
  static DemoServer create(DemoDirectory demo, ServerPrograms programs, Path jar)
      throws IOException {
    ServerUser user = ServerUser.current();
    Path directory = makeDirectory(demo, user);
    Path unpacked = user.makeDirectory(directory.resolve("programs"));
    programs.unpack(jar, unpacked, user);
    DemoServer server = new DemoServer(directory, user, freePort(), ServerData.newPassword());
    server.makeData();
    server.writePrograms(demo);
    return server;
  }

  /** In the demo's directory where the server can run there, else in one for temporary files. */
  private static Path makeDirectory(DemoDirectory demo, ServerUser user) throws IOException {
    Path inside = demo.resolve(DIRECTORY);
    // PostgreSQL's programs start each other through a shell, their paths between double quotes.
    if (inside.toString().chars().noneMatch(c -> "\"$`\\\n\r".indexOf(c) >= 0)) {
      user.makeDirectory(inside);
      if (user.canRunFrom(inside)) {
        return inside;
      }
      Files.delete(inside);
    }
    List<Path> tried = new ArrayList<>(List.of(inside));
    for (String parent : List.of(System.getProperty("java.io.tmpdir", "/tmp"), "/var/tmp")) {
      Path outside =
          Files.createTempDirectory(
                  Path.of(parent),
                  "stet-demo-",
                  PosixFilePermissions.asFileAttribute(
                      PosixFilePermissions.fromString("rwxr-xr-x")))
              .toRealPath();
      Files.setPosixFilePermissions(outside, PosixFilePermissions.fromString("rwxr-xr-x"));
      user.own(outside);
      if (user.canRunFrom(outside)) {
        Files.createFile(outside.resolve(DemoDirectory.MARKER));
        Files.createSymbolicLink(inside, outside);
        return outside;
      }
      Files.delete(outside);
      tried.add(outside);
    }
    throw new StetException(
        ErrorCode.FAILED,
        "the server's user cannot run programs from "
            + tried.stream().map(Path::toString).collect(Collectors.joining(" or ")),
        "Name a directory with --directory that every user may enter, on a file system that is not"
            + " mounted noexec.");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      return socket.getLocalPort();
    }
  }

  private Path data() {
    return directory.resolve("data");
  }

  private Path log() {
    return directory.resolve("log");
  }

  private String program(String name) {
    return directory.resolve("programs/bin").resolve(name).toString();
  }

  private void makeData() throws IOException {
    Path file = directory.resolve("initial-password");
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(file, password + "\n");
    ServerData.make(
        user,
        Path.of(program("initdb")),
        data(),
        file,
        """
        # Of the demo:
        listen_addresses = '127.0.0.1'
        port = %d
        unix_socket_directories = ''
        timezone = 'UTC'
        log_timezone = 'UTC'
        shared_buffers = '64MB'
        max_wal_size = '1GB'
        fsync = off     # this server's data may be lost with the machine
        """
            .formatted(port));
  }

  private void writePrograms(DemoDirectory demo) {
    String prefix = Shell.line(user.prefix().toArray(String[]::new));
    String head =
        """
        #!/bin/sh
        set -eu
        here=$(CDPATH='' cd "$(dirname "$0")" && pwd -P)
        server=$(CDPATH='' cd "$here/%s" && pwd -P)
        control() {
          (cd / && env -i PATH="$PATH" LC_ALL=C %s "$server/programs/bin/pg_ctl" -D "$server/data" "$@")
        }
        """
            .formatted(DIRECTORY, prefix);
    demo.writeProgram(
        "start",
        head
            + """
            if ! control status >/dev/null 2>&1; then
              control -s -l "$server/log" -w start || { cat "$server/log" >&2; exit 1; }
            fi
            """);
    demo.writeProgram(
        "stop",
        head
            + """
            if control status >/dev/null 2>&1; then
              control -s -m fast -w stop
            fi
            """);
  }

  /**
   * Starts it.
   *
   * @throws StetException with {@code SOURCE} and the server's own words if it does not start
   */
  void start() throws IOException {
    KeptServer started =
        KeptServer.start(
            user,
            List.of(program("postgres"), "-D", data().toString()),
            log(),
            KeptServer.Stop.ORDERLY);
    kept = started;
    started.await(
        "the demo's server",
        () -> {
          try (Connection connection = connect("postgres", ServerData.SUPERUSER)) {
            prepare(connection);
            return null;
          } catch (SQLException e) {
            return e;
          }
        });
  }

  /** The shop's role owns its database and may create others, which is what a restore needs. */
  private void prepare(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("create role " + OWNER + " login createdb password '" + password + "'");
      statement.execute("create role shop_reports nologin");
      statement.execute("create database " + DATABASE + " owner " + OWNER);
    }
  }

  /** Connects to the shop as its owner. */
  Connection connect() throws SQLException {
    return connect(DATABASE, OWNER);
  }

  private Connection connect(String database, String role) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", role);
    properties.setProperty("password", password);
    properties.setProperty("sslmode", "disable");
    properties.setProperty("gssEncMode", "disable");
    Connection connection =
        new org.postgresql.Driver()
            .connect("jdbc:postgresql://127.0.0.1:" + port + "/" + database, properties);
    if (connection == null) {
      throw new SQLException("the driver does not know its own URL");
    }
    return connection;
  }

  int port() {
    return port;
  }

  /** Its directory, which need not lie in the demo's. */
  Path directory() {
    return directory;
  }

  /**
   * The connection string of the shop's database, with the password. What it does not leave open no
   * variable of the user's can change.
   */
  String url() {
    return "postgresql://"
        + OWNER
        + ":"
        + password
        + "@127.0.0.1:"
        + port
        + "/"
        + DATABASE
        + "?hostaddr=127.0.0.1&sslmode=disable&gssencmode=disable";
  }

  /** The same for libpq, as the file of a service. */
  String service(String name) {
    return """
    [%s]
    host=127.0.0.1
    hostaddr=127.0.0.1
    port=%d
    user=%s
    password=%s
    dbname=%s
    sslmode=disable
    gssencmode=disable
    """
        .formatted(name, port, OWNER, password, DATABASE);
  }

  /** Stops the server in an orderly way; does nothing if it does not run. */
  @Override
  public void close() {
    KeptServer running = kept;
    kept = null;
    if (running != null) {
      running.close();
    }
  }

  /**
   * Stops the server of an earlier demo, be it that the demo was killed or that the user started
   * the server.
   *
   * @param directory the server's directory
   */
  static void stopLeftover(Path directory) {
    Path data = directory.resolve("data");
    Optional<ProcessHandle> leftover = running(data);
    if (leftover.isEmpty()) {
      return;
    }
    ProcessHandle server = leftover.get();
    try (ChildProcess control =
        ServerUser.current()
            .command(
                List.of(
                    directory.resolve("programs/bin/pg_ctl").toString(),
                    "-D",
                    data.toString(),
                    "-s",
                    "-m",
                    "fast",
                    "-w",
                    "stop"))
            .start()) {
      // It may also have ended by itself meanwhile, so what counts is whether it is there.
      control.await();
      server.onExit().get(STOP_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
      throw new StetException(
          ErrorCode.FAILED,
          "the server of an earlier demo, process " + server.pid() + ", does not stop",
          "End it, then run the demo again.",
          e);
    }
  }

  /** The server's process, told by the data directory in its command line. */
  private static Optional<ProcessHandle> running(Path data) {
    try (Stream<String> lines = Files.lines(data.resolve("postmaster.pid"))) {
      return lines
          .findFirst()
          .map(Long::parseLong)
          .flatMap(ProcessHandle::of)
          .filter(process -> {
            try {
              return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"))
                  .contains(data + "\0");
            } catch (IOException e) {
              return false;
            }
          });
    } catch (IOException | java.io.UncheckedIOException | NumberFormatException e) {
      // No such file, no such server.
      return Optional.empty();
    }
  }
}
