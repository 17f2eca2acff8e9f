package stet.engine.postgres.restore;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGStatement;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.postgres.catalog.CatalogReader;
import stet.engine.postgres.catalog.CatalogReader.LargeObjectProperties;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.ObjectCounts;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.CopyRows;
import stet.engine.postgres.rows.FairShare;
import stet.engine.postgres.rows.FloatShapes;
import stet.engine.postgres.rows.FloatText;
import stet.engine.postgres.rows.MemoryBudget;
import stet.repository.json.JsonObject;

/**
 * Reads a staging database back and compares it with what was captured: every row by content hash,
 * sequences, large objects, and the number of objects of each class.
 */
public final class StagingVerifier {
  /** Heap blocks read by one COPY: 128 MiB. */
  private static final long BLOCKS_PER_UNIT = 16_384;

  private static final int OBJECTS_PER_UNIT = 64;
  private static final int PIECE = 1 << 20;
  private static final int SHOWN = 5;

  private final DatabaseDescription description;
  private final RestoreContext context;
  private final Operation operation;
  private final RowLoader loader;
  private final MemoryBudget budget = MemoryBudget.ofHeap();

  /** What the manifest says of each table, by its quoted name. */
  private final Map<String, JsonObject> manifest = new HashMap<>();

  /** What is expected and what was found, by the quoted name of the table that is compared. */
  private final Map<String, Content> expected = new LinkedHashMap<>();

  private final Map<String, Content> found = new ConcurrentHashMap<>();

  /** The tables that were read before the others. */
  private final Set<Table> readEarly = ConcurrentHashMap.newKeySet();

  private final Deque<Unit> queue = new ArrayDeque<>();

  /** What is being read, or is about to be, and so may be shared. */
  private final Set<TableReading> readings = ConcurrentHashMap.newKeySet();

  private final List<String> differences = new ArrayList<>();

  /** Rows with their hash. */
  private static final class Content {
    final RowHash hash;
    long rows;

    Content(RowHash.Key key) {
      hash = new RowHash(key);
    }

    @Override
    public String toString() {
      return Human.count(rows, "row") + " with hash " + hash.text();
    }
  }

  /** A piece of work for one session. */
  @FunctionalInterface
  private interface Unit {
    void run(Session session) throws SQLException, InterruptedException;
  }

  public StagingVerifier(
      DatabaseDescription description, RestoreContext context, RowLoader loader) {
    this.description = description;
    this.context = context;
    this.operation = context.operation();
    this.loader = loader;
    for (JsonObject table : context.manifest().objects("tables")) {
      manifest.put(SqlText.name(table.string("schema"), table.string("name")), table);
    }
  }

