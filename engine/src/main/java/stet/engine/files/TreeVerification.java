package stet.engine.files;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.files.Folders.Folder;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.repository.BlobSource;
import stet.repository.Id;
import stet.repository.chunk.RabinChunker;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/**
 * Compares a restored tree with its snapshot, entry by entry: nothing missing, nothing more, every
 * file's bytes hash to the ids of its blobs, and all metadata is equal that could be set.
 */
final class TreeVerification {
  private static final int BATCH = 64;
  private static final long BATCH_BYTES = 4 << 20;

  private final BlobSource source;
  private final Progress progress;
  private final Shortfalls shortfalls;
  private final Metadata metadata;
  private final Workers workers;
  private final Folders folders;
  private final Expectation expectation;
  private final RestoreLinks links = new RestoreLinks();

  /** What the first name of a file is, by the node it was registered with. */
  private final IdentityHashMap<Node, Stat> firstNames = new IdentityHashMap<>();

  private final ThreadLocal<byte[]> buffers = ThreadLocal.withInitial(() -> new byte[1 << 20]);
  private long files;
  private long directories;

  private static final class Level {
    final @Nullable Level parent;
    final Folder folder;
    final Node node;
    final Iterator<Node> children;
    final AtomicInteger pending = new AtomicInteger(1);

    Level(@Nullable Level parent, Folder folder, Node node, List<Node> children) {
      this.parent = parent;
      this.folder = folder;
      this.node = node;
      this.children = children.iterator();
    }
  }

  private TreeVerification(
      RestoreContext context, Shortfalls shortfalls, Workers workers, Folders folders) {
    this.source = context.source();
    this.progress = context.operation().progress();
    this.shortfalls = shortfalls;
    this.metadata = new Metadata(shortfalls);
    this.workers = workers;
    this.folders = folders;
    this.expectation = new Expectation(progress, FilesManifest.bytes(context.manifest()));
  }

  /**
   * Verifies the tree of the context's node in {@code top}, and gives directories their modes.
   *
   * @throws StetException with {@code VERIFICATION_FAILED} naming the first entry that differs
   */
  static void verify(
      RestoreContext context, Shortfalls shortfalls, Workers workers, Folders folders, Folder top)
      throws PosixException {
    TreeVerification verification = new TreeVerification(context, shortfalls, workers, folders);
    verification.run(top, context.node());
    verification.compareCounts(context.manifest());
  }

  private void run(Folder top, Node node) throws PosixException {
    Deque<Level> path = new ArrayDeque<>();
    path.push(enter(null, top, node));
    while (!path.isEmpty()) {
      workers.check();
      Level level = path.getFirst();
      if (level.children.hasNext()) {
        Node child = level.children.next();
        level.pending.incrementAndGet();
        path.push(enter(level, folders.inside(level.folder, child.nameBytes()), child));
      } else {
        path.pop();
        done(level);
      }
    }
    workers.await();
    expectation.end();
  }

  /** Holds what the walk saw against what the capture counted, as far as it did. */
  private void compareCounts(JsonObject manifest) {
    compareCount(manifest, FilesManifest.FILES, files);
    compareCount(manifest, FilesManifest.DIRECTORIES, directories);
  }

  private static void compareCount(JsonObject manifest, String key, long count) {
    long captured = FilesManifest.number(manifest, key);
    if (captured >= 0 && captured != count) {
      throw new StetException(
          ErrorCode.VERIFICATION_FAILED,
          "the restored tree has " + count + " " + key + ", but " + captured + " were captured",
          null);
    }
  }

