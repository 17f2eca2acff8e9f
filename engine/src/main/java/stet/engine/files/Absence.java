package stet.engine.files;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.Stat;

/**
 * Tells names of a directory that were removed from names that are there and cannot be reached.
 *
 * <p>That a name is not found does not mean that it was removed: some file systems list names that
 * they cannot look up, and after a change of servers nothing is found in any open directory of a
 * network file system. So a name is gone only if its directory does not list it any more, and where
 * the directory does not answer, only if that is gone itself.
 *
 * <p>The directory is listed no more than once, so each answer is about what failed before the
 * first question.
 */
final class Absence {
  /** An open directory of the tree. */
  interface Holder {
    /** The directory it lies in, or null if it is the top of the tree. */
    @Nullable Holder above();

    /** Its name in the directory above. */
    byte[] name();

    /** Whether what was found by its name is it. */
    boolean is(Stat found);

    /** Looks up a name, or gives null if there is none. */
    @Nullable Stat find(byte[] name) throws PosixException;

    /** What it has now. May be called by several threads. */
    List<Entry> list() throws PosixException;

    /** Takes note that another directory has its name. */
    void replaced();
  }

  private final Holder directory;
  private final boolean lists;
  private @Nullable Set<ByteBuffer> names;
  private @Nullable Boolean wholeGone;

  Absence(Holder directory) {
    this(directory, true);
  }

  /**
   * Prepares questions about one directory.
   *
   * @param lists whether to ask what it lists; else what is not found counts as gone
   */
  Absence(Holder directory, boolean lists) {
    this.directory = directory;
    this.lists = lists;
  }

  /** Whether an error may mean that something is gone. */
  static boolean isPossible(PosixException e) {
    return e.is(Errno.ENOENT, Errno.ESTALE);
  }

  /**
   * Whether an entry of the directory is gone.
   *
   * @throws StetException if not even the top of the tree can be reached
   */
  boolean isGone(byte[] name) throws PosixException {
    if (wholeGone != null) {
      return wholeGone;
    }
    try {
      if (directory.find(name) != null) {
        return false;
      }
      if (!lists) {
        return true;
      }
      if (names == null) {
        names = names(directory);
      }
      return !names.contains(ByteBuffer.wrap(name));
    } catch (PosixException e) {
      wholeGone = isGone(e);
      return wholeGone;
    }
  }

  /**
   * Whether the directory is gone, which failed to open or to answer.
   *
   * @throws StetException if not even the top of the tree can be reached
   */
  boolean isGone(PosixException failure) throws PosixException {
    PosixException last = failure;
    for (Holder at = directory; ; ) {
      if (!isPossible(last)) {
        throw last;
      }
      Holder above = at.above();
      if (above == null) {
        throw new StetException(
            ErrorCode.SOURCE,
            "the component's directory cannot be reached any more: " + last.getMessage(),
            "See whether it was removed, or lies on a network file system whose server was"
                + " restarted or replaced, and try again.",
            last);
      }
      try {
        Stat found = above.find(at.name());
        if (found == null) {
          return !names(above).contains(ByteBuffer.wrap(at.name()));
        }
        if (at.is(found)) {
          return false;
        }
        at.replaced();
        return true;
      } catch (PosixException e) {
        last = e;
        at = above;
      }
    }
  }

  private static Set<ByteBuffer> names(Holder holder) throws PosixException {
    Set<ByteBuffer> names = new HashSet<>();
    for (Entry entry : holder.list()) {
      names.add(ByteBuffer.wrap(entry.name()));
    }
    return names;
  }
}
