package stet.engine.files;

import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.Handle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Xattr;

/** Sets what a node says of an entry besides its content, and compares it afterwards. */
final class Metadata {
  private static final int SPECIAL_BITS = 06000;
  private static final long UNCHANGED_ID = 0xffffffffL;

  /** What clocks of file systems count in: 100 ns, 1 µs, 1 ms, 10 ms, 1 s and 2 s, in ns. */
  private static final long[] CLOCK_UNITS = {
    100, 1_000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000
  };

  /** Reasons that lie in who restores or where to, not in a fault. */
  private static final Errno[] NOT_HERE = {
    Errno.EPERM,
    Errno.EACCES,
    Errno.EOPNOTSUPP,
    Errno.EINVAL,
    Errno.ENOSPC,
    Errno.E2BIG,
    Errno.ERANGE,
    Errno.EOVERFLOW,
    Errno.ENOSYS
  };

  private final Shortfalls shortfalls;

  Metadata(Shortfalls shortfalls) {
    this.shortfalls = shortfalls;
  }

  private interface Change {
    void run() throws PosixException;
  }

  private boolean attempt(String kind, Change change) throws PosixException {
    try {
      change.run();
      return true;
    } catch (PosixException e) {
      if (!e.is(NOT_HERE)) {
        throw e;
      }
      shortfalls.add(kind, e);
      return false;
    }
  }

  /**
   * Sets all that the node says of an open file or directory.
   *
   * @param alsoAllowed mode bits to leave set for now
   */
  void apply(Handle handle, Node node, int alsoAllowed) throws PosixException {
    boolean owned = own(node, handle::chown);
    // Before the mode, which may forbid even the owner to set attributes.
    for (Xattr xattr : node.xattrs()) {
      if (Xattrs.isKept(xattr.name())) {
        attribute(xattr, () -> handle.setAttribute(xattr.name(), xattr.value()));
      }
    }
    mode(node, owned, mode -> handle.chmod(mode | alsoAllowed));
    attempt(Shortfalls.TIMES, () -> handle.setTimes(node.accessed(), node.modified()));
  }

  /** Sets all that the node says of an entry that is neither a file nor a directory. */
  void apply(Directory directory, Node node) throws PosixException {
    byte[] name = node.nameBytes();
    boolean owned = own(node, (uid, gid) -> directory.chown(name, uid, gid));
    for (Xattr xattr : node.xattrs()) {
      if (Xattrs.isKept(xattr.name())) {
        attribute(xattr, () -> directory.setAttribute(name, xattr.name(), xattr.value()));
      }
    }
    if (node.type() != NodeType.SYMLINK) {
      mode(node, owned, mode -> directory.chmod(name, mode));
    }
    attempt(Shortfalls.TIMES, () -> directory.setTimes(name, node.accessed(), node.modified()));
  }

  private interface Owning {
    void set(long uid, long gid) throws PosixException;
  }

  private interface Moding {
    void set(int mode) throws PosixException;
  }

  private boolean own(Node node, Owning owning) throws PosixException {
    if (node.isMade()) {
      return true; // it was never anybody's, so it belongs to whoever restores it
    }
    if (attempt(Shortfalls.OWNER, () -> owning.set(node.uid(), node.gid()))) {
      return true;
    }
    // A user may still choose among the groups he is in.
    attempt(Shortfalls.OWNER, () -> owning.set(UNCHANGED_ID, node.gid()));
    return false;
  }

  private void attribute(Xattr xattr, Change change) throws PosixException {
    attempt(Shortfalls.attributes(Xattrs.namespace(xattr.name())), change);
  }

  private void mode(Node node, boolean owned, Moding moding) throws PosixException {
    int mode = node.mode();
    if (!owned && (mode & SPECIAL_BITS) != 0) {
      // With another owner than was captured, these bits would give away other rights.
      shortfalls.add(Shortfalls.SPECIAL_BITS, "the owner could not be restored");
      mode &= ~SPECIAL_BITS;
    }
    int wanted = mode;
    attempt(Shortfalls.MODE, () -> moding.set(wanted));
  }

