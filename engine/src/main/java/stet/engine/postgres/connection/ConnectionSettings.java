package stet.engine.postgres.connection;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGProperty;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.PrivateFiles;

/**
 * How to reach a server and a database on it, as libpq reads it: a URI, {@code key=value} words or
 * a plain database name, completed by a service file, {@code PG*} variables and a password file.
 *
 * <p>Immutable. No text that an instance gives holds a secret, apart from the private files of
 * {@link #childEnvironment}.
 */
public final class ConnectionSettings {
  private static final String DEFAULT_PORT = "5432";

  /** Where packagers and the server itself put the socket. */
  private static final List<String> SOCKET_DIRECTORIES = List.of("/var/run/postgresql", "/tmp");

  /** What the driver cannot do and a connection would be less safe without. */
  private static final Set<String> REFUSED = Set.of("sslcrl", "sslcrldir");

  private final Map<String, String> values;
  private final Map<String, String> variables;
  private final Path home;
  private final List<Host> hosts;

  /**
   * One of the servers to try.
   *
   * @param host a name, an address, or a socket directory starting with {@code /} or {@code @}
   * @param hostaddr the numeric address to connect to instead of looking up the name, or empty
   */
  private record Host(String host, String hostaddr, String port) {
    boolean isSocket() {
      return hostaddr.isEmpty() && (host.startsWith("/") || host.startsWith("@"));
    }

    String socket() {
      return host + "/.s.PGSQL." + port;
    }

    @Override
    public String toString() {
      if (isSocket()) {
        return "socket " + socket();
      }
      String name = host.isEmpty() ? hostaddr : host;
      String bracketed = name.indexOf(':') >= 0 ? "[" + name + "]" : name;
      return port.equals(DEFAULT_PORT) ? bracketed : bracketed + ":" + port;
    }
  }

  private ConnectionSettings(
      Map<String, String> values, Map<String, String> variables, Path home, List<Host> hosts) {
    this.values = Collections.unmodifiableMap(values);
    this.variables = variables;
    this.home = home;
    this.hosts = List.copyOf(hosts);
  }

