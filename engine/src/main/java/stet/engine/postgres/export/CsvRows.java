package stet.engine.postgres.export;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/**
 * Turns COPY text into comma-separated values as {@code COPY … (FORMAT csv, HEADER)} writes them:
 * null is nothing, the empty text is {@code ""}. Bytes beyond ASCII are passed on as they are.
 */
final class CsvRows {
  /** A field up to this length is quoted only if it must be; a longer one always is. */
  private static final int LOOK_AHEAD = 1 << 16;

  private final OutputStream out;
  private final int columns;
  private final byte[] field = new byte[LOOK_AHEAD];
  private int length;
  private boolean mustQuote;
  private boolean isNull;

  /** Whether the field was too long for {@link #field} and its beginning is written. */
  private boolean begun;

  private boolean afterBackslash;

  /**
   * Writes the header.
   *
   * @param out takes the result; left open
   * @param header the names of the columns, encoded
   */
  CsvRows(OutputStream out, List<byte[]> header) throws IOException {
    this.out = out;
    this.columns = header.size();
    for (int i = 0; i < header.size(); i++) {
      for (byte b : header.get(i)) {
        add(b);
      }
      end(i == header.size() - 1 ? '\n' : ',');
    }
    if (header.isEmpty()) {
      out.write('\n');
    }
  }

  /** Takes a piece of COPY text, which may begin and end anywhere. */
  void write(byte[] text) throws IOException {
    for (byte b : text) {
      if (afterBackslash) {
        afterBackslash = false;
        escape(b);
      } else if (b == '\\') {
        afterBackslash = true;
      } else if (b == '\t') {
        end(',');
      } else if (b == '\n') {
        end('\n');
      } else {
        add(b);
      }
    }
  }

  /** COPY writes no escapes by number. */
  private void escape(byte b) throws IOException {
    switch (b) {
      case 'N' -> isNull = true;
      case 'b' -> add((byte) '\b');
      case 'f' -> add((byte) '\f');
      case 'n' -> add((byte) '\n');
      case 'r' -> add((byte) '\r');
      case 't' -> add((byte) '\t');
      case 'v' -> add((byte) 0x0b);
      default -> add(b);
    }
  }

  private void add(byte b) throws IOException {
    if (length == field.length) {
      flush();
    }
    field[length++] = b;
    mustQuote |= b == ',' || b == '"' || b == '\n' || b == '\r';
  }

  private void flush() throws IOException {
    if (!begun) {
      out.write('"');
      begun = true;
    }
    writeQuoted();
    length = 0;
  }

  private void writeQuoted() throws IOException {
    for (int i = 0; i < length; i++) {
      if (field[i] == '"') {
        out.write('"');
      }
      out.write(field[i]);
    }
  }

  private void end(char separator) throws IOException {
    boolean endOfData = columns == 1 && length == 2 && field[0] == '\\' && field[1] == '.';
    if (begun) {
      writeQuoted();
      out.write('"');
    } else if (!isNull && columns > 0 && (mustQuote || length == 0 || endOfData)) {
      out.write('"');
      writeQuoted();
      out.write('"');
    } else {
      out.write(field, 0, length);
    }
    out.write(separator);
    length = 0;
    mustQuote = false;
    isNull = false;
    begun = false;
  }
}
