package stet.engine.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.engine.posix.TreeRemoval;
import stet.engine.posix.TreeSize;
import stet.repository.json.JsonException;

/**
 * A directory as a restore works on it. States beside it are its siblings, so that exchanging two
 * names of one directory makes a state live in one step that a crash cannot halve.
 *
 * <p>After the exchange the replaced directory still has the other's name and gets its own by a
 * second rename. In between, the journals tell what is what: each names the identity of the
 * directory it is about, and is written before that directory moves.
 */
final class FilesTarget implements Target {
  private final PosixPath path;
  private final byte[] live;
  private final Directory parent;
  private final SiblingNames names;
  private final Steps steps;
  private final List<Directory> locked = new ArrayList<>();

  /** Called before each change on disk. */
  @FunctionalInterface
  interface Steps {
    void before(String step);
  }

  /**
   * Opens the directory that {@code path} lies in.
   *
   * @throws StetException if there is none
   */
  FilesTarget(PosixPath path, Steps steps) {
    this.path = path;
    this.live = path.name();
    this.names = new SiblingNames(live);
    this.steps = steps;
    PosixPath above = path.parent();
    if (above == null) {
      throw new IllegalArgumentException("a component's directory lies in another");
    }
    try {
      this.parent = Directory.openFollowing(above);
    } catch (PosixException e) {
      throw new StetException(
          ErrorCode.SOURCE,
          "cannot open " + above + ": " + e.reason(),
          "Create the directory that " + path + " is to lie in.",
          e);
    }
  }

  /** What tells a directory from any that takes its place, across renames and restarts. */
  static String identity(Stat stat) {
    // Not the device: its number may be another after a restart, and siblings share it anyway.
    // The time of birth, because numbers of removed directories are used again.
    return Long.toUnsignedString(stat.inode()) + ":" + stat.born();
  }

