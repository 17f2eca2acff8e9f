package stet.engine.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * Temporary files that nobody else can read, in a directory of their own (mode 0700, files 0600).
 * Removed on {@link #close}, and at the latest when the JVM ends.
 */
public final class PrivateFiles implements AutoCloseable {
  private static final FileAttribute<?> OWNER_ONLY_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<?> OWNER_ONLY_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final Path directory;
  private final Thread atExit;

  private PrivateFiles(Path directory) {
    this.directory = directory;
    this.atExit = new Thread(this::remove, "private-files");
  }

  /** Makes an empty directory under {@code TMPDIR} or {@code /tmp}. */
  public static PrivateFiles create() {
    String parent = System.getenv().getOrDefault("TMPDIR", "");
    Path base = Path.of(parent.isEmpty() ? System.getProperty("java.io.tmpdir") : parent);
    try {
      PrivateFiles files =
          new PrivateFiles(Files.createTempDirectory(base, "stet-", OWNER_ONLY_DIRECTORY));
      Runtime.getRuntime().addShutdownHook(files.atExit);
      return files;
    } catch (IOException e) {
      throw failed("cannot make a private directory in " + base, e);
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
    Path path = path(name);
    try {
      Files.deleteIfExists(path);
      Files.newByteChannel(
              path,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              OWNER_ONLY_FILE)
          .close();
      return Files.write(path, text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw failed("cannot write the private file " + path, e);
    }
  }

  private static StetException failed(String message, IOException e) {
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
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> walk = Files.walk(directory)) {
      List<Path> all = new ArrayList<>(walk.toList());
      Collections.reverse(all);
      for (Path path : all) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      throw failed("cannot remove the private directory " + directory, e);
    }
  }
}
