package stet.engine.files;

import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.engine.posix.TreeRemoval;

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
    try (Directory parent = Directory.open(above.resolve("."))) {
      return parent.find(path.name());
    } catch (PosixException e) {
      return null;
    }
  }

  @Override
  public Target target(Operation operation) {
    return new FilesTarget(settings.path(), step -> {});
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
    PosixPath above = directory.parent();
    byte[] name = directory.name();
    try (Directory parent =
        Directory.open(above == null ? PosixPath.of(".") : above.resolve("."))) {
      boolean made = parent.find(name) == null;
      if (made) {
        parent.makeDirectory(name, 0700);
      }
      requireEmpty(directory);
      try {
        return TreeRestore.restore(context, Directory.open(directory.resolve(".")));
      } catch (PosixException | RuntimeException | Error e) {
        clear(parent, directory, made, e);
        throw e;
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private static void clear(Directory parent, PosixPath directory, boolean made, Throwable cause) {
    try (Directory opened = Directory.open(directory.resolve("."))) {
      TreeRemoval.removeContent(opened);
      if (made) {
        parent.removeDirectory(directory.name());
      }
    } catch (PosixException e) {
      cause.addSuppressed(e);
    }
  }

  private static void requireEmpty(PosixPath path) throws PosixException {
    // A dot at the end, because the user may well name a link to a directory.
    try (Directory directory = Directory.open(path.resolve("."))) {
      if (!directory.isEmpty()) {
        throw new StetException(
            ErrorCode.REFUSED,
            "directory " + path + " is not empty",
            "Give a directory that is empty or does not exist.");
      }
    }
  }
}
