package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.postgresql.copy.CopyIn;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.FairShare;
import stet.engine.postgres.rows.MemoryBudget;
import stet.engine.postgres.rows.SegmentCheck;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.postgres.rows.SegmentList;
import stet.engine.postgres.rows.SegmentList.Segment;
import stet.engine.postgres.rows.SegmentWriter;
import stet.repository.Id;
import stet.repository.tree.Node;

/**
 * Loads captured rows by COPY, with several sessions that take the tables from one queue, the
 * largest first. A session loads a table to its end, in the order of its rows; only one that finds
 * no other table left helps with one, by ranges of segments, since sessions that load the same
 * table wait for each other whenever it grows.
 *
 * <p>A table that is large, but {@link FairShare#isForOne for one session}, is loaded by it in one
 * transaction that truncates it first, so that its rows can be frozen at once: neither what reads
 * them next nor a later VACUUM then has to write all pages again.
 */
public final class RowLoader {
  /**
   * Bounds of about how much text one COPY loads. Each has the server fill a ring of buffers anew,
   * and so pushes out what others need: the checkpoint after loading 2 GB in pieces of 32 MiB took
   * five seconds longer than after two COPYs. But sessions that share a table are to end together.
   */
  private static final long LEAST_UNIT_BYTES = 32L << 20;

  private static final long MOST_UNIT_BYTES = 512L << 20;

  /** How many COPYs load a table that all sessions load, at most, for each session. */
  private static final int UNITS_PER_SESSION = 16;

  /** The text of the smallest table for which a transaction of its own and new files pay. */
  private static final long LEAST_FROZEN_BYTES = 4L << 20;

  private final CapturedFiles files;
  private final DatabaseDescription description;
  private final Operation operation;
  private final RowHash.@Nullable Key segmentKey;

  /** The tables that no session has begun, largest first. */
  private final Deque<Loading> waiting = new ArrayDeque<>();

  /** The tables that sessions load and that have units left. */
  private final List<Loading> begun = new ArrayList<>();

  private long planned;

  /** How many bytes the longest row of a table may have, for tables where that is a lot. */
  private final Map<Table, Long> longRows = new HashMap<>();

  /**
   * What one COPY loads.
   *
   * @param path the file or directory in the snapshot, for messages
   */
  private record Unit(
      Table table, String path, List<Id> blobs, List<Segment> segments, long rows, long bytes) {}

  /** A table's units that are not loaded yet. */
  private static final class Loading {
    final Table table;
    final Deque<Unit> units = new ArrayDeque<>();

    /** The text of all its rows. */
    long total;

    /** The text of the units that are left. */
    long bytes;

    int sessions;

    /** Whether all is to be loaded by one session in one transaction. */
    boolean frozen;

    Loading(Table table) {
      this.table = table;
    }

    void add(Unit unit) {
      units.add(unit);
      bytes += unit.bytes();
      total += unit.bytes();
    }

    /** All units in one. */
    Unit whole() {
      List<Id> blobs = new ArrayList<>();
      List<Segment> segments = new ArrayList<>();
      units.forEach(unit -> {
        blobs.addAll(unit.blobs());
        segments.addAll(unit.segments());
      });
      long rows = units.stream().mapToLong(Unit::rows).sum();
      return new Unit(table, table.directory(), blobs, segments, rows, total);
    }

    Unit take() {
      Unit unit = units.remove();
      bytes -= unit.bytes();
      return unit;
    }
  }

  public RowLoader(CapturedFiles files, DatabaseDescription description, Operation operation) {
    this(files, description, operation, null);
  }

  /**
   * A loader.
   *
   * @param segmentKey the key of the segments' hashes, if each segment is to be compared with its
   *     own; only where the captured text itself was hashed
   */
  RowLoader(
      CapturedFiles files,
      DatabaseDescription description,
      Operation operation,
      RowHash.@Nullable Key segmentKey) {
    this.files = files;
    this.description = description;
    this.operation = operation;
    this.segmentKey = segmentKey;
  }

