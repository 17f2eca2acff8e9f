package stet.engine.postgres.rows;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * What a {@code .segments} file says about the {@code .copy} file beside it: its segments in order.
 *
 * <p>The file is ASCII text. The first line is {@code stet segments 1} and how the table was cut,
 * {@code blocks} or {@code rows}; then one line per segment with position, rows, bytes and blobs as
 * decimal numbers and the content hash as 32 hexadecimal digits, separated by one space. Every line
 * ends in a newline. The segments' bytes and blobs, in order, are those of the {@code .copy} file.
 *
 * @param cut how the table was cut into segments
 * @param segments in ascending order of position
 */
public record SegmentList(Cut cut, List<Segment> segments) {
  private static final String HEADER = "stet segments 1 ";

  /** How a table was cut into segments. */
  public enum Cut {
    /**
     * By heap blocks: a segment's position is its first block, and it holds the rows of that block
     * and the {@value SegmentGeometry#BLOCKS_PER_SEGMENT} - 1 that follow, the table's last one of
     * all blocks that follow.
     */
    BLOCKS,
    /** At rows chosen by their content: a segment's position is its ordinal in the table. */
    ROWS;

    /** The word in files. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A segment.
   *
   * @param position the first heap block or the ordinal, as {@link Cut} says
   * @param rows the number of rows
   * @param bytes the length of their COPY text
   * @param blobs how many blobs hold them
   * @param hash the {@link stet.engine.RowHash} of the rows as 32 hexadecimal digits
   */
  public record Segment(long position, long rows, long bytes, int blobs, String hash) {}

  public SegmentList {
    segments = List.copyOf(segments);
  }

  /** The file's content. */
  public byte[] encode() {
    StringBuilder out = new StringBuilder(32 + 72 * segments.size());
    out.append(HEADER).append(cut.text()).append('\n');
    for (Segment segment : segments) {
      out.append(segment.position)
          .append(' ')
          .append(segment.rows)
          .append(' ')
          .append(segment.bytes)
          .append(' ')
          .append(segment.blobs)
          .append(' ')
          .append(segment.hash)
          .append('\n');
    }
    return out.toString().getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Parses a file's content strictly: what {@link #encode()} would not write is an error.
   *
   * @param path the file's path in the snapshot, for messages
   * @throws StetException with {@code REPOSITORY_DAMAGED} naming path and line
   */
  public static SegmentList parse(String path, byte[] content) {
    String text = new String(content, StandardCharsets.ISO_8859_1);
    if (!text.endsWith("\n")) {
      throw damaged(path, 1 + (int) text.lines().count(), "the last line has no end");
    }
    String[] lines = text.substring(0, text.length() - 1).split("\n", -1);
    Cut cut = null;
    for (Cut candidate : Cut.values()) {
      if (lines[0].equals(HEADER + candidate.text())) {
        cut = candidate;
      }
    }
    if (cut == null) {
      throw damaged(
          path,
          1,
          "expected \"" + HEADER + "blocks\" or \"" + HEADER + "rows\", found " + quote(lines[0]));
    }
    List<Segment> segments = new ArrayList<>(lines.length - 1);
    long last = -1;
    for (int i = 1; i < lines.length; i++) {
      String[] fields = lines[i].split(" ", -1);
      if (fields.length != 5) {
        throw damaged(path, i + 1, "expected 5 fields, found " + quote(lines[i]));
      }
      Segment segment =
          new Segment(
              number(path, i + 1, "position", fields[0]),
              number(path, i + 1, "rows", fields[1]),
              number(path, i + 1, "bytes", fields[2]),
              (int) Math.min(Integer.MAX_VALUE, number(path, i + 1, "blobs", fields[3])),
              fields[4]);
      if (!isHash(segment.hash)) {
        throw damaged(path, i + 1, "the hash is not 32 hexadecimal digits: " + quote(segment.hash));
      }
      if (segment.position <= last) {
        throw damaged(
            path, i + 1, "position " + segment.position + " does not follow position " + last);
      }
      if (segment.rows > segment.bytes || (segment.bytes == 0) != (segment.blobs == 0)) {
        throw damaged(
            path,
            i + 1,
            segment.rows
                + " rows, "
                + segment.bytes
                + " bytes and "
                + segment.blobs
                + " blobs do not go together");
      }
      last = segment.position;
      segments.add(segment);
    }
    return new SegmentList(cut, segments);
  }

  private static long number(String path, int line, String field, String text) {
    boolean canonical =
        !text.isEmpty()
            && text.length() <= 18
            && text.chars().allMatch(c -> c >= '0' && c <= '9')
            && (text.length() == 1 || text.charAt(0) != '0');
    if (!canonical) {
      throw damaged(path, line, field + " is not a decimal number: " + quote(text));
    }
    return Long.parseLong(text);
  }

  private static boolean isHash(String text) {
    return text.length() == 32
        && text.chars().allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
  }

  private static String quote(String text) {
    String shown = text.length() > 80 ? text.substring(0, 80) + "…" : text;
    return "\"" + shown.replaceAll("[^ -~…]", "?") + "\"";
  }

  private static StetException damaged(String path, int line, String what) {
    return new StetException(
        ErrorCode.REPOSITORY_DAMAGED,
        path + ": line " + line + ": " + what,
        "The snapshot was changed or written by a newer version of Stet; try another snapshot.");
  }
}
