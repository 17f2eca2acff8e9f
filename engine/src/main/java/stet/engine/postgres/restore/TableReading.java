package stet.engine.postgres.restore;

import org.jspecify.annotations.Nullable;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.rows.FloatText;
import stet.repository.json.JsonObject;

/**
 * The reading of a table, or of some of its rows, by one session. The rows come in the order in
 * which they lie, so another session can read the last of them by skipping as many as the first one
 * will read. The server prints none of those: to skip all costs it about a seventh of reading.
 */
final class TableReading {
  private static final double COST_OF_SKIPPING = 0.15;

  /** The least text that is worth a session's help. */
  private static final long LEAST_BYTES = 32L << 20;

  /** What is skipped is read again, so it should still be in the machine's memory. */
  private static final long MOST_SKIPPED_BYTES = 2L << 30;

  /** So many rows a session makes its own at a time. */
  private static final int ROWS_AT_ONCE = 1000;

  final Table table;
  final String compared;
  final @Nullable FloatText floats;

  /** What follows {@code FROM ONLY table}. */
  final String clauses;

  /** The rows that the table should have, and their mean length; 0 if it cannot be shared. */
  private final long total;

  private final long rowBytes;

  /** The row at which the session begins. */
  final long first;

  /** The session reads the rows before this one; those from {@code end} on are another's. */
  private long claimed;

  private long end = Long.MAX_VALUE;

  private TableReading(
      Table table,
      String compared,
      @Nullable FloatText floats,
      String clauses,
      long first,
      long total,
      long rowBytes) {
    this.table = table;
    this.compared = compared;
    this.floats = floats;
    this.clauses = clauses;
    this.first = first;
    this.claimed = first;
    this.total = total;
    this.rowBytes = rowBytes;
  }

  /** The reading of a range of blocks. */
  TableReading(Table table, String compared, @Nullable FloatText floats, String range) {
    this(table, compared, floats, range, 0, 0, 0);
  }

  /** The reading of a whole table. */
  TableReading(Table table, String compared, @Nullable FloatText floats, JsonObject manifest) {
    this(
        table,
        compared,
        floats,
        "",
        0,
        table.condition().isEmpty() ? manifest.integer("rows") : 0,
        manifest.integer("bytes", 0) / Math.max(1, manifest.integer("rows")));
  }

  /**
   * Makes more rows the session's own.
   *
   * @return the row before which it must stop, unless it asks again
   */
  synchronized long claim() {
    claimed = Math.min(end, claimed + ROWS_AT_ONCE);
    return claimed;
  }

  /** About how many bytes of text are left. */
  synchronized long left() {
    return rowsLeft() * rowBytes;
  }

  private long rowsLeft() {
    return Math.max(0, Math.min(end, total) - claimed);
  }

  /** Leaves to another session as many rows that both end together, or none if that is few. */
  synchronized @Nullable TableReading split() {
    long left = rowsLeft();
    long kept = (long) Math.ceil((left + COST_OF_SKIPPING * claimed) / (2 - COST_OF_SKIPPING));
    long middle = claimed + kept;
    if ((left - kept) * rowBytes < LEAST_BYTES || middle * rowBytes > MOST_SKIPPED_BYTES) {
      return null;
    }
    TableReading part =
        new TableReading(table, compared, floats, " OFFSET " + middle, middle, total, rowBytes);
    part.end = end;
    end = middle;
    return part;
  }
}
