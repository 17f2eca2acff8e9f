package stet.engine.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Progress;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.engine.posix.TreeRemoval;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

/**
 * States inside a live directory that cannot be renamed: a mount point, or one in a directory that
 * may not be written to. They lie in {@code .stet-restore}, which captures leave out and only its
 * owner may enter:
 *
 * <pre>
 * .stet-restore/anchor                                  the mark of Stet, and the live state's identity
 * .stet-restore/media.previous-1a2b3c4d/anchor          that state's identity
 * .stet-restore/media.previous-1a2b3c4d/tree/…          its entries
 * .stet-restore/media.previous-1a2b3c4d.journal
 * </pre>
 *
 * <p>An exchange moves entry by entry, so that each name is there at every instant, and then
 * exchanges the anchors, which is the one step that makes it true. Before the first entry moves,
 * the inodes of those that are to come in are stored; so wherever the exchange dies, each entry
 * shows where it belongs, and it can be finished or undone.
 */
final class InnerPlace extends Place {
  private static final byte[] HOLDER = name(".stet-restore");
  private static final byte[] ANCHOR = name("anchor");
  private static final byte[] TREE = name("tree");
  private static final byte[] INCOMING = name("incoming");
  private static final byte[] UNFINISHED = name("incoming.new");
  private static final int MAX_SIZE = 1 << 30;

  private final Directory live;
  private @Nullable Directory states;

