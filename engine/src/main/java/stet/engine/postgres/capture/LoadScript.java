package stet.engine.postgres.capture;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.connection.SqlText;

/**
 * Writes {@code load.sql}: with it, {@code psql} loads a captured database's rows, sequences and
 * large objects without Stet.
 */
final class LoadScript {
  private static final int PIECE = 1 << 20;

  private final StringBuilder out = new StringBuilder();
  private final DatabaseDescription description;

  private LoadScript(DatabaseDescription description) {
    this.description = description;
  }

  /**
   * The script.
   *
   * @param files paths of the files with each table's rows, below the component's directory
   */
  static byte[] write(DatabaseDescription description, Map<Table, List<String>> files) {
    LoadScript script = new LoadScript(description);
    script.introduction();
    for (Table table : description.tables()) {
      script.table(table, files.getOrDefault(table, List.of()));
    }
    script.sequences();
    for (LargeObject object : description.largeObjects()) {
      script.largeObject(object);
    }
    return script.out.toString().getBytes(StandardCharsets.UTF_8);
  }

  private void line(String line) {
    out.append(line).append('\n');
  }

  private void introduction() {
    DatabaseDescription.Database database = description.database();
    line("-- Rows, sequences and large objects of the database " + comment(database.name()) + ",");
    line("-- captured from PostgreSQL " + comment(description.server().versionText()) + ".");
    line("--");
    line(
        "-- To bring the database back with PostgreSQL's own programs alone, of this version or a");
    line("-- newer one, go to the directory of this file and run:");
    line("--");
    line(
        "--   psql -d postgres -f roles.sql          only if roles or tablespaces are missing; roles");
    line("--                                          that are there already give harmless errors");
    line("--   createdb -T template0 -E " + comment(database.encoding()) + " NEW");
    line("--                                          locale and properties: see database.json");
    line("--   pg_restore --section=pre-data  --exit-on-error -d NEW schema.pgdump");
    line("--   psql -X -d NEW -f load.sql             this file; it stops at the first error");
    line("--   pg_restore --section=post-data --exit-on-error -d NEW schema.pgdump");
    line("--   psql -d NEW -c analyze");
    line("");
    line("\\set ON_ERROR_STOP on");
    line("\\encoding UTF8");
    line("SET standard_conforming_strings = on;");
    line("SET client_min_messages = warning;");
    line("SET row_security = off;");
    line("SET statement_timeout = 0;");
    line("SELECT pg_catalog.set_config('search_path', '', false) \\g /dev/null");
    line("SET DateStyle = ISO;");
    line("SET IntervalStyle = postgres;");
    line("SET TimeZone = 'UTC';");
    line("");
  }

  /** Text for a comment, which must end with its line. */
  private static String comment(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }

  private void table(Table table, List<String> files) {
    if (files.isEmpty()) {
      return;
    }
    boolean plain = (table.quotedEntrance() + SqlText.names(table.columns())).indexOf('\n') < 0;
    if (plain) {
      for (String file : files) {
        copy(table.quotedEntrance(), SqlText.names(table.columns()), file);
      }
    } else {
      copyByDetour(table, files);
    }
  }

  /** {@code \copy} takes all names as they are, except that it ends with the line. */
  private void copy(String table, String columns, String file) {
    line(
        "\\copy "
            + table
            + (columns.isEmpty() ? "" : " (" + columns + ")")
            + " from '"
            + file
            + "' with (encoding '"
            + description.database().encoding()
            + "')");
  }

  private void copyByDetour(Table table, List<String> files) {
    List<String> plain = new ArrayList<>();
    for (int i = 1; i <= table.columns().size(); i++) {
      plain.add("c" + i);
    }
    String columns = SqlText.names(table.columns());
    String plainColumns = String.join(", ", plain);
    String list = columns.isEmpty() ? "" : " (" + plainColumns + ")";
    line(
        "CREATE TEMPORARY TABLE stet_rows"
            + list
            + " AS SELECT "
            + columns
            + " FROM ONLY "
            + table.quoted()
            + " WITH NO DATA;");
    for (String file : files) {
      copy("pg_temp.stet_rows", plainColumns, file);
      line(
          "INSERT INTO "
              + table.quotedEntrance()
              + (columns.isEmpty() ? "" : " (" + columns + ") OVERRIDING SYSTEM VALUE")
              + " SELECT "
              + plainColumns
              + " FROM pg_temp.stet_rows;");
      line("TRUNCATE pg_temp.stet_rows;");
    }
    line("DROP TABLE pg_temp.stet_rows;");
  }

  private void sequences() {
    for (Sequence sequence : description.sequences()) {
      line(
          "SELECT pg_catalog.setval("
              + SqlText.literal(SqlText.name(sequence.schema(), sequence.name()))
              + ", "
              + sequence.lastValue()
              + ", "
              + sequence.called()
              + ") \\g /dev/null");
    }
  }

  /** An imported large object gets an OID of its own, so its bytes are moved to the right one. */
  private void largeObject(LargeObject object) {
    long oid = object.oid();
    line("");
    line("SELECT pg_catalog.lo_create(" + oid + ") \\g /dev/null");
    if (object.size() > 0) {
      line("\\lo_import '" + CapturedFiles.LARGE_OBJECTS + "/" + oid + "'");
      line(
          String.format(
              Locale.ROOT,
              "SELECT pg_catalog.lo_put(%d, o, pg_catalog.lo_get(:LASTOID, o, %d))"
                  + " FROM pg_catalog.generate_series(0::bigint, %d::bigint, %d) o \\g /dev/null",
              oid,
              PIECE,
              object.size() - 1,
              PIECE));
      line("\\lo_unlink :LASTOID");
    }
    line("ALTER LARGE OBJECT " + oid + " OWNER TO " + SqlText.name(object.owner()) + ";");
    List<Grant> acl = object.acl();
    if (acl != null) {
      line("REVOKE ALL ON LARGE OBJECT " + oid + " FROM " + SqlText.name(object.owner()) + ";");
      for (Grant grant : acl) {
        String grantee = grant.grantee();
        line(
            "GRANT "
                + grant.privilege()
                + " ON LARGE OBJECT "
                + oid
                + " TO "
                + (grantee == null ? "PUBLIC" : SqlText.name(grantee))
                + (grant.grantable() ? " WITH GRANT OPTION" : "")
                + ";");
      }
    }
    String text = object.comment();
    if (text != null) {
      line("COMMENT ON LARGE OBJECT " + oid + " IS " + SqlText.literal(text) + ";");
    }
    for (SecurityLabel label : object.labels()) {
      line(
          "SECURITY LABEL FOR "
              + SqlText.name(label.provider())
              + " ON LARGE OBJECT "
              + oid
              + " IS "
              + SqlText.literal(label.label())
              + ";");
    }
  }
}
