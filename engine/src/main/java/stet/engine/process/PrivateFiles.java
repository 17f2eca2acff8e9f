package stet.engine.process;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * Temporary files that nobody else can read, in a directory of their own (mode 0700, files 0600).
 * Removed on {@link #close}, and at the latest when the JVM ends. What a JVM leaves that was killed
 * is removed by the next one: it holds a lock on each of its directories, which dies with it.
 */
public final class PrivateFiles implements AutoCloseable {
  private static final FileAttribute<?> OWNER_ONLY_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<?> OWNER_ONLY_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private static final FileAttribute<?> PASSAGE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x"));

  private static final String PREFIX = "stet-private-";
  private static final String LOCK = ".lock";

  /** Not to be opened again: a process loses its lock when it closes any descriptor of the file. */
  private static final Set<Path> OF_THIS_JVM = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final FileChannel lock;
  private final Thread atExit;

  private PrivateFiles(Path directory, FileChannel lock) {
    this.directory = directory;
    this.lock = lock;
    this.atExit = new Thread(this::remove, "private-files");
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
    Path base = base();
    try {
      Path directory = Files.createTempDirectory(base, PREFIX, permissions);
      OF_THIS_JVM.add(directory);
      FileChannel lock =
          FileChannel.open(
              directory.resolve(LOCK),
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              OWNER_ONLY_FILE);
      lock.lock();
      PrivateFiles files = new PrivateFiles(directory, lock);
      Runtime.getRuntime().addShutdownHook(files.atExit);
      return files;
    } catch (IOException e) {
      throw failed("cannot make a private directory in " + base, e);
    }
  }

  private static Path base() {
    String parent = System.getenv().getOrDefault("TMPDIR", "");
    return Path.of(parent.isEmpty() ? System.getProperty("java.io.tmpdir") : parent);
  }

  /** Removes what processes of this user have left that were killed. */
  public static void removeLeftovers() {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(base(), PREFIX + "*")) {
      Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
      for (Path each : all) {
        if (!OF_THIS_JVM.contains(each)
            && Files.isDirectory(each, LinkOption.NOFOLLOW_LINKS)
            && self.equals(Files.getAttribute(each, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
          removeIfDead(each);
        }
      }
    } catch (IOException e) {
      // Whoever makes files of his own there will hear of it.
      return;
    }
  }

  private static void removeIfDead(Path directory) {
    try (FileChannel channel = FileChannel.open(directory.resolve(LOCK), StandardOpenOption.WRITE);
        FileLock free = channel.tryLock()) {
      if (free != null) {
        removeTree(directory);
      }
    } catch (IOException e) {
      // Its owner is just making or removing it.
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
        message + ": " + e.getMessage(),
        "Set TMPDIR to a directory that is writable and has space.",
        e);
  }

  @Override
  public void close() {
    remove();
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is ending; the hook then finds nothing to do.
      return;
    }
  }

  private void remove() {
    try {
      removeTree(directory);
      lock.close();
      OF_THIS_JVM.remove(directory);
    } catch (IOException e) {
      throw failed("cannot remove the private directory " + directory, e);
    }
  }

  private static void removeTree(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> walk = Files.walk(directory)) {
      List<Path> all = new ArrayList<>(walk.toList());
      Collections.reverse(all);
      for (Path path : all) {
        Files.deleteIfExists(path);
      }
    }
  }
}
