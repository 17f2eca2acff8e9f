package stet.engine.postgres.catalog;

import java.sql.Array;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.Extension;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.LocaleProvider;
import stet.engine.postgres.catalog.DatabaseDescription.Membership;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.catalog.DatabaseDescription.Root;
import stet.engine.postgres.catalog.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Server;
import stet.engine.postgres.catalog.DatabaseDescription.Setting;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.FloatShapes;
import stet.engine.postgres.rows.FloatText;

/** Reads what a database consists of from the catalogs, as one session's snapshot sees them. */
public final class CatalogReader {
  /**
   * Members of extensions; what is not configuration comes back with the extension and is not ours.
   */
  private static final String NOT_OURS =
      """
      EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
            AND d.deptype = 'e')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig))
      """;

  private static final String USER_SCHEMA =
      "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

  private static final String THIS_DATABASE =
      "(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";

  /** Parameters whose names say that their values are nobody else's business. */
  private static final Pattern SENSITIVE =
      Pattern.compile(
          "pass|secret|token|credential|private|api.?key|_key$|\\.key$|encryption|salt");

  private static final int SEQUENCES_PER_QUERY = 200;

  /** Bytes that no compression of PostgreSQL makes of more than 25 MB. */
  private static final int LONG_COMPRESSED = 100_000;

  private final Session session;
  private final Connection connection;
  private final int version;

  public CatalogReader(Session session) {
    this.session = session;
    this.connection = session.connection();
    this.version = session.version();
  }

  private String text(String sql, Object... parameters) throws SQLException {
    String text = session.value(sql, parameters);
    if (text == null) {
      throw new SQLException("no value from " + sql);
    }
    return text;
  }

  /**
   * A table to lock: any with rows of its own, and the roots of partition trees.
   *
   * @param root whether it is the root of a partition tree, with no rows of its own
   */
  public record LockableTable(long oid, String schema, String name, boolean root) {}

  /**
   * A table to read.
   *
   * @param table its description
   * @param heap whether block numbers mean something
   * @param empty whether it is known to have no rows: what has no blocks does not tell that of
   *     other access methods, which may keep rows elsewhere
   * @param blocks heap blocks, or the storage's size in blocks for other access methods
   * @param toastBytes size of what is stored out of line
   * @param rowsPerBlock how many rows a block had when the table was last analysed, or 0 if it
   *     never was
   * @param lengths for each column whose values can be stored out of line, an SQL expression for
   *     about how long a value's text is, which rarely fetches the value
   * @param floats how to hash its rows where the server's text of floating-point numbers is not
   *     that of newer ones; null where that makes no difference
   */
  public record ReadableTable(
      Table table,
      boolean heap,
      boolean empty,
      long blocks,
      long toastBytes,
      double rowsPerBlock,
      List<String> lengths,
      @Nullable FloatText floats) {
    /** The same table, of which nothing is read. */
    public ReadableTable withoutRows() {
      return new ReadableTable(table, heap, true, 0, 0, 0, lengths, floats);
    }

    /** What reading it costs, roughly. */
    public long bytes(int blockSize) {
      return blocks * blockSize + toastBytes;
    }
  }

  /** All tables that a capture locks. */
  public List<LockableTable> lockables() throws SQLException {
    return session.rows(
        """
        SELECT c.oid, n.nspname, c.relname, c.relkind = 'p'
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND %s AND NOT (%s)
        ORDER BY c.oid
        """
            .formatted(USER_SCHEMA, NOT_OURS),
        rows ->
            new LockableTable(
                rows.getLong(1), rows.getString(2), rows.getString(3), rows.getBoolean(4)));
  }

  /**
   * How much a table stores.
   *
   * @param main bytes of the table itself
   * @param toast bytes of what is stored out of line
   * @param rowsPerBlock as in {@link ReadableTable}
   * @param filenode the number of the file that the rows are in, which changes when all of them are
   *     written anew; null if there is none
   * @param tablespace the OID of the tablespace that this file is in
   */
  public record Size(
      long main, long toast, double rowsPerBlock, @Nullable Long filenode, long tablespace) {}

