package stet.engine.postgres.rows;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import stet.engine.RowHash;

/**
 * Turns a row's COPY text into one that does not depend on how the server prints floating-point
 * numbers: each of them becomes its bits. PostgreSQL 12 prints fewer digits than its predecessors,
 * so only this form is the same before and after a restore across that version.
 *
 * <p>The result is there to be hashed: rows with equal results hold equal values, but no server can
 * read it. A number that cannot be parsed stays as it is, so that it can only ever be told as a
 * difference.
 */
public final class FloatText {
  private static final byte[] NULL = {'\\', 'N'};

  /** Where a value's text has floating-point numbers. */
  sealed interface Shape {}

  /** The text is one number, of single or double precision. */
  record OneNumber(boolean single) implements Shape {}

  /** The text is double precision numbers and punctuation, such as a point's or a box's. */
  record ManyNumbers() implements Shape {}

  /** An array's text. */
  record ArrayOf(Shape element, char delimiter) implements Shape {}

  /** A range's text. */
  record RangeOf(Shape bound) implements Shape {}

  /** A composite value's text; an attribute without such numbers is null. */
  record RecordOf(List<@Nullable Shape> attributes) implements Shape {}

  private final List<@Nullable Shape> columns;

  /**
   * Prepares the conversion of one table's rows.
   *
   * @param columns the shapes of the columns in the order of their text; null for a column without
   *     such numbers
   */
  FloatText(List<@Nullable Shape> columns) {
    this.columns = columns;
  }

  /**
   * Adds a row to a hash.
   *
   * @param form the form to hash it in, or null to hash its text as it is
   * @param length bytes without the line end
   */
  public static void hash(
      @Nullable FloatText form, RowHash hash, byte[] source, int offset, int length) {
    if (form == null) {
      hash.row(source, offset, length);
    } else {
      byte[] converted = form.row(source, offset, length);
      hash.row(converted, 0, converted.length);
    }
  }

  /**
   * Converts a row.
   *
   * @param length bytes without the line end
   */
  byte[] row(byte[] source, int offset, int length) {
    Output out = new Output(length + 16);
    int end = offset + length;
    int start = offset;
    for (Shape shape : columns) {
      int stop = start;
      while (stop < end && source[stop] != '\t') {
        stop++;
      }
      if (start > offset) {
        out.write('\t');
      }
      if (shape == null || isNull(source, start, stop)) {
        out.write(source, start, stop - start);
      } else {
        convert(shape, unescape(source, start, stop), out);
      }
      if (stop == end) {
        return out.toByteArray();
      }
      start = stop + 1;
    }
    // More fields than columns: whatever that is, it counts too.
    out.write('\t');
    out.write(source, start, end - start);
    return out.toByteArray();
  }

  private static boolean isNull(byte[] source, int start, int stop) {
    return stop - start == 2 && source[start] == NULL[0] && source[start + 1] == NULL[1];
  }

