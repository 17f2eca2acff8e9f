package stet.engine.files;

import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;

/**
 * Where the live directory and the states beside it lie, and how these change places. All steps may
 * be repeated after a crash and then do what is missing.
 */
abstract sealed class Place implements AutoCloseable permits SiblingPlace, InnerPlace {
  private static final int STICKY = 01000;

  /** Called before each change on disk. */
  @FunctionalInterface
  interface Steps {
    void before(String step);
  }

  final PosixPath path;
  final Steps steps;

  Place(PosixPath path, Steps steps) {
    this.path = path;
    this.steps = steps;
  }

  /**
   * Finds out where states of a directory lie: beside it, or inside it if it is a mount point or
   * lies in a directory that may not be written to.
   *
   * @throws StetException if what it lies in is not there, or if it is something else
   */
  static Place of(PosixPath path, Steps steps) {
    Directory above = above(path);
    try {
      Stat stat = above.find(path.name());
      if (stat != null && stat.isDirectory() && isFixed(above, stat, path.name())) {
        try (above) {
          return new InnerPlace(path, above.openDirectory(path.name()), steps);
        }
      }
      return new SiblingPlace(path, above, steps);
    } catch (PosixException e) {
      above.close();
      throw FileErrors.of(e);
    }
  }

  private static Directory above(PosixPath path) {
    PosixPath above = path.parent();
    if (above == null) {
      throw new IllegalArgumentException("a component's directory lies in another");
    }
    try {
      return Directory.openFollowing(above);
    } catch (PosixException e) {
      throw new StetException(
          ErrorCode.SOURCE,
          "cannot open " + above + ": " + e.reason(),
          "Create the directory that " + path + " is to lie in.",
          e);
    }
  }

  /** Whether a directory cannot be renamed, or was not when states were laid inside it. */
  private static boolean isFixed(Directory above, Stat stat, byte[] name) throws PosixException {
    Stat parent = above.stat();
    if (stat.mountRoot() || stat.device() != parent.device()) {
      return true;
    }
    // In a sticky directory, such as /tmp, only owners rename.
    long self = Accounts.self();
    boolean othersOwn =
        (parent.mode() & STICKY) != 0 && self != 0 && self != stat.uid() && self != parent.uid();
    if ((othersOwn || !above.isWritable()) && above.isWritable(name)) {
      return true;
    }
    try (Directory live = above.openDirectory(name)) {
      return InnerPlace.isIn(live);
    }
  }

  /** What tells a directory or file from any that takes its place, across renames and restarts. */
  static String identity(Stat stat) {
    // Not the device: its number may be another after a restart, and siblings share it anyway.
    // The time of birth, because numbers of removed directories are used again.
    return Long.toUnsignedString(stat.inode()) + ":" + stat.born();
  }

  /** The directory that states and their journals lie in, or null if none was ever made. */
  abstract @Nullable Directory states();

  /** Like {@link #states}, but makes it. */
  abstract Directory makeStates() throws PosixException;

  /** Removes what {@link #makeStates} made, if nothing lies in it. */
  abstract void tidy() throws PosixException;

  /** The identity of what is live, or null if nothing is. */
  abstract @Nullable String live() throws PosixException;

  /** The identity of the state that has that name, or null if none has. */
  abstract @Nullable String identity(byte[] name) throws PosixException;

  /** Whether nothing of value is live. */
  abstract boolean isEmpty() throws PosixException;

  /**
   * Fails unless the live directory can change places with a state.
   *
   * @throws StetException saying why not
   */
  abstract void requireExchangeable() throws PosixException;

  /** Makes a state of an empty directory. */
  abstract void furnish(byte[] name) throws PosixException;

  /** Whether a state was made or furnished, and nothing else. */
  abstract boolean isBlank(byte[] name) throws PosixException;

  /** Whether all that bears a state's name is Stet's, without any journal. */
  abstract boolean isPrivate();

  /** Opens the directory of a state that its entries lie in. */
  abstract Directory openContent(byte[] name) throws PosixException;

  /**
   * What must be kept in a state's journal of its top directory, because that does not move along.
   * Null if all moves along.
   *
   * @param name the state, or null for what is live
   */
  abstract @Nullable String top(byte @Nullable [] name) throws PosixException;

  /** Gives the live directory what a journal has kept of it. */
  abstract void setTop(@Nullable String top) throws PosixException;

  /** Exchanges the live directory and a state. */
  abstract void exchange(byte[] name) throws PosixException;

  /** Whether an exchange with a state has died on its way. */
  abstract boolean isPartlyExchanged(byte[] name) throws PosixException;

  /** Undoes an exchange with a state that died on its way. */
  abstract void settle(byte[] name) throws PosixException;

  /** Makes a state live where nothing is. */
  abstract void putLive(byte[] name) throws PosixException;

  /** Makes what is live a state, so that nothing is live. */
  abstract void putAside(byte[] name) throws PosixException;

  /** Removes a state of which nothing but the removal is left to do. */
  abstract void remove(byte[] name) throws PosixException;

  @Override
  public abstract void close();

  static StetException cannotExchange(String fact) {
    return new StetException(
        ErrorCode.SOURCE,
        fact + ", so that it cannot change places with the restored directory",
        "Restore into another directory with --to-dir and move the files, or unmount it first.");
  }
}
