package stet.engine.postgres.capture;

import java.security.SecureRandom;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.postgres.catalog.CatalogReader.ReadableTable;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.CopyRows;
import stet.engine.postgres.rows.FairShare;
import stet.engine.postgres.rows.MemoryBudget;
import stet.engine.postgres.rows.Parallel;
import stet.engine.postgres.rows.ReadSegment;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.postgres.rows.SegmentList;
import stet.engine.postgres.rows.SegmentWriter;
import stet.repository.BlobSink;

/**
 * Reads the rows and large objects of a database at a held snapshot, with several sessions that
 * take their work from one queue, what is largest first.
 */
final class DataReader {
  /**
   * Segments that a worker reads in one go, the grain in which workers share a table; less where
   * much lies out of line.
   */
  private static final int SEGMENTS_PER_UNIT = 16;

  /**
   * Of a worker's fair share of all work, the part that it reads of one table in a scan. What is
   * left is given out in small units, so that the workers end together.
   */
  private static final double SCANNED_SHARE = 0.75;

  /** A server scans a table in a small ring of buffers if it is larger than this part of all. */
  private static final int RING_PART = 4;

  /** How many tables a worker's transaction locks before it makes way for another one. */
  static final int TABLES_PER_TRANSACTION = 200;

  /** The longest text of one row that the server makes: its limit for any piece of memory. */
  private static final long LONGEST_PRINTABLE = (1L << 30) - 1;

  /**
   * Where less than this part of a table's segments is unchanged, the others are so many that one
   * scan reads all for less.
   */
  static final double LEAST_REUSED = 0.3;

  /** The method of tables of which everything is read. */
  static final String FULL = "full";

  /** Nobody should be able to tell beforehand what is read nevertheless. */
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Rows up to this length are no matter for the memory budget. */
  private static final long SMALL_ROW = 4 << 20;

  private final ConnectionSettings settings;
  private final SnapshotHolder holder;
  private final Operation operation;
  private final HelpedSink sink;
  private final RowHash.Key key;
  private final String encoding;
  private final int blockSize;
  private final boolean tidRanges;
  private final int workers;
  private final MemoryBudget budget = MemoryBudget.ofHeap();
  private final List<TableWork> tables = new ArrayList<>();
  private final LargeObjectReader largeObjects;
  private final Reuse reuse;
  private final List<Work> queue = new ArrayList<>();
  private final Queue<Session> sessions = new ConcurrentLinkedQueue<>();
  private int next;
  private boolean aborted;

  /**
   * What need not be read again.
   *
   * @param tables how to find out about tables whose segments may be taken from an earlier capture
   * @param control the part of what is taken that is read nevertheless, and compared
   */
  record Reuse(Map<Table, Unchanged> tables, double control) {
    static final Reuse NONE = new Reuse(Map.of(), 0);
  }

  /** Finds the segments of a table that are as an earlier capture has them. */
  @FunctionalInterface
  interface Unchanged {
    /**
     * Finds them.
     *
     * @param session one that sees the table as it is captured
     * @param segments how many the table has; the last one has no end
     */
    Found find(Session session, long segments) throws SQLException;
  }

  /**
   * Segments that an earlier capture has as they are.
   *
   * @param method how they were found, as the manifest calls it
   * @param segments what the earlier capture has, by ordinal
   */
  record Found(String method, Map<Long, ReadSegment> segments) {}

