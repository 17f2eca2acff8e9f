package stet.testkit;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A real PostgreSQL server in a directory of its own, on a free loopback port and a unix socket.
 * Over TCP the superuser needs its password, over the socket nobody does.
 *
 * <p>The server stops when it is closed, and also when this JVM dies in whatever way: it runs under
 * a small shell that waits for the end of its standard input. Data is flushed to disk as in
 * production ({@code fsync} is on) unless a setting says otherwise.
 */
public final class PostgresServer implements AutoCloseable {
  /** The superuser's name. */
  public static final String SUPERUSER = "postgres";

  /** Holds a character of every kind that connection strings have to escape. */
  public static final String PASSWORD = "p@ss:w/o\\r'd %41?&=\"";

  private static final String PREFIX = "stet-pg-";

  private static final Pattern RESTRICT = Pattern.compile("(?m)^\\\\(un)?restrict .*\\n");

  private final Path directory;
  private final Path programs;
  private final Map<String, String> settings;
  private final int port;
  private final int major;
  private final List<String> asServerUser;
  private @Nullable Process process;

  private PostgresServer(
      Path directory, Path programs, Map<String, String> settings, List<String> asServerUser)
      throws IOException {
    this.directory = directory;
    this.programs = programs;
    this.settings = new TreeMap<>(settings);
    this.asServerUser = asServerUser;
    this.port = freePort();
    this.major = versionOf(programs.resolve("postgres"));
  }

  /** The major version of one of PostgreSQL's programs. */
  static int versionOf(Path program) throws IOException {
    String version = run(List.of(program.toString(), "--version"), Map.of());
    return Integer.parseInt(version.replaceAll("(?s)^\\D*(\\d+).*", "$1"));
  }

  /** Starts a new, empty server from installed programs; the caller closes it. */
  public static PostgresServer start(Path programs, Map<String, String> settings)
      throws IOException {
    return start(newDirectory(), programs, settings);
  }