  @Override
  public Live live() {
    String description = "directory " + path;
    try {
      Stat stat = liveStat();
      if (stat == null) {
        return new Live(null, true, description);
      }
      try (Directory directory = parent.openDirectory(live)) {
        boolean empty =
            directory.list().stream()
                .allMatch(entry -> Arrays.equals(entry.name(), LOST_AND_FOUND));
        return new Live(identity(stat), empty, description);
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private static final byte[] LOST_AND_FOUND = "lost+found".getBytes(StandardCharsets.US_ASCII);

  private @Nullable Stat liveStat() throws PosixException {
    Stat stat = parent.find(live);
    if (stat != null && !stat.isDirectory()) {
      throw notADirectory(path, stat);
    }
    return stat;
  }

  static StetException notADirectory(PosixPath path, Stat stat) {
    return stat.isSymlink()
        ? new StetException(
            ErrorCode.CONFIGURATION,
            path + " is a symbolic link",
            "Give the path of the directory that it points to.")
        : new StetException(
            ErrorCode.SOURCE, path + " is not a directory", "Check the component's path.");
  }

  @Override
  public Beside stage(RestoreContext context) {
    String operation = context.operation().id();
    byte[] name = names.of(Role.STAGING, operation);
    try {
      requireExchangeable();
      requireFree(name);
      removeLeftovers();
      make(name);
      try {
        requireExchange(name, operation);
        writeJournal(name, identity(parent.stat(name)), null);
        TreeRestore.restore(context, parent.openDirectory(name));
        parent.sync();
        String identity = identity(parent.stat(name));
        return new Beside(Role.STAGING, operation, printable(name), identity, null);
      } catch (PosixException | RuntimeException | Error e) {
        discard(name, operation, e);
        throw e;
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private void requireFree(byte[] name) throws PosixException {
    if (parent.find(name) != null) {
      throw new StetException(
          ErrorCode.FAILED,
          parent.path().resolve(name) + " is there already",
          "Rename it if it is yours; `stet restore --abort` removes what a restore has left.");
    }
  }

  /** Makes an empty directory, announced first, so that it is known whenever this process dies. */
  private void make(byte[] name) throws PosixException {
    try {
      writeJournal(name, null, null);
      steps.before("make directory");
      parent.makeDirectory(name, 0700);
    } catch (PosixException e) {
      removeJournal(name);
      if (e.is(Errno.EACCES, Errno.EPERM, Errno.EROFS)) {
        throw new StetException(
            ErrorCode.SOURCE,
            e.getMessage(),
            "A directory is restored beside the live one, so "
                + path.parent()
                + " must be writable; or restore elsewhere with --to-dir.",
            e);
      }
      throw e;
    }
  }

  /** Tries with two empty directories, for not every file system can. */
  private void requireExchange(byte[] name, String operation) throws PosixException {
    byte[] other = names.dropped(operation);
    steps.before("make directory to exchange");
    parent.makeDirectory(other, 0700);
    try {
      steps.before("try to exchange");
      parent.exchange(name, other);
    } catch (PosixException e) {
      if (e.is(Errno.EINVAL, Errno.ENOSYS, Errno.EOPNOTSUPP)) {
        throw cannotExchange("the file system of " + path + " cannot exchange directories");
      }
      throw e;
    }
    steps.before("remove directory to exchange");
    parent.removeDirectory(other);
  }

  /** Fails unless the live directory can change places with a sibling. */
  private void requireExchangeable() throws PosixException {
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
      throw cannotExchange(path + " is a mount point");
    }
    if (!mounts.isEmpty()) {
      throw cannotExchange("a file system is mounted at " + mounts.getFirst() + ", inside " + path);
    }
  }

  private static StetException cannotExchange(String fact) {
    return new StetException(
        ErrorCode.SOURCE,
        fact + ", so that it cannot change places with the restored directory",
        "Restore into another directory with --to-dir and move the files, or unmount it first.");
  }

  private void discard(byte[] name, String operation, Throwable cause) {
    boolean interrupted = Thread.interrupted();
    try {
      remove(name, operation);
      removeLeftovers();
    } catch (PosixException | RuntimeException e) {
      cause.addSuppressed(e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void note(Beside state, String note) {
    try {
      if (locate(state.identity()) == null) {
        throw gone(state);
      }
      writeJournal(names.of(state.role(), state.operation()), state.identity(), note);
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  @Override
  public @Nullable Beside swap(@Nullable Beside state, String operation, String note) {
    try {
      byte[] previous = names.of(Role.PREVIOUS, operation);
      if (state == null) {
        putAside(previous, note);
        return previousOf(operation);
      }
      byte[] own = names.of(state.role(), state.operation());
      Stat stat = liveStat();
      if (stat == null || !identity(stat).equals(state.identity())) {
        byte[] name = locate(state.identity());
        if (name == null) {
          throw gone(state);
        }
        if (stat == null) {
          keepLocked(name);
          steps.before("rename state to live");
          parent.rename(name, live);
        } else {
          requireExchangeable();
          if (!Arrays.equals(name, previous)) {
            requireFree(previous);
          }
          writeJournal(previous, identity(stat), note);
          keepLocked(name);
          steps.before("exchange state and live");
          parent.exchange(name, live);
        }
        steps.before("sync exchange");
        parent.sync();
      }
      Journal journal = readJournal(previous);
      if (journal != null && parent.find(previous) == null) {
        byte[] replaced = locate(journal.text.identity());
        if (replaced != null && !Arrays.equals(replaced, live)) {
          steps.before("rename replaced to previous");
          parent.rename(replaced, previous);
          steps.before("sync rename");
          parent.sync();
        }
      }
      steps.before("remove the state's journal");
      removeJournal(own);
      return previousOf(operation);
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private @Nullable Beside previousOf(String operation) {
    return beside().stream()
        .filter(each -> each.role() == Role.PREVIOUS && each.operation().equals(operation))
        .findFirst()
        .orElse(null);
  }

  private void putAside(byte[] previous, String note) throws PosixException {
    Stat stat = liveStat();
    if (stat != null) {
      requireExchangeable();
      requireFree(previous);
      writeJournal(previous, identity(stat), note);
      steps.before("rename live to previous");
      parent.rename(live, previous);
    }
    steps.before("sync rename");
    parent.sync();
  }

  private void putBack(byte[] previous) throws PosixException {
    Journal journal = readJournal(previous);
    byte[] replaced = journal == null ? null : locate(journal.text.identity());
    if (replaced != null && liveStat() == null) {
      keepLocked(replaced);
      steps.before("rename previous to live");
      parent.rename(replaced, live);
      steps.before("sync rename");
      parent.sync();
    }
    if (parent.find(previous) == null) {
      steps.before("remove the previous state's journal");
      removeJournal(previous);
    }
  }

  @Override
  public void swapBack(@Nullable Beside state, String operation) {
    try {
      byte[] previous = names.of(Role.PREVIOUS, operation);
      if (state == null) {
        putBack(previous);
        return;
      }
      byte[] own = names.of(state.role(), state.operation());
      Stat stat = liveStat();
      Journal journal = readJournal(previous);
      if (stat != null && identity(stat).equals(state.identity())) {
        writeJournal(own, state.identity(), state.note());
        byte[] replaced = journal == null ? null : locate(journal.text.identity());
        if (replaced == null) {
          steps.before("rename live to state");
          parent.rename(live, own);
        } else {
          requireExchangeable();
          keepLocked(replaced);
          steps.before("exchange live and previous");
          parent.exchange(replaced, live);
        }
        steps.before("sync exchange");
        parent.sync();
      }
      byte[] name = locate(state.identity());
      if (name == null) {
        return;
      }
      if (!Arrays.equals(name, own)) {
        steps.before("rename replaced to state");
        parent.rename(name, own);
        steps.before("sync rename");
        parent.sync();
      }
      if (parent.find(previous) == null) {
        steps.before("remove the previous state's journal");
        removeJournal(previous);
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  @Override
  public List<Beside> beside() {
    try {
      List<Entry> entries = parent.list();
      List<Journal> journals = journals(entries);
      List<Found> all = new ArrayList<>();
      for (Entry entry : entries) {
        Found found = found(entry.name(), journals);
        if (found != null) {
          all.add(found);
        }
      }
      all.sort(Comparator.comparing(Found::since));
      return all.stream().map(Found::beside).toList();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private List<Journal> journals(List<Entry> entries) throws PosixException {
    List<Journal> journals = new ArrayList<>();
    for (Entry entry : entries) {
      byte[] name = names.journalOf(entry.name());
      Journal journal = name == null ? null : readJournal(name);
      if (journal != null) {
        journals.add(journal);
      }
    }
    return journals;
  }

  private record Found(Beside beside, Instant since) {}

  /** The state of that name, or null if there is none or if no journal says that it is ours. */
  private @Nullable Found found(byte[] name, List<Journal> journals) throws PosixException {
    Stat stat = names.state(name) == null ? null : parent.find(name);
    if (stat == null || !stat.isDirectory()) {
      return null;
    }
    String identity = identity(stat);
    Journal journal = null;
    for (Journal each : journals) {
      // The name may still be the other directory's. Of several journals about one directory that
      // under its own name counts, else the last.
      boolean better =
          journal == null
              || Arrays.equals(each.state, name)
              || (!Arrays.equals(journal.state, name)
                  && each.text.written().isAfter(journal.text.written()));
      if (each.isAbout(identity) && better) {
        journal = each;
      }
    }
    if (journal == null) {
      journal = announcement(name, journals);
    }
    if (journal == null) {
      return null;
    }
    Beside beside =
        new Beside(
            journal.role.role(),
            journal.role.operation(),
            printable(journal.state),
            identity,
            journal.text.note());
    return new Found(beside, journal.text.written());
  }

  /** The journal that announces a directory of that name which is still empty, or null. */
  private @Nullable Journal announcement(byte[] name, List<Journal> journals)
      throws PosixException {
    for (Journal each : journals) {
      if (each.text.identity() == null && Arrays.equals(each.state, name)) {
        try (Directory made = parent.openDirectory(name)) {
          return made.isEmpty() ? each : null;
        }
      }
    }
    return null;
  }

  /** Where the directory of that identity is: live, beside, or nowhere (null). */
  private byte @Nullable [] locate(@Nullable String identity) throws PosixException {
    if (identity == null) {
      return null;
    }
    Stat stat = parent.find(live);
    if (stat != null && stat.isDirectory() && identity(stat).equals(identity)) {
      return live;
    }
    for (Entry entry : parent.list()) {
      if (names.state(entry.name()) != null) {
        Stat sibling = parent.find(entry.name());
        if (sibling != null && sibling.isDirectory() && identity(sibling).equals(identity)) {
          return entry.name();
        }
      }
    }
    return null;
  }

  @Override
  public long size(Beside state) {
    try {
      byte[] name = locate(state.identity());
      return name == null ? 0 : TreeSize.measure(parent, name);
    } catch (PosixException e) {
      return -1;
    }
  }

  @Override
  public void drop(Beside state) {
    try {
      byte[] name = locate(state.identity());
      if (name != null && Arrays.equals(name, live)) {
        throw new StetException(
            ErrorCode.REFUSED, path + " is live and is not dropped as a previous state", null);
      }
      if (name != null) {
        if (found(name, journals(parent.list())) == null) {
          throw new StetException(
              ErrorCode.REFUSED,
              parent.path().resolve(name) + " was not put there by Stet and is not dropped",
              null);
        }
        removeLeftovers();
        remove(name, state.operation());
      }
      removeLeftovers();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  /**
   * Renames first: half a directory must never be taken for a whole state. Its journal goes with
   * {@link #removeLeftovers}, after it.
   */
  private void remove(byte[] name, String operation) throws PosixException {
    steps.before("rename state to dropped");
    parent.rename(name, names.dropped(operation));
    steps.before("remove dropped");
    TreeRemoval.remove(parent, names.dropped(operation));
    parent.sync();
  }

  /** Ends removals that were begun, and removes journals about nothing. */
  private void removeLeftovers() throws PosixException {
    List<Entry> entries = parent.list();
    List<Journal> journals = journals(entries);
    for (Entry entry : entries) {
      removeDropped(entry.name(), journals);
      if (names.isUnfinishedJournal(entry.name())) {
        removeUnfinished(entry.name());
      }
    }
    for (Journal journal : journals) {
      byte[] where = locate(journal.text.identity());
      boolean useless =
          where == null
              ? parent.find(journal.state) == null || announcement(journal.state, journals) == null
              : Arrays.equals(where, live);
      if (useless) {
        steps.before("remove journal");
        removeJournal(journal.state);
      }
    }
  }

  /** Ends the removal of a directory that a journal is about, or that one announced. */
  private void removeDropped(byte[] name, List<Journal> journals) throws PosixException {
    String operation = names.droppedBy(name);
    Stat stat = operation == null ? null : parent.find(name);
    if (stat == null || !stat.isDirectory()) {
      return;
    }
    for (Journal journal : journals) {
      if (journal.isAbout(identity(stat))) {
        TreeRemoval.remove(parent, name);
        parent.sync();
        return;
      }
      if (journal.text.identity() == null && journal.role.operation().equals(operation)) {
        removeIfEmpty(name);
        return;
      }
    }
  }

  private void removeIfEmpty(byte[] name) throws PosixException {
    try {
      parent.removeDirectory(name);
    } catch (PosixException e) {
      if (!e.is(Errno.ENOTEMPTY, Errno.EEXIST)) {
        throw e;
      }
    }
  }

  /**
   * What a file beside a state says of it.
   *
   * @param state the state's name
   * @param role what the name stands for
   */
  private record Journal(byte[] state, SiblingNames.State role, StateJournal text) {
    boolean isAbout(String identity) {
      return identity.equals(text.identity());
    }
  }

  /** Null if there is none. */
  private @Nullable Journal readJournal(byte[] state) throws PosixException {
    byte[] name = SiblingNames.journal(state);
    SiblingNames.State role = names.state(state);
    if (role == null) {
      return null;
    }
    try {
      StateJournal text = StateJournal.read(parent, name);
      return text == null ? null : new Journal(state, role, text);
    } catch (JsonException e) {
      throw new StetException(
          ErrorCode.FAILED,
          parent.path().resolve(name) + " is not a journal of Stet: " + e.getMessage(),
          "Move it away if it is not yours; without it the directory is not known as a state.",
          e);
    }
  }

  private void writeJournal(byte[] state, @Nullable String identity, @Nullable String note)
      throws PosixException {
    byte[] name = SiblingNames.journal(state);
    byte[] unfinished = SiblingNames.unfinished(name);
    byte[] bytes = new StateJournal(identity, note, Instant.now()).toBytes();
    removeUnfinished(unfinished);
    steps.before("create journal");
    try (FileHandle file = parent.create(unfinished)) {
      steps.before("write journal");
      file.writeAt(bytes, 0, bytes.length, 0);
      file.sync();
    }
    steps.before("rename journal");
    parent.replace(unfinished, name);
    steps.before("sync journal");
    parent.sync();
  }

  private void removeJournal(byte[] state) throws PosixException {
    byte[] name = SiblingNames.journal(state);
    removeUnfinished(SiblingNames.unfinished(name));
    if (parent.find(name) != null) {
      parent.remove(name);
      parent.sync();
    }
  }

  private void removeUnfinished(byte[] name) throws PosixException {
    if (StateJournal.isBegun(parent, name)) {
      parent.remove(name);
    }
  }

  private StetException gone(Beside state) {
    return new StetException(
        ErrorCode.NOT_FOUND,
        "there is no directory "
            + parent.path().resolve(state.name())
            + " any more, nor its like under another name",
        "Run stet previous list to see what is there.");
  }

  /**
   * Locks what is about to become live, as {@link DirectoryLock} has locked what was: whoever comes
   * before the whole swap is done must find the live directory locked.
   */
  private void keepLocked(byte[] name) {
    try {
      Directory directory = parent.openDirectory(name);
      locked.add(directory);
      directory.lock(true, false);
    } catch (PosixException e) {
      // Where a directory cannot be locked, nobody else relies on its lock.
      return;
    }
  }

  private static String printable(byte[] name) {
    return PosixPath.printable(name);
  }

  @Override
  public void close() {
    locked.forEach(Directory::close);
    parent.close();
  }
}
