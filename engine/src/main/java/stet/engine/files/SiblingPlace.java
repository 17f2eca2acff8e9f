package stet.engine.files;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.StetException;
import stet.engine.posix.Directory;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.engine.posix.TreeRemoval;

/**
 * States beside the live directory. Exchanging two names of one directory makes a state live in one
 * step that a crash cannot halve.
 */
final class SiblingPlace extends Place {
  private final Directory parent;
  private final byte[] live;
  private final List<Directory> locked = new ArrayList<>();

  SiblingPlace(PosixPath path, Directory parent, Steps steps) {
    super(path, steps);
    this.parent = parent;
    this.live = path.name();
  }

  @Override
  Directory states() {
    return parent;
  }

  @Override
  Directory makeStates() {
    return parent;
  }

  @Override
  void tidy() {}

  @Override
  @Nullable String live() throws PosixException {
    Stat stat = liveStat();
    return stat == null ? null : identity(stat);
  }

  private @Nullable Stat liveStat() throws PosixException {
    Stat stat = parent.find(live);
    if (stat != null && !stat.isDirectory()) {
      throw FilesTarget.notADirectory(path, stat);
    }
    return stat;
  }

  @Override
  @Nullable String identity(byte[] name) throws PosixException {
    Stat stat = parent.find(name);
    return stat == null || !stat.isDirectory() ? null : identity(stat);
  }

  @Override
  boolean isEmpty() throws PosixException {
    if (liveStat() == null) {
      return true;
    }
    try (Directory directory = parent.openDirectory(live)) {
      return directory.list().stream().allMatch(entry -> FilesTarget.isLostAndFound(entry.name()));
    }
  }

  @Override
  void requireExchangeable() throws PosixException {
    Stat stat = liveStat();
    if (stat == null) {
      return;
    }
    List<PosixPath> mounts;
    try {
      mounts = Mounts.within(parent.realPath().resolve(live));
    } catch (IOException e) {
      mounts = List.of();
    }
    if (stat.mountRoot() || stat.device() != parent.stat().device()) {
      throw cannotExchange(path + " has become a mount point");
    }
    if (!mounts.isEmpty()) {
      throw cannotExchange("a file system is mounted at " + mounts.getFirst() + ", inside " + path);
    }
  }

  @Override
  void furnish(byte[] name) {}

  @Override
  boolean isBlank(byte[] name) throws PosixException {
    try (Directory made = parent.openDirectory(name)) {
      return made.isEmpty();
    }
  }

  @Override
  boolean isPrivate() {
    return false;
  }

  @Override
  Directory openContent(byte[] name) throws PosixException {
    return parent.openDirectory(name);
  }

  @Override
  @Nullable String top(byte @Nullable [] name) {
    return null;
  }

  @Override
  void setTop(@Nullable String top) {}

  @Override
  void exchange(byte[] name) throws PosixException {
    requireExchangeable();
    keepLocked(name);
    steps.before("exchange state and live");
    parent.exchange(name, live);
    sync();
  }

  @Override
  boolean isPartlyExchanged(byte[] name) {
    return false;
  }

  @Override
  void settle(byte[] name) {}

  @Override
  void putLive(byte[] name) throws PosixException {
    keepLocked(name);
    steps.before("rename state to live");
    parent.rename(name, live);
    sync();
  }

  @Override
  void putAside(byte[] name) throws PosixException {
    requireExchangeable();
    steps.before("rename live to state");
    parent.rename(live, name);
    sync();
  }

  private void sync() throws PosixException {
    steps.before("sync");
    parent.sync();
  }

  @Override
  void remove(byte[] name) throws PosixException {
    TreeRemoval.remove(parent, name);
  }

  /**
   * Locks what is about to become live, as {@link DirectoryLock} has locked what was: whoever comes
   * before the whole swap is done must find the live directory locked.
   *
   * @throws StetException never; where a directory cannot be locked, nobody relies on its lock
   */
  private void keepLocked(byte[] name) {
    try {
      Directory directory = parent.openDirectory(name);
      locked.add(directory);
      directory.lock(true, false);
    } catch (PosixException e) {
      return;
    }
  }

  @Override
  public void close() {
    locked.forEach(Directory::close);
    parent.close();
  }
}
