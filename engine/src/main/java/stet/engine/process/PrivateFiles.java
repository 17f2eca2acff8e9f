package stet.engine.process;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.TreeRemoval;
import stet.repository.backend.Reason;

/**
 * Temporary files that nobody else can read, in a directory of their own (mode 0700, files 0600).
 * Removed on {@link #close}, and at the latest when the JVM ends. What a JVM leaves that was killed
 * is removed by the next one: it holds a lock on each of its directories, which dies with it.
 */
public final class PrivateFiles implements AutoCloseable {
  static final FileAttribute<?> OWNER_ONLY_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<?> OWNER_ONLY_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private static final FileAttribute<?> PASSAGE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x"));

  private static final String PREFIX = "stet-private-";
  private static final String LOCK = ".lock";

  /** How often a removal starts anew because something else removes files, too. */
  private static final int ATTEMPTS = 100;

  /** Not to be opened again: a process loses its lock when it closes any descriptor of the file. */
  private static final Set<Path> OF_THIS_JVM = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final FileChannel lock;
  private final Thread atExit;

  private PrivateFiles(Path directory, FileChannel lock) {
    this.directory = directory;
    this.lock = lock;
    this.atExit = new Thread(this::removeAtExit, "private-files");
  }

  /** Makes an empty directory under {@code TMPDIR} or {@code /tmp}. */
  public static PrivateFiles create() {
    return create(OWNER_ONLY_DIRECTORY);
  }

  /**
   * The same, but others may go through the directory to what in it is theirs: a server that runs
   * as another user.
   */
  public static PrivateFiles createWithPassage() {
    return create(PASSAGE);
  }

  private static PrivateFiles create(FileAttribute<?> permissions) {
    return create(permissions, directory -> {});
  }

  /**
   * @param unlocked gets to know of a directory while its lock is made but not yet held, for tests
   */
  static PrivateFiles create(FileAttribute<?> permissions, Consumer<Path> unlocked) {
    Path base = base();
    try {
      PrivateFiles files = null;
      while (files == null) {
        files = tryCreate(Files.createTempDirectory(base, PREFIX, permissions), unlocked);
      }
      Runtime.getRuntime().addShutdownHook(files.atExit);
      return files;
    } catch (IOException e) {
      throw failed("cannot make a private directory in " + base, e);
    }
  }

  /** Takes the directory, or gives null if another process took it for a leftover meanwhile. */
  private static @Nullable PrivateFiles tryCreate(Path directory, Consumer<Path> unlocked)
      throws IOException {
    OF_THIS_JVM.add(directory);
    Path file = directory.resolve(LOCK);
    FileChannel lock =
        FileChannel.open(
            file, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), OWNER_ONLY_FILE);
    unlocked.accept(directory);
    lock.lock();
    // Who removes a leftover holds its lock until all of it is gone.
    if (Files.exists(file)) {
      return new PrivateFiles(directory, lock);
    }
    lock.close();
    OF_THIS_JVM.remove(directory);
    return null;
  }

  private static Path base() {
    String parent = System.getenv().getOrDefault("TMPDIR", "");
    return Path.of(parent.isEmpty() ? System.getProperty("java.io.tmpdir") : parent);
  }

  /**
   * Removes what processes of this user have left that were killed. What cannot be removed stays:
   * it is in nobody's way.
   */
  public static void removeLeftovers() {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(base(), PREFIX + "*")) {
      for (Path each : all) {
        removeIfDead(each);
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Whoever makes files of his own there will hear of it.
      return;
    }
  }

  private static void removeIfDead(Path directory) {
    try {
      if (OF_THIS_JVM.contains(directory)
          || !Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)
          || !Files.getAttribute(Path.of("/proc/self"), "unix:uid")
              .equals(Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
        return;
      }
      try (FileChannel channel =
              FileChannel.open(directory.resolve(LOCK), StandardOpenOption.WRITE);
          FileLock free = channel.tryLock()) {
        if (free != null) {
          removeTree(directory);
        }
      }
    } catch (IOException e) {
      // Its owner is just making or removing it, or it holds what this user may not remove.
      return;
    }
  }

  /** The directory. */
  public Path directory() {
    return directory;
  }

  /** The place of a file that a child process or the caller will write; nothing is there yet. */
  public Path path(String name) {
    Path path = directory.resolve(name);
    if (!directory.equals(path.getParent())) {
      throw new IllegalArgumentException("not a plain file name: " + name);
    }
    return path;
  }

  /** Makes an empty file that only its owner can read, for the caller to fill. */
  public Path createFile(String name) {
    Path path = path(name);
    try {
      return Files.createFile(path, OWNER_ONLY_FILE);
    } catch (IOException e) {
      throw failed("cannot make the private file " + path, e);
    }
  }

  /** Writes text as UTF-8, replacing an earlier file of this name. */
  public Path write(String name, String text) {
    return write(name, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes bytes, replacing an earlier file of this name. */
  public Path write(String name, byte[] bytes) {
    Path path = path(name);
    try {
      Files.deleteIfExists(path);
      Files.newByteChannel(
              path,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              OWNER_ONLY_FILE)
          .close();
      return Files.write(path, bytes);
    } catch (IOException e) {
      throw failed("cannot write the private file " + path, e);
    }
  }

  private static StetException failed(String message, IOException e) {
    if (e instanceof ClosedByInterruptException || e instanceof FileLockInterruptionException) {
      return new StetException(ErrorCode.INTERRUPTED, "interrupted: " + message, null, e);
    }
    return new StetException(
        ErrorCode.FAILED,
        message + ": " + Reason.of(e),
        "Set TMPDIR to a directory that is writable and has space.",
        e);
  }

  /**
   * Removes everything, whatever modes and depth it has by now.
   *
   * @throws StetException if something could not be removed
   */
  @Override
  public void close() {
    try {
      remove();
    } catch (IOException e) {
      throw failed("cannot remove the private directory " + directory, e);
    } finally {
      forgetExit();
    }
  }

  private void forgetExit() {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is ending; the hook then finds nothing to do.
      return;
    }
  }

  private void removeAtExit() {
    try {
      remove();
    } catch (IOException e) {
      // There is nobody left to tell; the next process tries again.
      return;
    }
  }

  private void remove() throws IOException {
    removeTree(directory);
    lock.close();
    OF_THIS_JVM.remove(directory);
  }

  private static void removeTree(Path directory) throws IOException {
    for (int attempt = 1; Files.exists(directory, LinkOption.NOFOLLOW_LINKS); attempt++) {
      try (Directory top = Directory.open(posix(directory))) {
        removeContent(top);
        Files.deleteIfExists(directory);
      } catch (PosixException e) {
        // A server that is just ending removes files of its own.
        if (!e.is(Errno.ENOENT, Errno.ENOTEMPTY) || attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /** Removes the lock last, so that what is left of an interrupted removal is known as dead. */
  private static void removeContent(Directory top) throws PosixException {
    byte[] lock = LOCK.getBytes(StandardCharsets.US_ASCII);
    for (Entry entry : top.list()) {
      byte[] name = entry.name();
      if (Arrays.equals(name, lock)) {
        continue;
      }
      if (top.stat(name).isDirectory()) {
        TreeRemoval.remove(top, name);
      } else {
        top.remove(name);
      }
    }
    TreeRemoval.removeContent(top);
  }

  /** A path as the JVM hands it to the kernel. */
  private static PosixPath posix(Path path) {
    return PosixPath.of(
        path.toString().getBytes(Charset.forName(System.getProperty("sun.jnu.encoding"))));
  }
}
