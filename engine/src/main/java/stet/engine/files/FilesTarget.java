package stet.engine.files;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
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
import stet.engine.posix.TreeSize;
import stet.repository.json.JsonException;

/**
 * A directory as a restore works on it: the live one, and the states that lie at its {@link Place}.
 *
 * <p>After an exchange the replaced state still has the other's name and gets its own by a second
 * rename. In between, the journals tell what is what: each names the identity of the state it is
 * about, and is written before that state moves.
 */
final class FilesTarget implements Target {
  private static final byte[] LOST_AND_FOUND = "lost+found".getBytes(StandardCharsets.US_ASCII);

  private final PosixPath path;
  private final Exclusions exclusions;
  private final Place place;
  private final SiblingNames names;
  private final Place.Steps steps;

  /** One of which backups leave nothing out. */
  FilesTarget(PosixPath path, Place.Steps steps) {
    this(path, Exclusions.NONE, steps);
  }

  /**
   * Opens the directory that {@code path} lies in.
   *
   * @param exclusions what backups leave out
   * @throws StetException if there is none
   */
  FilesTarget(PosixPath path, Exclusions exclusions, Place.Steps steps) {
    this.path = path;
    this.exclusions = exclusions;
    this.names = new SiblingNames(path.name());
    this.steps = steps;
    this.place = Place.of(path, steps);
  }

  static boolean isLostAndFound(byte[] name) {
    return Arrays.equals(name, LOST_AND_FOUND);
  }

  /** The directory of states, where there must be one. */
  private Directory parent() {
    return Objects.requireNonNull(place.states(), "there are no states");
  }

  private List<Entry> entries() throws PosixException {
    Directory states = place.states();
    return states == null ? List.of() : states.list();
  }