  /**
   * Prepares the reading.
   *
   * @param encoding the database's encoding, in which rows are kept
   * @param blockSize bytes of a heap block
   * @param sharedBuffers bytes of the server's own cache
   * @param largeObjectBytes about how many bytes all large objects have
   * @param reuse what need not be read
   */
  DataReader(
      ConnectionSettings settings,
      SnapshotHolder holder,
      Operation operation,
      BlobSink sink,
      RowHash.Key key,
      Instant time,
      String encoding,
      int blockSize,
      long sharedBuffers,
      List<ReadableTable> readables,
      List<Long> largeObjectOids,
      long largeObjectBytes,
      Reuse reuse) {
    this.reuse = reuse;
    this.settings = settings;
    this.holder = holder;
    this.operation = operation;
    this.key = key;
    this.encoding = encoding;
    this.blockSize = blockSize;
    this.tidRanges = holder.session().version() >= 140000;
    long total = readables.stream().mapToLong(r -> r.bytes(blockSize)).sum();
    this.workers =
        FairShare.sessions(total + largeObjectBytes, readables.size(), operation.workers());
    this.sink = new HelpedSink(sink, workers);
    FairShare share = FairShare.of(total, workers);
    for (ReadableTable readable : readables) {
      tables.add(new TableWork(readable, time, share, sharedBuffers / RING_PART));
    }
    this.largeObjects = new LargeObjectReader(largeObjectOids, largeObjectBytes, this.sink, time);
    queue.addAll(tables);
    queue.add(largeObjects);
    queue.sort(Comparator.comparingLong(Work::bytes).reversed());
    operation.progress().expect(queue.stream().mapToLong(Work::bytes).sum());
  }

  /** Something in the queue, which workers take from until there is no more. */
  interface Work {
    /** About how many bytes of storage are read. */
    long bytes();

    /**
     * The next piece of the work, or null if all is given out that is known of. Called under the
     * queue's lock.
     */
    @Nullable Unit take();

    /** Whether a piece that was given out may yet bring forth others. */
    default boolean isPending() {
      return false;
    }
  }

  /** A piece of work for one worker. */
  @FunctionalInterface
  interface Unit {
    /**
     * Does it.
     *
     * @return about how many of {@link Work#bytes} that was
     */
    long read(Worker worker) throws SQLException, SourceChangedException, InterruptedException;
  }

  /** The next thing to do; waits while only others know what else there is. */
  private synchronized @Nullable Unit take() throws InterruptedException {
    while (!aborted) {
      boolean pending = false;
      for (int i = next; i < queue.size(); i++) {
        Work work = queue.get(i);
        Unit unit = work.take();
        if (unit != null) {
          return unit;
        }
        if (work.isPending()) {
          pending = true;
        } else if (i == next) {
          next++;
        }
      }
      if (!pending) {
        return null;
      }
      wait();
    }
    return null;
  }

  /** The workers, as tasks to run at the same time. */
  List<Parallel.Task> workers() {
    List<Parallel.Task> tasks = new ArrayList<>();
    for (int i = 1; i <= workers; i++) {
      tasks.add(
          new Parallel.Task(
              "reader-" + i,
              () -> {
                new Worker().run();
                sink.help();
              }));
    }
    return tasks;
  }

  /** Cuts the connections of all workers, which then fail. */
  void abort() {
    synchronized (this) {
      aborted = true;
      notifyAll();
    }
    sessions.forEach(DataReader::abort);
  }

  /** Cuts a connection, whatever its session waits for. */
  static void abort(Session session) {
    try {
      session.connection().abort(Runnable::run);
    } catch (SQLException e) {
      // Its connection is gone already, which is what was wanted.
      session.close();
    }
  }

  /** The tables, in the order they were given; complete once all workers have ended. */
  List<TableWork> tables() {
    return tables;
  }

  /** The large objects; complete once all workers have ended. */
  LargeObjectReader largeObjects() {
    return largeObjects;
  }

  /** One session that reads. */
  final class Worker {
    private final Session session = Session.open(settings);
    private final SegmentWriter writer = new SegmentWriter(sink, key);
    private @Nullable Table locked;
    private int lockedCount;
    private boolean impatient;

    private Worker() {
      sessions.add(session);
    }

    private void run() throws SourceChangedException, InterruptedException {
      try (session) {
        readAll();
      } catch (SQLException e) {
        String what = "cannot read " + settings.describe();
        if (locked != null) {
          what = "cannot read table " + locked.quoted() + " of " + settings.describe();
        }
        throw SnapshotHolder.failure(settings, what, e);
      }
    }

    private void readAll() throws SQLException, SourceChangedException, InterruptedException {
      try {
        holder.begin(session);
        for (Unit unit = take(); unit != null; unit = take()) {
          operation.checkStop();
          operation.progress().advance(unit.read(this));
        }
        session.execute("COMMIT");
      } catch (OutOfMemoryError e) {
        // The driver lost its place in what the server sends, so an orderly end would never come.
        abort(session);
        throw e;
      }
    }

