package stet.engine.files;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.engine.rules.Paths;

/** Finds what a tree has of the entries that backups leave out. */
final class ExcludedEntries {
  /** How many are named. */
  private static final int NAMED = 3;

  private final Exclusions exclusions;
  private final List<String> found = new ArrayList<>();

  private ExcludedEntries(Exclusions exclusions) {
    this.exclusions = exclusions;
  }

  /** An open directory, its entries that are left, and where it lies: its path with a slash. */
  private record Level(
      Directory directory, Iterator<Entry> entries, List<int[]> names, byte[] path) {}

  /**
   * Names the first that are found, such as {@code private/, cache/ and others}; null if there is
   * none. What cannot be looked into, or vanishes, is passed over.
   *
   * @param top the open directory, which is closed
   */
  static @Nullable String describe(Directory top, Exclusions exclusions) throws PosixException {
    if (exclusions.isEmpty()) {
      top.close();
      return null;
    }
    ExcludedEntries entries = new ExcludedEntries(exclusions);
    entries.walk(top);
    List<String> found = entries.found;
    if (found.isEmpty()) {
      return null;
    }
    return found.size() > NAMED
        ? String.join(", ", found.subList(0, NAMED)) + " and others"
        : String.join(", ", found);
  }

  private void walk(Directory top) throws PosixException {
    Deque<Level> levels = new ArrayDeque<>();
    try {
      levels.push(new Level(top, list(top), List.of(), new byte[0]));
      while (!levels.isEmpty() && found.size() <= NAMED) {
        Level level = levels.peek();
        if (level.entries.hasNext()) {
          Level inner = look(level, level.entries.next());
          if (inner != null) {
            levels.push(inner);
          }
        } else {
          levels.pop().directory.close();
        }
      }
    } finally {
      levels.forEach(level -> level.directory.close());
    }
  }

  private static Iterator<Entry> list(Directory directory) throws PosixException {
    try {
      return directory.list().iterator();
    } catch (PosixException e) {
      directory.close();
      throw e;
    }
  }

  /** Takes down an entry that is left out; gives a directory that is not, to be walked. */
  private @Nullable Level look(Level level, Entry entry) throws PosixException {
    byte[] name = entry.name();
    try {
      boolean directory = isDirectory(level.directory, entry);
      List<int[]> names = new ArrayList<>(level.names);
      names.add(Glob.characters(name));
      byte[] path = Paths.join(level.path, name, directory);
      if (directory
          && (InnerPlace.isHolder(level.directory, name)
              // A mount point keeps its own, whatever is restored.
              || (level.path.length == 0 && FilesTarget.isLostAndFound(name)))) {
        return null;
      }
      if (exclusions.excludes(names, directory)) {
        found.add(PosixPath.printable(path));
        return null;
      }
      if (!directory) {
        return null;
      }
      Directory inner = level.directory.openDirectory(name);
      return new Level(inner, list(inner), names, path);
    } catch (PosixException e) {
      if (e.is(Errno.ENOENT, Errno.EACCES, Errno.ENOTDIR, Errno.ELOOP)) {
        return null;
      }
      throw e;
    }
  }

  private static boolean isDirectory(Directory directory, Entry entry) throws PosixException {
    return switch (entry.type()) {
      case DIRECTORY -> true;
      case FILE, OTHER -> false;
      case UNKNOWN -> {
        Stat stat = directory.find(entry.name());
        yield stat != null && stat.isDirectory();
      }
    };
  }
}
