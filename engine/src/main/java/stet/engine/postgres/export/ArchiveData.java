package stet.engine.postgres.export;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;
import stet.engine.postgres.archive.DumpArchive;

/**
 * Where the data of an archive's entries goes: behind the table of contents of a file, or into
 * files of their own. First an entry is begun, then its streams are asked for and closed one by
 * one.
 */
interface ArchiveData {
  /** Begins the data of an entry. */
  void begin(DumpArchive.Addition entry) throws IOException;

  /** The stream for a table's rows. */
  OutputStream rows() throws IOException;

  /** The stream for a large object's bytes. */
  OutputStream largeObject(long oid) throws IOException;

  /** Ends the data of the entry. */
  void end() throws IOException;

  /** Data of a {@code pg_dump -Fc} file: blocks of pieces, each with its length before it. */
  final class InFile implements ArchiveData {
    private static final int ROWS = 1;
    private static final int LARGE_OBJECTS = 3;

    private final Counting out;
    private final boolean compressed;
    private final Map<Integer, Long> positions = new HashMap<>();
    private boolean objects;

    /**
     * Writes behind a table of contents.
     *
     * @param out has counted what was written before
     */
    InFile(Counting out, boolean compressed) {
      this.out = out;
      this.compressed = compressed;
    }

    /** Where the data of an entry begins, or -1. */
    long position(DumpArchive.Addition entry) {
      return positions.getOrDefault(entry.id(), -1L);
    }

    @Override
    public void begin(DumpArchive.Addition entry) throws IOException {
      objects = entry.kind().equals("BLOBS");
      positions.put(entry.id(), out.count);
      out.write(objects ? LARGE_OBJECTS : ROWS);
      DumpArchive.writeNumber(out, entry.id());
    }

    @Override
    public OutputStream rows() {
      return pieces();
    }

    @Override
    public OutputStream largeObject(long oid) throws IOException {
      DumpArchive.writeNumber(out, (int) oid);
      return pieces();
    }

    @Override
    public void end() throws IOException {
      if (objects) {
        DumpArchive.writeNumber(out, 0);
      }
    }

    private OutputStream pieces() {
      OutputStream pieces = new BufferedOutputStream(new Pieces(out), 1 << 16);
      if (!compressed) {
        return pieces;
      }
      Deflater deflater = new Deflater();
      return new DeflaterOutputStream(pieces, deflater, 1 << 16) {
        @Override
        public void close() throws IOException {
          try {
            super.close();
          } finally {
            deflater.end();
          }
        }
      };
    }
  }

  /** Every write is a piece; the end is a piece of no bytes. Leaves the stream below open. */
  final class Pieces extends OutputStream {
    private final OutputStream out;

    Pieces(OutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (length > 0) {
        DumpArchive.writeNumber(out, length);
        out.write(bytes, offset, length);
      }
    }

    @Override
    public void close() throws IOException {
      DumpArchive.writeNumber(out, 0);
    }
  }

  /** Counts what is written. */
  final class Counting extends OutputStream {
    private final OutputStream out;
    private long count;

    Counting(OutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
      out.write(b);
      count++;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      count += length;
    }

    @Override
    public void flush() throws IOException {
      out.flush();
    }
  }

  /** Data of a {@code pg_dump -Fd} directory: gzip files, and a list of those of large objects. */
  final class InDirectory implements ArchiveData {
    private final Path directory;
    private final StringBuilder objects = new StringBuilder();
    private String file = "";

    InDirectory(Path directory) {
      this.directory = directory;
    }

    @Override
    public void begin(DumpArchive.Addition entry) {
      file = DumpArchive.fileName(entry);
    }

    @Override
    public OutputStream rows() throws IOException {
      return zipped(file);
    }

    @Override
    public OutputStream largeObject(long oid) throws IOException {
      String name = "blob_" + oid + ".dat";
      objects.append(oid).append(' ').append(name).append('\n');
      return zipped(name);
    }

    private OutputStream zipped(String name) throws IOException {
      return new GZIPOutputStream(
          new BufferedOutputStream(Files.newOutputStream(directory.resolve(name + ".gz"))),
          1 << 16);
    }

    @Override
    public void end() throws IOException {
      if (!objects.isEmpty()) {
        Files.writeString(directory.resolve(file), objects, StandardCharsets.US_ASCII);
        objects.setLength(0);
      }
    }
  }
}
