package stet.engine.postgres.rows;

import java.sql.SQLException;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyOut;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.repository.Bytes;

/**
 * Cuts a COPY stream into rows. PostgreSQL sends one row a message, but its protocol does not
 * promise that; in the text itself a line end always ends a row.
 */
public final class CopyRows {
  private static final long NEWLINES = 0x0a0a0a0a0a0a0a0aL;
  private static final long LOW_BITS = 0x0101010101010101L;
  private static final long HIGH_BITS = 0x8080808080808080L;

  private static final byte[] NOTHING = {};

  private static final String QUERY_CANCELED = "57014";

  private byte[] carried = NOTHING;

  /** Receives rows. */
  @FunctionalInterface
  public interface RowConsumer {
    /**
     * Takes a row.
     *
     * @param length bytes with the line end
     */
    void row(byte[] source, int offset, int length);
  }

  /**
   * Runs {@code COPY … TO STDOUT} to its end.
   *
   * @return the number of rows
   * @throws SQLException if it fails, or the server counts other rows than came
   */
  public static long read(Session session, String sql, RowConsumer consumer) throws SQLException {
    return read(session, sql, consumer, () -> false);
  }

  /**
   * Runs {@code COPY … TO STDOUT} to its end, or cancels it.
   *
   * @param session in no transaction, if it may be cancelled
   * @param enough whether no more rows are wanted; asked after each of the server's messages
   * @return the number of rows that were passed on
   * @throws SQLException if it fails, or the server counts other rows than came
   */
  public static long read(Session session, String sql, RowConsumer consumer, BooleanSupplier enough)
      throws SQLException {
    CopyOut copy = session.copy().copyOut(sql);
    CopyRows rows = new CopyRows();
    long count = 0;
    for (byte[] message = copy.readFromCopy(); message != null; message = copy.readFromCopy()) {
      count += rows.message(message, consumer);
      if (enough.getAsBoolean()) {
        cancel(session, copy);
        return count;
      }
    }
    if (!rows.isWhole()) {
      throw new SQLException("the server's COPY ended in the middle of row " + (count + 1));
    }
    long counted = copy.getHandledRowCount();
    if (counted >= 0 && counted != count) {
      throw new SQLException(
          "the server counted " + counted + " rows in its COPY, but " + count + " came");
    }
    return count;
  }

  /** Has the server end a COPY; the driver's own way leaves what it still sends to be read. */
  private static void cancel(Session session, CopyOut copy) throws SQLException {
    session.connection().unwrap(PGConnection.class).cancelQuery();
    try {
      byte[] message;
      do {
        message = copy.readFromCopy();
      } while (message != null);
    } catch (SQLException e) {
      if (!PostgresErrors.is(e, QUERY_CANCELED)) {
        throw e;
      }
    }
  }

  /** Whether the last message ended with a row. */
  boolean isWhole() {
    return carried.length == 0;
  }

  /** Passes on the rows that end in a message and returns their number. */
  long message(byte[] message, RowConsumer consumer) {
    long count = 0;
    int start = 0;
    for (int end = newline(message, 0); end >= 0; end = newline(message, start)) {
      if (carried.length == 0) {
        consumer.row(message, start, end + 1 - start);
      } else {
        byte[] row = join(message, start, end + 1);
        carried = NOTHING;
        consumer.row(row, 0, row.length);
      }
      count++;
      start = end + 1;
      if (start == message.length) {
        return count;
      }
    }
    carried = join(message, start, message.length);
    return count;
  }

  private byte[] join(byte[] message, int start, int end) {
    byte[] joined = Arrays.copyOf(carried, carried.length + end - start);
    System.arraycopy(message, start, joined, carried.length, end - start);
    return joined;
  }

  /** The place of the first line end from {@code from} on, or -1. Looks at eight bytes a step. */
  static int newline(byte[] bytes, int from) {
    int i = from;
    for (int end = bytes.length - 7; i < end; i += 8) {
      long word = Bytes.longLe(bytes, i) ^ NEWLINES;
      long zeros = (word - LOW_BITS) & ~word & HIGH_BITS;
      if (zeros != 0) {
        return i + (Long.numberOfTrailingZeros(zeros) >>> 3);
      }
    }
    for (; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        return i;
      }
    }
    return -1;
  }
}
