package stet.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** A database that holds every kind of object that {@code pg_dump} knows. */
public final class ObjectKinds {
  private static final String SCRIPT = "object-kinds.sql";

  /** The name of a provider of security labels that no server has. */
  public static final String LABEL_PROVIDER = "stet_labels";

  private ObjectKinds() {}

  /**
   * Fills an empty database; makes the roles {@code object_owner} and {@code object_group} where
   * they are missing. Event triggers then forbid every further definition.
   *
   * @throws AssertionError if a statement fails
   */
  public static void create(PostgresServer server, String database) {
    try {
      Path script = Files.createTempFile("object-kinds", ".sql");
      try (InputStream in =
          Objects.requireNonNull(ObjectKinds.class.getResourceAsStream(SCRIPT), SCRIPT)) {
        Files.write(script, in.readAllBytes());
        server.psqlFile(database, script, true);
      } finally {
        Files.delete(script);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Writes security labels of {@link #LABEL_PROVIDER} into the catalogs, since no provider of
   * labels is packaged. A database with labels cannot be restored where their provider is not
   * loaded. Needs a server of version 13 or newer.
   */
  public static void label(PostgresServer server, String database) {
    server.execute(
        database,
        "set allow_system_table_mods = on",
        "insert into pg_seclabel select 'kinds.people'::regclass, 'pg_class'::regclass, n, '%s', 'a''b'"
                .formatted(LABEL_PROVIDER)
            + " from generate_series(0, 1) n",
        "insert into pg_seclabel values (7001, 'pg_largeobject'::regclass, 0, '%s', 'bytes')"
            .formatted(LABEL_PROVIDER));
  }

  /**
   * What the table of contents of a whole dump calls the kinds of objects, from an installed {@code
   * pg_dump} of version 15 to 18 that dumps rows, large objects and the database itself.
   *
   * @param serverVersion the server's major version
   * @param toolVersion that of pg_dump
   */
  public static List<String> descriptions(int serverVersion, int toolVersion) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "ACCESS METHOD",
                "ACL",
                "AGGREGATE",
                toolVersion >= 17 ? "BLOB METADATA" : "BLOB",
                "BLOBS",
                "CAST",
                "CHECK CONSTRAINT",
                "COLLATION",
                "COMMENT",
                "CONSTRAINT",
                "CONVERSION",
                "DATABASE",
                "DATABASE PROPERTIES",
                "DEFAULT",
                "DEFAULT ACL",
                "DOMAIN",
                "EVENT TRIGGER",
                "EXTENSION",
                "FK CONSTRAINT",
                "FOREIGN DATA WRAPPER",
                "FOREIGN TABLE",
                "FUNCTION",
                "INDEX",
                "INDEX ATTACH",
                "MATERIALIZED VIEW",
                "MATERIALIZED VIEW DATA",
                "OPERATOR",
                "OPERATOR CLASS",
                "OPERATOR FAMILY",
                "POLICY",
                "PROCEDURAL LANGUAGE",
                "PROCEDURE",
                "PUBLICATION",
                "PUBLICATION TABLE",
                "ROW SECURITY",
                "RULE",
                "SCHEMA",
                "SECURITY LABEL",
                "SEQUENCE",
                "SEQUENCE OWNED BY",
                "SEQUENCE SET",
                "SERVER",
                "SHELL TYPE",
                "STATISTICS",
                "SUBSCRIPTION",
                "TABLE",
                "TABLE ATTACH",
                "TABLE DATA",
                "TEXT SEARCH CONFIGURATION",
                "TEXT SEARCH DICTIONARY",
                "TEXT SEARCH PARSER",
                "TEXT SEARCH TEMPLATE",
                "TRANSFORM",
                "TRIGGER",
                "TYPE",
                "USER MAPPING",
                "VIEW"));
    if (serverVersion >= 15) {
      all.add("PUBLICATION TABLES IN SCHEMA");
    }
    return all;
  }
}