    Session session() {
      return session;
    }

    /**
     * Makes sure that a table can be read without waiting: behind somebody who waits for the
     * holder's own lock, this session would wait for ever.
     */
    private void lock(Table table) throws SQLException {
      if (table.equals(locked)) {
        return;
      }
      next(table);
      if (impatient) {
        session.execute("SET lock_timeout = 0");
        impatient = false;
      }
      session.execute("LOCK TABLE ONLY " + table.quoted() + " IN ACCESS SHARE MODE NOWAIT");
    }

    /**
     * The same for a table that one plain COPY reads: that takes no other lock than the table's, so
     * it can take it as it must be taken. A query may have to wait for an index, as for a REINDEX.
     */
    private void lockByCopy(Table table) throws SQLException {
      next(table);
      if (!impatient) {
        session.execute("SET lock_timeout = 1");
        impatient = true;
      }
    }

    private void next(Table table) throws SQLException {
      if (lockedCount == TABLES_PER_TRANSACTION) {
        session.execute("COMMIT");
        holder.begin(session);
        lockedCount = 0;
      }
      locked = table;
      lockedCount++;
    }
  }

  /**
   * The reading of one table.
   *
   * <p>A range of blocks is read through the server's cache, where it pushes out what the
   * application needs there, and costs the server up to twice the time. A scan of a large table
   * does not: it takes a small ring of buffers. So of a large table the head is scanned, as much as
   * one worker can do in its share of the time, and the tail is read by ranges.
   */
  final class TableWork implements Work {
    private final ReadableTable readable;
    private final TableTree tree;
    private final long segments;
    private final long segmentsPerUnit;
    private final String columns;

    /** How many of the first segments are scanned; then the work's first unit is the scan. */
    private final long scanned;

    /** The pieces that are still to be given out, as far as is known. */
    private Iterator<Unit> pieces;

    /** Whether it is still to be found out what is to be read. */
    private boolean pending;

    /** Segments that are read to see whether they are what the base has. */
    private final Map<Long, SegmentList.Segment> controlled = new HashMap<>();

    private long reused;
    private String method = FULL;

    private TableWork(ReadableTable readable, Instant time, FairShare share, long smallest) {
      this.readable = readable;
      this.columns = SqlText.names(readable.table().columns());
      boolean byBlocks =
          tidRanges
              && readable.heap()
              && readable.table().kind() != TableKind.EXTENSION_CONFIGURATION;
      if (byBlocks) {
        this.segments = Math.ceilDiv(readable.blocks(), (long) SegmentGeometry.BLOCKS_PER_SEGMENT);
        this.tree = TableTree.ofBlocks(segments, sink, key, time);
      } else {
        this.segments = readable.empty() ? 0 : 1;
        this.tree = TableTree.ofRows(sink, key, time);
      }
      this.segmentsPerUnit =
          Math.max(1, SEGMENTS_PER_UNIT * readable.blocks() * blockSize / Math.max(1, bytes()));
      this.scanned =
          byBlocks && segments > 1 && readable.blocks() * blockSize > smallest
              ? scannedSegments(share)
              : 0;
      Unchanged unchanged = byBlocks ? reuse.tables().get(readable.table()) : null;
      this.pending = unchanged != null;
      this.pieces =
          unchanged == null
              ? all().iterator()
              : List.<Unit>of(worker -> compare(worker, unchanged)).iterator();
    }

    private long scannedSegments(FairShare share) {
      if (share.suits(bytes())) {
        return segments;
      }
      // Where a scan has to end early, a limit to its rows ends it.
      return readable.rowsPerBlock() == 0
          ? 0
          : Math.min(segments, (long) (SCANNED_SHARE * share.size() / bytes() * segments));
    }

    ReadableTable readable() {
      return readable;
    }

    TableTree tree() {
      return tree;
    }

    @Override
    public long bytes() {
      return readable.bytes(blockSize);
    }