  /**
   * Reads from the snapshot what is to be loaded; reports it as expected work.
   *
   * @throws StetException if a row is too long to be read back
   */
  public void plan() {
    List<Loading> tables = new ArrayList<>();
    Map<String, Node> directories = files.tables();
    for (Table table : description.tables()) {
      if (table.kind() != TableKind.EXTENSION_CONFIGURATION) {
        tables.add(loading(table, directories.get(table.directory())));
      }
    }
    long total = tables.stream().mapToLong(loading -> loading.bytes).sum();
    operation.progress().expect(total);
    planned = total;
    FairShare share = FairShare.of(total, operation.workers());
    for (Loading loading : tables) {
      loading.frozen =
          loading.bytes >= LEAST_FROZEN_BYTES
              && share.isForOne(loading.bytes)
              && loading.table.isEntrance();
    }
    tables.removeIf(loading -> loading.units.isEmpty());
    tables.sort(Comparator.comparingLong((Loading loading) -> loading.bytes).reversed());
    waiting.addAll(tables);
    longRows.forEach(RowLoader::checkMemory);
  }

  /** The text of all rows that were planned. */
  long planned() {
    return planned;
  }

  /** In case of doubt the row is as short as it may be. */
  private static void checkMemory(Table table, long longest) {
    if (longest - SegmentWriter.LONGEST_BLOB > MemoryBudget.longestRow()) {
      throw new StetException(
          ErrorCode.FAILED,
          "table "
              + table.quoted()
              + " has a row whose text takes up to "
              + (longest >> 20)
              + " MiB, too much for a memory of "
              + (Runtime.getRuntime().maxMemory() >> 20)
              + " MiB",
          "Give Stet more memory, for example by STET_JAVA_OPTS=-Xmx"
              + ((longest >> 20) * 2 + 200)
              + "m.");
    }
  }

  private Loading loading(Table table, @Nullable Node directory) {
    Loading loading = new Loading(table);
    if (directory != null) {
      Map<Node, List<Node>> parts = new LinkedHashMap<>();
      files.list(directory).forEach(part -> parts.put(part, files.list(part)));
      long bytes =
          parts.values().stream()
              .flatMap(List::stream)
              .filter(node -> node.name().endsWith(SegmentGeometry.COPY_SUFFIX))
              .mapToLong(Node::size)
              .sum();
      long unit =
          Math.clamp(
              bytes / ((long) UNITS_PER_SESSION * operation.workers()),
              LEAST_UNIT_BYTES,
              MOST_UNIT_BYTES);
      parts.forEach((part, nodes) -> addPart(loading, table, part.name(), nodes, unit));
    }
    return loading;
  }

  private void addPart(
      Loading loading, Table table, String part, List<Node> nodes, long unitBytes) {
    Map<String, Node> entries = new HashMap<>();
    nodes.forEach(node -> entries.put(node.name(), node));
    for (Node copy : nodes) {
      if (copy.name().endsWith(SegmentGeometry.COPY_SUFFIX)) {
        String path = table.directory() + "/" + part + "/" + copy.name();
        String listName =
            copy.name().substring(0, copy.name().length() - SegmentGeometry.COPY_SUFFIX.length())
                + SegmentGeometry.SEGMENTS_SUFFIX;
        String listPath = table.directory() + "/" + part + "/" + listName;
        Node list = entries.get(listName);
        if (list == null) {
          throw files.missing(listPath);
        }
        addFile(
            loading, table, path, copy, SegmentList.parse(listPath, files.read(list)), unitBytes);
        noteLongRows(table, copy.content());
      }
    }
  }

