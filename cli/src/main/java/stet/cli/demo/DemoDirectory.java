package stet.cli.demo;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.ChildProcess;

/**
 * The directory that holds all of a demo. It is known by a marker file, which is also the lock that
 * keeps two demos out of one directory and is let go however the process ends.
 */
final class DemoDirectory implements AutoCloseable {
  static final String MARKER = ".stet-demo";

  private static final String MARKER_TEXT =
      "This directory belongs to `stet demo`, which removes all that is in it when it runs again.\n";

  private final Path path;
  private final FileChannel lock;

  private DemoDirectory(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * Takes a directory that does not exist, is empty, or held a demo, and empties it. What an
   * earlier demo left running is stopped.
   *
   * @throws StetException with {@code REFUSED} if it holds anything else, with {@code LOCKED} if a
   *     demo is at work in it
   */
  static DemoDirectory claim(Path wanted) {
    try {
      Files.createDirectories(Files.exists(wanted) ? wanted.toRealPath() : wanted);
      Path path = wanted.toRealPath();
      if (!Files.isRegularFile(path.resolve(MARKER), LinkOption.NOFOLLOW_LINKS) && !isEmpty(path)) {
        throw new StetException(
            ErrorCode.REFUSED,
            "the directory " + wanted + " is not empty and holds no demo",
            "Name another one with --directory, or empty it.");
      }
      FileChannel lock =
          FileChannel.open(
              path.resolve(MARKER),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      DemoDirectory directory = new DemoDirectory(path, lock);
      try {
        directory.lock(wanted);
        Files.writeString(path.resolve(MARKER), MARKER_TEXT);
        directory.empty();
      } catch (IOException | RuntimeException e) {
        directory.close();
        throw e;
      }
      return directory;
    } catch (IOException e) {
      throw failed("cannot use the directory " + wanted, e);
    }
  }

  private static boolean isEmpty(Path path) throws IOException {
    try (Stream<Path> entries = Files.list(path)) {
      return entries.findAny().isEmpty();
    }
  }

  private void lock(Path wanted) throws IOException {
    boolean locked;
    try {
      locked = lock.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      locked = false;
    }
    if (!locked) {
      throw new StetException(
          ErrorCode.LOCKED,
          "another demo is at work in " + wanted,
          "Wait until it ends, or name another directory with --directory.");
    }
  }

  private void empty() throws IOException {
    List<Path> leftovers = new ArrayList<>();
    Path server = path.resolve(DemoServer.DIRECTORY);
    if (Files.isDirectory(server)) {
      Path real = server.toRealPath();
      DemoServer.stopLeftover(real);
      if (Files.isSymbolicLink(server) && Files.exists(real.resolve(MARKER))) {
        leftovers.add(real);
      }
    }
    try (Stream<Path> entries = Files.list(path)) {
      entries.filter(entry -> !entry.endsWith(MARKER)).forEach(leftovers::add);
    }
    if (!leftovers.isEmpty()) {
      // It does not follow links that change meanwhile, and takes names of any bytes.
      ChildProcess.of(Path.of("rm"))
          .arguments("-rf", "--")
          .arguments(leftovers.stream().map(Path::toString).toList())
          .run();
    }
  }

  /** The directory without symbolic links. */
  Path path() {
    return path;
  }

  Path resolve(String name) {
    return path.resolve(name);
  }

  /** Writes a file that others may read. */
  Path write(String name, String text) {
    return write(name, text, "rw-r--r--");
  }

  /** Writes a file that its owner alone may read. */
  Path writePrivate(String name, String text) {
    return write(name, text, "rw-------");
  }

  /** Writes a program. */
  Path writeProgram(String name, String text) {
    return write(name, text, "rwxr-xr-x");
  }

  private Path write(String name, String text, String mode) {
    Path file = path.resolve(name);
    try {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.write(file, text.getBytes(StandardCharsets.UTF_8));
      return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
    } catch (IOException e) {
      throw failed("cannot write " + file, e);
    }
  }

  /** How the user, standing in {@code workingDirectory}, best names something in here. */
  String shown(Path workingDirectory, String name) {
    Path there = name.isEmpty() ? path : path.resolve(name);
    try {
      Path here = workingDirectory.toRealPath();
      return there.startsWith(here) && !there.equals(here)
          ? runnable(here.relativize(there).toString(), !name.isEmpty())
          : there.toString();
    } catch (IOException e) {
      return there.toString();
    }
  }

  /** A path that no program takes for an option, and no shell for a program in {@code PATH}. */
  private static String runnable(String relative, boolean file) {
    return relative.startsWith("-") || (file && !relative.contains("/"))
        ? "./" + relative
        : relative;
  }

  static StetException failed(String what, IOException e) {
    String reason =
        switch (e) {
          case NoSuchFileException missing -> missing.getFile() + " does not exist";
          case java.nio.file.AccessDeniedException denied -> denied.getFile() + " is not permitted";
          case java.nio.file.FileAlreadyExistsException there ->
              there.getFile() + " is not a directory";
          default -> String.valueOf(e.getMessage());
        };
    return new StetException(
        ErrorCode.FAILED,
        what + ": " + reason,
        "Name a directory that can be written with --directory.",
        e);
  }

  @Override
  public void close() {
    try {
      lock.close();
    } catch (IOException e) {
      throw failed("cannot release the lock of " + path, e);
    }
  }
}