    /** How many segments there are, and how many of them were taken from the base. */
    long segments() {
      return segments;
    }

    long reused() {
      return reused;
    }

    /** How it was found out what had to be read, as the manifest calls it. */
    String method() {
      return method;
    }

    /** How many could have been taken, but were read and compared. */
    long checked() {
      return controlled.size();
    }

    @Override
    public boolean isPending() {
      return pending;
    }

    @Override
    public @Nullable Unit take() {
      return pieces.hasNext() ? pieces.next() : null;
    }

    /** Takes from the earlier capture what it can, and plans the reading of the rest. */
    private long compare(Worker worker, Unchanged unchanged)
        throws SQLException, SourceChangedException {
      worker.lock(readable.table());
      Found found = unchanged.find(worker.session, segments);
      Map<Long, ReadSegment> same =
          found.segments().size() < LEAST_REUSED * segments ? Map.of() : found.segments();
      Map<Long, ReadSegment> taken = new HashMap<>(same);
      for (long segment : chosen(same.keySet())) {
        controlled.put(segment, Objects.requireNonNull(taken.remove(segment)).segment());
      }
      taken.forEach(tree::add);
      List<Unit> rest = same.isEmpty() ? all() : between(taken.keySet());
      synchronized (DataReader.this) {
        reused = taken.size();
        method = same.isEmpty() ? FULL : found.method();
        pieces = rest.iterator();
        pending = false;
        DataReader.this.notifyAll();
      }
      return part(0, reused);
    }

    /** The whole table: first what is scanned, if anything is. */
    private List<Unit> all() {
      List<Unit> units = new ArrayList<>();
      if (scanned > 0) {
        units.add(unit(0, scanned, true));
      }
      for (long first = scanned; first < segments; first += segmentsPerUnit) {
        units.add(unit(first, Math.min(first + segmentsPerUnit, segments), false));
      }
      return units;
    }

    /**
     * Some of the segments. Of a table with few, none or one: one of them each time would be more
     * than asked for, and where much lies out of line it is a large part of the table.
     */
    private Set<Long> chosen(Set<Long> segmentsToTake) {
      Set<Long> chosen = new HashSet<>();
      List<Long> all = new ArrayList<>(segmentsToTake);
      long wanted = (long) (reuse.control() * all.size() + RANDOM.nextDouble());
      Collections.shuffle(all, RANDOM);
      all.stream().limit(wanted).forEach(chosen::add);
      return chosen;
    }

    /** What lies between the segments that were taken. */
    private List<Unit> between(Set<Long> taken) {
      List<Unit> units = new ArrayList<>();
      long first = -1;
      for (long segment = 0; segment <= segments; segment++) {
        boolean read = segment < segments && !taken.contains(segment);
        if (first >= 0 && (!read || segment - first == segmentsPerUnit)) {
          units.add(unit(first, segment, false));
          first = -1;
        }
        if (read && first < 0) {
          first = segment;
        }
      }
      return units;
    }

    private Unit unit(long first, long end, boolean scan) {
      return worker -> {
        if (isOneCopy()) {
          worker.lockByCopy(readable.table());
        } else {
          worker.lock(readable.table());
        }
        worker.writer.hashAs(readable.floats());
        try {
          return read(worker, first, end, scan);
        } catch (SQLException e) {
          if (PostgresErrors.isTooLong(e)) {
            throw unprintable(e);
          }
          throw e;
        }
      };
    }

    /** Whether nothing but one plain COPY of the table reads it. */
    private boolean isOneCopy() {
      return segments == 1 && readable.table().condition().isEmpty() && !mayHaveLongRows();
    }

    private boolean mayHaveLongRows() {
      return readable.toastBytes() != 0 && !readable.lengths().isEmpty();
    }

    private long read(Worker worker, long first, long end, boolean scan)
        throws SQLException, SourceChangedException, InterruptedException {
      long longest = longestRow(worker, first, end);
      try (MemoryBudget.Share _ = budget.take(longest)) {
        return switch (tree.cut()) {
          case BLOCKS -> {
            // A scan would hold its share of the memory for long.
            if (scan && longest == 0) {
              yield scan(worker, end);
            }
            readBlocks(worker, first, end);
            yield part(first, end);
          }
          case ROWS -> bytes() - readRows(worker);
        };
      }
    }