  /**
   * Sizes of tables by OID, without those that are gone. To look at a table's size is to lock it:
   * without waiting only if this session has locked it before.
   */
  public Map<Long, Size> sizes(List<Long> oids) throws SQLException {
    Map<Long, Size> sizes = new HashMap<>();
    session
        .rows(
            """
            SELECT c.oid, pg_catalog.pg_relation_size(c.oid),
              CASE WHEN c.reltoastrelid = 0 THEN 0
                ELSE pg_catalog.pg_relation_size(c.reltoastrelid) END,
              CASE WHEN c.relpages > 0 AND c.reltuples > 0
                THEN c.reltuples / c.relpages ELSE 0 END,
              pg_catalog.pg_relation_filenode(c.oid)::bigint,
              CASE WHEN c.reltablespace = 0 THEN d.dattablespace ELSE c.reltablespace END::bigint
            FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
            WHERE c.oid = ANY (?)
            """,
            row -> {
              long oid = row.getLong(1);
              long bytes = row.getLong(2);
              // Not a condition, as the server might ask it of all relations, and wait for them.
              boolean known = !row.wasNull();
              Size size =
                  new Size(
                      bytes,
                      row.getLong(3),
                      row.getDouble(4),
                      row.getObject(5, Long.class),
                      row.getLong(6));
              return known
                  ? Optional.of(Map.entry(oid, size))
                  : Optional.<Map.Entry<Long, Size>>empty();
            },
            connection.createArrayOf("oid", oids.toArray()))
        .forEach(entry -> entry.ifPresent(known -> sizes.put(known.getKey(), known.getValue())));
    return sizes;
  }

