package stet.repository.backend;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;

/**
 * A repository in a directory of a local or mounted file system.
 *
 * <p>A file is written under a temporary name in its own directory, flushed, renamed, and the
 * directory flushed, in this order; so a crash leaves either the whole file or a temporary name
 * that listings pass over.
 */
public final class LocalBackend implements Backend {
  /**
   * A channel copies what it writes into memory outside the heap; a small piece of that is kept for
   * the next write, while a whole pack's would be asked of the system and cleared every time.
   */
  private static final int WRITE_SLICE = 128 * 1024;

  private final Path root;

  public LocalBackend(Path root) {
    this.root = root.toAbsolutePath().normalize();
  }

  @Override
  public String location() {
    return root.toString();
  }

  @Override
  public void create() {
    try {
      for (FileType type : FileType.values()) {
        switch (type) {
          case CONFIG -> {}
          case KEY, LOCK, SNAPSHOT, INDEX -> makeDirectories(root.resolve(type.directory()));
          case PACK -> {
            Path data = root.resolve(type.directory());
            for (int i = 0; i < 256; i++) {
              makeDirectories(data.resolve(HexFormat.of().toHexDigits((byte) i)));
            }
            flushDirectory(data);
          }
        }
      }
      flushDirectory(root);
      if (root.getParent() != null) {
        flushDirectory(root.getParent());
      }
    } catch (IOException e) {
      throw storage("cannot create the repository in " + root, e);
    }
  }