  /**
   * Reads settings as libpq would in this process.
   *
   * @param text a URI, {@code key=value} words, a database name, or nothing
   * @throws StetException with {@code CONFIGURATION}
   */
  public static ConnectionSettings parse(String text) {
    return parse(text, System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /** Reads settings as libpq would with this environment and home directory. */
  public static ConnectionSettings parse(String text, Map<String, String> variables, Path home) {
    Map<String, String> values = new LinkedHashMap<>(Conninfo.parse(text));
    addService(values, variables, home);
    Conninfo.PARAMETERS.forEach((key, variable) -> {
      String value = variable.isEmpty() ? null : variables.get(variable);
      if (value != null) {
        values.putIfAbsent(key, value);
      }
    });
    values.values().removeIf(String::isEmpty);
    values.putIfAbsent("user", System.getProperty("user.name"));
    values.putIfAbsent("dbname", Objects.requireNonNull(values.get("user")));
    values.putIfAbsent("application_name", "stet");
    for (String key : values.keySet()) {
      if (REFUSED.contains(key)) {
        throw Conninfo.error(
            "connection parameter \"" + key + "\" is not supported",
            "Remove it, or give a root certificate of your own with sslrootcert.");
      }
    }
    return new ConnectionSettings(values, Map.copyOf(variables), home, hosts(values));
  }

  private static void addService(
      Map<String, String> values, Map<String, String> variables, Path home) {
    String service = values.getOrDefault("service", variables.getOrDefault("PGSERVICE", ""));
    if (service.isEmpty()) {
      return;
    }
    String named = values.getOrDefault("servicefile", variables.getOrDefault("PGSERVICEFILE", ""));
    Path user = named.isEmpty() ? home.resolve(".pg_service.conf") : Path.of(named);
    if (!named.isEmpty() && !Files.exists(user)) {
      throw Conninfo.error("service file " + user + " not found", null);
    }
    String system = variables.getOrDefault("PGSYSCONFDIR", "/etc/postgresql-common");
    List<Path> files = List.of(user, Path.of(system, "pg_service.conf"));
    for (Path file : files) {
      Map<String, String> found = Files.exists(file) ? ServiceFile.find(file, service) : null;
      if (found != null) {
        found.forEach(values::putIfAbsent);
        return;
      }
    }
    throw Conninfo.error(
        "definition of service \""
            + service
            + "\" not found in "
            + files.get(0)
            + " or "
            + files.get(1),
        null);
  }

  private static List<Host> hosts(Map<String, String> values) {
    List<String> names = list(values.get("host"));
    List<String> addresses = list(values.get("hostaddr"));
    List<String> ports = list(values.get("port"));
    if (names.size() > 1 && addresses.size() > 1 && names.size() != addresses.size()) {
      throw Conninfo.error(
          "the connection settings name "
              + names.size()
              + " hosts but "
              + addresses.size()
              + " addresses",
          null);
    }
    int count = Math.max(names.size(), addresses.size());
    if (ports.size() > 1 && ports.size() != count) {
      throw Conninfo.error(
          "the connection settings name " + count + " hosts but " + ports.size() + " ports", null);
    }
    List<Host> hosts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String name = i < names.size() ? names.get(i) : "";
      String address = i < addresses.size() ? addresses.get(i) : "";
      String port = ports.size() == 1 ? ports.getFirst() : ports.get(i);
      if (port.isEmpty()) {
        port = DEFAULT_PORT;
      }
      if (!port.matches("[0-9]{1,5}")
          || Integer.parseInt(port) < 1
          || Integer.parseInt(port) > 65535) {
        throw Conninfo.error(
            "port \"" + port + "\" in the connection settings is not a number from 1 to 65535",
            null);
      }
      hosts.add(
          new Host(
              name.isEmpty() && address.isEmpty() ? socketDirectory(port) : name, address, port));
    }
    return hosts;
  }

  private static List<String> list(@Nullable String commaSeparated) {
    return commaSeparated == null ? List.of("") : List.of(commaSeparated.split(",", -1));
  }

  private static String socketDirectory(String port) {
    for (String directory : SOCKET_DIRECTORIES) {
      if (Files.exists(Path.of(directory, ".s.PGSQL." + port))) {
        return directory;
      }
    }
    return SOCKET_DIRECTORIES.getFirst();
  }

  /** The database's name. */
  public String database() {
    return value("dbname");
  }

  public String user() {
    return value("user");
  }

  private String value(String key) {
    return Objects.requireNonNull(values.get(key));
  }

  /** What a person calls it: {@code database "shop" on db.example.org}. */
  public String describe() {
    return describe(database());
  }

  /** What a person calls another database on the same server. */
  public String describe(String database) {
    return "database \"" + database + "\" on " + describeServer();
  }

  /** What a person calls the server: {@code db.example.org:5433}. */
  public String describeServer() {
    return String.join(", ", hosts.stream().map(Host::toString).toList());
  }

  @Override
  public String toString() {
    return describe();
  }

  /** The same server and user, another database. */
  public ConnectionSettings withDatabase(String database) {
    Map<String, String> other = new LinkedHashMap<>(values);
    other.put("dbname", database);
    return new ConnectionSettings(other, variables, home, hosts);
  }

  /** The same with more command-line options for the server's process, such as {@code -c x=y}. */
  public ConnectionSettings withOptions(String more) {
    Map<String, String> other = new LinkedHashMap<>(values);
    other.merge("options", more, (given, added) -> given + " " + added);
    return new ConnectionSettings(other, variables, home, hosts);
  }

  /**
   * Tries the hosts in order and keeps the first that works, so that all later connections and
   * child processes reach the same server.
   *
   * @throws StetException with {@code SOURCE} if none does
   */
  public ConnectionSettings pinned() {
    if (hosts.size() == 1) {
      return this;
    }
    return firstThatWorks(
        database(),
        host -> {
          open(host, database()).close();
          return new ConnectionSettings(values, variables, home, List.of(host));
        });
  }

  /** Connects to the database. */
  public Connection connect() {
    return connect(database());
  }

  /**
   * Connects to a database on this server, in autocommit mode.
   *
   * @throws StetException with {@code SOURCE} naming database, server and the server's reason
   */
  public Connection connect(String database) {
    return firstThatWorks(database, host -> open(host, database));
  }

  @FunctionalInterface
  private interface Attempt<T> {
    T with(Host host) throws SQLException;
  }

  private <T> T firstThatWorks(String database, Attempt<T> attempt) {
    List<Host> order = new ArrayList<>(hosts);
    if ("random".equals(values.get("load_balance_hosts"))) {
      Collections.shuffle(order);
    }
    List<String> failures = new ArrayList<>();
    SQLException last = null;
    for (Host host : order) {
      try {
        return attempt.with(host);
      } catch (SQLException e) {
        last = e;
        failures.add((order.size() > 1 ? host + ": " : "") + PostgresErrors.text(e));
      }
    }
    SQLException cause = Objects.requireNonNull(last);
    throw new StetException(
        ErrorCode.SOURCE,
        "cannot connect to "
            + describe(database)
            + " as user \""
            + user()
            + "\": "
            + String.join("; ", failures),
        connectionHint(cause, database),
        cause);
  }

  private @Nullable String connectionHint(SQLException e, String database) {
    String state = Objects.requireNonNullElse(e.getSQLState(), "");
    List<String> warnings = new ArrayList<>();
    boolean known = password(hosts.getFirst(), database, warnings) != null;
    if (!warnings.isEmpty()) {
      return "Note that " + String.join(", and that ", warnings) + ".";
    }
    if (state.equals("08004") && String.valueOf(e.getMessage()).contains("does not support SSL")) {
      return "Switch ssl on in the server's configuration, or choose another sslmode.";
    }
    if (String.valueOf(e.getMessage()).contains("unsupported startup parameter")) {
      // A server knows all that is sent; PgBouncer takes only what it is told to ignore.
      return PostgresErrors.POOLER_HINT;
    }
    return switch (state) {
      case "28P01", "28000", "08004" ->
          known
              ? "Check the user's name and password, and the server's pg_hba.conf."
              : "No password was found: give one in the URL, PGPASSWORD or the password file.";
      case "3D000" -> "Check the database's name; `psql -l` lists what the server has.";
      case "53300" ->
          "The server has no free connection; raise max_connections or use fewer workers.";
      case "57P03" -> "The server is starting or stopping; try again in a moment.";
      case "08001", "08006" ->
          "Check that the server runs and accepts connections at this address and port.";
      default -> null;
    };
  }

  private Connection open(Host host, String database) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", user());
    List<String> ignored = new ArrayList<>();
    String password = password(host, database, ignored);
    // An empty one keeps the driver from looking for password files by rules of its own.
    properties.setProperty("password", password == null ? "" : password);
    set(properties, PGProperty.APPLICATION_NAME, values.get("application_name"));
    set(properties, PGProperty.OPTIONS, values.get("options"));
    set(properties, PGProperty.REQUIRE_AUTH, values.get("require_auth"));
    set(properties, PGProperty.CHANNEL_BINDING, values.get("channel_binding"));
    set(properties, PGProperty.KERBEROS_SERVER_NAME, values.get("krbsrvname"));
    set(properties, PGProperty.PREPARE_THRESHOLD, "0");
    set(
        properties,
        PGProperty.TCP_KEEP_ALIVE,
        "0".equals(values.get("keepalives")) ? "false" : "true");
    setTimeout(properties);
    set(properties, PGProperty.SOCKET_FACTORY, ConnectionSocketFactory.class.getName());
    String where = "localhost";
    if (host.isSocket()) {
      String path = host.host().startsWith("@") ? "\0" + host.socket().substring(1) : host.socket();
      String peer = values.get("requirepeer");
      set(
          properties,
          PGProperty.SOCKET_FACTORY_ARG,
          "unix:" + path + (peer == null ? "" : "\npeer:" + peer));
      set(properties, PGProperty.SSL_MODE, "disable");
      set(properties, PGProperty.GSS_ENC_MODE, "disable");
    } else {
      where = host.host().isEmpty() ? host.hostaddr() : host.host();
      set(
          properties,
          PGProperty.SOCKET_FACTORY_ARG,
          host.hostaddr().isEmpty() ? "name" : "addr:" + host.hostaddr());
      setEncryption(properties);
    }
    String bracketed = where.indexOf(':') >= 0 ? "[" + where + "]" : where;
    String url =
        "jdbc:postgresql://"
            + bracketed
            + ":"
            + host.port()
            + "/"
            + URLEncoder.encode(database, StandardCharsets.UTF_8);
    Connection connection = new org.postgresql.Driver().connect(url, properties);
    if (connection == null) {
      throw new SQLException("the driver does not take the host name \"" + where + "\"", "08001");
    }
    try {
      checkSessionAttributes(connection);
      return connection;
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
  }

  private void setTimeout(Properties properties) {
    String seconds = values.get("connect_timeout");
    if (seconds == null) {
      set(properties, PGProperty.CONNECT_TIMEOUT, "15");
      return;
    }
    try {
      int parsed = Integer.parseInt(seconds.strip());
      // libpq's rules: none or less means for ever, one means two.
      String limit = Integer.toString(parsed <= 0 ? 0 : Math.max(2, parsed));
      set(properties, PGProperty.CONNECT_TIMEOUT, limit);
      set(properties, PGProperty.LOGIN_TIMEOUT, limit);
    } catch (NumberFormatException e) {
      throw Conninfo.error(
          "connect_timeout \""
              + seconds
              + "\" in the connection settings is not a number of seconds",
          null);
    }
  }

  private void setEncryption(Properties properties) {
    set(properties, PGProperty.GSS_ENC_MODE, values.get("gssencmode"));
    set(properties, PGProperty.SSL_NEGOTIATION, values.get("sslnegotiation"));
    set(properties, PGProperty.SSL_CERT, values.get("sslcert"));
    set(properties, PGProperty.SSL_KEY, values.get("sslkey"));
    set(properties, PGProperty.SSL_PASSWORD, values.get("sslpassword"));
    String mode = values.getOrDefault("sslmode", "prefer");
    if (!Set.of("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
        .contains(mode)) {
      throw Conninfo.error(
          "sslmode \"" + mode + "\" in the connection settings is unknown",
          "It is one of disable, allow, prefer, require, verify-ca, verify-full.");
    }
    String root = values.get("sslrootcert");
    if ("system".equals(root)) {
      set(properties, PGProperty.SSL_FACTORY, "org.postgresql.ssl.DefaultJavaSSLFactory");
      mode = "verify-full";
    } else {
      set(properties, PGProperty.SSL_ROOT_CERT, root);
      Path usual = home.resolve(".postgresql/root.crt");
      if (mode.equals("require") && (root != null || Files.exists(usual))) {
        // libpq verifies as soon as there is a root certificate to verify with.
        mode = "verify-ca";
      }
    }
    set(properties, PGProperty.SSL_MODE, mode);
  }

  private static void set(Properties properties, PGProperty property, @Nullable String value) {
    if (value != null) {
      properties.setProperty(property.getName(), value);
    }
  }

  private void checkSessionAttributes(Connection connection) throws SQLException {
    String wanted = values.getOrDefault("target_session_attrs", "any");
    if (wanted.equals("any") || wanted.equals("prefer-standby")) {
      return;
    }
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "select pg_catalog.pg_is_in_recovery(),"
                    + " pg_catalog.current_setting('transaction_read_only')")) {
      row.next();
      boolean standby = row.getBoolean(1);
      boolean readOnly = row.getString(2).equals("on");
      boolean fits =
          switch (wanted) {
            case "read-write" -> !readOnly;
            case "read-only" -> readOnly;
            case "primary" -> !standby;
            case "standby" -> standby;
            default ->
                throw Conninfo.error(
                    "target_session_attrs \"" + wanted + "\" in the connection settings is unknown",
                    null);
          };
      if (!fits) {
        throw new SQLException("the server is not " + wanted, "08004");
      }
    }
  }