  @Override
  public Live live() {
    try {
      return new Live(place.live(), place.isEmpty(), "directory " + path);
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
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
      place.requireExchangeable();
      Directory parent = place.makeStates();
      requireFree(name);
      removeLeftovers();
      make(name);
      try {
        requireExchange(name, operation);
        place.furnish(name);
        writeJournal(name, place.identity(name), null, null);
        TreeRestore.restore(
            context, place.openContent(name), new Shortfalls(context.operation().progress()));
        String identity = Objects.requireNonNull(place.identity(name));
        String top = place.top(name);
        if (top != null) {
          writeJournal(name, identity, null, top);
        }
        parent.sync();
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
    if (parent().find(name) != null) {
      throw new StetException(
          ErrorCode.FAILED,
          parent().path().resolve(name) + " is there already",
          "Rename it if it is yours; `stet restore --abort` removes what a restore has left.");
    }
  }

  /** Makes an empty directory, announced first, so that it is known whenever this process dies. */
  private void make(byte[] name) throws PosixException {
    try {
      writeJournal(name, null, null, null);
      steps.before("make directory");
      parent().makeDirectory(name, 0700);
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
    parent().makeDirectory(other, 0700);
    try {
      steps.before("try to exchange");
      parent().exchange(name, other);
    } catch (PosixException e) {
      if (e.is(Errno.EINVAL, Errno.ENOSYS, Errno.EOPNOTSUPP)) {
        throw Place.cannotExchange("the file system of " + path + " cannot exchange directories");
      }
      throw e;
    }
    steps.before("remove directory to exchange");
    parent().removeDirectory(other);
  }

  private void discard(byte[] name, String operation, Throwable cause) {
    boolean interrupted = Thread.interrupted();
    try {
      remove(name, operation);
      removeLeftovers();
      place.tidy();
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
      if (!isThere(state.identity())) {
        throw gone(state);
      }
      byte[] name = names.of(state.role(), state.operation());
      Journal journal = readJournal(name);
      writeJournal(name, state.identity(), note, journal == null ? null : journal.text.top());
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private boolean isThere(String identity) throws PosixException {
    return identity.equals(place.live()) || locate(identity) != null;
  }

  @Override
  public void checkSwap(@Nullable Beside state, String operation) {
    try {
      place.requireExchangeable();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  @Override
  public boolean isPartlySwapped(Beside state) {
    try {
      byte[] name = locate(state.identity());
      return name != null && place.isPartlyExchanged(name);
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  /** The new journal is written first, and counts from the rename on. */
  @Override
  public Beside keep(Beside state, String note) {
    byte[] own = names.of(state.role(), state.operation());
    byte[] previous = names.of(Role.PREVIOUS, state.operation());
    try {
      byte[] name = locate(state.identity());
      if (name == null) {
        throw gone(state);
      }
      if (!Arrays.equals(name, previous)) {
        requireFree(previous);
        Journal journal = readJournal(own);
        writeJournal(previous, state.identity(), note, journal == null ? null : journal.text.top());
        steps.before("rename state to previous");
        parent().rename(name, previous);
        steps.before("sync rename");
        parent().sync();
      }
      steps.before("remove the state's journal");
      removeJournal(own);
      return new Beside(
          Role.PREVIOUS, state.operation(), printable(previous), state.identity(), note);
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
      String live = place.live();
      if (!state.identity().equals(live)) {
        byte[] name = locate(state.identity());
        if (name == null) {
          throw gone(state);
        }
        if (live == null) {
          place.putLive(name);
        } else {
          if (!Arrays.equals(name, previous)) {
            requireFree(previous);
          }
          writeJournal(previous, live, note, topAtFirst(previous, live));
          place.exchange(name);
        }
      }
      settleReplaced(previous);
      Journal journal = readJournal(own);
      String top = journal == null ? null : journal.text.top();
      place.setTop(top);
      renameReplaced(previous, previous);
      steps.before("remove the state's journal");
      removeJournal(own);
      place.setTop(top);
      return previousOf(operation);
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  /** What was live when a swap began, not what an exchange that died has left of it. */
  private @Nullable String topAtFirst(byte[] previous, String live) throws PosixException {
    Journal begun = readJournal(previous);
    return begun != null && begun.isAbout(live) ? begun.text.top() : place.top(null);
  }

  /** Where what a journal is about lies among the states, or null. */
  private byte @Nullable [] about(byte[] journalOf) throws PosixException {
    Journal journal = readJournal(journalOf);
    return journal == null ? null : locate(journal.text.identity());
  }

  /** Undoes a swap back that died on its way. */
  private void settleReplaced(byte[] previous) throws PosixException {
    byte[] replaced = about(previous);
    if (replaced != null) {
      place.settle(replaced);
    }
  }

  /** Gives the state that a journal is about its own name, unless that is taken. */
  private void renameReplaced(byte[] journalOf, byte[] to) throws PosixException {
    byte[] replaced = about(journalOf);
    if (replaced != null && parent().find(to) == null) {
      steps.before("rename replaced");
      parent().rename(replaced, to);
      steps.before("sync rename");
      parent().sync();
    }
  }

  private @Nullable Beside previousOf(String operation) {
    return beside().stream()
        .filter(each -> each.role() == Role.PREVIOUS && each.operation().equals(operation))
        .findFirst()
        .orElse(null);
  }

  private void putAside(byte[] previous, String note) throws PosixException {
    String live = place.live();
    if (live != null) {
      Directory states = place.makeStates();
      requireFree(previous);
      writeJournal(previous, live, note, place.top(null));
      place.putAside(previous);
      states.sync();
    }
  }

  private void putBack(byte[] previous) throws PosixException {
    byte[] replaced = about(previous);
    if (replaced != null && place.live() == null) {
      place.putLive(replaced);
    }
    if (parent().find(previous) == null) {
      steps.before("remove the previous state's journal");
      removeJournal(previous);
    }
  }

  @Override
  public void swapBack(@Nullable Beside state, String operation) {
    try {
      if (place.states() == null) {
        return;
      }
      byte[] previous = names.of(Role.PREVIOUS, operation);
      if (state == null) {
        putBack(previous);
        return;
      }
      byte[] own = names.of(state.role(), state.operation());
      Journal journal = readJournal(previous);
      if (state.identity().equals(place.live())) {
        Journal stored = readJournal(own);
        // What was not set yet is in the journal, the rest can be seen.
        String top = stored == null ? place.top(null) : stored.text.top();
        writeJournal(own, state.identity(), state.note(), top);
        byte[] replaced = journal == null ? null : locate(journal.text.identity());
        if (replaced == null) {
          place.putAside(own);
        } else {
          place.exchange(replaced);
        }
      }
      byte[] name = locate(state.identity());
      if (name == null) {
        return;
      }
      place.settle(name);
      String top = journal == null ? null : journal.text.top();
      place.setTop(top);
      if (!Arrays.equals(name, own)) {
        steps.before("rename replaced to state");
        parent().rename(name, own);
        steps.before("sync rename");
        parent().sync();
      }
      if (parent().find(previous) == null) {
        steps.before("remove the previous state's journal");
        removeJournal(previous);
        place.setTop(top);
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  @Override
  public List<Beside> beside() {
    try {
      List<Entry> entries = entries();
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
    String identity = names.state(name) == null ? null : place.identity(name);
    if (identity == null) {
      return null;
    }
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
        return place.isBlank(name) ? each : null;
      }
    }
    return null;
  }

  /** The name that the state of that identity has, or null if it is live or nowhere. */
  private byte @Nullable [] locate(@Nullable String identity) throws PosixException {
    if (identity == null) {
      return null;
    }
    for (Entry entry : entries()) {
      if (names.state(entry.name()) != null && identity.equals(place.identity(entry.name()))) {
        return entry.name();
      }
    }
    return null;
  }

  @Override
  public long size(Beside state) {
    try {
      byte[] name = locate(state.identity());
      return name == null ? 0 : TreeSize.measure(parent(), name);
    } catch (PosixException e) {
      return -1;
    }
  }

  @Override
  public List<String> leftBehind(Fate fate, @Nullable Beside state) {
    try {
      Directory tree = tree(state);
      String excluded = tree == null ? null : ExcludedEntries.describe(tree, exclusions);
      return tree == null || excluded == null
          ? List.of()
          : List.of(tell(fate, "directory " + tree.path(), excluded));
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  /** Opens a state, or for null what is live; null if it is not there. */
  private @Nullable Directory tree(@Nullable Beside state) throws PosixException {
    if (state == null) {
      return place.live() == null ? null : Directory.open(path);
    }
    byte[] name = locate(state.identity());
    return name == null ? null : place.openContent(name);
  }

  private static String tell(Fate fate, String directory, String excluded) {
    return switch (fate) {
      case TO_BE_REPLACED ->
          directory
              + " has what `exclude` keeps out of backups: "
              + excluded
              + "; the restored directory will not have it, and the replaced one is dropped when"
              + " restore.keep_previous has passed";
      case REPLACED ->
          directory
              + ", which was replaced, has what `exclude` keeps out of backups: "
              + excluded
              + "; copy back what is needed before it is dropped, when restore.keep_previous has"
              + " passed";
      case DROPPED ->
          directory + " was dropped with what `exclude` keeps out of backups: " + excluded;
    };
  }

  @Override
  public void drop(Beside state) {
    try {
      if (place.states() == null) {
        place.tidy();
        return;
      }
      if (state.identity().equals(place.live())) {
        throw new StetException(
            ErrorCode.REFUSED, path + " is live and is not dropped as a previous state", null);
      }
      byte[] name = locate(state.identity());
      if (name != null) {
        if (found(name, journals(entries())) == null) {
          throw new StetException(
              ErrorCode.REFUSED,
              parent().path().resolve(name) + " was not put there by Stet and is not dropped",
              null);
        }
        removeLeftovers();
        remove(name, state.operation());
      }
      removeLeftovers();
      place.tidy();
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
    parent().rename(name, names.dropped(operation));
    steps.before("remove dropped");
    place.remove(names.dropped(operation));
    parent().sync();
  }

  /** Ends removals that were begun, and removes journals about nothing. */
  private void removeLeftovers() throws PosixException {
    List<Entry> entries = entries();
    List<Journal> journals = journals(entries);
    for (Entry entry : entries) {
      removeDropped(entry.name(), journals);
      if (names.isUnfinishedJournal(entry.name())) {
        removeUnfinished(entry.name());
      }
    }
    for (Journal journal : journals) {
      boolean useful =
          locate(journal.text.identity()) != null
              || (parent().find(journal.state) != null
                  && announcement(journal.state, journals) != null);
      if (!useful) {
        steps.before("remove journal");
        removeJournal(journal.state);
      }
    }
  }

  /** Ends the removal of a directory that a journal is about, or that one announced. */
  private void removeDropped(byte[] name, List<Journal> journals) throws PosixException {
    String operation = names.droppedBy(name);
    String identity = operation == null ? null : place.identity(name);
    if (identity == null) {
      return;
    }
    if (place.isPrivate()) {
      place.remove(name);
      return;
    }
    for (Journal journal : journals) {
      if (journal.isAbout(identity)) {
        place.remove(name);
        parent().sync();
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
      parent().removeDirectory(name);
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
      StateJournal text = StateJournal.read(parent(), name);
      return text == null ? null : new Journal(state, role, text);
    } catch (JsonException e) {
      throw new StetException(
          ErrorCode.FAILED,
          parent().path().resolve(name) + " is not a journal of Stet: " + e.getMessage(),
          "Move it away if it is not yours; without it the directory is not known as a state.",
          e);
    }
  }

  private void writeJournal(
      byte[] state, @Nullable String identity, @Nullable String note, @Nullable String top)
      throws PosixException {
    byte[] name = SiblingNames.journal(state);
    byte[] unfinished = SiblingNames.unfinished(name);
    byte[] bytes = new StateJournal(identity, note, Instant.now(), top).toBytes();
    removeUnfinished(unfinished);
    steps.before("create journal");
    try (FileHandle file = parent().create(unfinished)) {
      parent().adopt(file);
      steps.before("write journal");
      file.writeAt(bytes, 0, bytes.length, 0);
      file.sync();
    }
    steps.before("rename journal");
    parent().replace(unfinished, name);
    steps.before("sync journal");
    parent().sync();
  }

  private void removeJournal(byte[] state) throws PosixException {
    byte[] name = SiblingNames.journal(state);
    removeUnfinished(SiblingNames.unfinished(name));
    if (parent().find(name) != null) {
      parent().remove(name);
      parent().sync();
    }
  }

  private void removeUnfinished(byte[] name) throws PosixException {
    if (StateJournal.isBegun(parent(), name)) {
      parent().remove(name);
    }
  }

  private StetException gone(Beside state) {
    return new StetException(
        ErrorCode.NOT_FOUND,
        "there is no directory "
            + parent().path().resolve(state.name())
            + " any more, nor its like under another name",
        "Run stet previous list to see what is there.");
  }

  private static String printable(byte[] name) {
    return PosixPath.printable(name);
  }

  @Override
  public void close() {
    place.close();
  }
}