  private JsonObject manifest(Table table) {
    JsonObject entry = manifest.get(table.quoted());
    if (entry == null) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          "the snapshot's manifest says nothing about table " + table.quoted(),
          "The snapshot was changed, or was not made by Stet; try another snapshot.");
    }
    return entry;
  }

  /**
   * Whether a table can be read while others are still being loaded: only if nothing that comes
   * later runs code which might change its rows. Such code is called by event triggers, by the
   * queries of materialized views, and by whatever builds an index.
   */
  boolean mayReadEarly(Session session) throws SQLException {
    return !hashedAsBits(context.manifest())
        && "t"
            .equals(
                session.value(
                    """
                    SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger)
                      AND NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'm')
                    """))
        && !hasFunctions(session);
  }

  /** Whether there are functions that are neither an extension's nor a trigger's. */
  boolean hasFunctions(Session session) throws SQLException {
    return "t"
        .equals(
            session.value(
                """
                SELECT EXISTS (
                  SELECT FROM pg_catalog.pg_proc p
                  WHERE p.oid >= 16384
                    AND p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype
                    AND NOT EXISTS (
                      SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                        AND d.objid = p.oid AND d.deptype = 'e'))
                """));
  }

  /**
   * Reads a table whose rows are all loaded into itself, before {@link #plan}; only where {@link
   * #mayReadEarly}.
   */
  void readEarly(Session session, Table table) throws SQLException, InterruptedException {
    operation.progress().expect(manifest(table).integer("bytes", 0));
    read(session, shared(new TableReading(table, table.quoted(), null, manifest(table))));
    readEarly.add(table);
  }

  /**
   * Reads the last rows of a table that another session is reading, and would still be for long.
   *
   * @return whether there were any
   */
  boolean help(Session session) throws SQLException, InterruptedException {
    List<TableReading> longest = new ArrayList<>(readings);
    longest.sort(Comparator.comparingLong(TableReading::left).reversed());
    for (TableReading reading : longest) {
      TableReading part = reading.split();
      if (part != null) {
        operation.checkStop();
        // Only the order of a scan is the one that rows were counted in.
        session.execute("SET enable_indexonlyscan = off; SET enable_seqscan = on");
        read(session, shared(part));
        return true;
      }
    }
    return false;
  }

  private TableReading shared(TableReading reading) {
    readings.add(reading);
    return reading;
  }

  private Content found(String compared) {
    return found.computeIfAbsent(compared, name -> new Content(context.hashKey()));
  }

  /** Compares what the catalogs tell, and prepares the reading of the rows that are not read. */
  public void plan(Session session) throws SQLException {
    compareCounts(session);
    compareSequences(session);
    planTables(session);
    planLargeObjects(session);
  }

  private void compareCounts(Session session) throws SQLException {
    Map<String, Long> counts = ObjectCounts.read(session.connection());
    TreeSet<String> classes = new TreeSet<>(counts.keySet());
    classes.addAll(description.objectCounts().keySet());
    for (String name : classes) {
      long captured = description.objectCounts().getOrDefault(name, 0L);
      long restored = counts.getOrDefault(name, 0L);
      if (captured != restored) {
        differ("number of " + name.replace('_', ' '), captured, restored);
      }
    }
  }

  private void compareSequences(Session session) throws SQLException {
    Map<String, Sequence> restored = new HashMap<>();
    for (Sequence sequence : new CatalogReader(session).sequences()) {
      restored.put(SqlText.name(sequence.schema(), sequence.name()), sequence);
    }
    for (Sequence sequence : description.sequences()) {
      String name = SqlText.name(sequence.schema(), sequence.name());
      Sequence other = restored.remove(name);
      if (!sequence.equals(other)) {
        differ("sequence " + name, text(sequence), other == null ? "none" : text(other));
      }
    }
    if (!restored.isEmpty()) {
      // Another version of an extension may have sequences of its own.
      restored
          .keySet()
          .removeAll(
              session.rows(
                  """
                  SELECT n.nspname, c.relname
                  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  JOIN pg_catalog.pg_depend d ON d.objid = c.oid
                    AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
                    AND d.deptype = 'e'
                  WHERE c.relkind = 'S'
                  """,
                  row -> SqlText.name(row.getString(1), row.getString(2))));
    }
    restored.keySet().forEach(name -> differ("sequence " + name, "none", "one"));
  }

  private static String text(Sequence sequence) {
    return "value " + sequence.lastValue() + (sequence.called() ? ", called" : ", not called");
  }

  private synchronized void differ(String what, Object captured, Object restored) {
    differences.add(what + ": captured " + captured + ", restored " + restored);
  }

  private record Size(String name, long oid, long blocks) {}

  private void planTables(Session session) throws SQLException {
    FloatShapes shapes = hashedAsBits(context.manifest()) ? new FloatShapes(session) : null;
    Map<String, Size> sizes = new HashMap<>();
    for (Size size :
        session.rows(
            "SELECT n.nspname, c.relname, c.oid::bigint, pg_catalog.pg_relation_size(c.oid)"
                + " / pg_catalog.current_setting('block_size')::bigint"
                + " FROM pg_catalog.pg_class c"
                + " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE c.relkind = 'r'",
            row ->
                new Size(
                    SqlText.name(row.getString(1), row.getString(2)),
                    row.getLong(3),
                    row.getLong(4)))) {
      sizes.put(size.name(), size);
    }
    List<Table> tables = new ArrayList<>(description.tables());
    tables.sort(Comparator.comparingLong((Table t) -> blocks(sizes.get(t.quoted()))).reversed());
    long total =
        tables.stream()
            .filter(table -> !readEarly.contains(table))
            .mapToLong(table -> blocks(sizes.get(table.quoted())))
            .sum();
    FairShare share = FairShare.of(total, operation.workers());
    for (Table table : tables) {
      JsonObject entry = manifest(table);
      String compared = table.quotedEntrance();
      Content content = expected.computeIfAbsent(compared, name -> new Content(context.hashKey()));
      content.rows += entry.integer("rows");
      content.hash.add(entry.string("hash"));
      found(compared);
      if (readEarly.contains(table)) {
        continue;
      }
      operation.progress().expect(entry.integer("bytes", 0));
      Size size = sizes.get(table.quoted());
      FloatText floats =
          shapes == null || size == null ? null : shapes.of(size.oid(), table.columns());
      planTable(session, table, compared, floats, blocks(size), share);
    }
  }

  private static long blocks(@Nullable Size size) {
    return size == null ? 0 : size.blocks();
  }

  /** Whether a component's manifest has hashes of {@link FloatText}. */
  static boolean hashedAsBits(JsonObject manifest) {
    return FloatShapes.BITS.equals(manifest.optionalString(FloatShapes.MANIFEST_KEY));
  }

  private void planTable(
      Session session,
      Table table,
      String compared,
      @Nullable FloatText floats,
      long blocks,
      FairShare share) {
    // Whole tables cost the server less than ranges of blocks, see DataReader.TableWork.
    boolean ranges =
        session.version() >= 140000
            && table.kind() != DatabaseDescription.TableKind.EXTENSION_CONFIGURATION
            && blocks > BLOCKS_PER_UNIT
            && !share.isForOne(blocks);
    if (!ranges) {
      TableReading whole = shared(new TableReading(table, compared, floats, manifest(table)));
      queue.add(other -> read(other, whole));
      return;
    }
    for (long first = 0; first < blocks; first += BLOCKS_PER_UNIT) {
      long end = first + BLOCKS_PER_UNIT;
      // The last range has no end, so that no row is left out whatever happens to the table.
      String range =
          " WHERE ctid >= '("
              + first
              + ",0)'"
              + (end < blocks ? " AND ctid < '(" + end + ",0)'" : "");
      queue.add(other -> read(other, new TableReading(table, compared, floats, range)));
    }
  }

  /** Reads the rows that a session has claimed, and more as long as there are any to claim. */
  private final class Rows implements CopyRows.RowConsumer {
    private final TableReading reading;
    private final RowHash hash = new RowHash(context.hashKey());
    private long next;
    private long claimed;
    private long bytes;

    private Rows(TableReading reading) {
      this.reading = reading;
      this.next = reading.first;
      this.claimed = reading.claim();
    }

    boolean isEnough() {
      if (next == claimed) {
        claimed = reading.claim();
      }
      return next == claimed;
    }

    @Override
    public void row(byte[] source, int offset, int length) {
      // One message may have several rows, of which the last are another session's.
      if (isEnough()) {
        return;
      }
      FloatText.hash(reading.floats, hash, source, offset, length - 1);
      next++;
      bytes += length;
      if (bytes > PIECE) {
        report();
      }
    }

    /** How many rows were read. */
    long count() {
      return next - reading.first;
    }

    void report() {
      operation.progress().advance(bytes);
      bytes = 0;
    }
  }

  private void read(Session session, TableReading reading)
      throws SQLException, InterruptedException {
    Table table = reading.table;
    Rows rows = new Rows(reading);
    try (MemoryBudget.Share share = budget.take(loader.longestRow(table))) {
      Objects.requireNonNull(share);
      CopyRows.read(session, copy(table, reading.clauses), rows, rows::isEnough);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot read back table " + table.quoted(), e);
    } finally {
      readings.remove(reading);
    }
    rows.report();
    Content content = found(reading.compared);
    synchronized (content) {
      content.rows += rows.count();
      content.hash.add(rows.hash);
    }
  }

  /** The text of the capture: {@code COPY table} where all rows are read, and its like. */
  private String copy(Table table, String range) {
    String columns = SqlText.names(table.columns());
    String from;
    if (!table.condition().isEmpty() || !range.isEmpty()) {
      from =
          "(SELECT "
              + columns
              + " FROM ONLY "
              + table.quoted()
              + " "
              + table.condition()
              + range
              + ")";
    } else {
      from = table.quoted() + (columns.isEmpty() ? "" : " (" + columns + ")");
    }
    return "COPY "
        + from
        + " TO STDOUT (ENCODING "
        + SqlText.literal(description.database().encoding())
        + ")";
  }

  private void planLargeObjects(Session session) throws SQLException {
    Map<Long, LargeObjectProperties> restored =
        new HashMap<>(new CatalogReader(session).largeObjectProperties());
    List<LargeObject> objects = description.largeObjects();
    for (LargeObject object : objects) {
      LargeObjectProperties properties = restored.remove(object.oid());
      if (properties == null) {
        differ("large object " + object.oid(), "one", "none");
        continue;
      }
      String captured = text(object.owner(), object.acl(), object.comment());
      String other = text(properties.owner(), properties.acl(), properties.comment());
      if (!captured.equals(other)) {
        differ("large object " + object.oid(), captured, other);
      }
    }
    restored.keySet().forEach(oid -> differ("large object " + oid, "none", "one"));
    for (int first = 0; first < objects.size(); first += OBJECTS_PER_UNIT) {
      List<LargeObject> some =
          objects.subList(first, Math.min(first + OBJECTS_PER_UNIT, objects.size()));
      queue.add(other -> compareLargeObjects(other, some));
    }
  }

  private static String text(String owner, @Nullable List<Grant> acl, @Nullable String comment) {
    return "owner \""
        + owner
        + "\", privileges "
        + (acl == null ? "default" : new HashSet<>(acl))
        + ", comment "
        + (comment == null ? "none" : '"' + comment + '"');
  }

  private void compareLargeObjects(Session session, List<LargeObject> objects) throws SQLException {
    try (PreparedStatement query =
        session
            .connection()
            .prepareStatement(
                "SELECT pg_catalog.lo_get(?::bigint::pg_catalog.oid, ?, " + PIECE + ")")) {
      // As text, the bytes would be twice as many.
      query.unwrap(PGStatement.class).setPrepareThreshold(-1);
      for (LargeObject object : objects) {
        MessageDigest hash = sha256();
        long size = 0;
        while (true) {
          query.setLong(1, object.oid());
          query.setLong(2, size);
          byte[] piece;
          try (ResultSet row = query.executeQuery()) {
            row.next();
            piece = row.getBytes(1);
          }
          hash.update(piece);
          size += piece.length;
          operation.progress().advance(piece.length);
          if (piece.length < PIECE) {
            break;
          }
        }
        String restored = size + " bytes with hash " + HexFormat.of().formatHex(hash.digest());
        String captured = object.size() + " bytes with hash " + object.hash();
        if (!captured.equals(restored)) {
          differ("large object " + object.oid(), captured, restored);
        }
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private synchronized @Nullable Unit take() {
    return queue.poll();
  }

  /** Reads until everything is read, or nothing is left that is worth a session's help. */
  public void work(Session session) throws SQLException, InterruptedException {
    for (Unit unit = take(); unit != null; unit = take()) {
      operation.checkStop();
      unit.run(session);
    }
    while (help(session)) {
      operation.checkStop();
    }
  }

  /**
   * Compares what was read, once all workers have ended.
   *
   * @throws StetException with {@code VERIFICATION_FAILED} naming what differs, captured and
   *     restored
   */
  public void finish() {
    expected.forEach((name, content) -> {
      Content other = Objects.requireNonNull(found.get(name));
      if (!content.toString().equals(other.toString())) {
        differ("table " + name, content, other);
      }
    });
    if (differences.isEmpty()) {
      return;
    }
    List<String> shown = differences.subList(0, Math.min(SHOWN, differences.size()));
    throw new StetException(
        ErrorCode.VERIFICATION_FAILED,
        "the restored database differs from the captured one: "
            + String.join("; ", shown)
            + (differences.size() > SHOWN
                ? "; and " + (differences.size() - SHOWN) + " more differences"
                : ""),
        "The live state was not touched. Run `stet check --read-data`; if the repository is sound,"
            + " please report this.");
  }
}