  static Path newDirectory() throws IOException {
    removeOrphans();
    Path directory =
        Files.createTempDirectory(
            PREFIX + ProcessHandle.current().pid() + "-",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    return directory;
  }

  /** A JVM that was killed leaves its servers' directories; their servers stopped with it. */
  private static void removeOrphans() throws IOException {
    Path parent = Path.of(System.getProperty("java.io.tmpdir"));
    try (Stream<Path> all = Files.list(parent)) {
      for (Path orphan :
          all.filter(path -> path.getFileName().toString().matches(PREFIX + "\\d+-.*")).toList()) {
        String pid = orphan.getFileName().toString().replaceAll(PREFIX + "(\\d+)-.*", "$1");
        if (ProcessHandle.of(Long.parseLong(pid)).isEmpty() && Files.isWritable(orphan)) {
          try {
            deleteTree(orphan);
          } catch (IOException | UncheckedIOException e) {
            // Its server is still stopping, or another JVM removes it too; the next start sees.
            System.err.println("left for later: " + orphan + ": " + e.getMessage());
          }
        }
      }
    }
  }

  static PostgresServer start(Path directory, Path programs, Map<String, String> settings)
      throws IOException {
    PostgresServer server = null;
    try {
      server = new PostgresServer(directory, programs, settings, serverUser(directory));
      server.initialise();
      server.start();
      return server;
    } catch (IOException | RuntimeException e) {
      if (server != null) {
        server.close();
      } else {
        deleteTree(directory);
      }
      throw e;
    }
  }

  /**
   * Starts a hot standby of this server, which follows it by streaming replication; the caller
   * closes it. Needs {@code pg_basebackup}, which the packed programs lack.
   */
  public PostgresServer startStandby(Map<String, String> more) throws IOException {
    Path home = newDirectory();
    PostgresServer standby = null;
    try {
      standby = new PostgresServer(home, programs, more, serverUser(home));
      List<String> command = new ArrayList<>(asServerUser);
      command.addAll(
          List.of(
              programs.resolve("pg_basebackup").toString(),
              "--pgdata=" + standby.dataDirectory(),
              "--host=" + directory,
              "--port=" + port,
              "--username=" + SUPERUSER,
              "--checkpoint=fast",
              "--wal-method=stream",
              "--write-recovery-conf"));
      run(command, Map.of());
      standby.start();
      return standby;
    } catch (IOException | RuntimeException e) {
      if (standby != null) {
        standby.close();
      } else {
        deleteTree(home);
      }
      throw e;
    }
  }

  /** A server refuses to run as root, so root starts it as another user, who owns its directory. */
  private static List<String> serverUser(Path directory) throws IOException {
    if ((int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") != 0) {
      return List.of();
    }
    String user = "nobody";
    for (String line : Files.readAllLines(Path.of("/etc/passwd"), StandardCharsets.UTF_8)) {
      if (line.startsWith("postgres:")) {
        user = "postgres";
      }
    }
    run(List.of("chown", user, directory.toString()), Map.of());
    return List.of("setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", "--");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private String passwordEncryption() {
    return major < 10 ? "md5" : "scram-sha-256";
  }

  private void initialise() throws IOException {
    Path password = directory.resolve("password");
    Files.writeString(password, PASSWORD + "\n");
    List<String> command = new ArrayList<>(asServerUser);
    command.addAll(
        List.of(
            programs.resolve("initdb").toString(),
            "--pgdata=" + dataDirectory(),
            "--username=" + SUPERUSER,
            "--pwfile=" + password,
            "--auth-local=trust",
            "--auth-host=" + passwordEncryption(),
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            major < 10 ? "--nosync" : "--no-sync"));
    run(command, Map.of("LC_ALL", "C.UTF-8"));
    Files.delete(password);
  }

  /** Changes a setting from the next {@link #start} on. */
  public void set(String setting, String value) {
    settings.put(setting, value);
  }

  /** Has a server that was stopped keep checksums of its pages. Needs {@code pg_checksums}. */
  public void enableChecksums() throws IOException {
    List<String> command = new ArrayList<>(asServerUser);
    command.addAll(
        List.of(
            programs.resolve("pg_checksums").toString(),
            "--enable",
            "--no-sync",
            "--pgdata=" + dataDirectory()));
    run(command, Map.of());
  }

  /**
   * Starts the server again after {@link #stop}.
   *
   * @throws IOException with the server's own words if it does not start
   */
  public void start() throws IOException {
    Map<String, String> all = new TreeMap<>();
    all.put("listen_addresses", "127.0.0.1");
    all.put("port", Integer.toString(port));
    all.put("unix_socket_directories", directory.toString());
    all.put("password_encryption", major < 10 ? "on" : passwordEncryption());
    all.put("max_connections", "60");
    all.put("max_prepared_transactions", "5");
    all.put("shared_buffers", "64MB");
    all.put("max_wal_size", "1GB");
    all.put("timezone", "UTC");
    all.put("log_timezone", "UTC");
    all.putAll(settings);
    // The shell outlives neither its input, which this JVM holds, nor the server.
    List<String> command = new ArrayList<>(asServerUser);
    command.add("sh");
    command.add("-c");
    command.add(
        """
        exec 3<&0
        "$@" </dev/null 3<&- & server=$!
        (cat <&3 >/dev/null; kill -INT $server; sleep 60; kill -QUIT $server) & watch=$!
        wait $server; status=$?
        kill $watch; exit $status
        """);
    command.add("sh");
    command.add(programs.resolve("postgres").toString());
    command.add("-D");
    command.add(dataDirectory().toString());
    all.forEach((name, value) -> {
      command.add("-c");
      command.add(name + "=" + value);
    });
    Path log = directory.resolve("log");
    Process started =
        builder(command, Map.of())
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .redirectErrorStream(true)
            .start();
    process = started;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
    while (true) {
      try {
        connect("postgres").close();
        return;
      } catch (SQLException e) {
        if (!started.isAlive() || System.nanoTime() > deadline) {
          throw new IOException(
              "PostgreSQL " + major + " did not start: " + e.getMessage() + "\n" + log(), e);
        }
      }
      sleep(50);
    }
  }

  private static void sleep(int milliseconds) throws IOException {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** Stops the server in an orderly way; its data stays until it is closed. */
  public void stop() {
    Process running = process;
    process = null;
    if (running == null) {
      return;
    }
    try {
      running.getOutputStream().close();
    } catch (IOException e) {
      running.destroy();
    }
    try {
      if (!running.waitFor(90, TimeUnit.SECONDS)) {
        running.descendants().forEach(ProcessHandle::destroyForcibly);
        running.destroyForcibly();
      }
    } catch (InterruptedException e) {
      running.descendants().forEach(ProcessHandle::destroyForcibly);
      running.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** Ends the server's processes at once: what was not written to the log is lost. */
  public void crash() throws IOException {
    String pid = Files.readAllLines(dataDirectory().resolve("postmaster.pid")).getFirst().strip();
    run(List.of("kill", "-QUIT", pid), Map.of());
    stop();
  }

  @Override
  public void close() {
    stop();
    try {
      deleteTree(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void deleteTree(Path directory) throws IOException {
    List<Path> all;
    try (Stream<Path> walk = Files.walk(directory)) {
      all = new ArrayList<>(walk.toList());
    }
    Collections.reverse(all);
    for (Path path : all) {
      Files.deleteIfExists(path);
    }
  }

  /** The server's log so far. */
  public String log() {
    try {
      return Files.readString(directory.resolve("log"));
    } catch (IOException e) {
      return "no log: " + e.getMessage();
    }
  }

  public int port() {
    return port;
  }

  /** The major version; 9 for 9.6. */
  public int majorVersion() {
    return major;
  }

  /** The words before a command that run it as the server's user. */
  List<String> asServerUser() {
    return asServerUser;
  }

  /** Where its unix socket lies. */
  public Path socketDirectory() {
    return directory;
  }

  /** The server's data directory. */
  public Path dataDirectory() {
    return directory.resolve("data");
  }

  /** The directory of its programs; the packed ones lack {@code pg_dump}. */
  public Path programs() {
    return programs;
  }

  /** A connection URI over TCP for the superuser, with the password in it. */
  public String url(String database) {
    return url(database, SUPERUSER, PASSWORD);
  }

  /** A connection URI over TCP. */
  public String url(String database, String user, String password) {
    return "postgresql://%s:%s@127.0.0.1:%d/%s"
        .formatted(percent(user), percent(password), port, percent(database));
  }

  /** A connection URI over the unix socket, where no password is needed. */
  public String socketUrl(String database, String user) {
    return "postgresql://%s@/%s?host=%s&port=%d"
        .formatted(percent(user), percent(database), percent(directory.toString()), port);
  }

  private static String percent(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** Connects as the superuser. */
  public Connection connect(String database) throws SQLException {
    return connect(database, SUPERUSER, PASSWORD);
  }

  /** Connects over TCP. */
  public Connection connect(String database, String user, String password) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", user);
    properties.setProperty("password", password);
    String name = URLEncoder.encode(database, StandardCharsets.UTF_8);
    Connection connection =
        new org.postgresql.Driver()
            .connect("jdbc:postgresql://127.0.0.1:" + port + "/" + name, properties);
    if (connection == null) {
      throw new SQLException("the driver refused its own URL");
    }
    return connection;
  }

  /** Creates an empty database. */
  public void createDatabase(String name) {
    createDatabase(name, "");
  }

  /** Creates a database with options such as {@code template template0 encoding 'LATIN1'}. */
  public void createDatabase(String name, String options) {
    execute("postgres", "create database " + identifier(name) + " " + options);
  }

  /**
   * Drops a database whoever uses it, with its subscriptions but not what these have at their
   * publishers. Does nothing if it is not there.
   */
  public void dropDatabase(String name) {
    dropSubscriptions(name);
    if (major >= 13) {
      execute("postgres", "drop database if exists " + identifier(name) + " with (force)");
      return;
    }
    execute(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = '"
            + name.replace("'", "''")
            + "'",
        "drop database if exists " + identifier(name));
  }

  private void dropSubscriptions(String database) {
    if (major < 10) {
      return;
    }
    for (String subscription :
        query(
            "postgres",
            "select quote_ident(subname) from pg_subscription s join pg_database d on d.oid = subdbid"
                + " where datname = '"
                + database.replace("'", "''")
                + "'")) {
      execute(
          database,
          "set session_replication_role = replica",
          "alter subscription " + subscription + " disable",
          "alter subscription " + subscription + " set (slot_name = none)",
          "drop subscription " + subscription);
    }
  }

  /** Runs statements one after the other in autocommit mode. */
  public void execute(String database, String... statements) {
    String current = "";
    try (Connection connection = connect(database);
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        current = sql;
        statement.execute(sql);
      }
    } catch (SQLException e) {
      throw new AssertionError(e.getMessage() + " in: " + current, e);
    }
  }

  /** All rows of a query, each as its values' text joined with {@code |}. */
  public List<String> query(String database, String sql) {
    try (Connection connection = connect(database);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      List<String> result = new ArrayList<>();
      int columns = rows.getMetaData().getColumnCount();
      while (rows.next()) {
        StringBuilder row = new StringBuilder();
        for (int i = 1; i <= columns; i++) {
          row.append(i == 1 ? "" : "|").append(rows.getString(i));
        }
        result.add(row.toString());
      }
      return result;
    } catch (SQLException e) {
      throw new AssertionError(e.getMessage() + " in: " + sql, e);
    }
  }

  /** The first row of a query. */
  public String queryOne(String database, String sql) {
    List<String> rows = query(database, sql);
    if (rows.isEmpty()) {
      throw new AssertionError("no row from " + sql);
    }
    return rows.getFirst();
  }

  /** The names of all databases. */
  public List<String> databases() {
    return query(
        "postgres", "select datname from pg_database order by datname::text collate \"C\"");
  }

  /**
   * Runs a script with psql.
   *
   * @param stopOnError whether a failing statement fails the call
   */
  public void psqlFile(String database, Path script, boolean stopOnError) {
    client(
        "psql",
        List.of(
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=" + (stopOnError ? 1 : 0),
            "--file=" + script),
        database);
  }

  /** The database's definitions as {@code pg_dump -s} prints them, without what differs by run. */
  public String dumpSchema(String database) {
    return RESTRICT.matcher(client("pg_dump", List.of("--schema-only"), database)).replaceAll("");
  }

  /** All rows, sequences and large objects as {@code pg_dump} prints them, lines sorted. */
  public String dumpSortedData(String database) {
    return RESTRICT
        .matcher(client("pg_dump", List.of("--data-only", "-b"), database))
        .replaceAll("")
        .lines()
        .sorted()
        .collect(Collectors.joining("\n"));
  }

  /** Runs a client program that is new enough on a database and gives its standard output. */
  public String client(String program, List<String> arguments, String database) {
    List<String> command = new ArrayList<>();
    command.add(
        PostgresBinaries.clients(major)
            .map(bin -> bin.resolve(program).toString())
            .orElse(program));
    command.addAll(arguments);
    try {
      return run(
          command,
          Map.of(
              "PGHOST",
              directory.toString(),
              "PGPORT",
              Integer.toString(port),
              "PGUSER",
              SUPERUSER,
              "PGDATABASE",
              database,
              "PGCLIENTENCODING",
              "UTF8"));
    } catch (IOException e) {
      throw new AssertionError(e.getMessage(), e);
    }
  }

  /** Quotes a name for SQL. */
  public static String identifier(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  private static ProcessBuilder builder(List<String> command, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder(command).directory(Path.of("/").toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().putAll(environment);
    return builder;
  }

  private static String run(List<String> command, Map<String, String> environment)
      throws IOException {
    Process process =
        builder(command, environment)
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .start();
    StringBuilder errors = new StringBuilder();
    Thread reader =
        Thread.ofVirtual()
            .start(() -> {
              try (InputStream stream = process.getErrorStream()) {
                errors.append(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
              } catch (IOException e) {
                errors.append(e.getMessage());
              }
            });
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      reader.join();
      if (status != 0) {
        throw new IOException(
            String.format(
                Locale.ROOT, "%s ended with status %d: %s", command, status, errors + text));
      }
      return text;
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
