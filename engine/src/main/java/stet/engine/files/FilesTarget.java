package stet.engine.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
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
import stet.repository.json.JsonObject;

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
      Stat left = parent.find(name);
      if (left != null) {
        removeUnfinished(name, operation, identity(left));
      }
      makeDirectory(name);
      try {
        requireExchange(name, operation);
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

  private void makeDirectory(byte[] name) throws PosixException {
    try {
      parent.makeDirectory(name, 0700);
    } catch (PosixException e) {
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

  /** Removes what an earlier try of the same operation left, which did not end. */
  private void removeUnfinished(byte[] name, String operation, String identity)
      throws PosixException {
    for (Beside each : beside()) {
      if (each.identity().equals(identity) && each.role() != Role.STAGING) {
        throw new StetException(
            ErrorCode.FAILED,
            parent.path().resolve(name) + " is the state that was replaced, under the other's name",
            "Finish the restore with stet restore --resume.");
      }
    }
    remove(name, operation);
  }

  /** Tries with two empty directories, for not every file system can. */
  private void requireExchange(byte[] name, String operation) throws PosixException {
    byte[] other = names.dropped(operation);
    parent.makeDirectory(other, 0700);
    try {
      parent.exchange(name, other);
    } catch (PosixException e) {
      if (e.is(Errno.EINVAL, Errno.ENOSYS, Errno.EOPNOTSUPP)) {
        throw cannotExchange("the file system of " + path + " cannot exchange directories");
      }
      throw e;
    } finally {
      parent.removeDirectory(other);
    }
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
    } catch (PosixException e) {
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
  public @Nullable Beside swap(Beside state, String operation, String note) {
    try {
      byte[] previous = names.of(Role.PREVIOUS, operation);
      byte[] own = ownName(state);
      Stat stat = liveStat();
      if (stat == null || !identity(stat).equals(state.identity())) {
        byte[] name = locate(state.identity());
        if (name == null) {
          throw gone(state);
        }
        if (stat == null) {
          steps.before("rename state to live");
          parent.rename(name, live);
        } else {
          requireExchangeable();
          if (!Arrays.equals(name, previous) && parent.find(previous) != null) {
            throw new StetException(
                ErrorCode.FAILED,
                parent.path().resolve(previous) + " is there already",
                "Run stet previous list to see what it is.");
          }
          writeJournal(previous, identity(stat), note);
          steps.before("exchange state and live");
          parent.exchange(name, live);
        }
        steps.before("sync exchange");
        parent.sync();
      }
      Journal journal = readJournal(previous);
      if (journal != null && parent.find(previous) == null) {
        byte[] replaced = locate(journal.identity);
        if (replaced != null && !Arrays.equals(replaced, live)) {
          steps.before("rename replaced to previous");
          parent.rename(replaced, previous);
          steps.before("sync rename");
          parent.sync();
        }
      }
      steps.before("remove the state's journal");
      removeJournal(own);
      return beside().stream()
          .filter(each -> each.role() == Role.PREVIOUS && each.operation().equals(operation))
          .findFirst()
          .orElse(null);
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  @Override
  public void swapBack(Beside state, String operation) {
    try {
      byte[] previous = names.of(Role.PREVIOUS, operation);
      byte[] own = ownName(state);
      Stat stat = liveStat();
      Journal journal = readJournal(previous);
      if (stat != null && identity(stat).equals(state.identity())) {
        writeJournal(own, state.identity(), state.note());
        byte[] replaced =
            journal != null
                ? locate(journal.identity)
                : parent.find(previous) == null ? null : previous;
        if (replaced == null) {
          steps.before("rename live to state");
          parent.rename(live, own);
        } else {
          requireExchangeable();
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
      List<Journal> journals = new ArrayList<>();
      for (Entry entry : entries) {
        byte[] name = names.journalOf(entry.name());
        Journal journal = name == null ? null : readJournal(name);
        if (journal != null) {
          journals.add(journal);
        }
      }
      List<Found> found = new ArrayList<>();
      for (Entry entry : entries) {
        SiblingNames.State state = names.state(entry.name());
        Stat stat = state == null ? null : parent.find(entry.name());
        if (state != null && stat != null && stat.isDirectory()) {
          found.add(found(entry.name(), state, stat, journals));
        }
      }
      found.sort(Comparator.comparing(Found::since));
      return found.stream().map(Found::beside).toList();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private record Found(Beside beside, Instant since) {}

  private static Found found(
      byte[] name, SiblingNames.State state, Stat stat, List<Journal> journals) {
    String identity = identity(stat);
    Journal journal = null;
    for (Journal each : journals) {
      // A journal's word counts more than a name, which may still be the other directory's. Of
      // several about one directory that under its own name counts, else the last.
      boolean better =
          journal == null
              || Arrays.equals(each.state, name)
              || (!Arrays.equals(journal.state, name) && each.written.isAfter(journal.written));
      if (each.identity.equals(identity) && better) {
        journal = each;
      }
    }
    Role role = journal == null ? state.role() : journal.role.role();
    String operation = journal == null ? state.operation() : journal.role.operation();
    return new Found(
        new Beside(
            role, operation, printable(name), identity, journal == null ? null : journal.note),
        journal == null ? stat.changed() : journal.written);
  }

  /** Where the directory of that identity is: live, beside, or nowhere (null). */
  private byte @Nullable [] locate(String identity) throws PosixException {
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
        remove(name, state.operation());
      }
      steps.before("remove the state's journal");
      removeJournal(names.of(state.role(), state.operation()));
      removeLeftovers();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  /** Renames first: half a directory must never be taken for a whole state. */
  private void remove(byte[] name, String operation) throws PosixException {
    byte[] dropped = names.dropped(operation);
    if (parent.find(dropped) != null) {
      TreeRemoval.remove(parent, dropped);
    }
    steps.before("rename state to dropped");
    parent.rename(name, dropped);
    steps.before("remove dropped");
    TreeRemoval.remove(parent, dropped);
    parent.sync();
  }

  /** Ends removals that were begun, and removes journals about nothing. */
  private void removeLeftovers() throws PosixException {
    List<Entry> entries = parent.list();
    for (Entry entry : entries) {
      if (names.isDropped(entry.name())) {
        TreeRemoval.remove(parent, entry.name());
      }
    }
    for (Entry entry : entries) {
      byte[] about = names.journalOf(entry.name());
      if (names.isUnfinishedJournal(entry.name())) {
        parent.remove(entry.name());
      }
      if (about != null) {
        Journal journal = readJournal(about);
        byte[] where = journal == null ? null : locate(journal.identity);
        if (where == null || Arrays.equals(where, live)) {
          removeJournal(about);
        }
      }
    }
  }

  /**
   * What a file beside a state says of it.
   *
   * @param state the state's name
   * @param role what the name stands for
   * @param identity the directory's, whatever name it has
   * @param written when
   */
  private record Journal(
      byte[] state,
      SiblingNames.State role,
      String identity,
      @Nullable String note,
      Instant written) {}

  private static final int MAX_JOURNAL = 64 << 20;

  /** Null if there is none, or none that was written to its end. */
  private @Nullable Journal readJournal(byte[] state) throws PosixException {
    byte[] name = SiblingNames.journal(state);
    SiblingNames.State role = names.state(state);
    Stat found = parent.find(name);
    if (role == null || found == null || !found.isFile() || found.size() > MAX_JOURNAL) {
      return null;
    }
    try (FileHandle file = parent.openForReading(name)) {
      byte[] bytes = new byte[(int) found.size()];
      int length = file.read(bytes, 0, bytes.length);
      JsonObject json = JsonObject.parse(Arrays.copyOf(bytes, length));
      return new Journal(
          state,
          role,
          json.string("identity"),
          json.optionalString("note"),
          Instant.parse(json.string("written")));
    } catch (JsonException | DateTimeParseException e) {
      throw new StetException(
          ErrorCode.FAILED,
          parent.path().resolve(name) + " is not a journal of Stet: " + e.getMessage(),
          "Move it away if it is not yours; without it the state is known by its name alone.",
          e);
    }
  }

  private void writeJournal(byte[] state, String identity, @Nullable String note)
      throws PosixException {
    byte[] name = SiblingNames.journal(state);
    byte[] unfinished = SiblingNames.unfinished(name);
    byte[] bytes =
        new JsonObject()
            .put("identity", identity)
            .put("written", Instant.now().toString())
            .putIfPresent("note", note)
            .toBytes();
    removeIfThere(unfinished);
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
    boolean removed = removeIfThere(SiblingNames.unfinished(name));
    removed |= removeIfThere(name);
    if (removed) {
      parent.sync();
    }
  }

  private boolean removeIfThere(byte[] name) throws PosixException {
    boolean there = parent.find(name) != null;
    if (there) {
      parent.remove(name);
    }
    return there;
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
   * The name that a state has when it lies beside the live one. Taken from its name rather than its
   * role, since who completes a swap after a crash may know no more than the name.
   */
  private byte[] ownName(Beside state) {
    SiblingNames.State named = SiblingNames.state(state.name());
    return names.of(named.role(), named.operation());
  }

  private static String printable(byte[] name) {
    return PosixPath.printable(name);
  }

  @Override
  public void close() {
    parent.close();
  }
}
