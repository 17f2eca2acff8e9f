package stet.engine.posix;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;

/**
 * Measures what a directory takes of its file system with all that is in it, as {@code du -x} does:
 * allocated space, a file of several names once. That is what its removal frees, unless another
 * tree has a name of the same file.
 *
 * <p>Links are not followed, other file systems mounted inside are not counted.
 */
public final class TreeSize {
  private final Set<Long> seen = new HashSet<>();
  private final Deque<PosixPath> pending = new ArrayDeque<>();
  private long bytes;

  private TreeSize() {}

  /**
   * Measures the directory {@code name} of {@code parent}. What vanishes meanwhile counts nothing,
   * be it the directory itself.
   *
   * @return the size in bytes
   * @throws PosixException if something that is there cannot be looked at
   */
  public static long measure(Directory parent, byte[] name) throws PosixException {
    TreeSize size = new TreeSize();
    Stat top = parent.find(name);
    if (top != null) {
      size.add(parent.path().resolve(name), top);
      // By path, so that no depth takes more than one open directory.
      while (!size.pending.isEmpty()) {
        size.addContent(size.pending.pop(), top.device());
      }
    }
    return size.bytes;
  }

  private void addContent(PosixPath path, long device) throws PosixException {
    try (Directory directory = Directory.open(path)) {
      for (Entry entry : directory.list()) {
        Stat stat = directory.find(entry.name());
        if (stat != null && stat.device() == device && !stat.mountRoot()) {
          add(path.resolve(entry.name()), stat);
        }
      }
    } catch (PosixException e) {
      if (!e.is(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP)) {
        throw e;
      }
      // It has vanished, or is no directory any more.
    }
  }

  private void add(PosixPath path, Stat stat) {
    if (stat.isDirectory()) {
      pending.push(path);
    } else if (stat.links() > 1 && !seen.add(stat.inode())) {
      return;
    }
    bytes += 512 * stat.blocks();
  }
}
