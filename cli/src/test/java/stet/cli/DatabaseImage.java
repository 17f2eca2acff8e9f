package stet.cli;

import java.util.List;
import java.util.regex.Pattern;
import stet.testkit.PostgresServer;

/**
 * What a database is, as pg_dump sees it: its own properties and all definitions as they come, and
 * all rows, sequences and large objects as sorted lines.
 */
record DatabaseImage(List<String> definitions, List<String> data) {
  private static final Pattern RESTRICT = Pattern.compile("(?m)^\\\\(un)?restrict .*\\n");

  static DatabaseImage of(PostgresServer server, String database) {
    String definitions = server.client("pg_dump", List.of("--schema-only", "--create"), database);
    return new DatabaseImage(
        RESTRICT.matcher(definitions).replaceAll("").lines().toList(),
        server.dumpSortedData(database).lines().toList());
  }

  /** Fails, showing what differs, unless the other is equal. */
  void mustEqual(DatabaseImage expected) {
    Lines.mustEqual("definitions", definitions, expected.definitions);
    Lines.mustEqual("data", data, expected.data);
  }

  @Override
  public String toString() {
    return "definitions with hash " + definitions.hashCode() + ", data with " + data.hashCode();
  }
}