  /**
   * All tables with rows of their own, ordered as {@link DatabaseDescription#tables()} says.
   *
   * @param sizes how much each stores
   * @throws SQLException if one of them has no size
   */
  public List<ReadableTable> readables(Map<Long, Size> sizes) throws SQLException {
    Map<Long, List<String>> columns = new HashMap<>();
    Map<Long, List<String>> types = new HashMap<>();
    Map<Long, List<String>> wide = new HashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT a.attrelid, a.attname, a.attlen = -1 AND a.attstorage <> 'p',
                  coalesce(nullif(t.typbasetype, 0), a.atttypid),
                  pg_catalog.format_type(a.atttypid, a.atttypmod)
                    || CASE WHEN a.attcollation = t.typcollation THEN ''
                      ELSE (SELECT ' COLLATE ' || pg_catalog.quote_ident(ln.nspname)
                          || '.' || pg_catalog.quote_ident(l.collname)
                        FROM pg_catalog.pg_collation l
                        JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
                        WHERE l.oid = a.attcollation) END
                FROM pg_catalog.pg_attribute a
                JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND %s AND a.attnum > 0 AND NOT a.attisdropped
                  %s
                ORDER BY a.attrelid, a.attnum
                """
                    .formatted(USER_SCHEMA, version >= 120000 ? "AND a.attgenerated = ''" : ""))) {
      while (rows.next()) {
        columns.computeIfAbsent(rows.getLong(1), k -> new ArrayList<>()).add(rows.getString(2));
        types.computeIfAbsent(rows.getLong(1), k -> new ArrayList<>()).add(rows.getString(5));
        if (rows.getBoolean(3)) {
          wide.computeIfAbsent(rows.getLong(1), k -> new ArrayList<>())
              .add(textLength(SqlText.name(rows.getString(2)), rows.getInt(4)));
        }
      }
    }
    Map<Long, Root> roots = rootsOfUnsafePartitions();
    FloatShapes floats = version < FloatShapes.SHORTEST_SINCE ? new FloatShapes(session) : null;
    List<ReadableTable> ordinary = new ArrayList<>();
    List<ReadableTable> configuration = new ArrayList<>();
    int blockSize = blockSize();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT c.oid, n.nspname, c.relname, c.relpersistence = 'u',
                  %s,
                  %s,
                  cfg.oid IS NOT NULL, coalesce(cfg.condition, '')
                FROM pg_catalog.pg_class c
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
                LEFT JOIN (
                  SELECT pg_catalog.unnest(extconfig) AS oid,
                    pg_catalog.unnest(extcondition) AS condition
                  FROM pg_catalog.pg_extension) cfg ON cfg.oid = c.oid
                WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND %s AND NOT (%s)
                ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
                """
                    .formatted(
                        version >= 100000 ? "c.relispartition" : "false",
                        version >= 120000 ? "am.amname = 'heap'" : "true",
                        USER_SCHEMA,
                        NOT_OURS))) {
      while (rows.next()) {
        long oid = rows.getLong(1);
        String schema = rows.getString(2);
        String name = rows.getString(3);
        boolean isConfiguration = rows.getBoolean(7);
        TableKind kind =
            isConfiguration
                ? TableKind.EXTENSION_CONFIGURATION
                : rows.getBoolean(5) ? TableKind.PARTITION : TableKind.ORDINARY;
        Table table =
            new Table(
                oid,
                schema,
                name,
                columns.getOrDefault(oid, List.of()),
                types.getOrDefault(oid, List.of()),
                kind,
                rows.getString(8),
                rows.getBoolean(4),
                roots.get(oid),
                CapturedFiles.DATA + "/" + ObjectNames.directory(schema, name));
        Size size = sizes.get(oid);
        if (size == null) {
          throw new SQLException("the size of table " + table.quoted() + " is not known");
        }
        boolean heap = rows.getBoolean(6);
        ReadableTable readable =
            new ReadableTable(
                table,
                heap,
                heap && size.main() == 0,
                Math.ceilDiv(size.main(), (long) blockSize),
                size.toast(),
                size.rowsPerBlock(),
                wide.getOrDefault(oid, List.of()),
                floats == null ? null : floats.of(oid, table.columns()));
        (isConfiguration ? configuration : ordinary).add(readable);
      }
    }
    ordinary.addAll(referredFirst(configuration));
    return ordinary;
  }

  /**
   * The roots of the trees of partitions below a table that is partitioned by a hash which a
   * restore may change, so that rows belong elsewhere then: that of an enum, which is that of the
   * label's OID; of an array, a record or a range, which may be made of enums; and of anybody's own
   * making.
   */
  private Map<Long, Root> rootsOfUnsafePartitions() throws SQLException {
    Map<Long, Root> roots = new HashMap<>();
    if (version < 110000) {
      return roots;
    }
    session
        .rows(
            """
            WITH RECURSIVE tree (leaf, ancestor) AS (
              SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits i
              UNION ALL
              SELECT tree.leaf, i.inhparent FROM tree
                JOIN pg_catalog.pg_inherits i ON i.inhrelid = tree.ancestor)
            SELECT tree.leaf::bigint, n.nspname, c.relname FROM tree
            JOIN pg_catalog.pg_class c ON c.oid = tree.ancestor
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'p' AND NOT c.relispartition AND tree.leaf IN (
              SELECT unsafe.leaf FROM tree unsafe
                JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = unsafe.ancestor
                JOIN pg_catalog.pg_opclass o ON o.oid = ANY (p.partclass)
              WHERE p.partstrat = 'h' AND (o.oid >= 16384 OR o.opcname IN
                ('enum_ops', 'array_ops', 'record_ops', 'range_ops', 'multirange_ops')))
            """,
            row -> Map.entry(row.getLong(1), new Root(row.getString(2), row.getString(3))))
        .forEach(entry -> roots.put(entry.getKey(), entry.getValue()));
    return roots;
  }

  /**
   * The stored form knows how long text and bytea are. What is compressed of other types may have
   * been many times as long, which is found out where it matters: where it is long as it is.
   */
  private String textLength(String column, int type) {
    String stored = "pg_catalog.pg_column_size(" + column + ")::bigint";
    String compressed =
        version >= 140000
            ? "pg_catalog.pg_column_compression(" + column + ") IS NOT NULL AND "
            : "";
    return switch (type) {
      case 17 -> "2 * pg_catalog.octet_length(" + column + ")::bigint";
      case 25, 1042, 1043 -> "pg_catalog.octet_length(" + column + ")::bigint";
      default ->
          "CASE WHEN "
              + compressed
              + stored
              + " > "
              + LONG_COMPRESSED
              + " THEN pg_catalog.octet_length("
              + column
              + "::text) ELSE 4 * "
              + stored
              + " END";
    };
  }

  /** Orders extension configuration tables so that what a foreign key refers to comes first. */
  private List<ReadableTable> referredFirst(List<ReadableTable> tables) throws SQLException {
    if (tables.isEmpty()) {
      return tables;
    }
    Map<Long, Set<Long>> refersTo = new HashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT conrelid, confrelid FROM pg_catalog.pg_constraint"
                    + " WHERE contype = 'f' AND conrelid <> confrelid")) {
      while (rows.next()) {
        refersTo.computeIfAbsent(rows.getLong(1), k -> new HashSet<>()).add(rows.getLong(2));
      }
    }
    List<ReadableTable> ordered = new ArrayList<>();
    Set<Long> placed = new HashSet<>();
    List<ReadableTable> waiting = new ArrayList<>(tables);
    while (!waiting.isEmpty()) {
      Set<Long> open = new HashSet<>();
      waiting.forEach(r -> open.add(r.table().oid()));
      List<ReadableTable> next = new ArrayList<>();
      for (ReadableTable readable : waiting) {
        Set<Long> needed = new HashSet<>(refersTo.getOrDefault(readable.table().oid(), Set.of()));
        needed.retainAll(open);
        if (needed.isEmpty()) {
          next.add(readable);
        }
      }
      // Tables that refer to each other in a circle have no right order.
      List<ReadableTable> chosen = next.isEmpty() ? new ArrayList<>(waiting) : next;
      for (ReadableTable readable : chosen) {
        if (placed.add(readable.table().oid())) {
          ordered.add(readable);
        }
      }
      waiting.removeAll(chosen);
    }
    return ordered;
  }

  public int blockSize() throws SQLException {
    return Integer.parseInt(text("SHOW block_size"));
  }

  /** Bytes of the server's own cache. */
  public long sharedBuffers() throws SQLException {
    return Long.parseLong(
        text("SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers'))"));
  }

  public boolean inRecovery() throws SQLException {
    return "t".equals(text("SELECT pg_catalog.pg_is_in_recovery()"));
  }

  public Server server() throws SQLException {
    String identifier = null;
    if (mayExecute("pg_catalog.pg_control_system()")) {
      identifier = text("SELECT system_identifier FROM pg_catalog.pg_control_system()");
    }
    return new Server(version, text("SHOW server_version"), identifier);
  }

  private boolean mayExecute(String function) throws SQLException {
    return "t".equals(text("SELECT pg_catalog.has_function_privilege(?, 'EXECUTE')", function));
  }

  /**
   * Where in the server's history the session's snapshot lies.
   *
   * @param xmin the oldest transaction that is not yet visible as a whole, as a 64-bit number
   * @param lsn the insert position, or on a standby the replay position, read after the snapshot
   * @param timeline the timeline, or null where the role may not ask
   * @param standby whether the server is in recovery
   */
  public record Position(long xmin, String lsn, @Nullable Long timeline, boolean standby) {}

  public Position position() throws SQLException {
    boolean standby = inRecovery();
    String lsn =
        standby
            ? version >= 100000
                ? "pg_catalog.pg_last_wal_replay_lsn()"
                : "pg_catalog.pg_last_xlog_replay_location()"
            : version >= 100000
                ? "pg_catalog.pg_current_wal_insert_lsn()"
                : "pg_catalog.pg_current_xlog_insert_location()";
    String xmin = "pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())";
    Long timeline = null;
    if (mayExecute("pg_catalog.pg_control_checkpoint()")) {
      timeline = Long.valueOf(text("SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()"));
    }
    return new Position(
        Long.parseLong(text("SELECT " + xmin)), text("SELECT " + lsn), timeline, standby);
  }

  public Database database() throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                """
                SELECT d.datname, pg_catalog.pg_encoding_to_char(d.encoding),
                  %s AS provider, d.datcollate, d.datctype, %s AS locale, %s AS rules,
                  %s AS collation_version, pg_catalog.current_setting('lc_monetary'),
                  pg_catalog.pg_get_userbyid(d.datdba), d.datconnlimit, t.spcname,
                  pg_catalog.shobj_description(d.oid, 'pg_database'), d.datacl IS NULL
                FROM pg_catalog.pg_database d
                JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
                WHERE d.datname = pg_catalog.current_database()
                """
                    .formatted(
                        version >= 150000 ? "d.datlocprovider" : "'c'",
                        version >= 170000
                            ? "d.datlocale"
                            : version >= 150000 ? "d.daticulocale" : "NULL",
                        version >= 160000 ? "d.daticurules" : "NULL",
                        version >= 150000 ? "d.datcollversion" : "NULL"))) {
      if (!row.next()) {
        throw new SQLException("the database is not in pg_database");
      }
      LocaleProvider provider =
          switch (row.getString(3)) {
            case "c" -> LocaleProvider.LIBC;
            case "i" -> LocaleProvider.ICU;
            case "b" -> LocaleProvider.BUILTIN;
            default -> throw new SQLException("unknown locale provider " + row.getString(3));
          };
      return new Database(
          row.getString(1),
          row.getString(2),
          provider,
          row.getString(4),
          row.getString(5),
          row.getString(6),
          row.getString(7),
          row.getString(8),
          row.getString(9),
          row.getString(10),
          row.getBoolean(14) ? null : databaseAcl(),
          row.getInt(11),
          row.getString(12),
          row.getString(13),
          databaseSettings(),
          databaseLabels());
    }
  }

  private List<Grant> databaseAcl() throws SQLException {
    return session.rows(
        """
        SELECT pg_catalog.pg_get_userbyid(a.grantor),
          CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END,
          a.privilege_type, a.is_grantable
        FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a
        WHERE d.datname = pg_catalog.current_database()
        """,
        rows ->
            new Grant(rows.getString(1), rows.getString(2), rows.getString(3), rows.getBoolean(4)));
  }

  private List<Setting> databaseSettings() throws SQLException {
    return session.rows(
        """
        SELECT CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole) END,
          pg_catalog.unnest(s.setconfig)
        FROM pg_catalog.pg_db_role_setting s
        WHERE s.setdatabase = %s
        ORDER BY s.setrole <> 0, 1
        """
            .formatted(THIS_DATABASE),
        rows -> setting(rows.getString(1), rows.getString(2)));
  }

  private static Setting setting(@Nullable String role, String text) {
    int equals = text.indexOf('=');
    String name = text.substring(0, equals);
    boolean sensitive = SENSITIVE.matcher(name.toLowerCase(java.util.Locale.ROOT)).find();
    return new Setting(role, name, text.substring(equals + 1), sensitive);
  }

  private List<SecurityLabel> databaseLabels() throws SQLException {
    return session.rows(
        """
        SELECT provider, label FROM pg_catalog.pg_shseclabel
        WHERE classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND objoid = %s
        ORDER BY provider COLLATE "C"
        """
            .formatted(THIS_DATABASE),
        rows -> new SecurityLabel(rows.getString(1), rows.getString(2)));
  }

  /**
   * The roles that anything in the database refers to, and all that these are members of. The
   * bootstrap superuser is not in {@code pg_shdepend}, so what it may own is looked at.
   */
  private static final String REFERRED_ROLES =
      """
      WITH RECURSIVE referred (oid) AS (
        SELECT * FROM (
          SELECT refobjid FROM pg_catalog.pg_shdepend
            WHERE refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
              AND (dbid = $database
                OR (classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND objid = $database))
          UNION SELECT datdba FROM pg_catalog.pg_database WHERE oid = $database
          UNION SELECT setrole FROM pg_catalog.pg_db_role_setting
            WHERE setdatabase = $database AND setrole <> 0
          UNION SELECT relowner FROM pg_catalog.pg_class WHERE oid >= 16384
          UNION SELECT nspowner FROM pg_catalog.pg_namespace WHERE oid >= 16384
          UNION SELECT proowner FROM pg_catalog.pg_proc WHERE oid >= 16384
          UNION SELECT typowner FROM pg_catalog.pg_type WHERE oid >= 16384
          UNION SELECT extowner FROM pg_catalog.pg_extension
          UNION SELECT lomowner FROM pg_catalog.pg_largeobject_metadata) direct
        UNION
        SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN referred r ON r.oid = m.member)
      """
          .replace("$database", THIS_DATABASE);

  public List<Role> roles() throws SQLException {
    Map<Long, List<Membership>> memberships = new HashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                REFERRED_ROLES
                    + """
                    SELECT m.member, pg_catalog.pg_get_userbyid(m.roleid),
                      pg_catalog.pg_get_userbyid(m.grantor), m.admin_option, %s, %s
                    FROM pg_catalog.pg_auth_members m JOIN referred r ON r.oid = m.member
                    ORDER BY m.member, 2, 3
                    """
                        .formatted(
                            version >= 160000 ? "m.inherit_option" : "NULL::boolean",
                            version >= 160000 ? "m.set_option" : "NULL::boolean"))) {
      while (rows.next()) {
        memberships
            .computeIfAbsent(rows.getLong(1), k -> new ArrayList<>())
            .add(
                new Membership(
                    rows.getString(2),
                    rows.getString(3),
                    rows.getBoolean(4),
                    (Boolean) rows.getObject(5),
                    (Boolean) rows.getObject(6)));
      }
    }
    List<Role> roles = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                REFERRED_ROLES
                    + """
                    SELECT p.oid, p.rolname, p.rolsuper, p.rolinherit, p.rolcreaterole,
                      p.rolcreatedb, p.rolcanlogin, p.rolreplication, p.rolbypassrls,
                      p.rolconnlimit, p.rolvaliduntil::text,
                      pg_catalog.shobj_description(p.oid, 'pg_authid'), p.rolconfig
                    FROM pg_catalog.pg_roles p JOIN referred r ON r.oid = p.oid
                    ORDER BY p.rolname::text COLLATE "C"
                    """)) {
      while (rows.next()) {
        List<Setting> settings = new ArrayList<>();
        for (String setting : texts(rows.getArray(13))) {
          settings.add(setting(null, setting));
        }
        roles.add(
            new Role(
                rows.getString(2),
                rows.getBoolean(3),
                rows.getBoolean(4),
                rows.getBoolean(5),
                rows.getBoolean(6),
                rows.getBoolean(7),
                rows.getBoolean(8),
                rows.getBoolean(9),
                rows.getInt(10),
                rows.getString(11),
                rows.getString(12),
                settings,
                memberships.getOrDefault(rows.getLong(1), List.of())));
      }
    }
    return roles;
  }

  private static List<String> texts(@Nullable Array array) throws SQLException {
    return array == null ? List.of() : Arrays.asList((String[]) array.getArray());
  }

  public List<String> tablespaces() throws SQLException {
    return session.rows(
        """
        SELECT t.spcname FROM pg_catalog.pg_tablespace t
        WHERE t.spcname NOT IN ('pg_default', 'pg_global')
          AND (t.oid IN (SELECT c.reltablespace FROM pg_catalog.pg_class c)
            OR t.oid = (SELECT d.dattablespace FROM pg_catalog.pg_database d
              WHERE d.datname = pg_catalog.current_database()))
        ORDER BY t.spcname::text COLLATE "C"
        """,
        rows -> rows.getString(1));
  }

  public List<Extension> extensions() throws SQLException {
    return session.rows(
        """
        SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
        ORDER BY e.extname::text COLLATE "C"
        """,
        rows -> new Extension(rows.getString(1), rows.getString(2), rows.getString(3)));
  }

  /**
   * All sequences with their values. The values do not belong to any snapshot; read after it was
   * taken, they are no smaller than what the snapshot's rows hold. Those of {@link
   * #unreadableSequences()} are as new, as a crash would leave them.
   */
  public List<Sequence> sequences() throws SQLException {
    record Named(String schema, String name, @Nullable Long fresh) {}
    List<Sequence> sequences = new ArrayList<>();
    List<Named> named = new ArrayList<>();
    boolean inCatalog = version >= 180000;
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT n.nspname, c.relname, %s %s
                FROM pg_catalog.pg_class c
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                %s
                WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND %s AND NOT (%s)
                ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
                """
                    .formatted(
                        mayHaveUnreadableSequences()
                            ? "(SELECT q.seqstart FROM pg_catalog.pg_sequence q"
                                + " WHERE q.seqrelid = c.oid AND c.relpersistence = 'u')"
                            : "NULL::bigint",
                        inCatalog ? ", s.last_value, s.is_called" : "",
                        inCatalog
                            ? "CROSS JOIN LATERAL pg_catalog.pg_get_sequence_data(c.oid) s"
                            : "",
                        USER_SCHEMA,
                        NOT_OURS))) {
      while (rows.next()) {
        String schema = rows.getString(1);
        String name = rows.getString(2);
        Long fresh = rows.getObject(3, Long.class);
        if (!inCatalog) {
          named.add(new Named(schema, name, fresh));
        } else if (fresh != null) {
          sequences.add(new Sequence(schema, name, fresh, false));
        } else if (rows.getObject(4) == null) {
          throw new SQLException(
              "permission denied for sequence " + SqlText.name(schema, name), "42501");
        } else {
          sequences.add(new Sequence(schema, name, rows.getLong(4), rows.getBoolean(5)));
        }
      }
    }
    for (int from = 0; from < named.size(); from += SEQUENCES_PER_QUERY) {
      List<Named> batch = named.subList(from, Math.min(from + SEQUENCES_PER_QUERY, named.size()));
      StringBuilder query = new StringBuilder();
      for (int i = 0; i < batch.size(); i++) {
        query
            .append(i == 0 ? "" : " UNION ALL ")
            .append("SELECT ")
            .append(i)
            .append(
                batch.get(i).fresh() != null
                    ? ", " + batch.get(i).fresh() + "::bigint, false"
                    : ", last_value, is_called FROM "
                        + SqlText.name(batch.get(i).schema(), batch.get(i).name()));
      }
      query.append(" ORDER BY 1");
      sequences.addAll(
          session.rows(
              query.toString(),
              row -> {
                Named sequence = batch.get(row.getInt(1));
                return new Sequence(
                    sequence.schema(), sequence.name(), row.getLong(2), row.getBoolean(3));
              }));
    }
    return sequences;
  }

  /** Unlogged sequences have no value on a standby, and reading one is an error. */
  private boolean mayHaveUnreadableSequences() throws SQLException {
    return version >= 150000 && inRecovery();
  }

  /** The names of the sequences whose values the server does not have. */
  public List<String> unreadableSequences() throws SQLException {
    return !mayHaveUnreadableSequences()
        ? List.of()
        : session.rows(
            """
            SELECT n.nspname, c.relname
            FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'S' AND c.relpersistence = 'u' AND %s AND NOT (%s)
            ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
            """
                .formatted(USER_SCHEMA, NOT_OURS),
            row -> SqlText.name(row.getString(1), row.getString(2)));
  }

  /** The OIDs of all large objects in ascending order. */
  List<Long> largeObjects() throws SQLException {
    return session.rows(
        "SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid", rows -> rows.getLong(1));
  }

  /**
   * What is known of large objects besides their bytes.
   *
   * @param acl null for default privileges
   */
  public record LargeObjectProperties(
      String owner,
      @Nullable List<Grant> acl,
      @Nullable String comment,
      List<SecurityLabel> labels) {}

  /** Properties of all large objects by OID. */
  public Map<Long, LargeObjectProperties> largeObjectProperties() throws SQLException {
    Map<Long, List<Grant>> grants = new HashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT l.oid, pg_catalog.pg_get_userbyid(a.grantor),
                  CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END,
                  a.privilege_type, a.is_grantable
                FROM pg_catalog.pg_largeobject_metadata l, pg_catalog.aclexplode(l.lomacl) a
                """)) {
      while (rows.next()) {
        grants
            .computeIfAbsent(rows.getLong(1), k -> new ArrayList<>())
            .add(
                new Grant(
                    rows.getString(2), rows.getString(3), rows.getString(4), rows.getBoolean(5)));
      }
    }
    Map<Long, List<SecurityLabel>> labels = new HashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT objoid, provider, label FROM pg_catalog.pg_seclabel
                WHERE classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
                ORDER BY provider COLLATE "C"
                """)) {
      while (rows.next()) {
        labels
            .computeIfAbsent(rows.getLong(1), k -> new ArrayList<>())
            .add(new SecurityLabel(rows.getString(2), rows.getString(3)));
      }
    }
    Map<Long, LargeObjectProperties> properties = new LinkedHashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT oid, pg_catalog.pg_get_userbyid(lomowner), lomacl IS NULL,
                  pg_catalog.obj_description(oid, 'pg_largeobject')
                FROM pg_catalog.pg_largeobject_metadata ORDER BY oid
                """)) {
      while (rows.next()) {
        long oid = rows.getLong(1);
        properties.put(
            oid,
            new LargeObjectProperties(
                rows.getString(2),
                rows.getBoolean(3) ? null : grants.getOrDefault(oid, List.of()),
                rows.getString(4),
                labels.getOrDefault(oid, List.of())));
      }
    }
    return properties;
  }

  /** The size of what all large objects are stored in. */
  public long largeObjectBytes() throws SQLException {
    return Long.parseLong(
        text(
            "SELECT pg_catalog.pg_relation_size('pg_catalog.pg_largeobject'::pg_catalog.regclass)"));
  }

  /**
   * What the text of rows depends on and no lock of ours protects: names of schemas, labels of
   * enums, attributes of composite types, names of types. By identity of the object.
   */
  public Map<String, String> unlockedDefinitions() throws SQLException {
    Map<String, String> definitions = new HashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT 'schema ' || oid, nspname::text FROM pg_catalog.pg_namespace
                  WHERE oid >= 16384
                UNION ALL
                SELECT 'enum label ' || oid, enumlabel::text FROM pg_catalog.pg_enum
                UNION ALL
                SELECT 'type ' || oid, typname::text FROM pg_catalog.pg_type
                  WHERE oid >= 16384 AND typtype IN ('b', 'c', 'd', 'e', 'r')
                UNION ALL
                SELECT 'attribute ' || a.attrelid || '.' || a.attnum,
                    a.attname || ' ' || a.atttypid || ' ' || a.atttypmod || ' ' || a.attisdropped
                  FROM pg_catalog.pg_attribute a
                  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                  WHERE c.relkind = 'c' AND a.attnum > 0
                """)) {
      while (rows.next()) {
        definitions.put(rows.getString(1), rows.getString(2));
      }
    }
    return definitions;
  }
}
