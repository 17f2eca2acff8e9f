package stet.engine.postgres.archive;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * An archive of {@code pg_dump -Fc} that holds definitions alone: its head and table of contents,
 * to be written again with more entries or changed ones. Known are the archive formats 1.12 to
 * 1.16, of PostgreSQL 9.0 to 18.
 *
 * <p>Numbers are a byte for the sign and then the size's bytes, the lowest first; texts have their
 * length before them, -1 for null.
 */
public final class DumpArchive {
  /** When an entry is restored. */
  public enum Section {
    NONE(1),
    PRE_DATA(2),
    DATA(3),
    POST_DATA(4);

    private final int code;

    Section(int code) {
      this.code = code;
    }
  }

  private static final byte[] MAGIC = "PGDMP".getBytes(StandardCharsets.US_ASCII);
  private static final int CUSTOM = 1;

  /** What the head of a directory's {@code toc.dat} says: that it is a tar archive's. */
  private static final int IN_DIRECTORY = 3;

  private static final int OLDEST = 0x010c;
  private static final int NEWEST = 0x0110;
  private static final int WITH_TABLE_AM = 0x010e;
  private static final int WITH_ALGORITHM = 0x010f;
  private static final int WITH_RELATION_KIND = 0x0110;

  private static final byte POSITION_UNKNOWN = 1;
  private static final byte POSITION_KNOWN = 2;
  private static final byte POSITION_NONE = 3;

  private final String path;
  private final ByteBuffer in;
  private final int version;
  private final int intSize;
  private final int offsetSize;

  /** Date, database, versions: everything of the head behind the compression. */
  private final byte[] about;

  private final List<Entry> entries = new ArrayList<>();

  /**
   * An entry that was read.
   *
   * @param definition the statements that make the object
   * @param tablespace the tablespace it is to lie in, empty for the database's own
   * @param after the ids of the entries that it depends on
   * @param bytes all of it, but for the place of its data
   * @param places where texts that may change stand in the bytes
   */
  public record Entry(
      int id,
      String tableOid,
      String oid,
      String tag,
      String kind,
      int section,
      @Nullable String schema,
      @Nullable String owner,
      String definition,
      String tablespace,
      List<Integer> after,
      byte[] bytes,
      Places places) {
    /** Whether it is restored when all rows are there. */
    public boolean isPostData() {
      return section == Section.POST_DATA.code;
    }

    /** The same entry with other texts. */
    public Entry with(String newDefinition, String newTablespace, @Nullable String newOwner) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      Span one = copy(out, 0, places.definition(), definition, newDefinition);
      Span two =
          copy(out, places.definition().end(), places.tablespace(), tablespace, newTablespace);
      Span three = copy(out, places.tablespace().end(), places.owner(), owner, newOwner);
      out.write(bytes, places.owner().end(), bytes.length - places.owner().end());
      return new Entry(
          id,
          tableOid,
          oid,
          tag,
          kind,
          section,
          schema,
          newOwner,
          newDefinition,
          newTablespace,
          after,
          out.toByteArray(),
          new Places(one, two, three));
    }

