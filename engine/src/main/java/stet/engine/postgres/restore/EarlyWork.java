package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.archive.DumpArchive.Entry;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.connection.Session;

/**
 * What is done about large tables as soon as their rows are loaded, while other tables are still
 * being loaded: their indexes are built; when all of those are there a table is analyzed, and then
 * checked and read back where that is allowed. What is not built here is left to pg_restore.
 *
 * <p>A table's constraints come first and one after the other, since each keeps everybody else from
 * the table; then come its other indexes, as many at a time as there are sessions.
 */
final class EarlyWork {
  /** The text of the smallest table for which a pg_restore of its own pays. */
  static final long LEAST_BYTES = 16L << 20;

  private static final String CLASSES = "1259";

  /** How long a session waits before it looks again for another that it could help. */
  private static final long HELP_NANOS = 20_000_000;

  /** What building the indexes of a table is about, compared with loading it. */
  private static final int CHEAPER_THAN_LOADING = 4;

  /** What is done about a table. */
  private enum Step {
    RESTORE,
    ANALYZE,
    CHECK,
    READ
  }

  /**
   * A piece of work for one session.
   *
   * @param weight says what is to be done first, in bytes of text to load
   * @param entries the numbers of the archive's entries to restore, if that is the step
   */
  record Job(Table table, Step step, long weight, List<String> entries) {}

  /** How the work is done. */
  interface Doing {
    /** Restores entries of the archive. */
    void restore(List<String> entries) throws SQLException;

    /** Analyzes a table, given by its quoted name. */
    void analyze(Session session, String table) throws SQLException;

    /** Reads a table back and compares it. */
    void read(Session session, Table table) throws SQLException, InterruptedException;

    /** Whether the pages of tables that are read are to be checked too. */
    boolean checks();

    /** Checks the pages of a table. */
    void check(Session session, Table table) throws SQLException;

    /**
     * Does a part of what another session does about a table that is read or checked; false if that
     * is not worth while.
     */
    boolean help(Session session) throws SQLException, InterruptedException;
  }

  /** What is still to be done about a table. */
  private static final class Pending {
    final List<String> constraints = new ArrayList<>();
    final List<String> indexes = new ArrayList<>();
    boolean analyze;
    boolean read;

    /** Whether reading has begun, and so everything else is done. */
    boolean written;

    long weight;
    int running;
  }

  private final Doing doing;
  private final Map<Table, Pending> pending = new HashMap<>();
  private final PriorityQueue<Job> ready =
      new PriorityQueue<>(
          Comparator.comparingLong(Job::weight).reversed().thenComparing(Job::step));
  private final Set<String> restored = new HashSet<>();
  private final Set<String> analyzed = new HashSet<>();

  /**
   * Finds out what can be done early.
   *
   * @param archive all of its entries
   * @param tables those that are large
   * @param analyzable the quoted names of tables without tables below them
   * @param readable those of the large tables that are to be read back
   * @param functions whether the database has functions, which an index may call and which may read
   *     tables that are not loaded yet
   */
  EarlyWork(
      List<Entry> archive,
      Collection<Table> tables,
      Set<String> analyzable,
      Collection<Table> readable,
      boolean functions,
      Doing doing) {
    this.doing = doing;
    Map<String, Table> byOid = new HashMap<>();
    tables.forEach(table -> byOid.put(Long.toString(table.oid()), table));
    Map<Integer, Table> byEntry = new HashMap<>();
    Set<Integer> late = new HashSet<>();
    for (Entry entry : archive) {
      Table table = entry.tableOid().equals(CLASSES) ? byOid.get(entry.oid()) : null;
      if (table != null && entry.kind().equals("TABLE")) {
        byEntry.put(entry.id(), table);
        Pending todo = new Pending();
        todo.analyze = analyzable.contains(table.quoted());
        todo.read = readable.contains(table);
        pending.put(table, todo);
      } else if (entry.isPostData()) {
        late.add(entry.id());
      }
    }
    for (Entry entry : archive) {
      Set<Table> about = new HashSet<>();
      entry.after().forEach(id -> about.add(byEntry.get(id)));
      about.remove(null);
      if (entry.isPostData()) {
        boolean independent =
            about.size() == 1
                && entry.after().stream().noneMatch(late::contains)
                && !(functions && mayCall(entry));
        about.forEach(
            table -> plan(entry, Objects.requireNonNull(pending.get(table)), independent));
      }
    }
    pending.values().removeIf(EarlyWork::isDone);
  }