  /** Undoes COPY's escapes. */
  private static String unescape(byte[] source, int start, int stop) {
    // Every byte becomes one character: the encoding does not matter, as it keeps ASCII.
    String text = new String(source, start, stop - start, StandardCharsets.ISO_8859_1);
    if (text.indexOf('\\') < 0) {
      return text;
    }
    StringBuilder plain = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && i + 1 < text.length()) {
        c = text.charAt(++i);
        c =
            switch (c) {
              case 'b' -> '\b';
              case 'f' -> '\f';
              case 'n' -> '\n';
              case 'r' -> '\r';
              case 't' -> '\t';
              case 'v' -> '\u000b';
              default -> c;
            };
      }
      plain.append(c);
    }
    return plain.toString();
  }

  private static void convert(Shape shape, String text, Output out) {
    switch (shape) {
      case OneNumber number -> out.write(bits(text, number.single()));
      case ManyNumbers _ -> numbers(text, out);
      case ArrayOf array -> array(array, text, out);
      case RangeOf range -> range(range, text, out);
      case RecordOf composite -> composite(composite, text, out);
    }
  }

  private static String bits(String text, boolean single) {
    String word =
        switch (text.toLowerCase(Locale.ROOT)) {
          case "nan" -> "NaN";
          case "inf", "infinity" -> "Infinity";
          case "-inf", "-infinity" -> "-Infinity";
          default -> text;
        };
    try {
      return single
          ? "#" + HexFormat.of().toHexDigits(Float.floatToIntBits(Float.parseFloat(word)))
          : "#" + HexFormat.of().toHexDigits(Double.doubleToLongBits(Double.parseDouble(word)));
    } catch (NumberFormatException e) {
      return text;
    }
  }

  private static void numbers(String text, Output out) {
    int i = 0;
    while (i < text.length()) {
      int start = i;
      while (i < text.length() && "()[]{}<>,;\" ".indexOf(text.charAt(i)) < 0) {
        i++;
      }
      if (i > start) {
        out.write(bits(text.substring(start, i), false));
      } else {
        out.write(text.charAt(i++));
      }
    }
  }

  /** A part of a value, preceded by its length so that no other division looks the same. */
  private static void part(@Nullable Shape shape, String text, Output out) {
    Output inner = new Output(text.length() + 16);
    if (shape == null) {
      inner.write(text);
    } else {
      convert(shape, text, inner);
    }
    out.write(inner.size() + ":");
    out.write(inner.toByteArray(), 0, inner.size());
  }

  private static void array(ArrayOf array, String text, Output out) {
    Scanner in = new Scanner(text);
    // Bounds that do not begin with 1 come first, such as [0:2]={…}.
    if (in.peek() == '[') {
      out.write(in.until('{'));
    }
    while (in.more()) {
      char c = in.peek();
      if (c == '{' || c == '}' || c == array.delimiter()) {
        out.write(in.next());
        continue;
      }
      boolean quoted = c == '"';
      String element = in.item(array.delimiter(), '}', '}', false);
      if (!quoted && element.equals("NULL")) {
        out.write(element);
      } else {
        part(array.element(), element, out);
      }
    }
  }

  private static void range(RangeOf range, String text, Output out) {
    Scanner in = new Scanner(text);
    if (text.equals("empty")) {
      out.write(text);
      return;
    }
    out.write(in.next());
    bound(range, in.item(',', ']', ')', true), out);
    out.write(in.next());
    bound(range, in.item(',', ']', ')', true), out);
    out.write(in.rest());
  }

  /** A bound that is not there has no text. */
  private static void bound(RangeOf range, String text, Output out) {
    if (!text.isEmpty()) {
      part(range.bound(), text, out);
    }
  }

  private static void composite(RecordOf composite, String text, Output out) {
    Scanner in = new Scanner(text);
    out.write(in.next());
    for (Shape shape : composite.attributes()) {
      boolean quoted = in.peek() == '"';
      String attribute = in.item(',', ')', ')', true);
      // Without quotes no text is a null.
      if (quoted || !attribute.isEmpty()) {
        part(shape, attribute, out);
      }
      out.write(in.next());
    }
    out.write(in.rest());
  }

  /** Reads the text of an array, range or composite value. */
  private static final class Scanner {
    private final String text;
    private int position;

    private Scanner(String text) {
      this.text = text;
    }

    private boolean more() {
      return position < text.length();
    }

    /** The next character, or 0 at the end. */
    private char peek() {
      return more() ? text.charAt(position) : 0;
    }

    private String next() {
      return more() ? text.substring(position, ++position) : "";
    }

    private String until(char stop) {
      int end = text.indexOf(stop, position);
      String passed = text.substring(position, end < 0 ? text.length() : end);
      position += passed.length();
      return passed;
    }

    private String rest() {
      String rest = text.substring(position);
      position = text.length();
      return rest;
    }

    /**
     * An item up to one of the characters that end it, without its quotes and escapes.
     *
     * @param doubled whether two quotes within quotes are one
     */
    private String item(char separator, char end, char otherEnd, boolean doubled) {
      StringBuilder item = new StringBuilder();
      boolean inQuotes = false;
      for (; more(); position++) {
        char c = text.charAt(position);
        if (!inQuotes && (c == separator || c == end || c == otherEnd)) {
          break;
        }
        if (c == '\\' && position + 1 < text.length()) {
          item.append(text.charAt(++position));
        } else if (c != '"') {
          item.append(c);
        } else if (doubled
            && inQuotes
            && position + 1 < text.length()
            && text.charAt(position + 1) == '"') {
          item.append(c);
          position++;
        } else {
          inQuotes = !inQuotes;
        }
      }
      return item.toString();
    }
  }

  /** Bytes, of which each was one character. */
  private static final class Output extends ByteArrayOutputStream {
    private Output(int size) {
      super(size);
    }

    private void write(String text) {
      byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
      write(bytes, 0, bytes.length);
    }
  }
}