    /** Copies what comes before a text and then the new text, unless it is the old one. */
    private Span copy(
        ByteArrayOutputStream out,
        int from,
        Span place,
        @Nullable String old,
        @Nullable String text) {
      out.write(bytes, from, place.start() - from);
      int start = out.size();
      if (Objects.equals(old, text)) {
        out.write(bytes, place.start(), place.end() - place.start());
      } else {
        byte[] changed = encoded(text);
        out.write(changed, 0, changed.length);
      }
      return new Span(start, out.size());
    }
  }

  /** Where a text with its length stands. */
  public record Span(int start, int end) {}

  /** Where the texts of an entry stand in it, in their order. */
  public record Places(Span definition, Span tablespace, Span owner) {}

  /**
   * An entry to be added.
   *
   * @param tableOid the OID of the catalog that the object is in, or 0
   * @param drop the statement that drops the object, if it has an owner of its own; else empty
   * @param copy the statement that data follows, or empty
   * @param after the ids of the entries that must be restored before
   * @param hasData whether data goes with it
   */
  public record Addition(
      int id,
      String kind,
      Section section,
      String tag,
      @Nullable String schema,
      String owner,
      String tableOid,
      String oid,
      String definition,
      String drop,
      String copy,
      List<Integer> after,
      boolean hasData) {}

  private DumpArchive(String path, byte[] content) {
    this.path = path;
    this.in = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    byte[] magic = new byte[MAGIC.length];
    in.get(magic);
    if (!Arrays.equals(magic, MAGIC)) {
      throw damaged("it does not begin with PGDMP");
    }
    this.version = (in.get() & 0xff) << 8 | (in.get() & 0xff);
    in.get();
    if (version < OLDEST || version > NEWEST) {
      throw new StetException(
          ErrorCode.FAILED,
          path
              + " is an archive of format "
              + (version >> 8)
              + "."
              + (version & 0xff)
              + ", but this version of stet knows 1.12 to 1.16",
          "Use a newer version of stet, or `stet restore --to-dir` and pg_restore.");
    }
    this.intSize = in.get();
    this.offsetSize = in.get();
    int format = in.get();
    if (format != CUSTOM || intSize != Integer.BYTES || offsetSize < 4 || offsetSize > 16) {
      throw damaged(
          "it is of kind "
              + format
              + " with numbers of "
              + intSize
              + " and "
              + offsetSize
              + " bytes");
    }
    if (version >= WITH_ALGORITHM) {
      in.get();
    } else {
      number();
    }
    int start = in.position();
    for (int i = 0; i < 7; i++) {
      number();
    }
    for (int i = 0; i < 3; i++) {
      bytes();
    }
    this.about = Arrays.copyOfRange(content, start, in.position());
    int count = number();
    for (int i = 0; i < count; i++) {
      entries.add(entry(content));
    }
    if (in.hasRemaining()) {
      throw damaged("it holds more than definitions");
    }
  }

  /** The version of the pg_dump that wrote it, such as {@code 15.4 (Debian 15.4-1)}. */
  public String dumpVersion() {
    ByteBuffer head = ByteBuffer.wrap(about).order(ByteOrder.LITTLE_ENDIAN);
    // Seven numbers of the date, each with its sign; then database, server version, own version.
    head.position(7 * (1 + intSize));
    byte[] text = new byte[0];
    for (int i = 0; i < 3; i++) {
      int sign = head.get();
      int length = head.getInt();
      text = new byte[sign == 0 ? length : 0];
      head.get(text);
    }
    return new String(text, StandardCharsets.UTF_8);
  }

  /** Whether bytes begin as an archive of a format that {@link #read} reads. */
  public static boolean isKnown(byte[] content) {
    if (content.length < MAGIC.length + 2
        || !Arrays.equals(content, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      return false;
    }
    int version = (content[MAGIC.length] & 0xff) << 8 | (content[MAGIC.length + 1] & 0xff);
    return version >= OLDEST && version <= NEWEST;
  }

  /**
   * Reads an archive.
   *
   * @param path the file's path in the snapshot, for messages
   * @throws StetException with {@code REPOSITORY_DAMAGED} if it is no such archive, {@code FAILED}
   *     if it is of an unknown format
   */
  public static DumpArchive read(String path, byte[] content) {
    try {
      return new DumpArchive(path, content);
    } catch (BufferUnderflowException e) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          path + " ends in the middle after " + content.length + " bytes",
          "The snapshot was changed, or was not made by Stet; try another snapshot.",
          e);
    }
  }

  private StetException damaged(String what) {
    return new StetException(
        ErrorCode.REPOSITORY_DAMAGED,
        path + " is not an archive of definitions: " + what,
        "The snapshot was changed, or was not made by Stet; try another snapshot.");
  }

  private Entry entry(byte[] content) {
    int start = in.position();
    int id = number();
    if (number() != 0) {
      throw damaged("entry " + id + " has data");
    }
    String tableOid = text();
    String oid = text();
    String tag = text();
    String kind = text();
    int section = number();
    int definitionStart = in.position();
    String definition = text();
    Span definitionPlace = span(start, definitionStart);
    bytes(); // drop
    bytes(); // copy
    String schema = text();
    int tablespaceStart = in.position();
    String tablespace = text();
    Span tablespacePlace = span(start, tablespaceStart);
    if (version >= WITH_TABLE_AM) {
      bytes();
    }
    if (version >= WITH_RELATION_KIND) {
      number();
    }
    int ownerStart = in.position();
    String owner = text();
    Span ownerPlace = span(start, ownerStart);
    bytes(); // with OIDs
    List<Integer> after = new ArrayList<>();
    for (String other = text(); other != null; other = text()) {
      if (!other.matches("[0-9]{1,9}")) {
        throw damaged("entry " + id + " depends on \"" + other + "\"");
      }
      after.add(Integer.valueOf(other));
    }
    byte[] bytes = Arrays.copyOfRange(content, start, in.position());
    in.position(in.position() + 1 + offsetSize);
    return new Entry(
        id,
        tableOid == null ? "" : tableOid,
        oid == null ? "" : oid,
        tag == null ? "" : tag,
        kind == null ? "" : kind,
        section,
        schema,
        owner,
        definition == null ? "" : definition,
        tablespace == null ? "" : tablespace,
        List.copyOf(after),
        bytes,
        new Places(definitionPlace, tablespacePlace, ownerPlace));
  }

  private Span span(int entry, int start) {
    return new Span(start - entry, in.position() - entry);
  }

  private int number() {
    boolean negative = in.get() != 0;
    int value = in.getInt();
    return negative ? -value : value;
  }

  private byte @Nullable [] bytes() {
    int length = number();
    if (length < 0) {
      return null;
    }
    if (length > in.remaining()) {
      throw damaged("a text of " + length + " bytes where " + in.remaining() + " are left");
    }
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private @Nullable String text() {
    byte[] bytes = bytes();
    return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
  }

  /** What was read, in its order. */
  public List<Entry> entries() {
    return entries;
  }

  /**
   * Puts other entries in place of those that were read.
   *
   * @param change gives an entry's successor, or null if it is to be left out
   */
  public void change(Function<Entry, @Nullable Entry> change) {
    List<Entry> changed = new ArrayList<>();
    for (Entry entry : entries) {
      Entry successor = change.apply(entry);
      if (successor != null) {
        changed.add(successor);
      }
    }
    entries.clear();
    entries.addAll(changed);
  }

  /** The highest id of an entry. */
  public int highestId() {
    return entries.stream().mapToInt(Entry::id).max().orElse(0);
  }

  /** The major version of the oldest pg_restore that reads such an archive. */
  public int oldestReader() {
    return switch (version) {
      case WITH_RELATION_KIND -> 17;
      case WITH_ALGORITHM -> 16;
      case WITH_TABLE_AM -> 12;
      default -> 10;
    };
  }

  /** Where an added entry's data lies in a {@code pg_dump -Fc} file, if that is known. */
  @FunctionalInterface
  public interface Positions {
    /** The offset of the entry's data, or -1 if it is to be searched for. */
    long of(Addition addition);
  }

  /** The name of an added entry's data in a directory. */
  public static String fileName(Addition addition) {
    return addition.kind().equals("BLOBS") ? "blobs.toc" : addition.id() + ".dat";
  }

  /** Writes head and table of contents of a file. */
  public void writeCustom(
      OutputStream out, boolean compressed, List<Addition> additions, Positions positions)
      throws IOException {
    Writer writer = new Writer(out);
    writer.head(CUSTOM, compressed);
    writer.contents(
        additions,
        addition -> {
          ByteBuffer place = ByteBuffer.allocate(1 + offsetSize).order(ByteOrder.LITTLE_ENDIAN);
          long position = addition == null ? -1 : positions.of(addition);
          boolean none = addition == null || !addition.hasData();
          place.put(none ? POSITION_NONE : position < 0 ? POSITION_UNKNOWN : POSITION_KNOWN);
          if (!none && position >= 0) {
            for (int i = 0; i < Math.min(offsetSize, Long.BYTES); i++) {
              place.put((byte) (position >>> (8 * i)));
            }
          }
          out.write(place.array());
        });
  }

  /** Writes head and table of contents of a directory. */
  public void writeDirectory(OutputStream out, boolean compressed, List<Addition> additions)
      throws IOException {
    Writer writer = new Writer(out);
    writer.head(IN_DIRECTORY, compressed);
    writer.contents(
        additions,
        addition -> writer.text(addition == null || !addition.hasData() ? "" : fileName(addition)));
  }

  /** Writes a number as archives have it. */
  public static void writeNumber(OutputStream out, int value) throws IOException {
    out.write(encoded(value));
  }

  private static byte[] encoded(int value) {
    int size = Math.abs(value);
    return new byte[] {
      (byte) (value < 0 ? 1 : 0),
      (byte) size,
      (byte) (size >>> 8),
      (byte) (size >>> 16),
      (byte) (size >>> 24)
    };
  }

  private static byte[] encoded(@Nullable String text) {
    if (text == null) {
      return encoded(-1);
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    byte[] length = encoded(bytes.length);
    byte[] all = Arrays.copyOf(length, length.length + bytes.length);
    System.arraycopy(bytes, 0, all, length.length, bytes.length);
    return all;
  }

  /** Writes what follows an entry. */
  @FunctionalInterface
  private interface Place {
    void write(@Nullable Addition addition) throws IOException;
  }

  private final class Writer {
    private final OutputStream out;

    Writer(OutputStream out) {
      this.out = out;
    }

    void head(int format, boolean compressed) throws IOException {
      out.write(MAGIC);
      out.write(version >> 8);
      out.write(version);
      out.write(0);
      out.write(intSize);
      out.write(offsetSize);
      out.write(format);
      if (version >= WITH_ALGORITHM) {
        out.write(compressed ? 1 : 0);
      } else {
        number(compressed ? -1 : 0);
      }
      out.write(about);
    }

    /** Puts the additions between what comes before data and what comes after. */
    void contents(List<Addition> additions, Place place) throws IOException {
      number(entries.size() + additions.size());
      int data = 0;
      while (data < entries.size() && entries.get(data).section() != Section.POST_DATA.code) {
        data++;
      }
      for (Entry entry : entries.subList(0, data)) {
        out.write(entry.bytes());
        place.write(null);
      }
      for (Addition addition : additions) {
        entry(addition);
        place.write(addition);
      }
      for (Entry entry : entries.subList(data, entries.size())) {
        out.write(entry.bytes());
        place.write(null);
      }
    }

    private void entry(Addition addition) throws IOException {
      number(addition.id());
      number(addition.hasData() ? 1 : 0);
      text(addition.tableOid());
      text(addition.oid());
      text(addition.tag());
      text(addition.kind());
      number(addition.section().code);
      text(addition.definition());
      text(addition.drop());
      text(addition.copy());
      text(addition.schema());
      text(null); // tablespace
      if (version >= WITH_TABLE_AM) {
        text(null);
      }
      if (version >= WITH_RELATION_KIND) {
        number(0);
      }
      text(addition.owner());
      text("false"); // with OIDs
      for (int id : addition.after()) {
        text(Integer.toString(id));
      }
      text(null);
    }

    private void number(int value) throws IOException {
      writeNumber(out, value);
    }

    void text(@Nullable String text) throws IOException {
      out.write(encoded(text));
    }
  }
}
