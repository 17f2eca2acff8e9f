package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.LocaleProvider;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Server;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.engine.postgres.catalog.ObjectNames;

class LoadScriptTest {
  private static DatabaseDescription description(
      String database, List<Table> tables, List<Sequence> sequences, List<LargeObject> objects) {
    return new DatabaseDescription(
        new Server(150008, "15.8\n\\! echo server", null),
        new Database(
            database,
            "UTF8",
            LocaleProvider.LIBC,
            "C",
            "C",
            null,
            null,
            null,
            "C",
            "o",
            null,
            -1,
            "pg_default",
            null,
            List.of(),
            List.of()),
        List.of(),
        List.of(),
        List.of(),
        tables,
        sequences,
        objects,
        Map.of());
  }

  private static Table table(String name, String... columns) {
    return new Table(
        1,
        "public",
        name,
        List.of(columns),
        Collections.nCopies(columns.length, "text"),
        TableKind.ORDINARY,
        "",
        false,
        null,
        "data/" + ObjectNames.directory("public", name));
  }

  private static List<String> script(
      DatabaseDescription description, Map<Table, List<String>> files) {
    return new String(LoadScript.write(description, files), StandardCharsets.UTF_8)
        .lines()
        .toList();
  }

  @Test
  void noNameBecomesACommand() {
    Table odd = table("t\n\\! echo table", "c\n\\! echo column");
    List<String> lines =
        script(
            description(
                "d\n\\! echo database",
                List.of(odd),
                List.of(new Sequence("s", "q\n\\! echo sequence", 5, true)),
                List.of()),
            Map.of(odd, List.of(odd.directory() + "/00000/0000000000.copy")));
    // Names continue on lines of their own only within quotes, where psql knows no commands.
    boolean quoted = false;
    for (String line : lines) {
      if (!quoted && !line.startsWith("--")) {
        assertThat(line).doesNotStartWith("\\!");
      }
      if (!line.startsWith("--") || quoted) {
        quoted ^= line.chars().filter(c -> c == '"').count() % 2 != 0;
      }
    }
    assertThat(quoted).isFalse();
    assertThat(lines.getFirst())
        .isEqualTo("-- Rows, sequences and large objects of the database d?\\! echo database,");
    assertThat(lines)
        .contains(
            "\\copy pg_temp.stet_rows (c1) from"
                + " 'data/public.t%0A%5C%21%20echo%20table/00000/0000000000.copy' with (encoding"
                + " 'UTF8')");
  }

  @Test
  void loadsPlainTablesDirectlyAndSkipsEmptyOnes() {
    Table full = table("full", "a", "b\"c");
    Table empty = table("empty", "a");
    Table columnless = table("columnless");
    List<String> lines =
        script(
            description("d", List.of(full, empty, columnless), List.of(), List.of()),
            Map.of(
                full, List.of("data/public.full/00000/1.copy", "data/public.full/00000/2.copy"),
                empty, List.of(),
                columnless, List.of("data/public.columnless/00000/1.copy")));
    assertThat(lines.stream().filter(line -> line.startsWith("\\copy")))
        .containsExactly(
            "\\copy \"public\".\"full\" (\"a\", \"b\"\"c\") from 'data/public.full/00000/1.copy'"
                + " with (encoding 'UTF8')",
            "\\copy \"public\".\"full\" (\"a\", \"b\"\"c\") from 'data/public.full/00000/2.copy'"
                + " with (encoding 'UTF8')",
            "\\copy \"public\".\"columnless\" from 'data/public.columnless/00000/1.copy' with"
                + " (encoding 'UTF8')");
  }

  @Test
  void givesLargeObjectsTheirOwnersAndPrivilegesBack() {
    List<String> lines =
        script(
            description(
                "d",
                List.of(),
                List.of(),
                List.of(
                    new LargeObject(
                        17,
                        "own\"er",
                        List.of(
                            new Grant("own\"er", null, "SELECT", false),
                            new Grant("own\"er", "x", "UPDATE", true)),
                        "it's \\ so",
                        List.of(),
                        0,
                        ""))),
            Map.of());
    assertThat(lines)
        .containsSubsequence(
            "SELECT pg_catalog.lo_create(17) \\g /dev/null",
            "ALTER LARGE OBJECT 17 OWNER TO \"own\"\"er\";",
            "REVOKE ALL ON LARGE OBJECT 17 FROM \"own\"\"er\";",
            "GRANT SELECT ON LARGE OBJECT 17 TO PUBLIC;",
            "GRANT UPDATE ON LARGE OBJECT 17 TO \"x\" WITH GRANT OPTION;",
            "COMMENT ON LARGE OBJECT 17 IS E'it''s \\\\ so';")
        .noneMatch(line -> line.startsWith("\\lo_import"));
  }
}
