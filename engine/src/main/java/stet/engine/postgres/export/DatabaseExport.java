package stet.engine.postgres.export;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.channels.Channels;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.ExportContext;
import stet.engine.component.ExportContext.Destination;
import stet.engine.component.Operation;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.DumpArchive.Addition;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.postgres.archive.Transcoder;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.TableChoice;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.engine.process.ChildProcess;
import stet.repository.tree.Node;

/**
 * Writes a captured database as PostgreSQL's own programs do: archives by adding rows, sequences
 * and large objects to the captured archive of definitions; a script by having {@code pg_restore}
 * print such an archive.
 */
public final class DatabaseExport {
  /** How COPY's rows end in an archive. */
  private static final byte[] END_OF_ROWS = "\\.\n\n\n".getBytes(StandardCharsets.US_ASCII);

  private final ExportContext context;
  private final Operation operation;
  private final String component;
  private final CapturedFiles files;
  private final DatabaseDescription description;
  private final Map<String, Node> tables;

  public DatabaseExport(ExportContext context) {
    this.context = context;
    this.operation = context.operation();
    this.component = context.node().name();
    this.files = new CapturedFiles(context.source(), context.node());
    this.description =
        DatabaseDescription.parse(
            component + "/" + CapturedFiles.DESCRIPTION,
            files.read(files.require(CapturedFiles.DESCRIPTION)));
    this.tables = files.tables();
  }

  /**
   * Exports.
   *
   * @throws IOException if the destination cannot be written
   */
  public void run() throws IOException {
    String table = context.table();
    operation.progress().phase("exporting " + component);
    if (table != null) {
      exportTable(TableChoice.choose(component, description.tables(), table));
      return;
    }
    switch (context.format()) {
      case CUSTOM -> exportFile();
      case DIRECTORY -> exportDirectory();
      case SQL -> exportScript();
      case CSV ->
          throw new StetException(
              ErrorCode.USAGE,
              "csv holds one table, but component " + component + " is a whole database",
              "Name the table with --table.");
    }
  }

  private DumpArchive archive() {
    return DumpArchive.read(
        component + "/" + CapturedFiles.SCHEMA, files.read(files.require(CapturedFiles.SCHEMA)));
  }

