package stet.engine.files;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Progress;
import stet.engine.files.FilesSettings.OnChange;
import stet.engine.files.FilesSettings.OnUnreadable;
import stet.engine.files.Folders.Folder;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.TreeEncoder;
import stet.repository.tree.Xattr;

/**
 * One capture of a directory tree.
 *
 * <p>The calling thread walks depth first and hands what is not a directory to the workers in
 * batches; whoever finishes the last piece of a directory saves its tree and fills its node into
 * the directory above. So what is in memory are the directories on the way from the top to where
 * the walk is, and those whose batches are still under way, which the workers' queue bounds.
 */
final class TreeCapture {
  private static final int BATCH = 64;

  /** From here on a file's place in a batch is not worth waiting for. */
  private static final long LARGE = 4 << 20;

  /** What an entry takes in a tree, if its name is not unusually long. */
  private static final int ENTRY_BYTES = 384;

  /** Nodes, then JSON, and that compressed, sealed, and decompressed again for a check. */
  private static final int TREE_COPIES = 3;

  private static final int ATTEMPTS = 5;
  private static final long FIRST_PAUSE_MILLIS = 20;

  /** Reading such a file five times over would cost more than its change is worth. */
  private static final long TOO_LARGE_TO_TRY_OFTEN = 1L << 30;

  /**
   * How much older than the last capture a change must be to be trusted as seen by it. Of the
   * stores through a memory map only the first sets a file's times until the kernel writes the page
   * back, which it begins within 35 seconds: later ones may have come after the capture. It is also
   * more than the coarsest clock of a file system (FAT counts in two seconds), the kernel's lag
   * behind the wall clock, and small differences between a file server's clock and ours.
   */
  private static final Duration DOUBT = Duration.ofSeconds(60);

  private final CaptureContext context;
  private final FilesSettings settings;
  private final Workers workers;
  private final Folders folders;
  private final Progress progress;
  private final Accounts accounts = new Accounts();
  private final HardLinks links = new HardLinks();
  private final SparseFiles sparse = SparseFiles.empty();
  private final Incomplete incomplete;
  private final ContentWriter content;
  private final Expectation expectation;

  /** Changes from then on may have escaped the parent's capture; null if there is no parent. */
  private final @Nullable Instant trusted;

  private final Counts counts = new Counts();
  private volatile @Nullable Node result;

  private static final class Counts {
    final LongAdder files = new LongAdder();
    final LongAdder directories = new LongAdder();
    final LongAdder symlinks = new LongAdder();
    final LongAdder specials = new LongAdder();
    final LongAdder sockets = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final LongAdder unchanged = new LongAdder();
    final LongAdder excluded = new LongAdder();
  }

  /** A directory that is being captured. */
  private final class Level implements Absence.Holder {
    final @Nullable Level parent;

    /** Where its node goes in the nodes of the directory above. */
    final int slot;

    final Folder folder;
    final PosixPath path;
    final Stat stat;
    final List<Xattr> xattrs;
    final List<Entry> entries;

    /** By entry; null for what is left out. */
    final @Nullable Node[] nodes;

    PreviousDirectory previous;

    /** The names from the top to here, as patterns want them; empty if there are no patterns. */
    final List<int[]> names;

    /** Indexes of the entries that are directories, and the next of these to walk. */
    final int[] children;

    int nextChild;

    /** Pieces still to be done, of which the walk itself is one. */
    final AtomicInteger pending = new AtomicInteger(1);

    final Absences absences;

    private final AtomicBoolean replaced = new AtomicBoolean();

    Level(
        @Nullable Level parent,
        int slot,
        Folder folder,
        PosixPath path,
        Stat stat,
        List<Xattr> xattrs,
        List<Entry> entries,
        int[] children,
        PreviousDirectory previous,
        List<int[]> names) {
      this.parent = parent;
      this.slot = slot;
      this.folder = folder;
      this.path = path;
      this.stat = stat;
      this.xattrs = xattrs;
      this.entries = entries;
      this.children = children;
      this.previous = previous;
      this.names = names;
      this.nodes = new @Nullable Node[entries.size()];
      this.absences = new Absences(this, entries.size());
    }

    @Override
    public @Nullable Level above() {
      return parent;
    }

