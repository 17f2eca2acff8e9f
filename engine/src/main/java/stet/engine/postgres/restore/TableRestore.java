package stet.engine.postgres.restore;

import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.Component.RestoredTable;
import stet.engine.component.Component.TableWish;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.TableChoice;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.CopyRows;
import stet.engine.postgres.rows.FloatShapes;
import stet.engine.postgres.rows.FloatText;
import stet.repository.RepositoryException;
import stet.repository.json.JsonObject;

/**
 * Puts a captured table beside the live one of its name. All is done in one transaction, so nobody
 * sees the table before its rows are verified.
 */
public final class TableRestore {
  /** Bytes that a name may have on a server as it is built by default. */
  private static final int LONGEST_NAME = 63;

  private static final String ALL_ROWS = "pg_temp.stet_rows";

  private final ConnectionSettings settings;
  private final String component;
  private final RestoreContext context;
  private final Operation operation;
  private final CapturedFiles files;

  public TableRestore(ConnectionSettings settings, String component, RestoreContext context) {
    this.settings = settings;
    this.component = component;
    this.context = context;
    this.operation = context.operation();
    this.files = new CapturedFiles(context.source(), context.node());
  }

  public RestoredTable run(TableWish wish) {
    try {
      DatabaseDescription description =
          DatabaseDescription.parse(
              component + "/" + CapturedFiles.DESCRIPTION,
              files.read(files.require(CapturedFiles.DESCRIPTION)));
      Table table = TableChoice.choose(component, description.tables(), wish.table());
      String name = name(table, wish);
      operation.progress().phase("restoring table " + name);
      try (Session session = Session.open(settings)) {
        session.connection().setAutoCommit(false);
        return run(session, description, table, name, wish.where());
      }
    } catch (RepositoryException e) {
      throw StetException.of(e);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot restore a table into " + settings.describe(), e);
    }
  }

  private static String name(Table table, TableWish wish) {
    String as = wish.as();
    if (as == null) {
      String suffix = "_" + wish.suffix();
      StringBuilder name = new StringBuilder(table.name());
      while (bytes(name + suffix) > LONGEST_NAME) {
        name.setLength(name.offsetByCodePoints(name.length(), -1));
      }
      return SqlText.name(table.schema(), name + suffix);
    }
    if (as.isEmpty() || bytes(as) > LONGEST_NAME) {
      throw new StetException(
          ErrorCode.USAGE,
          "--as \"" + as + "\" has " + bytes(as) + " bytes where 1 to " + LONGEST_NAME + " may be",
          "Give another name.");
    }
    return SqlText.name(table.schema(), as);
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private RestoredTable run(
      Session session,
      DatabaseDescription description,
      Table table,
      String name,
      @Nullable String where)
      throws SQLException {
    setMonetary(session, description, table);
    String into = where == null ? name : ALL_ROWS;
    String definition = " (" + String.join(", ", columns(table)) + ")";
    create(
        session,
        name,
        where == null
            ? "CREATE TABLE " + name + definition
            : "CREATE TEMPORARY TABLE stet_rows" + definition + " ON COMMIT DROP");
    new RowLoader(files, description, operation).load(session, table, into);
    operation.progress().phase("verifying table " + name);
    long rows = verify(session, description, table, into);
    if (where != null) {
      // What a person writes is to be read as in psql.
      session.execute("SET LOCAL search_path TO DEFAULT");
      create(
          session,
          name,
          "CREATE TABLE "
              + name
              + " AS SELECT * FROM "
              + ALL_ROWS
              + " AS "
              + SqlText.name(table.name())
              + " WHERE (\n"
              + where
              + "\n)");
      rows =
          Long.parseLong(String.valueOf(session.value("SELECT pg_catalog.count(*) FROM " + name)));
    }
    session.connection().commit();
    return new RestoredTable(name, rows);
  }

  private static List<String> columns(Table table) {
    List<String> columns = new ArrayList<>();
    for (int i = 0; i < table.columns().size(); i++) {
      columns.add(SqlText.name(table.columns().get(i)) + " " + table.types().get(i));
    }
    return columns;
  }

  /** The text of money depends on the locale. */
  private static void setMonetary(Session session, DatabaseDescription description, Table table)
      throws SQLException {
    if (table.types().stream().anyMatch(type -> type.startsWith("money"))) {
      session.execute(
          "SET LOCAL lc_monetary = " + SqlText.literal(description.database().monetary()));
    }
  }

  private void create(Session session, String name, String sql) throws SQLException {
    try (Statement statement = session.connection().createStatement()) {
      statement.setEscapeProcessing(false);
      statement.execute(sql);
    } catch (SQLException e) {
      if (PostgresErrors.is(e, "42P07")) {
        throw new StetException(
            ErrorCode.REFUSED,
            "table " + name + " exists already in " + settings.describe(),
            "Give another name with --as, or drop it; a restore replaces no table.",
            e);
      }
      StetException failure =
          PostgresErrors.failed("cannot create table " + name + " in " + settings.describe(), e);
      boolean gone = PostgresErrors.is(e, "42704") || PostgresErrors.is(e, "3F000");
      throw gone
          ? new StetException(
              failure.code(),
              failure.getMessage(),
              "The table needs a schema or type that is not there any more; `stet export --table`"
                  + " writes it as CSV.",
              e)
          : failure;
    }
  }

  private long verify(Session session, DatabaseDescription description, Table table, String name)
      throws SQLException {
    RowHash hash = new RowHash(context.hashKey());
    FloatText floats = null;
    if (StagingVerifier.hashedAsBits(context.manifest())) {
      String oid = session.value("SELECT ?::pg_catalog.regclass::pg_catalog.oid::bigint", name);
      floats = new FloatShapes(session).of(Long.parseLong(String.valueOf(oid)), table.columns());
    }
    FloatText form = floats;
    String columns = table.columns().isEmpty() ? "" : " (" + SqlText.names(table.columns()) + ")";
    long rows =
        CopyRows.read(
            session,
            "COPY "
                + name
                + columns
                + " TO STDOUT (ENCODING "
                + SqlText.literal(description.database().encoding())
                + ")",
            (source, offset, length) -> FloatText.hash(form, hash, source, offset, length - 1));
    String restored = Human.count(rows, "row") + " with hash " + hash.text();
    String captured = captured(table);
    if (!captured.equals(restored)) {
      throw new StetException(
          ErrorCode.VERIFICATION_FAILED,
          "table " + table.quoted() + ": captured " + captured + ", restored " + restored,
          "Nothing was left behind. Run `stet check --read-data`; if the repository is sound, please"
              + " report this.");
    }
    return rows;
  }

  private String captured(Table table) {
    for (JsonObject entry : context.manifest().objects("tables")) {
      if (entry.string("schema").equals(table.schema())
          && entry.string("name").equals(table.name())) {
        return Human.count(entry.integer("rows"), "row") + " with hash " + entry.string("hash");
      }
    }
    throw new StetException(
        ErrorCode.REPOSITORY_DAMAGED,
        "the snapshot's manifest says nothing about table " + table.quoted(),
        "The snapshot was changed, or was not made by Stet; try another snapshot.");
  }
}