  /** The given password, or the password file's for this or else for the configured database. */
  private @Nullable String password(Host host, String database, List<String> warnings) {
    String given = values.get("password");
    if (given != null) {
      return given;
    }
    String named = values.get("passfile");
    Path file = named == null ? home.resolve(".pgpass") : Path.of(named);
    String name = host.host().isEmpty() ? host.hostaddr() : host.host();
    if (SOCKET_DIRECTORIES.contains(name)) {
      name = "localhost";
    }
    Set<String> seen = new LinkedHashSet<>();
    String found = PasswordFile.find(file, name, host.port(), database, user(), seen::add);
    if (found == null && !database.equals(database())) {
      found = PasswordFile.find(file, name, host.port(), database(), user(), seen::add);
    }
    warnings.addAll(seen);
    return found;
  }

  /** Whether a child process must not see an inherited environment variable. */
  public static boolean isConnectionVariable(String name) {
    return name.startsWith("PG");
  }

  /**
   * The environment with which one of PostgreSQL's programs reaches the same server as the same
   * user; inherited variables for which {@link #isConnectionVariable} must be left out. Call on
   * {@linkplain #pinned() pinned} settings.
   *
   * @param files holds the password for as long as the program runs
   */
  public Map<String, String> childEnvironment(PrivateFiles files) {
    if (hosts.size() != 1) {
      throw new IllegalStateException("settings with several hosts must be pinned first");
    }
    Host host = hosts.getFirst();
    Map<String, String> environment = new LinkedHashMap<>();
    Set<String> own =
        Set.of(
            "service",
            "servicefile",
            "password",
            "passfile",
            "host",
            "hostaddr",
            "port",
            "dbname",
            "client_encoding",
            "load_balance_hosts",
            "target_session_attrs");
    Conninfo.PARAMETERS.forEach((key, variable) -> {
      String value = values.get(key);
      if (value != null && !variable.isEmpty() && !own.contains(key)) {
        environment.put(variable, value);
      }
    });
    if (!host.host().isEmpty()) {
      environment.put("PGHOST", host.host());
    }
    if (!host.hostaddr().isEmpty()) {
      environment.put("PGHOSTADDR", host.hostaddr());
    }
    environment.put("PGPORT", host.port());
    environment.put("PGDATABASE", database());
    String password = password(host, database(), new ArrayList<>());
    String passwordFile = "pgpass";
    if (password == null) {
      // Points to nothing, or the program would go looking by itself.
      environment.put("PGPASSFILE", files.path("no-password").toString());
    } else {
      environment.put(
          "PGPASSFILE", files.write(passwordFile, PasswordFile.text(password)).toString());
    }
    String keyPassword = values.get("sslpassword");
    if (keyPassword != null) {
      // The one secret that has no variable of its own.
      environment.put(
          "PGSERVICEFILE",
          files.write("pg_service.conf", "[stet]\nsslpassword=" + keyPassword + "\n").toString());
      environment.put("PGSERVICE", "stet");
    }
    return environment;
  }

  /**
   * The {@code --dbname} for one of PostgreSQL's programs: these read a name with {@code =} or
   * {@code ://} as a connection string, so it is always given as one.
   */
  public static String childDatabase(String database) {
    return "dbname=" + Conninfo.quote(database);
  }
}