    @Override
    public byte[] name() {
      return parent == null ? new byte[0] : parent.entries.get(slot).name();
    }

    @Override
    public boolean is(Stat found) {
      return stat.sameEntry(found);
    }

    @Override
    public @Nullable Stat find(byte[] name) throws PosixException {
      try (Folders.Use use = folders.use(folder)) {
        return use.directory().find(name);
      }
    }

    /** Opens it anew, as several threads may do so at once, and a file server is asked then. */
    @Override
    public List<Entry> list() throws PosixException {
      try (Folders.Use use = folders.use(folder);
          Directory again = use.directory().openDirectory(new byte[] {'.'})) {
        return again.list();
      }
    }

    @Override
    public void replaced() {
      if (replaced.compareAndSet(false, true)) {
        changedAfterAll(
            path,
            new Attempt.Changed("was replaced by another directory during the capture", null));
      }
    }
  }

  private TreeCapture(
      CaptureContext context, FilesSettings settings, Workers workers, Folders folders) {
    this.context = context;
    this.settings = settings;
    this.workers = workers;
    this.folders = folders;
    this.progress = context.operation().progress();
    this.incomplete = new Incomplete(progress);
    this.content = new ContentWriter(context.sink(), context.polynomial(), workers, progress);
    JsonObject manifest = context.parentManifest();
    Instant parentStarted = context.parentStarted();
    this.trusted = parentStarted == null ? null : parentStarted.minus(DOUBT);
    this.expectation =
        new Expectation(progress, manifest == null ? 0 : FilesManifest.bytes(manifest));
  }