  private static byte[] name(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * @param live the live directory, which is closed with the place
   */
  InnerPlace(PosixPath path, Directory live, Steps steps) throws PosixException {
    super(path, steps);
    this.live = live;
    try {
      this.states = isIn(live) ? live.openDirectory(HOLDER) : null;
    } catch (PosixException | RuntimeException e) {
      live.close();
      throw e;
    }
  }

  /** Whether an entry is the directory of states of the directory it lies in. */
  static boolean isHolder(Directory directory, byte[] entry) throws PosixException {
    return Arrays.equals(entry, HOLDER) && isIn(directory);
  }

  /** Whether states lie inside a directory. The anchor is what proves that Stet put them there. */
  static boolean isIn(Directory directory) throws PosixException {
    Stat stat = directory.find(HOLDER);
    if (stat == null || !stat.isDirectory()) {
      return false;
    }
    try (Directory holder = directory.openDirectory(HOLDER)) {
      return StateJournal.isBegun(holder, ANCHOR);
    } catch (PosixException e) {
      if (e.is(Errno.EACCES)) {
        // Its owner's alone; who may not look into it cannot restore here either.
        return false;
      }
      throw e;
    }
  }

  @Override
  @Nullable Directory states() {
    return states;
  }

  private Directory opened() {
    return Objects.requireNonNull(states, "there is no state here");
  }

  @Override
  Directory makeStates() throws PosixException {
    if (states != null) {
      return states;
    }
    Stat before = live.stat();
    if (live.find(HOLDER) == null) {
      steps.before("make directory of states");
      makeHolder();
    }
    Directory holder = live.openDirectory(HOLDER);
    try {
      if (!holder.isEmpty()) {
        throw new StetException(
            ErrorCode.REFUSED,
            live.path().resolve(HOLDER) + " is there already and not Stet's",
            "Rename it; Stet needs the name to keep restored and replaced files.");
      }
      live.adopt(holder);
      anchor(holder);
      setTimes(before.modified());
      live.sync();
    } catch (PosixException | RuntimeException e) {
      holder.close();
      throw e;
    }
    states = holder;
    return holder;
  }

  private void makeHolder() throws PosixException {
    try {
      live.makeDirectory(HOLDER, 0700);
    } catch (PosixException e) {
      if (e.is(Errno.EACCES, Errno.EPERM, Errno.EROFS)) {
        throw new StetException(
            ErrorCode.SOURCE,
            e.getMessage(),
            path + " must be writable; or restore elsewhere with --to-dir.",
            e);
      }
      throw e;
    }
  }

  private void anchor(Directory directory) throws PosixException {
    steps.before("create anchor");
    StateJournal.write(
        directory, ANCHOR, new StateJournal(null, null, Instant.now(), null).toBytes());
  }

  @Override
  void tidy() throws PosixException {
    Directory holder = states;
    Stat before = live.stat();
    if (holder == null) {
      if (!isEmptyHolder(live)) {
        return;
      }
    } else if (holder.list().size() == 1) {
      steps.before("remove live anchor");
      holder.remove(ANCHOR);
      holder.close();
      states = null;
    } else {
      return;
    }
    steps.before("remove directory of states");
    live.removeDirectory(HOLDER);
    setTimes(before.modified());
  }

  /**
   * Whether there is what a process leaves that dies before it has made or after it has removed the
   * anchor.
   */
  private static boolean isEmptyHolder(Directory directory) throws PosixException {
    Stat stat = directory.find(HOLDER);
    if (stat == null || !stat.isDirectory() || stat.permissions() != 0700) {
      return false;
    }
    try (Directory holder = directory.openDirectory(HOLDER)) {
      return holder.isEmpty();
    }
  }

  @Override
  String live() throws PosixException {
    Stat anchor = states == null ? null : states.find(ANCHOR);
    return identity(anchor == null ? live.stat() : anchor);
  }

  @Override
  @Nullable String identity(byte[] name) throws PosixException {
    Stat stat = opened().find(name);
    if (stat == null || !stat.isDirectory()) {
      return null;
    }
    try (Directory state = opened().openDirectory(name)) {
      Stat anchor = state.find(ANCHOR);
      return identity(anchor == null ? stat : anchor);
    }
  }

  @Override
  boolean isEmpty() throws PosixException {
    return entries(live).isEmpty();
  }

  /** The names of what belongs to a state; {@code lost+found} belongs to the file system. */
  private Set<byte[]> entries(Directory directory) throws PosixException {
    Set<byte[]> names = new TreeSet<>(Arrays::compareUnsigned);
    for (Entry entry : directory.list()) {
      if (!Arrays.equals(entry.name(), HOLDER) && !FilesTarget.isLostAndFound(entry.name())) {
        names.add(entry.name());
      }
    }
    return names;
  }

  @Override
  void requireExchangeable() throws PosixException {
    PosixPath real = live.realPath();
    List<PosixPath> mounts;
    try {
      mounts = Mounts.within(real);
    } catch (IOException e) {
      mounts = List.of();
    }
    for (PosixPath mount : mounts) {
      if (!mount.equals(real)) {
        throw cannotExchange("a file system is mounted at " + mount + ", inside " + path);
      }
    }
    requireMovable(live);
  }

  /** A directory moves only if it may be written to, because of the {@code ..} in it. */
  private void requireMovable(Directory directory) throws PosixException {
    if (Accounts.self() == 0) {
      return;
    }
    for (byte[] name : entries(directory)) {
      Stat stat = directory.stat(name);
      if (stat.isDirectory() && !directory.isWritable(name)) {
        throw new StetException(
            ErrorCode.SOURCE,
            directory.path().resolve(name)
                + " may not be written to by this user, and so cannot be moved",
            "Run Stet as its owner or root, or restore elsewhere with --to-dir.");
      }
    }
  }

  @Override
  void furnish(byte[] name) throws PosixException {
    try (Directory state = opened().openDirectory(name)) {
      opened().adopt(state);
      anchor(state);
      steps.before("make directory for the tree");
      state.makeDirectory(TREE, 0700);
      state.sync();
    }
  }

  @Override
  boolean isBlank(byte[] name) throws PosixException {
    try (Directory state = opened().openDirectory(name)) {
      for (Entry entry : state.list()) {
        if (Arrays.equals(entry.name(), TREE)) {
          try (Directory tree = state.openDirectory(TREE)) {
            if (!tree.isEmpty()) {
              return false;
            }
          }
        } else if (!Arrays.equals(entry.name(), ANCHOR)) {
          return false;
        }
      }
      return true;
    }
  }

  @Override
  boolean isPrivate() {
    return true;
  }

  @Override
  Directory openContent(byte[] name) throws PosixException {
    try (Directory state = opened().openDirectory(name)) {
      return state.openDirectory(TREE);
    }
  }

  @Override
  String top(byte @Nullable [] name) throws PosixException {
    if (name == null) {
      return describe(live);
    }
    try (Directory tree = openContent(name)) {
      if (tree.find(HOLDER) != null && !isEmptyHolder(tree)) {
        throw new StetException(
            ErrorCode.REFUSED,
            "the snapshot has an entry "
                + PosixPath.printable(HOLDER)
                + ", a name that Stet needs in "
                + path,
            "Restore into another directory with --to-dir and move the files.");
      }
      requireMovable(tree);
      return describe(tree);
    }
  }

  private static String describe(Directory directory) throws PosixException {
    Stat stat = directory.stat();
    Node node =
        new Node(
            name("top"),
            NodeType.DIRECTORY,
            stat.permissions(),
            stat.modified(),
            stat.modified(),
            stat.changed(),
            stat.uid(),
            stat.gid(),
            "",
            "",
            0,
            0,
            0,
            0,
            null,
            Xattrs.read(directory),
            0,
            List.of(),
            null);
    return new String(Tree.encode(List.of(node)), StandardCharsets.UTF_8);
  }

  @Override
  void setTop(@Nullable String top) throws PosixException {
    if (top == null) {
      return;
    }
    Node node = Tree.decode(top.getBytes(StandardCharsets.UTF_8)).getFirst();
    steps.before("set the live directory's metadata");
    // What the other state's directory had and this one has not would stay.
    live.removeAttribute(Xattrs.DEFAULT_ACL);
    live.removeAttribute(Xattrs.ACCESS_ACL);
    // Whatever cannot be set was told when the state was verified.
    new Metadata(new Shortfalls(Progress.NONE)).apply(live, node, 0);
    live.sync();
  }

  private void setTimes(Instant modified) throws PosixException {
    try {
      live.setTimes(modified, modified);
    } catch (PosixException e) {
      if (!e.is(Errno.EPERM, Errno.EACCES)) {
        throw e;
      }
    }
  }

  /**
   * What an exchange that has begun has stored with the state.
   *
   * @param inodes those of the entries that come from the state
   */
  private record Incoming(Set<Long> inodes) {}

  /** Null if no exchange with the state has begun, or if the last one was completed. */
  private @Nullable Incoming begun(Directory state) throws PosixException {
    Stat stat = state.find(INCOMING);
    if (stat == null || stat.size() > MAX_SIZE) {
      return null;
    }
    try (FileHandle file = state.openForReading(INCOMING)) {
      byte[] bytes = new byte[(int) stat.size()];
      JsonObject json = JsonObject.parse(Arrays.copyOf(bytes, file.read(bytes, 0, bytes.length)));
      if (!json.string("anchor").equals(identity(state.stat(ANCHOR)))) {
        return null;
      }
      Set<Long> inodes = new HashSet<>();
      if (json.get("inodes") instanceof List<?> list) {
        list.forEach(inode -> inodes.add((Long) inode));
      }
      return new Incoming(inodes);
    } catch (JsonException e) {
      throw new StetException(
          ErrorCode.FAILED,
          state.path().resolve(INCOMING) + " is damaged: " + e.getMessage(),
          "Of an exchange that died, it said what belongs where; look into "
              + state.path()
              + " and "
              + path
              + " yourself.",
          e);
    }
  }

  private Incoming begin(Directory state, Directory tree) throws PosixException {
    Set<Long> inodes = new TreeSet<>();
    for (byte[] name : entries(tree)) {
      inodes.add(tree.stat(name).inode());
    }
    byte[] bytes =
        new JsonObject()
            .put("stet", "incoming")
            .put("anchor", identity(state.stat(ANCHOR)))
            .put("inodes", List.copyOf(inodes))
            .toBytes();
    steps.before("store what comes in");
    if (state.find(UNFINISHED) != null) {
      state.remove(UNFINISHED);
    }
    StateJournal.write(state, UNFINISHED, bytes);
    state.replace(UNFINISHED, INCOMING);
    state.sync();
    return new Incoming(inodes);
  }

  @Override
  void exchange(byte[] name) throws PosixException {
    requireExchangeable();
    try (Directory state = opened().openDirectory(name);
        Directory tree = state.openDirectory(TREE)) {
      Incoming incoming = begun(state);
      if (incoming == null) {
        incoming = begin(state, tree);
      }
      move(tree, incoming, true);
      live.sync();
      tree.sync();
      steps.before("exchange anchors");
      opened().exchange(ANCHOR, state, ANCHOR);
      steps.before("sync");
      opened().sync();
      state.sync();
    }
  }

  @Override
  boolean isPartlyExchanged(byte[] name) throws PosixException {
    try (Directory state = opened().openDirectory(name)) {
      return state.find(ANCHOR) != null && begun(state) != null;
    }
  }

  @Override
  void settle(byte[] name) throws PosixException {
    try (Directory state = opened().openDirectory(name)) {
      Incoming incoming = state.find(ANCHOR) == null ? null : begun(state);
      if (incoming == null) {
        return;
      }
      try (Directory tree = state.openDirectory(TREE)) {
        move(tree, incoming, false);
        live.sync();
        tree.sync();
      }
      steps.before("remove what was to come in");
      state.remove(INCOMING);
      state.sync();
    }
  }

  /**
   * Moves what is not where it belongs.
   *
   * @param in whether what is incoming belongs into the live directory, and all else out of it
   */
  private void move(Directory tree, Incoming incoming, boolean in) throws PosixException {
    Set<byte[]> names = entries(live);
    names.addAll(entries(tree));
    for (byte[] name : names) {
      Stat here = live.find(name);
      Stat there = tree.find(name);
      boolean leaves = here != null && incoming.inodes.contains(here.inode()) != in;
      boolean comes = there != null && incoming.inodes.contains(there.inode()) == in;
      if (leaves && comes) {
        steps.before("exchange an entry");
        live.exchange(name, tree, name);
      } else if (leaves && there == null) {
        steps.before("move an entry out");
        live.move(name, tree, name);
      } else if (comes && here == null) {
        steps.before("move an entry in");
        tree.move(name, live, name);
      }
      // Else somebody has made another of that name since; it is his, and stays.
    }
  }

  @Override
  void putLive(byte[] name) {
    throw new IllegalStateException("something is always live in " + path);
  }

  @Override
  void putAside(byte[] name) {
    throw new StetException(
        ErrorCode.SOURCE,
        path
            + " cannot be put aside, because it is a mount point or in a directory that may not be"
            + " written to",
        "Unmount it, or run Stet as a user that may write there.");
  }

  @Override
  void remove(byte[] name) throws PosixException {
    try (Directory state = opened().openDirectory(name)) {
      if (state.find(TREE) != null) {
        TreeRemoval.remove(state, TREE);
      }
    }
    TreeRemoval.remove(opened(), name);
  }

  @Override
  public void close() {
    if (states != null) {
      states.close();
    }
    live.close();
  }
}