  private void addFile(
      Loading loading, Table table, String path, Node copy, SegmentList list, long unitBytes) {
    List<Id> content = copy.content();
    long blobs = list.segments().stream().mapToLong(Segment::blobs).sum();
    if (blobs != content.size()) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          path + " has " + content.size() + " blobs, but its segments have " + blobs,
          "The snapshot was changed; try another snapshot.");
    }
    List<Segment> segments = list.segments();
    int from = 0;
    int to = 0;
    int first = 0;
    long rows = 0;
    long bytes = 0;
    for (int i = 0; i < segments.size(); i++) {
      Segment segment = segments.get(i);
      requireLength(path, segment, content.subList(to, to + segment.blobs()));
      to += segment.blobs();
      rows += segment.rows();
      bytes += segment.bytes();
      if (bytes >= unitBytes || (rows > 0 && i == segments.size() - 1)) {
        loading.add(
            new Unit(
                table,
                path,
                content.subList(from, to),
                segments.subList(first, i + 1),
                rows,
                bytes));
        from = to;
        first = i + 1;
        rows = 0;
        bytes = 0;
      }
    }
  }

  private void requireLength(String path, Segment segment, List<Id> blobs) {
    long length = blobs.stream().mapToLong(files.source()::length).sum();
    if (length != segment.bytes()) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          path
              + ": the segment at "
              + segment.position()
              + " has "
              + length
              + " bytes where "
              + segment.bytes()
              + " were captured",
          "The snapshot was changed; try another snapshot.");
    }
  }

  /** Only a row that fits no blob fills one to its limit; it goes on in the blobs that follow. */
  private void noteLongRows(Table table, List<Id> blobs) {
    long row = 0;
    for (Id blob : blobs) {
      if (files.source().length(blob) < SegmentWriter.LONGEST_BLOB) {
        row = 0;
      } else {
        row += SegmentWriter.LONGEST_BLOB;
        longRows.merge(table, row + SegmentWriter.LONGEST_BLOB, Math::max);
      }
    }
  }

  /** The tables with at least so much text, whose rows are loaded into themselves. */
  List<Table> large(long bytes) {
    return waiting.stream()
        .filter(loading -> loading.total >= bytes && loading.table.isEntrance())
        .map(loading -> loading.table)
        .toList();
  }

  /** Those of the large tables that one session loads. */
  List<Table> largeShares(long bytes) {
    return waiting.stream()
        .filter(loading -> loading.total >= bytes && loading.frozen)
        .map(loading -> loading.table)
        .toList();
  }

  /** How many bytes the longest row may have, or 0 if that is no matter for the memory. */
  long longestRow(Table table) {
    return longRows.getOrDefault(table, 0L);
  }

  /** The next table for a session, or null if there is nothing left. */
  private synchronized @Nullable Loading next() {
    Loading next = waiting.poll();
    if (next == null) {
      next =
          begun.stream()
              .min(
                  Comparator.comparingInt((Loading loading) -> loading.sessions)
                      .thenComparingLong(loading -> -loading.bytes))
              .orElse(null);
    } else if (!next.frozen) {
      begun.add(next);
    }
    if (next != null) {
      next.sessions++;
    }
    return next;
  }

  private synchronized @Nullable Unit take(Loading loading) {
    if (loading.units.isEmpty()) {
      return null;
    }
    Unit unit = loading.take();
    if (loading.units.isEmpty()) {
      begun.remove(loading);
    }
    return unit;
  }

  /** Whether a session that leaves a table is the last. */
  private synchronized boolean leave(Loading loading) {
    return --loading.sessions == 0;
  }

  private synchronized long largestWaiting() {
    Loading largest = waiting.peek();
    return largest == null ? 0 : largest.total;
  }

  /**
   * Loads tables until there are no more to begin or to help with, and does early work in between.
   *
   * @param session one that is in no transaction
   */
  void work(Session session, EarlyWork early) throws SQLException, InterruptedException {
    while (true) {
      EarlyWork.Job job = early.poll(largestWaiting());
      if (job != null) {
        early.run(session, job);
        continue;
      }
      Loading table = next();
      if (table == null) {
        return;
      }
      if (!table.frozen || !loadFrozen(session, table)) {
        loadUnits(session, table);
      }
      if (leave(table)) {
        early.loaded(table.table, table.total);
      }
    }
  }

  /** Loads all tables in the transaction that the session is in. */
  public void workInTransaction(Session session) throws SQLException {
    for (Loading table = next(); table != null; table = next()) {
      loadUnits(session, table);
    }
  }

  private void loadUnits(Session session, Loading table) throws SQLException {
    for (Unit unit = take(table); unit != null; unit = take(table)) {
      load(session, unit);
    }
  }

  /**
   * Loads a table in one transaction.
   *
   * @return false, with nothing done, if the role may not truncate it
   */
  private boolean loadFrozen(Session session, Loading loading) throws SQLException {
    String table = loading.table.quoted();
    session.execute("BEGIN");
    try {
      session.execute("TRUNCATE ONLY " + table);
    } catch (SQLException e) {
      if (!PostgresErrors.is(e, "42501")) {
        throw e;
      }
      session.execute("ROLLBACK");
      return false;
    }
    load(session, loading.whole(), table, ", FREEZE");
    session.execute("COMMIT");
    return true;
  }

  /**
   * Loads the rows of extension configuration tables. Their extensions may have put rows there
   * already, which give way.
   */
  public void loadConfiguration(Session session) throws SQLException {
    List<Table> tables =
        description.tables().stream()
            .filter(table -> table.kind() == TableKind.EXTENSION_CONFIGURATION)
            .toList();
    for (Table table : tables.reversed()) {
      session.execute("DELETE FROM ONLY " + table.quoted() + " " + table.condition());
    }
    for (Table table : tables) {
      Loading loading = loading(table, files.find(table.directory()));
      operation.progress().expect(loading.bytes);
      for (Unit unit : loading.units) {
        load(session, unit);
      }
    }
  }

  /**
   * Loads a table's rows into another table.
   *
   * @param into the quoted name of one with the same columns
   */
  void load(Session session, Table table, String into) throws SQLException {
    Loading loading = loading(table, files.find(table.directory()));
    operation.progress().expect(loading.bytes);
    for (Unit unit : loading.units) {
      load(session, unit, into, "");
    }
  }

  private void load(Session session, Unit unit) throws SQLException {
    load(session, unit, unit.table().quotedEntrance(), "");
  }

  private void load(Session session, Unit unit, String into, String options) throws SQLException {
    Table table = unit.table();
    String sql =
        "COPY "
            + into
            + columns(table)
            + " FROM STDIN (ENCODING "
            + SqlText.literal(description.database().encoding())
            + options
            + ")";
    long loaded;
    try {
      CopyIn copy = session.copy().copyIn(sql);
      SegmentCheck check =
          segmentKey == null ? null : new SegmentCheck(segmentKey, unit.path(), unit.segments());
      try {
        files
            .source()
            .read(
                unit.blobs(),
                bytes -> {
                  operation.checkStop();
                  if (check != null) {
                    check.blob(bytes);
                  }
                  copy.writeToCopy(bytes, 0, bytes.length);
                  operation.progress().advance(bytes.length);
                });
        loaded = copy.endCopy();
      } finally {
        if (copy.isActive()) {
          copy.cancelCopy();
        }
      }
    } catch (SQLException e) {
      throw PostgresErrors.failed(
          "cannot load " + unit.path() + " into table " + table.quoted(), e);
    }
    if (loaded != unit.rows()) {
      throw new StetException(
          ErrorCode.VERIFICATION_FAILED,
          "the server loaded "
              + Human.count(loaded, "row")
              + " of "
              + unit.path()
              + " into table "
              + table.quoted()
              + " where "
              + unit.rows()
              + " were captured",
          null);
    }
  }

  private static String columns(Table table) {
    return table.columns().isEmpty() ? "" : " (" + SqlText.names(table.columns()) + ")";
  }
}
