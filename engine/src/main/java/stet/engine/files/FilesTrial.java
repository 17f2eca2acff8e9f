package stet.engine.files;

import java.util.List;
import java.util.Map;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.RestoreContext;
import stet.engine.component.Trial;
import stet.engine.posix.PosixPath;
import stet.engine.process.PrivateFiles;

/** A captured directory, restored into a temporary one. */
final class FilesTrial implements Trial {
  private final String name;
  private final PrivateFiles directory;
  private final List<Level> levels;

  private FilesTrial(String name, PrivateFiles directory, List<Level> levels) {
    this.name = name;
    this.directory = directory;
    this.levels = levels;
  }

  /** Writes all files below {@code TMPDIR}, where nobody else reads them, and verifies them. */
  static FilesTrial run(RestoreContext context) {
    PrivateFiles directory = directory();
    Shortfalls shortfalls = new Shortfalls(context.operation().progress());
    try {
      long bytes =
          FilesComponent.restoreInto(
              PosixPath.of(directory.path("files").toString()), context, shortfalls);
      return new FilesTrial(
          context.node().name(),
          directory,
          List.of(
              new Level("transport", true, bytes + " bytes of blobs, each by its hash"),
              new Level("content", true, "every file's content, and which entries there are"),
              metadata(shortfalls.describe())));
    } catch (RuntimeException | Error e) {
      try (PrivateFiles _ = directory) {
        if (e instanceof StetException failure && FileErrors.isTrouble(failure)) {
          throw scratch(failure);
        }
        throw e;
      }
    }
  }

  private static PrivateFiles directory() {
    try {
      return PrivateFiles.create();
    } catch (StetException e) {
      throw scratch(e);
    }
  }

  private static StetException scratch(StetException e) {
    return new StetException(
        ErrorCode.SCRATCH,
        "cannot restore into TMPDIR: " + e.getMessage(),
        e.hint() == null ? "Name a directory with room in TMPDIR." : e.hint(),
        e);
  }

  /** Whoever may not give files to others cannot say that they came back as they were. */
  private static Level metadata(String missing) {
    return missing.isEmpty()
        ? new Level("metadata", true, "all else that is kept of every entry")
        : new Level("metadata", false, "not all of it could be set here: " + missing);
  }

  @Override
  public List<Level> levels() {
    return levels;
  }

  @Override
  public List<String> differences() {
    return List.of();
  }

  @Override
  public Map<String, String> variables() {
    return Map.of(
        "STET_FILES_" + name.toUpperCase(java.util.Locale.ROOT).replaceAll("[^A-Z0-9]", "_"),
        directory.path("files").toString());
  }

  @Override
  public void close() {
    directory.close();
  }
}
