package stet.engine.files;

import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.component.ReadTrial;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Trial;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.engine.posix.TreeRemoval;
import stet.engine.rules.Paths;

/** A directory tree. */
public final class FilesComponent implements Component {
  private final String name;
  private final FilesSettings settings;

  FilesComponent(String name, FilesSettings settings) {
    this.name = name;
    this.settings = settings;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String kind() {
    return FilesKind.KEY;
  }

  /** The directory. */
  public PosixPath path() {
    return settings.path();
  }

  @Override
  public void check(Operation operation) {
    try (Directory directory = open()) {
      directory.list();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  @Override
  public Captured capture(CaptureContext context) {
    return TreeCapture.capture(context, settings, name, open());
  }

  private Directory open() {
    try {
      return Directory.open(settings.path());
    } catch (PosixException e) {
      if (e.is(Errno.ELOOP, Errno.ENOTDIR)) {
        Stat stat = look(settings.path());
        if (stat != null && !stat.isDirectory()) {
          throw FilesTarget.notADirectory(settings.path(), stat);
        }
      }
      throw FileErrors.of(e);
    }
  }

  private static @Nullable Stat look(PosixPath path) {
    PosixPath above = path.parent();
    if (above == null) {
      return null;
    }
    try (Directory parent = Directory.openFollowing(above)) {
      return parent.find(path.name());
    } catch (PosixException e) {
      return null;
    }
  }

  @Override
  public Paths paths() {
    try {
      return new LivePaths(open());
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  @Override
  public @Nullable Held lockHere() {
    return DirectoryLock.take(settings.path());
  }

  @Override
  public Trial trial(RestoreContext context, Scratch scratch) {
    return scratch.restoreFiles()
        ? FilesTrial.run(context)
        : ReadTrial.run(context, "files were only read, not written (proof.files: read)");
  }

  @Override
  public Target target(Operation operation) {
    return new FilesTarget(settings.path(), settings.exclusions(), step -> {});
  }

  /**
   * Restores any captured directory into a directory of its own, and verifies it. Nothing live is
   * touched, nothing is swapped.
   *
   * @param directory where to; made if it is missing, and emptied again if the restore fails
   * @return the bytes of all files
   * @throws StetException with {@code REFUSED} if the directory is not empty, with {@code
   *     VERIFICATION_FAILED} if what was written differs
   */
  public static long restoreInto(PosixPath directory, RestoreContext context) {
    return restoreInto(directory, context, new Shortfalls(context.operation().progress()));
  }

  /** The same, and tells what could not be set and so was not compared. */
  static long restoreInto(PosixPath directory, RestoreContext context, Shortfalls shortfalls) {
    return fill(
        directory,
        () -> TreeRestore.restore(context, Directory.openFollowing(directory), shortfalls));
  }

  /**
   * Restores what a directory holds, as {@link #restoreInto} restores the directory; its mode and
   * owners stay what they are. One that is made here nobody else may enter.
   */
  public static long restoreContentInto(PosixPath directory, RestoreContext context) {
    return fill(
        directory,
        () -> {
          Stat own;
          try (Directory opened = Directory.openFollowing(directory)) {
            own = opened.stat(new byte[] {'.'});
          }
          return TreeRestore.restore(
              context.with(context.node().with(own.permissions(), own.uid(), own.gid())),
              Directory.openFollowing(directory),
              new Shortfalls(context.operation().progress()));
        });
  }

  /**
   * Restores captured directories into one directory, each under its own name, as {@link
   * #restoreInto} restores one.
   */
  public static void restoreEachInto(PosixPath directory, List<RestoreContext> contexts) {
    fill(
        directory,
        () -> {
          try (Directory opened = Directory.openFollowing(directory)) {
            for (RestoreContext context : contexts) {
              byte[] name = context.node().nameBytes();
              opened.makeDirectory(name, 0700);
              TreeRestore.restore(
                  context,
                  opened.openDirectory(name),
                  new Shortfalls(context.operation().progress()));
            }
            return null;
          }
        });
  }

  /** What fills a directory. */
  @FunctionalInterface
  private interface Filling<T extends @Nullable Object> {
    T run() throws PosixException;
  }

  private static <T extends @Nullable Object> T fill(PosixPath directory, Filling<T> filling) {
    PosixPath above = directory.parent();
    byte[] name = directory.name();
    try (Directory parent = openParent(directory, above == null ? PosixPath.of(".") : above)) {
      boolean made = parent.find(name) == null;
      if (made) {
        parent.makeDirectory(name, 0700);
      }
      requireEmpty(directory);
      try {
        return filling.run();
      } catch (PosixException | RuntimeException | Error e) {
        clear(parent, directory, made, e);
        throw e;
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private static Directory openParent(PosixPath directory, PosixPath above) {
    try {
      return Directory.openFollowing(above);
    } catch (PosixException e) {
      throw new StetException(
          ErrorCode.SOURCE,
          e.getMessage(),
          "Create the directory that " + directory + " is to lie in.",
          e);
    }
  }

  private static void clear(Directory parent, PosixPath directory, boolean made, Throwable cause) {
    try (Directory opened = Directory.openFollowing(directory)) {
      TreeRemoval.removeContent(opened);
      if (made) {
        parent.removeDirectory(directory.name());
      }
    } catch (PosixException e) {
      cause.addSuppressed(e);
    }
  }

  private static void requireEmpty(PosixPath path) throws PosixException {
    try (Directory directory = Directory.openFollowing(path)) {
      if (!directory.isEmpty()) {
        throw new StetException(
            ErrorCode.REFUSED,
            "directory " + path + " is not empty",
            "Give a directory that is empty or does not exist.");
      }
    }
  }
}