  private Level enter(@Nullable Level parent, Folder folder, Node node) throws PosixException {
    directories++;
    List<Node> children = new ArrayList<>();
    List<Node> others = new ArrayList<>();
    for (Node each : SnapshotDirectory.load(source, node)) {
      (each.type() == NodeType.DIRECTORY ? children : others).add(each);
    }
    Level level = new Level(parent, folder, node, children);
    try (Folders.Use use = folders.use(folder)) {
      compareNames(use.directory(), children, others);
      List<Node> batch = new ArrayList<>();
      long size = 0;
      for (Node each : others) {
        if (each.type() == NodeType.FILE) {
          files++;
          expectation.found(each.size());
          if (isLink(use.directory(), folder, each)) {
            progress.advance(each.size());
            continue;
          }
        }
        batch.add(each);
        size += each.size();
        if (batch.size() >= BATCH || size >= BATCH_BYTES) {
          submit(level, batch);
          batch = new ArrayList<>();
          size = 0;
        }
      }
      if (!batch.isEmpty()) {
        submit(level, batch);
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
    return level;
  }

  private void submit(Level level, List<Node> batch) {
    level.pending.incrementAndGet();
    workers.submit(() -> compare(level, batch));
  }

  /** Nothing missing and nothing more; takes out of {@code others} what is rightly not there. */
  private void compareNames(Directory directory, List<Node> children, List<Node> others)
      throws PosixException {
    Iterator<Node> each = others.iterator();
    while (each.hasNext()) {
      Node node = each.next();
      boolean rightlyMissing =
          switch (node.type()) {
            case SOCKET -> true;
            case BLOCK_DEVICE, CHARACTER_DEVICE ->
                shortfalls.has(Shortfalls.DEVICES) && directory.find(node.nameBytes()) == null;
            case FILE, DIRECTORY, SYMLINK, FIFO -> false;
          };
      if (rightlyMissing) {
        each.remove();
      }
    }
    List<byte[]> expected = new ArrayList<>(children.size() + others.size());
    children.forEach(node -> expected.add(node.nameBytes()));
    others.forEach(node -> expected.add(node.nameBytes()));
    expected.sort(Arrays::compareUnsigned);
    Iterator<byte[]> wanted = expected.iterator();
    Iterator<Entry> found = directory.list().iterator();
    byte[] name = next(wanted);
    byte[] entry = nextName(found);
    while (name != null || entry != null) {
      int order = name == null ? 1 : entry == null ? -1 : Arrays.compareUnsigned(name, entry);
      if (order < 0 && name != null) {
        throw differs(directory.path().resolve(name), "is missing");
      }
      if (order > 0 && entry != null) {
        throw differs(directory.path().resolve(entry), "is not in the snapshot");
      }
      name = next(wanted);
      entry = nextName(found);
    }
  }

  private static byte @Nullable [] next(Iterator<byte[]> names) {
    return names.hasNext() ? names.next() : null;
  }

  private static byte @Nullable [] nextName(Iterator<Entry> entries) {
    return entries.hasNext() ? entries.next().name() : null;
  }

  /** Whether a file is a link to one that is compared under its first name. */
  private boolean isLink(Directory directory, Folder folder, Node node) throws PosixException {
    if (node.links() <= 1) {
      return false;
    }
    Stat stat = directory.stat(node.nameBytes());
    RestoreLinks.First first = links.first(folder, node);
    if (first == null) {
      firstNames.put(node, stat);
      return false;
    }
    Stat other = firstNames.get(first.node);
    if (other != null && other.sameEntry(stat)) {
      return true;
    }
    if (!shortfalls.has(Shortfalls.LINKS)) {
      throw differs(
          directory.path().resolve(node.nameBytes()),
          "is no hard link to " + PosixPath.printable(first.node.nameBytes()));
    }
    return false;
  }

  private void compare(Level level, List<Node> batch) throws PosixException {
    try (Folders.Use use = folders.use(level.folder)) {
      for (Node node : batch) {
        workers.check();
        if (node.type() == NodeType.FILE) {
          compareFile(use.directory(), node);
        } else {
          compareSpecial(use.directory(), node);
        }
      }
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
    done(level);
  }

  private void compareFile(Directory directory, Node node) throws PosixException {
    PosixPath path = directory.path().resolve(node.nameBytes());
    try (FileHandle file = open(directory, node)) {
      Stat stat = file.stat();
      require(path, metadata.difference(path, node, stat, Xattrs.read(file)));
      if (stat.size() != node.size()) {
        throw differs(path, "has " + stat.size() + " bytes instead of " + node.size());
      }
      long position = 0;
      for (Id id : node.content()) {
        workers.check();
        if (id.equals(SparseFiles.ZERO_CHUNK) && isHole(file, position)) {
          position += RabinChunker.MIN;
          progress.advance(RabinChunker.MIN);
          continue;
        }
        int length = Math.toIntExact(source.length(id));
        byte[] buffer = buffers.get();
        if (buffer.length < length) {
          buffer = new byte[Math.max(length, 2 * buffer.length)];
          buffers.set(buffer);
        }
        int read = file.readAt(buffer, 0, length, position);
        if (read != length || !Id.of(buffer, 0, length).equals(id)) {
          throw differs(
              path,
              "has other content in the "
                  + length
                  + " bytes from byte "
                  + position
                  + " on than blob "
                  + id.shortText());
        }
        position += length;
        progress.advance(length);
      }
      if (position != stat.size()) {
        throw differs(path, "has " + stat.size() + " bytes, but its blobs hold " + position);
      }
    }
  }

  /** Whether a whole chunk of zeros is there without any data, so that it need not be read. */
  private static boolean isHole(FileHandle file, long position) throws PosixException {
    try {
      long data = file.nextData(position);
      return data < 0
          ? file.stat().size() >= position + RabinChunker.MIN
          : data >= position + RabinChunker.MIN;
    } catch (PosixException e) {
      if (e.is(Errno.EINVAL, Errno.EOPNOTSUPP, Errno.ENOSYS)) {
        return false;
      }
      throw e;
    }
  }

  /** Opens a file whose restored mode may forbid its own owner to read it. */
  private static FileHandle open(Directory directory, Node node) throws PosixException {
    byte[] name = node.nameBytes();
    if ((node.mode() & 0400) != 0 || Accounts.self() == 0) {
      return directory.openForReading(name);
    }
    Stat stat = directory.stat(name);
    directory.chmod(name, stat.permissions() | 0400);
    FileHandle file = directory.openForReading(name);
    try {
      file.chmod(stat.permissions());
    } catch (PosixException e) {
      file.close();
      throw e;
    }
    return file;
  }

  private void compareSpecial(Directory directory, Node node) throws PosixException {
    byte[] name = node.nameBytes();
    PosixPath path = directory.path().resolve(name);
    Stat stat = directory.stat(name);
    require(path, metadata.difference(path, node, stat, Xattrs.read(directory, name)));
    if (node.type() == NodeType.SYMLINK) {
      byte[] target = directory.readLink(name);
      if (!Metadata.sameTarget(node, target)) {
        throw differs(path, "points to " + PosixPath.printable(target));
      }
    } else if (stat.rawDevice() != node.rawDevice()) {
      throw differs(path, "is device " + stat.rawDevice() + " instead of " + node.rawDevice());
    }
  }

  private void done(Level level) throws PosixException {
    Level at = level;
    while (at != null && at.pending.decrementAndGet() == 0) {
      try (Folders.Use use = folders.use(at.folder)) {
        Directory directory = use.directory();
        if (TreeRestore.directoryBits() != 0) {
          metadata.finishMode(directory, at.node);
        }
        require(
            directory.path(),
            metadata.difference(
                directory.path(), at.node, directory.stat(), Xattrs.read(directory)));
      }
      if (at.parent != null) {
        folders.finish(at.folder);
      }
      at = at.parent;
    }
  }

  private static void require(PosixPath path, @Nullable String difference) {
    if (difference != null) {
      throw differs(path, difference);
    }
  }

  private static StetException differs(PosixPath path, String difference) {
    return new StetException(
        ErrorCode.VERIFICATION_FAILED,
        path + " " + difference,
        "Nothing was replaced; check the disk and try again.");
  }
}
