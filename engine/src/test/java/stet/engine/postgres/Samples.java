package stet.engine.postgres;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import stet.testkit.PostgresServer;

/** Databases that others made, for tests; the files lie beside the project and may be absent. */
public final class Samples {
  private Samples() {}

  /** A file of the shared data; the running test is skipped, saying why, where it is absent. */
  static Path file(String name) {
    // Tests run in their module's directory.
    for (Path directory = Path.of("").toAbsolutePath();
        directory != null;
        directory = directory.getParent()) {
      Path file = directory.resolve("shared/data").resolve(name);
      if (Files.exists(file)) {
        return file;
      }
    }
    String reason = "no file shared/data/" + name + " beside the project";
    System.err.println("skipped: " + reason);
    Assumptions.abort(reason);
    throw new AssertionError("unreachable");
  }

  /** Creates Chinook, a small music shop, with its rows. */
  public static void chinook(PostgresServer server, String database, Path directory)
      throws IOException {
    String sql = Files.readString(file("chinook-postgresql.sql"));
    // It creates a database of its own and connects to it.
    sql = sql.replaceAll("(?m)^(DROP DATABASE|CREATE DATABASE|\\\\c) .*$", "");
    server.createDatabase(database);
    server.psqlFile(database, Files.writeString(directory.resolve("chinook.sql"), sql), true);
  }

  /** Creates Pagila, a film rental, with made-up rows in all tables that the server can have. */
  public static void pagila(PostgresServer server, String database, Path directory)
      throws IOException, SQLException {
    String sql = Files.readString(file("pagila-schema.sql"));
    if (server.majorVersion() < 18) {
      sql = sql.replace("uuidv7()", "gen_random_uuid()").replace(" VIRTUAL", " STORED");
    }
    server.createDatabase(database);
    // One table needs an extension that the server may lack; the rest is created.
    server.psqlFile(database, Files.writeString(directory.resolve("pagila.sql"), sql), false);
    fill(server, database, 300);
  }

  /** Puts rows into every ordinary table of the schema public. */
  private static void fill(PostgresServer server, String database, int rows) throws SQLException {
    List<String> inserts = new ArrayList<>();
    for (String table :
        server.query(
            database,
            "select quote_ident(relname) from pg_class where relnamespace = 'public'::regnamespace"
                + " and relkind = 'r' order by 1")) {
      String month = table.replaceAll(".*_p(\\d{4})_(\\d{2})", "$1-$2-02 12:00:00+00");
      List<String> columns = new ArrayList<>();
      List<String> values = new ArrayList<>();
      for (String column :
          server.query(
              database,
              "select attname || '=' || format_type(coalesce(nullif(typbasetype, 0), atttypid),"
                  + " atttypmod) || '=' || typtype::text from pg_attribute join pg_type t on t.oid ="
                  + " atttypid where attrelid = 'public."
                  + table
                  + "'::regclass and attnum > 0 and not attisdropped and attgenerated = ''")) {
        String[] fields = column.split("=", -1);
        columns.add(fields[0]);
        values.add(value(fields[0], fields[1], fields[2], month));
      }
      inserts.add(
          "insert into public.%s (%s) select %s from generate_series(1, %d) i"
              .formatted(table, String.join(", ", columns), String.join(", ", values), rows));
    }
    try (var connection = server.connect(database);
        var statement = connection.createStatement()) {
      statement.execute("set session_replication_role = replica");
      for (String insert : inserts) {
        statement.execute(insert);
      }
    }
    for (String sequence :
        server.query(database, "select oid::regclass from pg_class where relkind = 'S'")) {
      server.execute(database, "select setval('" + sequence + "', 301, false)");
    }
  }

  private static String value(String column, String type, String kind, String month) {
    if (kind.equals("e")) {
      return "(enum_range(null::" + type + "))[1 + i % 3]";
    }
    if (column.equals("release_year")) {
      return "1950 + i % 70";
    }
    return switch (type.replaceAll("\\(.*", "")) {
      case "integer", "bigint" -> "i";
      case "smallint" -> "i % 100";
      case "numeric" -> "(i % 90) + 0.25";
      case "boolean" -> "i % 2 = 0";
      case "date" -> "date '2020-01-01' + i";
      case "timestamp with time zone", "timestamp without time zone" ->
          month.length() > 15 ? "'" + month + "'" : "now() - i * interval '1 hour'";
      case "text[]" -> "array['a', E'b\\n\\\\', null, i::text]";
      case "bytea" -> "decode(repeat(md5(i::text), 100), 'hex')";
      case "tsvector" -> "to_tsvector('row ' || i)";
      case "uuid" -> "md5(i::text)::uuid";
      default -> "left(i || E' é\\t\\\\.\\n' || md5(i::text), 20)";
    };
  }
}
