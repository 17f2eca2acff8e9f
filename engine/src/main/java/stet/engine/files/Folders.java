package stet.engine.files;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Directory;
import stet.engine.posix.PosixException;
import stet.engine.posix.Stat;

/**
 * The directories of a tree that are being worked on, by any number of threads, with a bounded
 * number of them open at a time.
 *
 * <p>Each is opened from the one it lies in, never by its path, so that any depth can be reached
 * and nobody who moves directories about can lead the work out of the tree. One that was closed to
 * stay within the bound is opened again when needed, and must be the same then.
 */
final class Folders implements AutoCloseable {
  private static final int MAX_IDLE = 64;

  /** Open directories that nobody uses now, the longest unused first. */
  private final LinkedHashSet<Folder> idle = new LinkedHashSet<>();

  private final Set<Folder> open = new HashSet<>();

  /** A directory of the tree. */
  static final class Folder {
    private final @Nullable Folder parent;
    private final byte[] name;
    private @Nullable Directory directory;
    private @Nullable Stat identity;
    private int users;
    private boolean finished;

    private Folder(@Nullable Folder parent, byte[] name) {
      this.parent = parent;
      this.name = name;
    }
  }

  /** The right to use an open directory until closed. */
  final class Use implements AutoCloseable {
    private final Folder folder;
    private final Directory directory;

    private Use(Folder folder, Directory directory) {
      this.folder = folder;
      this.directory = directory;
    }

    Directory directory() {
      return directory;
    }

    @Override
    public void close() {
      release(folder);
    }
  }

  /** The top of the tree; stays open until {@link #close()}, which closes it too. */
  Folder top(Directory directory) throws PosixException {
    Folder folder = new Folder(null, directory.path().name());
    folder.directory = directory;
    folder.identity = directory.stat();
    folder.users = 1;
    open.add(folder);
    return folder;
  }

  /** A directory in {@code parent}, not opened yet. */
  Folder inside(Folder parent, byte[] name) {
    return new Folder(parent, name);
  }

  /**
   * Opens the directory if it is not open.
   *
   * @throws PosixException if it cannot be opened
   * @throws StetException if it is not the directory that it was when first opened
   */
  synchronized Use use(Folder folder) throws PosixException {
    Directory directory = folder.directory;
    if (directory == null) {
      directory = reopen(folder);
    }
    idle.remove(folder);
    folder.users++;
    return new Use(folder, directory);
  }

  private Directory reopen(Folder folder) throws PosixException {
    // The nearest open one upwards, then down again; a loop, because trees may be very deep.
    List<Folder> closed = new ArrayList<>();
    Folder at = folder;
    while (at.directory == null) {
      closed.add(at);
      if (at.parent == null) {
        throw new IllegalStateException("the top of the tree is closed");
      }
      at = at.parent;
    }
    Directory directory = at.directory;
    Folder passed = null;
    for (Folder each : closed.reversed()) {
      directory = open(each, directory);
      if (passed != null) {
        idle.add(passed);
        trim();
      }
      passed = each;
    }
    return directory;
  }

  private Directory open(Folder folder, Directory parent) throws PosixException {
    Directory directory = parent.openDirectory(folder.name);
    try {
      Stat stat = directory.stat();
      if (folder.identity == null) {
        folder.identity = stat;
      } else if (!folder.identity.sameEntry(stat)) {
        throw new StetException(
            ErrorCode.SOURCE,
            "directory " + directory.path() + " was replaced by another during the work",
            "Try again when nobody moves directories.");
      }
    } catch (PosixException | RuntimeException e) {
      directory.close();
      throw e;
    }
    folder.directory = directory;
    open.add(folder);
    return directory;
  }

  private synchronized void release(Folder folder) {
    folder.users--;
    if (folder.users == 0) {
      if (folder.finished) {
        shut(folder);
      } else {
        idle.add(folder);
        trim();
      }
    }
  }

  private void trim() {
    Iterator<Folder> oldest = idle.iterator();
    while (idle.size() > MAX_IDLE && oldest.hasNext()) {
      Folder folder = oldest.next();
      oldest.remove();
      shut(folder);
    }
  }

  private void shut(Folder folder) {
    if (folder.directory != null) {
      folder.directory.close();
      folder.directory = null;
      open.remove(folder);
    }
  }

  /** Nothing more will be done in the directory. */
  synchronized void finish(Folder folder) {
    folder.finished = true;
    idle.remove(folder);
    if (folder.users == 0) {
      shut(folder);
    }
  }

  @Override
  public synchronized void close() {
    List.copyOf(open).forEach(this::shut);
    idle.clear();
  }
}
