package stet.engine.files;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.Stat;
import stet.engine.rules.Paths;

/** The paths of the files in a directory as it is now. What vanishes meanwhile is left out. */
final class LivePaths implements Paths {
  private final Deque<Level> levels = new ArrayDeque<>();

  /** An open directory, the entries of it that are left, and the path to it with a slash. */
  private record Level(Directory directory, Iterator<Entry> entries, byte[] path) {}

  /**
   * Begins.
   *
   * @param top the open directory, which is closed in the end
   */
  LivePaths(Directory top) throws PosixException {
    levels.push(new Level(top, top.list().iterator(), new byte[0]));
  }

  @Override
  public byte @Nullable [] next() {
    while (!levels.isEmpty()) {
      Level level = levels.peek();
      if (!level.entries().hasNext()) {
        levels.pop().directory().close();
        continue;
      }
      byte[] name = level.entries().next().name();
      try {
        Stat stat = level.directory().find(name);
        if (stat == null) {
          continue;
        }
        byte[] path = Paths.join(level.path(), name, stat.isDirectory());
        if (!stat.isDirectory()) {
          return path;
        }
        Directory inner = level.directory().openDirectory(name);
        levels.push(new Level(inner, inner.list().iterator(), path));
      } catch (PosixException e) {
        if (!e.is(Errno.ENOENT)) {
          throw FileErrors.of(e);
        }
      }
    }
    return null;
  }

  @Override
  public void close() {
    levels.forEach(level -> level.directory().close());
    levels.clear();
  }
}
