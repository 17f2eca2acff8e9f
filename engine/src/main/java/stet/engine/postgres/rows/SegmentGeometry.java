package stet.engine.postgres.rows;

/**
 * How a table's segments lie in a component's directory.
 *
 * <p>{@value #SEGMENTS_PER_FILE} segments with consecutive ordinals share a {@code .copy} and a
 * {@code .segments} file, and {@value #FILES_PER_PART} such pairs a part, a directory named by its
 * number in five digits. A file is named by its first segment's position in ten digits. Cut by
 * blocks, a segment is 128 heap blocks, a file 16,384 (128 MiB of heap) and a part 131,072 (1 GiB):
 *
 * <pre>
 * data/public.orders/00000/0000000000.copy      blocks 0 to 16,383
 * data/public.orders/00000/0000000000.segments
 * data/public.orders/00000/0000016384.copy      blocks 16,384 to 32,767
 * …
 * data/public.orders/00001/0000131072.copy
 * </pre>
 *
 * Cut by rows, the position is the segment's ordinal: the second file is {@code 0000000128.copy}.
 * So whatever part of a table changes, the directories that have to be written anew are small. A
 * table without a segment (no heap block, or no row when cut by rows) has no directory.
 */
public final class SegmentGeometry {
  /** Heap blocks a segment covers. */
  public static final int BLOCKS_PER_SEGMENT = 128;

  /** Segments a {@code .copy} file holds. */
  public static final int SEGMENTS_PER_FILE = 128;

  /** {@code .copy} files a part holds. */
  public static final int FILES_PER_PART = 8;

  /** What the names of files with rows end in. */
  public static final String COPY_SUFFIX = ".copy";

  /** What the names of files that describe segments end in. */
  public static final String SEGMENTS_SUFFIX = ".segments";

  private SegmentGeometry() {}

  /** The ordinal of the file that holds a segment. */
  public static int file(long segment) {
    return Math.toIntExact(segment / SEGMENTS_PER_FILE);
  }

  /** The number of the part that holds a file. */
  public static int part(int file) {
    return file / FILES_PER_PART;
  }

  /** The name of a part's directory. */
  public static String partName(int part) {
    return padded(part, 5);
  }

  /** The name of a file without its suffix. */
  public static String fileName(SegmentList.Cut cut, int file) {
    return padded(position(cut, (long) file * SEGMENTS_PER_FILE), 10);
  }

  /** A number in at least so many digits. Every small table needs two; a format costs more. */
  private static String padded(long number, int digits) {
    String text = Long.toString(number);
    return "0".repeat(Math.max(0, digits - text.length())) + text;
  }

  /** The position of a segment. */
  public static long position(SegmentList.Cut cut, long segment) {
    return switch (cut) {
      case BLOCKS -> segment * BLOCKS_PER_SEGMENT;
      case ROWS -> segment;
    };
  }
}