    /** About how many bytes some segments are. */
    private long part(long first, long end) {
      return bytes() * end / segments - bytes() * first / segments;
    }

    /** Reads the first segments in one go; returns 0, as it reports what it reads. */
    private long scan(Worker worker, long end) throws SQLException {
      BlockCutter cutter =
          new BlockCutter(
              worker.writer,
              end,
              end == segments,
              (segment, read) -> {
                operation.checkStop();
                tree.add(segment, read);
                operation.progress().advance(part(segment, segment + 1));
              });
      if (end == segments) {
        CopyRows.read(worker.session, copyWithPlaces(""), cutter);
      } else {
        long blocks = end * SegmentGeometry.BLOCKS_PER_SEGMENT;
        long limit = (long) (blocks * readable.rowsPerBlock());
        CopyRows.read(worker.session, copyWithPlaces(" LIMIT " + limit), cutter);
        if (!cutter.isBeyond()) {
          String rest = " WHERE ctid > '" + cutter.last() + "' AND ctid < '(" + blocks + ",0)'";
          CopyRows.read(worker.session, copyWithPlaces(rest), cutter);
        }
      }
      cutter.finish();
      return 0;
    }

    private void readBlocks(Worker worker, long first, long end)
        throws SQLException, SourceChangedException {
      for (long segment = first; segment < end; segment++) {
        operation.checkStop();
        String sql = segments == 1 ? copyAll() : copyBlocks(segment, segment + 1);
        CopyRows.read(worker.session, sql, worker.writer::row);
        ReadSegment read =
            worker.writer.finish(SegmentGeometry.position(SegmentList.Cut.BLOCKS, segment));
        SegmentList.Segment expected = controlled.get(segment);
        if (expected != null && !expected.hash().equals(read.segment().hash())) {
          throw new ReuseRefutedException(readable.table(), expected, read.segment());
        }
        tree.add(segment, read);
      }
    }

    /** Returns how many of {@link #bytes} were reported while it read. */
    private long readRows(Worker worker) throws SQLException {
      SegmentWriter writer = worker.writer;
      RowCutter cutter = new RowCutter(writer);
      CopyRows.read(worker.session, copyAll(), cutter);
      if (!writer.isEmpty()) {
        cutter.cut();
      }
      return cutter.reported;
    }

    /** Ends a segment wherever the rows say so. */
    private final class RowCutter implements CopyRows.RowConsumer {
      private final SegmentWriter writer;
      private long ordinal;
      private long reported;

      private RowCutter(SegmentWriter writer) {
        this.writer = writer;
      }

      @Override
      public void row(byte[] source, int offset, int length) {
        writer.row(source, offset, length);
        if (writer.isCut(length)) {
          cut();
        }
      }

      private void cut() {
        operation.checkStop();
        ReadSegment segment =
            writer.finish(SegmentGeometry.position(SegmentList.Cut.ROWS, ordinal));
        tree.add(ordinal, segment);
        long part = Math.min(segment.segment().bytes(), bytes() - reported);
        operation.progress().advance(part);
        reported += part;
        ordinal++;
      }
    }

    private String copyAll() {
      Table table = readable.table();
      String from =
          !table.condition().isEmpty()
              ? "(SELECT "
                  + columns
                  + " FROM ONLY "
                  + table.quoted()
                  + " "
                  + table.condition()
                  + ")"
              : columns.isEmpty() ? table.quoted() : table.quoted() + " (" + columns + ")";
      return "COPY " + from + toStdout();
    }

    private String copyBlocks(long first, long end) {
      return "COPY (SELECT "
          + columns
          + " FROM ONLY "
          + readable.table().quoted()
          + inBlocks(first, end)
          + ")"
          + toStdout();
    }

    /** Rows with their {@code ctid} before them. */
    private String copyWithPlaces(String clauses) {
      return "COPY (SELECT "
          + (columns.isEmpty() ? "ctid" : "ctid, " + columns)
          + " FROM ONLY "
          + readable.table().quoted()
          + clauses
          + ")"
          + toStdout();
    }

