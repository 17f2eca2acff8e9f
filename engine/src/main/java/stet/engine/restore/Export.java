package stet.engine.restore;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.ComponentKind;
import stet.engine.component.ExportContext;
import stet.engine.component.ExportContext.Destination;
import stet.engine.component.ExportFormat;
import stet.engine.component.Operation;
import stet.repository.BlobSource;
import stet.repository.RepositoryException;
import stet.repository.tree.Node;

/**
 * Hands a captured component to other programs. A file or directory appears under its name only
 * when it is whole, and only its owner can read it.
 */
public final class Export {
  private static final FileAttribute<Set<PosixFilePermission>> OWNERS_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<Set<PosixFilePermission>> OWNERS_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final ComponentKind kind;
  private final BlobSource source;
  private final Node node;
  private final Operation operation;

  /**
   * Prepares an export.
   *
   * @param kind the component's kind
   * @param node the component's directory in the snapshot
   */
  public Export(ComponentKind kind, BlobSource source, Node node, Operation operation) {
    this.kind = kind;
    this.source = source;
    this.node = node;
    this.operation = operation;
  }

  /**
   * Writes to a stream, which is left open.
   *
   * @param table the table that is wanted, or null for everything
   * @throws IOException if the stream cannot be written
   */
  public void to(OutputStream out, ExportFormat format, @Nullable String table) throws IOException {
    export(format, table, new Destination.Stream(out));
  }

  /**
   * Writes a file, or a directory if the format is one.
   *
   * @param compressed whether a file is compressed by gzip as a whole
   * @throws StetException with {@code REFUSED} if there is something at {@code path} already
   * @throws IOException if it cannot be written
   */
  public void to(Path path, ExportFormat format, @Nullable String table, boolean compressed)
      throws IOException {
    refuseExisting(path);
    Path part = path.resolveSibling("." + path.getFileName() + ".stet-" + operation.id());
    try {
      switch (format) {
        case DIRECTORY -> export(format, table, new Destination.New(directory(part)));
        case CUSTOM -> export(format, table, new Destination.New(file(part)));
        case SQL, CSV -> write(file(part), format, table, compressed);
      }
      refuseExisting(path);
      Files.move(part, path);
    } catch (IOException | RuntimeException e) {
      remove(part, e);
      throw e;
    }
  }

  private static void refuseExisting(Path path) {
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      throw new StetException(
          ErrorCode.REFUSED,
          path + " exists already",
          "Choose another name, or remove it first; an export replaces nothing.");
    }
  }

  private static Path directory(Path path) throws IOException {
    return Files.createDirectory(path, OWNERS_DIRECTORY);
  }

  private static Path file(Path path) throws IOException {
    return Files.createFile(path, OWNERS_FILE);
  }

  private void write(Path path, ExportFormat format, @Nullable String table, boolean compressed)
      throws IOException {
    try (FileOutputStream file = new FileOutputStream(path.toFile())) {
      if (compressed) {
        GZIPOutputStream zipped = new GZIPOutputStream(file, 1 << 16);
        export(format, table, new Destination.Stream(zipped));
        zipped.finish();
      } else {
        export(format, table, new Destination.Stream(file));
      }
      file.getFD().sync();
    }
  }

  private void export(ExportFormat format, @Nullable String table, Destination destination)
      throws IOException {
    try {
      kind.export(new ExportContext(operation, source, node, format, table, destination));
    } catch (RepositoryException e) {
      throw StetException.of(e);
    }
  }

  private static void remove(Path part, Exception cause) {
    try {
      if (cause instanceof FileAlreadyExistsException) {
        return; // it is somebody else's
      }
      if (Files.isDirectory(part, LinkOption.NOFOLLOW_LINKS)) {
        List<Path> files;
        try (Stream<Path> list = Files.list(part)) {
          files = list.toList();
        }
        for (Path file : files) {
          Files.delete(file);
        }
      }
      Files.deleteIfExists(part);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }
}