  private void exportFile() throws IOException {
    DumpArchive archive = archive();
    ArchiveEntries entries = new ArchiveEntries(archive, description);
    switch (context.destination()) {
      case Destination.Stream(OutputStream out) -> writeFile(archive, entries, out, true);
      case Destination.New(Path path) -> {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
          ArchiveData.InFile data =
              writeFile(archive, entries, Channels.newOutputStream(file.getChannel()), true);
          // Now that it is known where everything lies, parallel restores need not search.
          file.seek(0);
          OutputStream again = buffered(Channels.newOutputStream(file.getChannel()));
          archive.writeCustom(again, true, entries.all(), data::position);
          again.flush();
          file.getFD().sync();
        }
      }
    }
  }

  private static OutputStream buffered(OutputStream out) {
    return new BufferedOutputStream(out, 1 << 16);
  }

  private ArchiveData.InFile writeFile(
      DumpArchive archive, ArchiveEntries entries, OutputStream file, boolean compressed)
      throws IOException {
    ArchiveData.Counting out = new ArchiveData.Counting(buffered(file));
    archive.writeCustom(out, compressed, entries.all(), addition -> -1);
    ArchiveData.InFile data = new ArchiveData.InFile(out, compressed);
    writeData(entries, data);
    out.flush();
    return data;
  }

  private void exportDirectory() throws IOException {
    if (!(context.destination() instanceof Destination.New(Path path))) {
      throw new StetException(
          ErrorCode.USAGE,
          "a directory cannot be written to a stream",
          "Name the directory with -o, or choose another format.");
    }
    DumpArchive archive = archive();
    ArchiveEntries entries = new ArchiveEntries(archive, description);
    writeData(entries, new ArchiveData.InDirectory(path));
    try (OutputStream out = buffered(Files.newOutputStream(path.resolve("toc.dat")))) {
      archive.writeDirectory(out, true, entries.all());
    }
  }

  private void exportScript() throws IOException {
    DumpArchive archive = archive();
    ArchiveEntries entries = new ArchiveEntries(archive, description);
    PostgresTools tools = PostgresTools.findReader(archive.oldestReader());
    ChildProcess.Builder program = tools.program("pg_restore").withInput();
    if (tools.major() >= 12) {
      program.arguments("--file=-");
    }
    try (ChildProcess child = program.start()) {
      CompletableFuture<Void> feeding = new CompletableFuture<>();
      Thread feeder =
          Thread.ofPlatform()
              .name("export-feeder")
              .start(() -> {
                try (OutputStream in = child.stdin()) {
                  writeFile(archive, entries, in, false);
                  feeding.complete(null);
                } catch (IOException | RuntimeException | Error e) {
                  feeding.completeExceptionally(e);
                }
              });
      try {
        if (context.destination() instanceof Destination.Stream(OutputStream out)) {
          child.stdout().transferTo(out);
        }
        try {
          child.finish();
        } catch (StetException e) {
          throw reason(e, feeding);
        }
        feeding.join();
      } catch (CompletionException e) {
        throw e.getCause() instanceof RuntimeException cause ? cause : e;
      } finally {
        feeder.interrupt();
      }
    }
  }

  /** A program whose input ends early fails, too, but the reason is why it ended. */
  private static RuntimeException reason(StetException ended, CompletableFuture<Void> feeding) {
    if (ended.code() == ErrorCode.INTERRUPTED) {
      return ended;
    }
    try {
      feeding.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException own) {
        own.addSuppressed(ended);
        return own;
      }
    }
    return ended;
  }

  private void writeData(ArchiveEntries entries, ArchiveData data) throws IOException {
    long objectBytes = description.largeObjects().stream().mapToLong(LargeObject::size).sum();
    operation.progress().expect(objectBytes);
    for (Table table : description.tables()) {
      data.begin(entries.rows(table));
      try (OutputStream out = data.rows()) {
        copyRows(table, out::write);
        out.write(END_OF_ROWS);
      }
      data.end();
    }
    Addition objects = entries.largeObjects();
    if (objects != null) {
      data.begin(objects);
      writeLargeObjects(data);
      data.end();
    }
  }

  private void writeLargeObjects(ArchiveData data) throws IOException {
    Map<String, Node> contents = new HashMap<>();
    Node directory = files.find(CapturedFiles.LARGE_OBJECTS);
    if (directory != null) {
      files.list(directory).forEach(node -> contents.put(node.name(), node));
    }
    for (LargeObject object : description.largeObjects()) {
      operation.checkStop();
      Node file = contents.get(Long.toString(object.oid()));
      if (file == null) {
        throw files.missing(CapturedFiles.LARGE_OBJECTS + "/" + object.oid());
      }
      try (OutputStream out = data.largeObject(object.oid())) {
        copy(file, out::write);
      }
    }
  }

  /** Takes bytes. */
  @FunctionalInterface
  private interface Taker {
    void take(byte[] bytes) throws IOException;
  }

  private void copyRows(Table table, Taker taker) throws IOException {
    Node directory = tables.get(table.directory());
    if (directory == null) {
      return;
    }
    for (Node part : files.list(directory)) {
      for (Node file : files.list(part)) {
        if (file.name().endsWith(SegmentGeometry.COPY_SUFFIX)) {
          operation.checkStop();
          operation.progress().expect(file.size());
          copy(file, taker);
        }
      }
    }
  }

  private void copy(Node file, Taker taker) throws IOException {
    context
        .source()
        .<IOException>read(
            file.content(),
            bytes -> {
              taker.take(bytes);
              operation.progress().advance(bytes.length);
            });
  }

  private void exportTable(Table table) throws IOException {
    if (!(context.destination() instanceof Destination.Stream(OutputStream out))) {
      throw new StetException(
          ErrorCode.USAGE,
          "a single table is exported as csv, not as " + context.format().text(),
          null);
    }
    String encoding = description.database().encoding();
    Charset charset = charset(encoding);
    OutputStream buffered = buffered(out);
    OutputStream text =
        charset.equals(StandardCharsets.UTF_8) ? buffered : new Transcoder(buffered, charset);
    List<byte[]> header = table.columns().stream().map(name -> name.getBytes(charset)).toList();
    CsvRows rows = new CsvRows(text, header);
    copyRows(table, rows::write);
    text.flush();
  }

  private Charset charset(String encoding) {
    // Text of no known encoding is passed on as it is.
    @Nullable Charset charset =
        encoding.equals("SQL_ASCII") || encoding.equals("UTF8")
            ? StandardCharsets.UTF_8
            : Transcoder.charset(encoding);
    if (charset == null) {
      throw new StetException(
          ErrorCode.FAILED,
          "component " + component + " is encoded in " + encoding + ", which csv cannot be made of",
          "Export the whole database, which keeps the encoding.");
    }
    return charset;
  }
}
