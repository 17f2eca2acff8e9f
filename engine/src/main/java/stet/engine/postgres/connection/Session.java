package stet.engine.postgres.connection;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * A connection whose session settings make the text of rows depend on nothing but the rows: the
 * same for reading, loading and reading back.
 */
public final class Session implements AutoCloseable {
  private final Connection connection;
  private final int version;

  private Session(Connection connection, int version) {
    this.connection = connection;
    this.version = version;
  }

  /**
   * Connects to a database and settles the session.
   *
   * @throws StetException with {@code SOURCE}
   */
  public static Session open(ConnectionSettings settings, String database) {
    Connection connection = settings.connect(database);
    try {
      int version;
      try (Statement statement = connection.createStatement();
          ResultSet row =
              statement.executeQuery(
                  "select pg_catalog.current_setting('server_version_num')::int,"
                      + " pg_catalog.pg_backend_pid()")) {
        row.next();
        version = row.getInt(1);
        // Before anything is set: a pooler may hand these settings on to other clients.
        refusePooler(settings, database, connection, row.getInt(2));
        statement.execute(settle(version));
      }
      return new Session(connection, version);
    } catch (SQLException e) {
      try {
        connection.close();
      } catch (SQLException alsoFailed) {
        e.addSuppressed(alsoFailed);
      }
      throw PostgresErrors.failed("cannot prepare a session in " + settings.describe(database), e);
    }
  }

  /**
   * A pooler such as PgBouncer gives its clients a process number of its own making, by which it is
   * known. Even one that keeps sessions is no way to a server: it cannot be told from outside
   * whether it does, and a restore ends sessions by their process numbers.
   */
  private static void refusePooler(
      ConnectionSettings settings, String database, Connection connection, int serving)
      throws SQLException {
    int given = connection.unwrap(PGConnection.class).getBackendPID();
    if (given != serving) {
      connection.close();
      throw new StetException(
          ErrorCode.SOURCE,
          settings.describe(database)
              + " is reached through a connection pooler: the connection is said to be process "
              + given
              + " of the server, but process "
              + serving
              + " serves it",
          PostgresErrors.POOLER_HINT);
    }
  }

  /** Connects to the settings' own database and settles the session. */
  public static Session open(ConnectionSettings settings) {
    return open(settings, settings.database());
  }

  /** What pg_dump sets, and what else has a say in the text of rows. */
  private static String settle(int version) {
    List<String> settings = new ArrayList<>();
    settings.add("search_path = ''");
    // A restore's notes and renames must be durable in their order, whatever the role's own
    // setting.
    settings.add("synchronous_commit = on");
    settings.add("datestyle = 'ISO'");
    settings.add("intervalstyle = 'postgres'");
    settings.add("extra_float_digits = 3");
    settings.add("timezone = 'UTC'");
    settings.add("bytea_output = 'hex'");
    settings.add("xmloption = 'content'");
    settings.add("standard_conforming_strings = on");
    settings.add("check_function_bodies = off");
    settings.add("client_min_messages = 'warning'");
    settings.add("default_transaction_read_only = off");
    settings.add("synchronize_seqscans = off");
    settings.add("row_security = off");
    settings.add("statement_timeout = 0");
    settings.add("lock_timeout = 0");
    settings.add("idle_in_transaction_session_timeout = 0");
    if (version >= 90600) {
      // A parallel COPY of a query may change the order of rows.
      settings.add("max_parallel_workers_per_gather = 0");
    }
    if (version >= 140000) {
      settings.add("idle_session_timeout = 0");
    }
    if (version >= 170000) {
      settings.add("transaction_timeout = 0");
    }
    StringBuilder sql = new StringBuilder();
    for (String setting : settings) {
      sql.append("set ").append(setting).append(';');
    }
    return sql.toString();
  }

  public Connection connection() {
    return connection;
  }

  /** The server's version as {@code server_version_num} has it: 150004. */
  public int version() {
    return version;
  }

  /** The major version of a {@code server_version_num}. */
  public static int major(int version) {
    return version / 10_000;
  }

  /** The driver's COPY. */
  public CopyManager copy() throws SQLException {
    return connection.unwrap(PGConnection.class).getCopyAPI();
  }

  /** The server process of this session. */
  public int pid() throws SQLException {
    return connection.unwrap(PGConnection.class).getBackendPID();
  }

  /** Runs one or more statements. */
  public void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /**
   * The first column of the first row as text, or null if there is none.
   *
   * @param parameters values for the question marks of the SQL; if there are none, question marks
   *     are operators, as in {@code data ? 'key'}
   */
  public @Nullable String value(String sql, Object... parameters) throws SQLException {
    try (Statement statement = statement(sql, parameters);
        ResultSet row = run(statement, sql)) {
      return row.next() ? row.getString(1) : null;
    }
  }

  /**
   * Makes one value of every row.
   *
   * @param parameters as in {@link #value}
   */
  public <T> List<T> rows(String sql, RowReader<T> reader, Object... parameters)
      throws SQLException {
    try (Statement statement = statement(sql, parameters);
        ResultSet rows = run(statement, sql)) {
      List<T> result = new ArrayList<>();
      while (rows.next()) {
        result.add(reader.read(rows));
      }
      return result;
    }
  }

  /** The driver takes question marks for parameters in what is prepared alone. */
  private Statement statement(String sql, Object... parameters) throws SQLException {
    if (parameters.length == 0) {
      return connection.createStatement();
    }
    PreparedStatement prepared = connection.prepareStatement(sql);
    for (int i = 0; i < parameters.length; i++) {
      prepared.setObject(i + 1, parameters[i]);
    }
    return prepared;
  }

  private static ResultSet run(Statement statement, String sql) throws SQLException {
    return statement instanceof PreparedStatement prepared
        ? prepared.executeQuery()
        : statement.executeQuery(sql);
  }

  /** Makes a value of the current row. */
  @FunctionalInterface
  public interface RowReader<T> {
    T read(ResultSet row) throws SQLException;
  }

  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      // The server ends the session whether or not it could be told in good order.
      return;
    }
  }
}