  /** Whether an index may have an expression or a condition, which call functions. */
  private static boolean mayCall(Entry entry) {
    String definition = entry.definition();
    return entry.kind().equals("INDEX")
        && (definition.indexOf('(') != definition.lastIndexOf('(')
            || definition.contains(" WHERE "));
  }

  private static void plan(Entry entry, Pending table, boolean independent) {
    String number = Integer.toString(entry.id());
    boolean constraint = entry.kind().equals("CONSTRAINT");
    boolean index = entry.kind().equals("INDEX");
    if (independent && constraint) {
      table.constraints.add(number);
    } else if (independent && index) {
      table.indexes.add(number);
    } else if (constraint || index || entry.kind().equals("STATISTICS")) {
      // ANALYZE fills these too, and so must come after them.
      table.analyze = false;
    }
  }

  private static boolean isDone(Pending table) {
    return table.constraints.isEmpty()
        && table.indexes.isEmpty()
        && table.running == 0
        && !table.analyze
        && !table.read;
  }

  /** Has work begin on a table whose rows are all loaded. */
  synchronized void loaded(Table table, long bytes) {
    Pending todo = pending.get(table);
    if (todo != null) {
      todo.weight = bytes / CHEAPER_THAN_LOADING;
      proceed(table, todo);
    }
  }

  private void proceed(Table table, Pending todo) {
    if (todo.running == 0 && !todo.constraints.isEmpty()) {
      add(table, todo, Step.RESTORE, List.copyOf(todo.constraints));
      todo.constraints.clear();
    } else if (!todo.indexes.isEmpty()) {
      todo.indexes.forEach(index -> add(table, todo, Step.RESTORE, List.of(index)));
      todo.indexes.clear();
    } else if (todo.running == 0 && todo.analyze) {
      todo.analyze = false;
      add(table, todo, Step.ANALYZE, List.of());
    } else if (todo.running == 0 && todo.read) {
      todo.read = false;
      todo.written = true;
      if (doing.checks()) {
        // First, where one session has to do both: reading is what another can help with.
        add(table, todo, Step.CHECK, List.of());
      }
      add(table, todo, Step.READ, List.of());
    }
    if (isDone(todo)) {
      pending.remove(table);
    }
    notifyAll();
  }

  private void add(Table table, Pending todo, Step step, List<String> entries) {
    todo.running++;
    ready.add(new Job(table, step, todo.weight, entries));
  }

  /** The next job, if there is one of at least that weight. */
  synchronized @Nullable Job poll(long weight) {
    Job next = ready.peek();
    return next == null || next.weight() < weight ? null : ready.poll();
  }

  /** Waits for a job for a while; false if none can come. */
  private synchronized boolean await() throws InterruptedException {
    long end = System.nanoTime() + HELP_NANOS;
    for (long left = HELP_NANOS;
        ready.isEmpty() && !pending.isEmpty() && left > 0;
        left = end - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return !ready.isEmpty() || !pending.isEmpty();
  }

  /** Does a job. */
  void run(Session session, Job job) throws SQLException, InterruptedException {
    switch (job.step()) {
      case RESTORE -> doing.restore(job.entries());
      case ANALYZE -> doing.analyze(session, job.table().quoted());
      case CHECK -> doing.check(session, job.table());
      case READ -> doing.read(session, job.table());
    }
    synchronized (this) {
      if (job.step() == Step.ANALYZE) {
        analyzed.add(job.table().quoted());
      }
      restored.addAll(job.entries());
      Pending todo = Objects.requireNonNull(pending.get(job.table()));
      todo.running--;
      proceed(job.table(), todo);
    }
  }

  /**
   * Does jobs, or helps with those of others, until none are left, and none can come as all tables
   * are loaded.
   */
  void work(Session session) throws SQLException, InterruptedException {
    do {
      for (Job job = poll(0); job != null; job = poll(0)) {
        run(session, job);
      }
    } while (doing.help(session) || await());
  }

  /** Whether any table is to be read. */
  synchronized boolean reads() {
    return pending.values().stream().anyMatch(table -> table.read);
  }

  /** Waits until nothing is left but to read. */
  synchronized void awaitWritten() throws InterruptedException {
    while (pending.values().stream().anyMatch(table -> !table.written)) {
      wait();
    }
  }

  /** The numbers of the entries that have been restored. */
  synchronized Set<String> restored() {
    return Set.copyOf(restored);
  }

  /** The quoted names of the tables that have been analyzed. */
  synchronized Set<String> analyzed() {
    return Set.copyOf(analyzed);
  }
}