    /** In the text of COPY no value is converted if the file's encoding is the database's. */
    private String toStdout() {
      return " TO STDOUT (ENCODING " + SqlText.literal(encoding) + ")";
    }

    /** The table's last segment has no end, whatever the table's size is by now. */
    private String inBlocks(long first, long end) {
      String from = " WHERE ctid >= '(" + first * SegmentGeometry.BLOCKS_PER_SEGMENT + ",0)'";
      return end == segments
          ? from
          : from + " AND ctid < '(" + end * SegmentGeometry.BLOCKS_PER_SEGMENT + ",0)'";
    }

    /** About how long the longest row's text is; no more than asked for where it is short. */
    private long longestRow(Worker worker, long first, long end) throws SQLException {
      if (!mayHaveLongRows()) {
        return 0;
      }
      boolean all = tree.cut() == SegmentList.Cut.ROWS || end - first == segments;
      long longest =
          Long.parseLong(
              Objects.requireNonNull(
                  worker.session.value(
                      "SELECT coalesce(max(" + length() + "), 0)" + from(first, end, all))));
      if (longest > LONGEST_PRINTABLE || longest > MemoryBudget.longestRow()) {
        throw tooLong(longRow(worker.session, from(first, end, all)));
      }
      return longest <= SMALL_ROW ? 0 : longest;
    }

    private String length() {
      return readable.lengths().stream()
          .map(expression -> "coalesce(" + expression + ", 0)")
          .collect(Collectors.joining(" + "));
    }

    private String from(long first, long end, boolean all) {
      return " FROM ONLY " + readable.table().quoted() + (all ? "" : inBlocks(first, end));
    }

    /** A row that is too long, by what a person finds it with. */
    private record LongRow(String ctid, long bytes) {}

    private LongRow longRow(Session session, String from) throws SQLException {
      return session
          .rows(
              "SELECT ctid, " + length() + " AS length" + from + " ORDER BY 2 DESC LIMIT 1",
              row -> new LongRow(row.getString(1), row.getLong(2)))
          .getFirst();
    }

    private StetException tooLong(LongRow row) {
      String place =
          "table "
              + readable.table().quoted()
              + " of "
              + settings.describe()
              + " has a row, at ctid "
              + row.ctid()
              + ", whose text takes about "
              + (row.bytes() >> 20)
              + " MiB";
      String select =
          "SELECT * FROM " + readable.table().quoted() + " WHERE ctid = '" + row.ctid() + "'";
      return row.bytes() > LONGEST_PRINTABLE
          ? new StetException(
              ErrorCode.SOURCE,
              place
                  + ", but PostgreSQL prints no more than 1024 MiB, so pg_dump cannot read it either",
              "Keep the value in pieces or as a large object; the row is " + select + ".")
          : new StetException(
              ErrorCode.SOURCE,
              place
                  + ", too much for a memory of "
                  + (Runtime.getRuntime().maxMemory() >> 20)
                  + " MiB",
              "Give Stet more memory, for example by STET_JAVA_OPTS=-Xmx"
                  + ((row.bytes() >> 20) * 2 + 200)
                  + "m; the row is "
                  + select
                  + ".");
    }

    /** The error for a row that the server failed to print: COPY puts in more than is in it. */
    private StetException unprintable(SQLException cause) {
      String place;
      try (Session fresh = Session.open(settings)) {
        holder.begin(fresh);
        place = "the longest is at ctid " + longRow(fresh, from(0, segments, true)).ctid();
      } catch (SQLException e) {
        place = "which one could not be found out: " + PostgresErrors.text(e);
      }
      return new StetException(
          ErrorCode.SOURCE,
          "PostgreSQL cannot print a row of table "
              + readable.table().quoted()
              + " of "
              + settings.describe()
              + ", so pg_dump cannot read it either: "
              + PostgresErrors.text(cause)
              + "; "
              + place,
          "Keep long values in pieces or as large objects.",
          cause);
    }
  }
}