  /** Makes a directory and those above it that are missing. */
  private static void makeDirectories(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      return;
    }
    if (directory.getParent() != null) {
      makeDirectories(directory.getParent());
    }
    try {
      Files.createDirectory(directory, permissions("rwx------"));
    } catch (FileAlreadyExistsException e) {
      if (Files.isDirectory(directory)) {
        return; // another process was faster
      }
      throw e;
    }
    Ownership.inherit(directory);
  }

  @Override
  public boolean exists(StoredFile file) {
    try {
      return Files.readAttributes(path(file), "size") != null;
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      if (isNotDirectory(e)) {
        return false;
      }
      throw storage("cannot look for " + path(file), e);
    }
  }

  @Override
  public byte[] load(StoredFile file) {
    try {
      return Files.readAllBytes(path(file));
    } catch (IOException e) {
      throw loadFailure(file, e);
    }
  }

  @Override
  public byte[] load(StoredFile file, long offset, int length) {
    try (FileChannel channel = FileChannel.open(path(file), StandardOpenOption.READ)) {
      byte[] bytes = new byte[length];
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, offset + buffer.position()) < 0) {
          throw RepositoryException.damaged(
              path(file)
                  + " is truncated: expected at least "
                  + (offset + length)
                  + " bytes, found "
                  + channel.size(),
              new EOFException());
        }
      }
      return bytes;
    } catch (IOException e) {
      throw loadFailure(file, e);
    }
  }

  private RepositoryException loadFailure(StoredFile file, IOException e) {
    if (e instanceof NoSuchFileException || isNotDirectory(e)) {
      return new RepositoryException(Problem.NOT_FOUND, "there is no " + path(file), null, e);
    }
    if (String.valueOf(e.getMessage()).contains("Input/output error")) {
      // How a disk says that a sector is lost.
      return RepositoryException.damaged(path(file) + " cannot be read: input/output error", e);
    }
    return storage("cannot read " + path(file), e);
  }

  @Override
  public void save(StoredFile file, byte[] bytes, int offset, int length) {
    Path target = path(file);
    Path directory = directoryOf(target);
    Path temporary =
        directory.resolve(
            target.getFileName()
                + "-tmp-"
                + Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36));
    try {
      try (FileChannel channel = createTemporary(temporary)) {
        write(channel, bytes, offset, length);
        channel.force(true);
      }
      makeReadOnly(temporary);
      Ownership.inherit(temporary);
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      flushDirectory(directory);
    } catch (IOException | RuntimeException e) {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException ignored) {
        // The first failure is the one to report; a temporary name is passed over by all readers.
      }
      throw e instanceof IOException io
          ? storage("cannot write " + target, io)
          : (RuntimeException) e;
    }
  }

  private static void write(FileChannel channel, byte[] bytes, int offset, int length)
      throws IOException {
    for (int done = 0; done < length; ) {
      int slice = Math.min(WRITE_SLICE, length - done);
      done += channel.write(ByteBuffer.wrap(bytes, offset + done, slice));
    }
  }

  private FileChannel createTemporary(Path temporary) throws IOException {
    try {
      return open(temporary);
    } catch (NoSuchFileException e) {
      // The layout makes no promise that a pack's directory is there.
      Path directory = directoryOf(temporary);
      makeDirectories(directory);
      flushDirectory(directory.getParent());
      return open(temporary);
    }
  }

  private static FileChannel open(Path temporary) throws IOException {
    return FileChannel.open(
        temporary,
        Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
        permissions("rw-------"));
  }

  /**
   * Makes a finished file read-only, and readable by the group where the repository's config is.
   * Some file systems have no modes; a repository there is as good.
   */
  private void makeReadOnly(Path file) {
    try {
      Files.setPosixFilePermissions(
          file, PosixFilePermissions.fromString(groupReadable() ? "r--r-----" : "r--------"));
    } catch (IOException | UnsupportedOperationException e) {
      return;
    }
  }

  private boolean groupReadable() throws IOException {
    try {
      return Files.getPosixFilePermissions(path(StoredFile.CONFIG))
          .contains(PosixFilePermission.GROUP_READ);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  @Override
  public void list(FileType type, BiConsumer<Id, Long> consumer) {
    Path directory = root.resolve(type.directory());
    try {
      if (type == FileType.PACK) {
        try (DirectoryStream<Path> parts = Files.newDirectoryStream(directory)) {
          for (Path part : parts) {
            String name = part.getFileName().toString();
            if (name.length() == 2 && Files.isDirectory(part)) {
              listDirectory(part, consumer);
            }
          }
        }
      } else {
        listDirectory(directory, consumer);
      }
    } catch (NoSuchFileException e) {
      throw new RepositoryException(
          Problem.STORAGE, "the repository's directory " + directory + " is missing", null, e);
    } catch (IOException e) {
      throw storage("cannot list " + directory, e);
    } catch (DirectoryIteratorException e) {
      throw storage("cannot list " + directory, Objects.requireNonNull(e.getCause()));
    }
  }

  private static void listDirectory(Path directory, BiConsumer<Id, Long> consumer)
      throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (Id.isId(name)) {
          long size;
          try {
            size = Files.size(file);
          } catch (NoSuchFileException e) {
            continue; // deleted since the directory was read, as other clients may do
          }
          consumer.accept(Id.parse(name), size);
        }
      }
    }
  }

  @Override
  public void delete(StoredFile file) {
    Path path = path(file);
    try {
      if (Files.deleteIfExists(path)) {
        flushDirectory(path.getParent());
      }
    } catch (IOException e) {
      throw storage("cannot delete " + path, e);
    }
  }

  /** Two keep a disk busy; more only compete with the reading of sources. */
  @Override
  public int parallelism() {
    return 2;
  }

  @Override
  public void close() {}

  private Path path(StoredFile file) {
    return root.resolve(file.path());
  }

  private static Path directoryOf(Path file) {
    return Objects.requireNonNull(file.getParent(), "a stored file lies in a directory");
  }

  private static FileAttribute<?> permissions(String mode) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(mode));
  }

  /**
   * Flushes a directory's entries. Some network file systems cannot; there the rename is as durable
   * as it gets.
   */
  private static void flushDirectory(@Nullable Path directory) throws IOException {
    if (directory == null) {
      return;
    }
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      String reason = String.valueOf(e.getMessage());
      if (!reason.contains("Invalid argument") && !reason.contains("not supported")) {
        throw e;
      }
    }
  }

  private static boolean isNotDirectory(IOException e) {
    return e instanceof NotDirectoryException
        || (e instanceof FileSystemException f && "Not a directory".equals(f.getReason()));
  }

  private RepositoryException storage(String what, IOException e) {
    if (e instanceof ClosedByInterruptException) {
      return new RepositoryException(Problem.INTERRUPTED, "interrupted", null, e);
    }
    Problem problem = Reason.isDenied(e) ? Problem.DENIED : Problem.STORAGE;
    return new RepositoryException(problem, what + ": " + Reason.of(e), hint(e), e);
  }

  private @Nullable String hint(IOException e) {
    if (Reason.isNoSpace(e)) {
      return "Free space on the repository's file system; what is stored so far stays valid.";
    }
    if (Reason.isReadOnly(e)) {
      return "Make the repository's file system writable.";
    }
    if (Reason.isDenied(e)) {
      String owner = Ownership.owner(root);
      return "Run stet as the repository's owner"
          + (owner == null ? "" : ", " + owner)
          + "; `chown -R` gives him what other users have left there.";
    }
    return null;
  }
}
