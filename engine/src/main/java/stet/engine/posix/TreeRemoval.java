package stet.engine.posix;

import java.nio.charset.StandardCharsets;

/**
 * Removes a directory with all that is in it, of any depth, with a bounded number of open
 * directories.
 *
 * <p>Links are removed, never followed. A file system mounted inside is left alone, and the removal
 * fails there.
 */
public final class TreeRemoval {
  /** How deep to descend before a directory is moved up to the top, which is removed anyway. */
  private static final int DEPTH = 64;

  private final Directory top;
  private int moved;

  private TreeRemoval(Directory top) {
    this.top = top;
  }

  /**
   * Removes the directory {@code name} of {@code parent}.
   *
   * @throws PosixException if something could not be removed; the rest may be gone by then
   */
  public static void remove(Directory parent, byte[] name) throws PosixException {
    try (Directory top = openForRemoval(parent, name)) {
      removeContent(top);
    }
    parent.removeDirectory(name);
  }

  /**
   * Removes all that is in a directory, but not itself.
   *
   * @throws PosixException if something could not be removed; the rest may be gone by then
   */
  public static void removeContent(Directory directory) throws PosixException {
    TreeRemoval removal = new TreeRemoval(directory);
    // What was moved up shows when the top is listed again.
    do {
      removal.moved = 0;
      removal.empty(directory, 0);
    } while (removal.moved > 0);
  }

  private void empty(Directory directory, int depth) throws PosixException {
    for (Entry entry : directory.list()) {
      byte[] name = entry.name();
      boolean isDirectory =
          switch (entry.type()) {
            case DIRECTORY -> true;
            case UNKNOWN -> directory.stat(name).isDirectory();
            case FILE, OTHER -> false;
          };
      if (!isDirectory) {
        directory.remove(name);
      } else if (depth < DEPTH) {
        try (Directory inner = openForRemoval(directory, name)) {
          empty(inner, depth + 1);
        }
        directory.removeDirectory(name);
      } else {
        moveUp(directory, name);
      }
    }
  }

  private void moveUp(Directory directory, byte[] name) throws PosixException {
    while (true) {
      String free = ".removed-" + moved++;
      try {
        directory.move(name, top, free.getBytes(StandardCharsets.US_ASCII));
        return;
      } catch (PosixException e) {
        if (!e.is(Errno.EEXIST)) {
          throw e;
        }
      }
    }
  }

  private static final int EBUSY = 16;

  /** The owner may remove what lies in a directory whose mode forbids it, after changing that. */
  private static Directory openForRemoval(Directory parent, byte[] name) throws PosixException {
    int owner = 0700;
    Stat stat = parent.stat(name);
    // Kernels before 5.8 do not mark mount points; the device tells most of them.
    if (stat.mountRoot() || stat.device() != parent.stat().device()) {
      throw new PosixException(
          EBUSY, "remove mounted file system", parent.path().resolve(name).toString());
    }
    if (stat.isDirectory() && (stat.mode() & owner) != owner && stat.uid() == Accounts.self()) {
      parent.chmod(name, owner);
    }
    return parent.openDirectory(name);
  }
}
