package stet.engine.postgres.export;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.DumpArchive.Addition;
import stet.engine.postgres.archive.DumpArchive.Entry;
import stet.engine.postgres.archive.DumpArchive.Section;
import stet.engine.postgres.catalog.AccessRights;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.connection.SqlText;

/**
 * The entries that a {@link DumpArchive} of definitions lacks, as pg_dump would have made them:
 * large objects, tables' rows, sequences' values.
 */
final class ArchiveEntries {
  private static final String CLASSES = "1259";
  private static final String LARGE_OBJECTS = "2613";
  private static final String NO_CATALOG = "0";

  private final DatabaseDescription description;
  private final Map<String, Entry> relations = new HashMap<>();
  private final Map<String, Entry> sequences = new HashMap<>();
  private final List<Addition> all = new ArrayList<>();
  private final Map<Table, Addition> rows = new HashMap<>();
  private @Nullable Addition largeObjects;
  private int lastId;

  ArchiveEntries(DumpArchive archive, DatabaseDescription description) {
    this.description = description;
    this.lastId = archive.highestId();
    for (Entry entry : archive.entries()) {
      if (entry.tableOid().equals(CLASSES)) {
        relations.putIfAbsent(entry.oid(), entry);
      }
      String schema = entry.schema();
      if (entry.kind().equals("SEQUENCE") && schema != null) {
        sequences.put(SqlText.name(schema, entry.tag()), entry);
      }
    }
    description.largeObjects().forEach(this::addLargeObject);
    description.tables().forEach(this::addRows);
    description.sequences().forEach(this::addValue);
    if (!description.largeObjects().isEmpty()) {
      largeObjects =
          add(
              "BLOBS",
              Section.DATA,
              "BLOBS",
              null,
              "",
              NO_CATALOG,
              "0",
              "",
              "",
              "",
              List.of(),
              true);
    }
  }

  /** All entries in the order in which they are restored. */
  List<Addition> all() {
    return all;
  }

  /** The entry of a table's rows. */
  Addition rows(Table table) {
    return Objects.requireNonNull(rows.get(table));
  }

  /** The entry of the bytes of all large objects, or null if there are none. */
  @Nullable Addition largeObjects() {
    return largeObjects;
  }

  private Addition add(
      String kind,
      Section section,
      String tag,
      @Nullable String schema,
      String owner,
      String tableOid,
      String oid,
      String definition,
      String drop,
      String copy,
      List<Integer> after,
      boolean hasData) {
    Addition addition =
        new Addition(
            ++lastId,
            kind,
            section,
            tag,
            schema,
            owner,
            tableOid,
            oid,
            definition,
            drop,
            copy,
            after,
            hasData);
    all.add(addition);
    return addition;
  }

  private void addLargeObject(LargeObject object) {
    String oid = Long.toString(object.oid());
    Addition made =
        add(
            "BLOB",
            Section.PRE_DATA,
            oid,
            null,
            object.owner(),
            LARGE_OBJECTS,
            oid,
            "SELECT pg_catalog.lo_create('" + oid + "');\n",
            "SELECT pg_catalog.lo_unlink('" + oid + "');\n",
            "",
            List.of(),
            false);
    String name = "LARGE OBJECT " + oid;
    String comment = object.comment();
    if (comment != null) {
      about("COMMENT", made, "COMMENT ON " + name + " IS " + SqlText.literal(comment) + ";\n");
    }
    StringBuilder labels = new StringBuilder();
    for (SecurityLabel label : object.labels()) {
      labels
          .append("SECURITY LABEL FOR ")
          .append(SqlText.name(label.provider()))
          .append(" ON ")
          .append(name)
          .append(" IS ")
          .append(SqlText.literal(label.label()))
          .append(";\n");
    }
    if (!labels.isEmpty()) {
      about("SECURITY LABEL", made, labels.toString());
    }
    List<String> rights = AccessRights.statements(name, object.owner(), List.of(), object.acl());
    if (!rights.isEmpty()) {
      about("ACL", made, String.join(";\n", rights) + ";\n");
    }
  }

  private void about(String kind, Addition object, String statements) {
    add(
        kind,
        Section.NONE,
        "LARGE OBJECT " + object.tag(),
        null,
        object.owner(),
        NO_CATALOG,
        "0",
        statements,
        "",
        "",
        List.of(object.id()),
        false);
  }

  private void addRows(Table table) {
    // Tables of extensions have no entry of their own.
    Entry relation = relations.get(Long.toString(table.oid()));
    String owner = relation == null ? null : relation.owner();
    String encoding = description.database().encoding();
    // The archive's own text is UTF-8, or of no known encoding as the rows are.
    boolean other = !encoding.equals("UTF8") && !encoding.equals("SQL_ASCII");
    String columns = SqlText.names(table.columns());
    rows.put(
        table,
        add(
            "TABLE DATA",
            Section.DATA,
            table.name(),
            table.schema(),
            owner == null ? "" : owner,
            NO_CATALOG,
            Long.toString(table.oid()),
            // pg_restore must not empty a partition that other partitions' rows went into.
            table.root() == null ? "" : "-- load via partition root " + table.quotedEntrance(),
            "",
            "COPY "
                + table.quotedEntrance()
                + " "
                + (columns.isEmpty() ? "" : "(" + columns + ") ")
                + "FROM stdin"
                + (other ? " WITH (ENCODING " + SqlText.literal(encoding) + ")" : "")
                + ";\n",
            relation == null ? List.of() : List.of(relation.id()),
            true));
  }

  private void addValue(Sequence sequence) {
    String name = SqlText.name(sequence.schema(), sequence.name());
    Entry entry = sequences.get(name);
    String owner = entry == null ? null : entry.owner();
    add(
        "SEQUENCE SET",
        Section.DATA,
        sequence.name(),
        sequence.schema(),
        owner == null ? "" : owner,
        NO_CATALOG,
        entry == null ? "0" : entry.oid(),
        "SELECT pg_catalog.setval("
            + SqlText.literal(name)
            + ", "
            + sequence.lastValue()
            + ", "
            + sequence.called()
            + ");\n",
        "",
        "",
        entry == null ? List.of() : List.of(entry.id()),
        false);
  }
}