  /**
   * Captures a directory.
   *
   * @param name the component's name, which its node gets
   * @param root the open directory, which is closed in the end
   */
  static Captured capture(
      CaptureContext context, FilesSettings settings, String name, Directory root) {
    try (Folders folders = new Folders();
        Workers workers = new Workers("stet-capture", context.operation().workers())) {
      return new TreeCapture(context, settings, workers, folders).run(name, folders.top(root));
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private Captured run(String name, Folder top) throws PosixException {
    Deque<Level> path = new ArrayDeque<>();
    path.push(enter(null, 0, top, context.parent(), List.of()));
    while (!path.isEmpty()) {
      workers.check();
      Level level = path.getFirst();
      if (level.nextChild < level.children.length) {
        Level inner = child(level, level.children[level.nextChild++]);
        if (inner != null) {
          path.push(inner);
        }
      } else {
        path.pop();
        done(level);
      }
    }
    workers.await();
    expectation.end();
    Node node = Objects.requireNonNull(result, "the walk ended without the top's node");
    return new Captured(node.named(name.getBytes(StandardCharsets.UTF_8)), manifest());
  }

  private JsonObject manifest() {
    JsonObject manifest =
        new JsonObject()
            .put(FilesManifest.PATH, settings.path().toString())
            .put(FilesManifest.EXCLUDE, settings.patterns())
            .put(FilesManifest.FILES, counts.files.sum())
            .put(FilesManifest.DIRECTORIES, counts.directories.sum())
            .put(FilesManifest.SYMLINKS, counts.symlinks.sum())
            .put(FilesManifest.SPECIALS, counts.specials.sum())
            .put(FilesManifest.SOCKETS, counts.sockets.sum())
            .put(FilesManifest.EXCLUDED, counts.excluded.sum())
            .put(FilesManifest.BYTES, counts.bytes.sum())
            .put(FilesManifest.UNCHANGED, counts.unchanged.sum())
            .putIfPresent(FilesManifest.SPARSE, sparse.listed());
    List<String> skipped = incomplete.listed();
    return skipped.isEmpty() ? manifest : manifest.put(FilesManifest.SKIPPED, skipped);
  }

  /** Opens a directory, lists it, and hands out what is not a directory. */
  private Level enter(
      @Nullable Level parent, int slot, Folder folder, @Nullable Node before, List<int[]> names)
      throws PosixException {
    try (Folders.Use use = folders.use(folder)) {
      Directory directory = use.directory();
      Stat stat = directory.stat();
      List<Xattr> xattrs = Xattrs.read(directory);
      List<Entry> entries = new ArrayList<>();
      int[] children = new int[16];
      int childCount = 0;
      List<Entry> all = directory.list();
      for (Entry entry : all) {
        boolean isDirectory =
            switch (entry.type()) {
              case DIRECTORY -> true;
              case FILE, OTHER -> false;
              case UNKNOWN -> {
                Stat found = directory.find(entry.name());
                yield found != null && found.isDirectory();
              }
            };
        if (isLeftOut(directory, all, names, entry, isDirectory)) {
          continue;
        }
        if (isDirectory) {
          if (childCount == children.length) {
            children = Arrays.copyOf(children, 2 * childCount);
          }
          children[childCount++] = entries.size();
        }
        entries.add(entry);
      }
      PreviousDirectory previous = PreviousDirectory.load(context.source(), before, progress);
      Level level =
          new Level(
              parent,
              slot,
              folder,
              directory.path(),
              stat,
              xattrs,
              entries,
              Arrays.copyOf(children, childCount),
              previous,
              names);
      submitBatches(level);
      return level;
    }
  }

  private boolean isLeftOut(
      Directory directory, List<Entry> all, List<int[]> names, Entry entry, boolean isDirectory)
      throws PosixException {
    byte[] name = entry.name();
    if (isDirectory
        ? isState(directory, all, name) || InnerPlace.isHolder(directory, name)
        : isJournal(directory, name)) {
      progress.detail(directory.path().resolve(name) + " is Stet's own and left out");
      return true;
    }
    if (settings.exclusions().isEmpty()) {
      return false;
    }
    boolean excluded = settings.exclusions().excludes(below(names, name), isDirectory);
    if (excluded) {
      counts.excluded.increment();
    }
    return excluded;
  }

  private static boolean isState(Directory directory, List<Entry> all, byte[] name)
      throws PosixException {
    Stat stat = SiblingNames.isOwnDirectory(name) ? directory.find(name) : null;
    return stat != null && StateJournal.identities(directory, all).contains(Place.identity(stat));
  }

  private static boolean isJournal(Directory directory, byte[] name) throws PosixException {
    return SiblingNames.isOwnFile(name) && StateJournal.find(directory, name) != null;
  }

  private static List<int[]> below(List<int[]> names, byte[] name) {
    List<int[]> path = new ArrayList<>(names.size() + 1);
    path.addAll(names);
    path.add(Glob.characters(name));
    return path;
  }

  private void submitBatches(Level level) {
    int[] others = new int[level.entries.size() - level.children.length];
    int count = 0;
    int child = 0;
    for (int i = 0; i < level.entries.size(); i++) {
      if (child < level.children.length && level.children[child] == i) {
        child++;
      } else {
        others[count++] = i;
      }
    }
    for (int from = 0; from < count; from += BATCH) {
      Batch batch = new Batch(level, others, from, Math.min(from + BATCH, count));
      level.pending.incrementAndGet();
      workers.submit(batch);
    }
  }

  /** Goes down; null if the entry turns out not to be there, or not to be a directory. */
  private @Nullable Level child(Level level, int index) throws PosixException {
    byte[] name = level.entries.get(index).name();
    List<int[]> names = settings.exclusions().isEmpty() ? List.of() : below(level.names, name);
    for (boolean again = false; ; again = true) {
      Folder folder = folders.inside(level.folder, name);
      try {
        Level inner = enter(level, index, folder, level.previous.find(name), names);
        level.pending.incrementAndGet();
        return inner;
      } catch (PosixException e) {
        folders.finish(folder);
        if (e.is(Errno.ENOTDIR, Errno.ELOOP)) {
          // It became something else since it was listed.
          level.pending.incrementAndGet();
          workers.submit(new Batch(level, new int[] {index}, 0, 1));
          return null;
        }
        if (!Absence.isPossible(e)) {
          unreadable(e);
          return null;
        }
        if (stillThere(level, List.of(new Missed(index, e))).isEmpty()) {
          return null;
        }
        if (again) {
          unreachable(e);
          return null;
        }
      }
    }
  }

  /** An entry that may be gone, by how it failed. */
  private record Missed(int index, PosixException failure) {}

  /** Those that are not gone. */
  private List<Missed> stillThere(Level level, List<Missed> missed) {
    return level.absences.stillThere(absence -> stillThere(level, missed, absence));
  }

  private List<Missed> stillThere(Level level, List<Missed> missed, Absence absence) {
    List<Missed> there = new ArrayList<>();
    for (Missed each : missed) {
      try {
        if (absence.isGone(level.entries.get(each.index).name())) {
          vanished(each.failure);
        } else {
          there.add(each);
        }
      } catch (PosixException e) {
        unreadable(e);
      }
    }
    return there;
  }

  /** Part of a directory's entries, for one worker. */
  private final class Batch implements Workers.Work {
    private final Level level;
    private final int[] indexes;
    private int next;
    private int end;

    Batch(Level level, int[] indexes, int from, int end) {
      this.level = level;
      this.indexes = indexes;
      this.next = from;
      this.end = end;
    }

    @Override
    public void run() throws Exception {
      List<Missed> missed = new ArrayList<>();
      try (Folders.Use use = folders.use(level.folder)) {
        while (next < end) {
          workers.check();
          take(use.directory(), indexes[next++], missed);
        }
        if (!missed.isEmpty()) {
          takeAgain(use.directory(), missed);
        }
      } catch (PosixException e) {
        directoryFailed(e);
      }
      done(level);
    }

    private void take(Directory directory, int index, List<Missed> missed) throws Exception {
      try {
        level.nodes[index] = entry(directory, level.entries.get(index));
      } catch (PosixException e) {
        if (Absence.isPossible(e)) {
          missed.add(new Missed(index, e));
        } else {
          unreadable(e);
        }
      }
    }

    /** Looks once more at what is not gone, as it may have been removed and made anew. */
    private void takeAgain(Directory directory, List<Missed> missed) throws Exception {
      List<Missed> there = stillThere(level, missed);
      if (there.isEmpty()) {
        return;
      }
      Thread.sleep(FIRST_PAUSE_MILLIS);
      List<Missed> again = new ArrayList<>();
      for (Missed each : there) {
        take(directory, each.index, again);
      }
      stillThere(level, again).forEach(each -> unreachable(each.failure));
    }

    /** The directory cannot be opened again, so nothing of what is left can be reached. */
    private void directoryFailed(PosixException failure) {
      try {
        if (Absence.isPossible(failure)) {
          if (new Absence(level).isGone(failure)) {
            vanished(failure);
          } else {
            unreachable(failure);
          }
        } else {
          unreadable(failure);
        }
      } catch (PosixException e) {
        unreadable(e);
      }
    }

    private @Nullable Node entry(Directory directory, Entry entry) throws Exception {
      byte[] name = entry.name();
      Node before = level.previous.find(name);
      // What is new and said to be a file will have to be opened anyway.
      Stat stat = before == null && entry.type() == Entry.Type.FILE ? null : directory.stat(name);
      for (int attempt = 0; ; attempt++) {
        Attempt outcome = attempt(directory, name, stat, before);
        switch (outcome) {
          case Attempt.Taken taken -> {
            return taken.node;
          }
          case Attempt.Changed changed -> {
            // Throws if it is not there any more, which is no failure, whatever the policy.
            directory.stat(name);
            long size = changed.node == null ? 0 : changed.node.size();
            int attempts = size > TOO_LARGE_TO_TRY_OFTEN ? 2 : ATTEMPTS;
            if (settings.onChange() == OnChange.FAIL || attempt + 1 >= attempts) {
              return changedAfterAll(directory.path().resolve(name), changed);
            }
          }
        }
        Thread.sleep(FIRST_PAUSE_MILLIS << attempt);
        stat = directory.stat(name);
      }
    }

    private Attempt attempt(
        Directory directory, byte[] name, @Nullable Stat stat, @Nullable Node before)
        throws Exception {
      if (stat == null || stat.isFile()) {
        if (stat != null && before != null && isUnchanged(stat, before)) {
          return new Attempt.Taken(unchanged(name, stat, before));
        }
        return file(directory, name);
      }
      if (stat.isDirectory()) {
        return new Attempt.Changed("became a directory during the capture", null);
      }
      if (stat.isSocket()) {
        counts.sockets.increment();
        progress.detail(directory.path().resolve(name) + " is a socket and not captured");
        return new Attempt.Taken(null);
      }
      List<Xattr> xattrs = Xattrs.read(directory, name);
      if (stat.isSymlink()) {
        byte[] target;
        try {
          target = directory.readLink(name);
        } catch (PosixException e) {
          if (e.is(Errno.EINVAL)) {
            return new Attempt.Changed("was replaced during the capture", null);
          }
          throw e;
        }
        counts.symlinks.increment();
        return new Attempt.Taken(
            node(name, NodeType.SYMLINK, stat, xattrs, 0, List.of(), target, null));
      }
      NodeType type =
          stat.isFifo()
              ? NodeType.FIFO
              : stat.isBlockDevice() ? NodeType.BLOCK_DEVICE : NodeType.CHARACTER_DEVICE;
      counts.specials.increment();
      return new Attempt.Taken(node(name, type, stat, xattrs, 0, List.of(), null, null));
    }

    private Attempt file(Directory directory, byte[] name) throws Exception {
      try (FileHandle file = directory.openForReading(name)) {
        Stat stat = file.stat();
        if (!stat.isFile()) {
          return new Attempt.Changed("was replaced during the capture", null);
        }
        if (stat.links() <= 1) {
          return read(file, name, stat);
        }
        Attempt[] read = new Attempt[1];
        Node node =
            links.once(
                stat,
                name,
                () -> {
                  read[0] = read(file, name, stat);
                  return read[0] instanceof Attempt.Taken taken ? taken.node : null;
                });
        if (read[0] != null) {
          return read[0];
        }
        expectation.found(stat.size());
        progress.advance(stat.size());
        counted(stat.size());
        return new Attempt.Taken(node);
      } catch (PosixException e) {
        if (e.is(Errno.ELOOP, Errno.ENXIO)) {
          return new Attempt.Changed("was replaced during the capture", null);
        }
        throw e;
      }
    }

    private Attempt read(FileHandle file, byte[] name, Stat before) throws Exception {
      expectation.found(before.size());
      if (before.size() >= LARGE) {
        handOver();
      }
      ContentWriter.Content read = content.write(file, before.size(), SparseFiles.isSparse(before));
      List<Xattr> xattrs = Xattrs.read(file);
      Stat after = file.stat();
      Node node = node(name, NodeType.FILE, before, xattrs, read.size(), read.blobs(), null, null);
      if (read.size() != before.size() || !before.sameContent(after)) {
        return new Attempt.Changed("changed while it was read", node);
      }
      sparse.note(before);
      counted(read.size());
      return new Attempt.Taken(node);
    }

    /** Lets another worker have the rest, if one is free. */
    private void handOver() {
      if (next < end) {
        level.pending.incrementAndGet();
        if (workers.offer(new Batch(level, indexes, next, end))) {
          end = next;
        } else {
          level.pending.decrementAndGet();
        }
      }
    }
  }

  /** How one look at an entry came out. */
  private sealed interface Attempt {
    /** The entry's node, or null if it is not to be captured. */
    record Taken(@Nullable Node node) implements Attempt {}

    /**
     * It was not the same before and after.
     *
     * @param what what happened, following its path in a sentence
     * @param node what was read, or null if it could not be read at all
     */
    record Changed(String what, @Nullable Node node) implements Attempt {}
  }

  private @Nullable Node changedAfterAll(PosixPath path, Attempt.Changed changed) {
    return switch (settings.onChange()) {
      case WARN -> {
        incomplete.add(path + " " + changed.what);
        if (changed.node != null) {
          counted(changed.node.size());
        }
        yield changed.node;
      }
      case RETRY, FAIL ->
          throw new StetException(
              ErrorCode.SOURCE,
              path + " " + changed.what,
              "Try again when it is quiet, exclude it, or set on_change: warn.");
    };
  }

  /** An entry was removed since it was listed: as if the capture had come a moment later. */
  private void vanished(PosixException e) {
    progress.detail(e.path() + " vanished during the capture");
  }

  /** An entry is there, although the file system says that it is not. */
  private void unreachable(PosixException e) {
    unreadable(
        e,
        e.getMessage() + ", although its directory still has it",
        "See what the file system or its server says of it, exclude it, or set on_unreadable:"
            + " skip.");
  }

  /** Decides about an entry that could not be read. */
  private void unreadable(PosixException e) {
    if (e.is(Errno.EMFILE, Errno.ENFILE, Errno.ENOMEM)) {
      throw FileErrors.of(e);
    }
    unreadable(
        e,
        e.getMessage(),
        "Run Stet as a user that may read it, exclude it, or set on_unreadable: skip.");
  }

  private void unreadable(PosixException e, String what, String hint) {
    if (settings.onUnreadable() == OnUnreadable.FAIL) {
      throw new StetException(ErrorCode.SOURCE, what, hint, e);
    }
    incomplete.add(what);
  }

  private boolean isUnchanged(Stat stat, Node before) {
    if (trusted == null
        || before.type() != NodeType.FILE
        || stat.size() != before.size()
        || stat.inode() != before.inode()
        || !stat.modified().equals(before.modified())
        || !stat.changed().equals(before.changed())) {
      return false;
    }
    // A change within the same tick of the clock as the last capture's look leaves no trace.
    if (!stat.modified().isBefore(trusted) || !stat.changed().isBefore(trusted)) {
      return false;
    }
    for (Id id : before.content()) {
      if (!context.sink().holds(BlobType.DATA, id)) {
        return false;
      }
    }
    return true;
  }

  private Node unchanged(byte[] name, Stat stat, Node before) {
    expectation.found(stat.size());
    progress.advance(stat.size());
    counts.unchanged.increment();
    sparse.note(stat);
    counted(stat.size());
    return node(
        name, NodeType.FILE, stat, before.xattrs(), stat.size(), before.content(), null, null);
  }

  private void counted(long size) {
    counts.files.increment();
    counts.bytes.add(size);
  }

  private Node node(
      byte[] name,
      NodeType type,
      Stat stat,
      List<Xattr> xattrs,
      long size,
      List<Id> blobs,
      byte @Nullable [] linkTarget,
      @Nullable Id subtree) {
    boolean device = type == NodeType.BLOCK_DEVICE || type == NodeType.CHARACTER_DEVICE;
    // As restic does: a directory's link count says nothing, a FIFO's it leaves out.
    boolean linked = device || type == NodeType.FILE || type == NodeType.SYMLINK;
    return new Node(
        name,
        type,
        stat.permissions(),
        stat.modified(),
        stat.modified(),
        stat.changed(),
        stat.uid(),
        stat.gid(),
        accounts.user(stat.uid()),
        accounts.group(stat.gid()),
        stat.inode(),
        stat.device(),
        size,
        linked ? stat.links() : 0,
        linkTarget,
        xattrs,
        device ? stat.rawDevice() : 0,
        blobs,
        subtree);
  }

  /** One piece of a directory is done; with the last one the directory is, and so on upwards. */
  private void done(Level level) {
    Level at = level;
    while (at != null && at.pending.decrementAndGet() == 0) {
      Node node = save(at);
      folders.finish(at.folder);
      if (at.parent == null) {
        result = node;
      } else {
        at.parent.nodes[at.slot] = node;
      }
      at = at.parent;
    }
  }

  /** A directory is one blob in restic's format, and so must fit into memory as a whole. */
  private int expectedBytes(Level level) {
    long expected = (long) ENTRY_BYTES * level.entries.size();
    long memory = Runtime.getRuntime().maxMemory();
    long needed = TREE_COPIES * expected;
    if (needed > memory) {
      throw new StetException(
          ErrorCode.SOURCE,
          "directory %s has %d entries, which need about %d MiB of memory, but there are %d MiB"
              .formatted(level.path, level.entries.size(), needed >> 20, memory >> 20),
          "Set STET_JAVA_OPTS=-Xmx%dg, or spread the files over several directories."
              .formatted((needed >> 30) + 1));
    }
    return (int) Math.min(expected, Integer.MAX_VALUE - 64);
  }

  private Node save(Level level) {
    level.previous = PreviousDirectory.NONE;
    TreeEncoder encoder = new TreeEncoder(expectedBytes(level));
    for (int i = 0; i < level.nodes.length; i++) {
      Node node = level.nodes[i];
      if (node != null) {
        encoder.add(node);
        level.nodes[i] = null;
      }
    }
    Id tree = encoder.save(context.sink());
    counts.directories.increment();
    return node(
        level.name(), NodeType.DIRECTORY, level.stat, level.xattrs, 0, List.of(), null, tree);
  }
}