  /** Sets the mode of a directory that kept more for the time of the work in it. */
  void finishMode(Directory directory, Node node) throws PosixException {
    Stat stat = directory.stat();
    boolean owned = stat.uid() == node.uid() && stat.gid() == node.gid();
    mode(node, owned, directory::chmod);
  }

  /**
   * Compares an entry with its node, leaving aside what could not be set.
   *
   * @return what differs with both values, following the entry's path in a sentence, or null
   */
  @Nullable String difference(PosixPath path, Node node, Stat stat, List<Xattr> xattrs) {
    if (!isOfType(node.type(), stat)) {
      return "is not a " + node.type().text();
    }
    if (stat.permissions() != node.mode() && node.type() != NodeType.SYMLINK) {
      int differing = stat.permissions() ^ node.mode();
      boolean special = (differing & ~SPECIAL_BITS) == 0;
      if (special && !shortfalls.has(Shortfalls.SPECIAL_BITS) && Accounts.self() != 0) {
        // The kernel takes the setgid bit from who is not in the group, without a word.
        shortfalls.add(Shortfalls.SPECIAL_BITS, path + " lost some");
      }
      if (!shortfalls.has(Shortfalls.MODE)
          && !(special && shortfalls.has(Shortfalls.SPECIAL_BITS))) {
        return "has mode %04o instead of %04o".formatted(stat.permissions(), node.mode());
      }
    }
    if ((stat.uid() != node.uid() || stat.gid() != node.gid())
        && !node.isMade()
        && !shortfalls.has(Shortfalls.OWNER)) {
      return "belongs to %d:%d instead of %d:%d"
          .formatted(stat.uid(), stat.gid(), node.uid(), node.gid());
    }
    if (!stat.modified().equals(node.modified())) {
      if (isRounded(stat.modified(), node.modified())) {
        shortfalls.add(
            Shortfalls.TIMES,
            "the file system keeps " + stat.modified() + " for " + node.modified());
      }
      if (!shortfalls.has(Shortfalls.TIMES)) {
        return "has time " + stat.modified() + " instead of " + node.modified();
      }
    }
    return attributeDifference(node, xattrs);
  }

  private @Nullable String attributeDifference(Node node, List<Xattr> xattrs) {
    for (Xattr wanted : node.xattrs()) {
      boolean expected =
          Xattrs.isKept(wanted.name())
              && !shortfalls.has(Shortfalls.attributes(Xattrs.namespace(wanted.name())));
      if (expected && !xattrs.contains(wanted)) {
        return "lacks the attribute " + wanted.name() + " or has another value of it";
      }
    }
    for (Xattr found : xattrs) {
      // The kernel labels new files itself; other attributes come from nowhere but a restore.
      boolean ours =
          found.name().startsWith("user.") || Xattrs.namespace(found.name()).equals("system");
      if (ours && node.xattrs().stream().noneMatch(x -> x.name().equals(found.name()))) {
        return "has the attribute " + found.name() + ", which was not captured";
      }
    }
    return null;
  }

  private static boolean isOfType(NodeType type, Stat stat) {
    return switch (type) {
      case FILE -> stat.isFile();
      case DIRECTORY -> stat.isDirectory();
      case SYMLINK -> stat.isSymlink();
      case FIFO -> stat.isFifo();
      case SOCKET -> stat.isSocket();
      case BLOCK_DEVICE -> stat.isBlockDevice();
      case CHARACTER_DEVICE -> stat.isCharacterDevice();
    };
  }

  /** Whether a file system with a coarser clock or smaller range would make one of the other. */
  private static boolean isRounded(Instant kept, Instant wanted) {
    if (wanted.getEpochSecond() < 0 || wanted.getEpochSecond() > Integer.MAX_VALUE) {
      return true;
    }
    for (long unit : CLOCK_UNITS) {
      long nanos = wanted.getEpochSecond() % 2 * 1_000_000_000 + wanted.getNano();
      if (kept.equals(wanted.minusNanos(nanos % unit))) {
        return true;
      }
    }
    return false;
  }

  /** Whether the target of a symbolic link is the node's. */
  static boolean sameTarget(Node node, byte[] target) {
    byte[] wanted = node.linkTarget();
    return Arrays.equals(wanted == null ? new byte[0] : wanted, target);
  }
}
