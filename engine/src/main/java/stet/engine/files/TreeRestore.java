package stet.engine.files;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.files.Folders.Folder;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.repository.BlobSource;
import stet.repository.Id;
import stet.repository.chunk.RabinChunker;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/**
 * Builds a captured tree in an empty directory.
 *
 * <p>The calling thread walks depth first, makes directories and hard links, and hands the rest to
 * the workers in batches. A directory gets its own mode, owner and times once all below it is done,
 * since all of that would change or forbid the work in it.
 */
final class TreeRestore {
  private static final int BATCH_FILES = 64;
  private static final long BATCH_BYTES = 4 << 20;

  private final BlobSource source;
  private final Progress progress;
  private final Workers workers;
  private final Folders folders;
  private final Shortfalls shortfalls;
  private final Metadata metadata;
  private final Expectation expectation;
  private final SparseFiles sparse;
  private final RestoreLinks links = new RestoreLinks();
  private final LongAdder bytes = new LongAdder();

  /** Mode bits that directories keep until they are verified. */
  private final int directoryBits;

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

  /**
   * A node for a worker.
   *
   * @param made whether its file is there already, still empty, so that links can be made to it
   */
  private record Item(Node node, boolean made) {}

  private TreeRestore(
      RestoreContext context, Shortfalls shortfalls, Workers workers, Folders folders) {
    this.source = context.source();
    this.progress = context.operation().progress();
    this.shortfalls = shortfalls;
    this.metadata = new Metadata(shortfalls);
    this.workers = workers;
    this.folders = folders;
    this.expectation = new Expectation(progress, FilesManifest.bytes(context.manifest()));
    this.sparse = SparseFiles.of(context.manifest());
    this.directoryBits = directoryBits();
  }

  /** What an owner who is not root needs to work in his own directory whatever its mode. */
  static int directoryBits() {
    return Accounts.self() == 0 ? 0 : 0700;
  }

  /**
   * Builds the tree of the context's node and verifies it by reading all of it back.
   *
   * @param top the open directory, empty and nobody else's to enter; closed in the end
   * @param shortfalls takes what cannot be set here, which is then not compared
   * @return the bytes of all files
   * @throws StetException with {@code VERIFICATION_FAILED} naming what differs
   */
  static long restore(RestoreContext context, Directory top, Shortfalls shortfalls) {
    Progress progress = context.operation().progress();
    String name = PosixPath.printable(context.node().nameBytes());
    int count = context.operation().workers();
    try (Folders folders = new Folders();
        Workers workers = new Workers("stet-restore", count)) {
      Folder folder = folders.top(top);
      progress.phase("restoring " + name);
      TreeRestore restore = new TreeRestore(context, shortfalls, workers, folders);
      restore.run(folder, context.node());
      top.syncFileSystem();
      progress.phase("verifying " + name);
      TreeVerification.verify(context, shortfalls, workers, folders, folder);
      if (directoryBits() != 0) {
        // The verification has set modes.
        top.syncFileSystem();
      }
      return restore.bytes.sum();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
  }

  private void run(Folder top, Node node) throws PosixException {
    try (Folders.Use use = folders.use(top)) {
      // What the directory inherited from its parent would go down to all that is made in it.
      use.directory().removeAttribute(Xattrs.DEFAULT_ACL);
      use.directory().removeAttribute(Xattrs.ACCESS_ACL);
    }
    Deque<Level> path = new ArrayDeque<>();
    path.push(enter(null, top, node));
    while (!path.isEmpty()) {
      workers.check();
      Level level = path.getFirst();
      if (level.children.hasNext()) {
        Node child = level.children.next();
        try (Folders.Use use = folders.use(level.folder)) {
          use.directory().makeDirectory(child.nameBytes(), 0700);
        }
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

  private Level enter(@Nullable Level parent, Folder folder, Node node) throws PosixException {
    List<Node> children = new ArrayList<>();
    List<Node> others = new ArrayList<>();
    for (Node each : SnapshotDirectory.load(source, node)) {
      (each.type() == NodeType.DIRECTORY ? children : others).add(each);
    }
    Level level = new Level(parent, folder, node, children);
    List<Item> batch = new ArrayList<>();
    long size = 0;
    try (Folders.Use use = folders.use(folder)) {
      for (Node each : others) {
        expectation.found(each.size());
        RestoreLinks.First first = links.first(folder, each);
        if (first != null && link(use.directory(), each, first)) {
          progress.advance(each.size());
          continue;
        }
        boolean linked = each.type() == NodeType.FILE && each.links() > 1;
        if (linked) {
          use.directory().create(each.nameBytes()).close();
        }
        batch.add(new Item(each, linked));
        size += each.size();
        if (batch.size() >= BATCH_FILES || size >= BATCH_BYTES) {
          submit(level, batch);
          batch = new ArrayList<>();
          size = 0;
        }
      }
    }
    if (!batch.isEmpty()) {
      submit(level, batch);
    }
    return level;
  }

  private void submit(Level level, List<Item> batch) {
    level.pending.incrementAndGet();
    workers.submit(() -> write(level, batch));
  }

  /** Makes a hard link; false if that is not possible here. */
  private boolean link(Directory directory, Node node, RestoreLinks.First first)
      throws PosixException {
    try (Folders.Use use = folders.use(first.folder)) {
      directory.makeLink(node.nameBytes(), use.directory(), first.node.nameBytes());
      return true;
    } catch (PosixException e) {
      if (e.is(Errno.EPERM, Errno.EACCES, Errno.EOPNOTSUPP, Errno.EMLINK, Errno.EXDEV)) {
        shortfalls.add(Shortfalls.LINKS, e);
        return false;
      }
      throw e;
    }
  }

  private void write(Level level, List<Item> batch) throws PosixException {
    try (Folders.Use use = folders.use(level.folder);
        Files files = new Files(use.directory(), batch)) {
      List<Id> content = new ArrayList<>();
      for (Item item : batch) {
        if (item.node.type() == NodeType.FILE) {
          addContent(item.node, content);
        } else {
          special(use.directory(), item.node);
        }
      }
      // One reading for all, so that blobs that lie together are fetched together.
      files.begin();
      source.read(content, files::accept);
      files.end();
    } catch (PosixException e) {
      throw FileErrors.of(e);
    }
    done(level);
  }

  /** Adds the blobs that must be read to fill a file. */
  private void addContent(Node node, List<Id> content) {
    if (sparse.contains(node)) {
      node.content().stream()
          .filter(id -> !id.equals(SparseFiles.ZERO_CHUNK))
          .forEach(content::add);
    } else {
      content.addAll(node.content());
    }
  }

  /** Fills the files of a batch one after another. */
  private final class Files implements AutoCloseable {
    private final Directory directory;
    private final Iterator<Item> items;
    private @Nullable FileHandle file;
    private @Nullable Node node;
    private boolean holes;
    private int blobsDone;
    private long position;

    Files(Directory directory, List<Item> batch) {
      this.directory = directory;
      this.items = batch.iterator();
    }

    /** Opens the next file that has content, and makes the empty ones before it. */
    void begin() throws PosixException {
      while (file == null && items.hasNext()) {
        Item item = items.next();
        Node next = item.node;
        if (next.type() != NodeType.FILE) {
          continue;
        }
        node = next;
        position = 0;
        blobsDone = 0;
        holes = sparse.contains(next);
        file =
            item.made
                ? directory.openForWriting(next.nameBytes())
                : directory.create(next.nameBytes());
        if (holes) {
          file.truncate(next.size());
        }
        passHoles();
      }
    }

    void accept(byte[] blob) throws PosixException {
      workers.check();
      FileHandle open = Objects.requireNonNull(file, "more blobs than were asked for");
      long at = position;
      if (holes) {
        SparseFiles.writeData(
            blob, at, (from, length) -> open.writeAt(blob, from, length, at + from));
      } else {
        open.writeAt(blob, 0, blob.length, at);
      }
      written(blob.length);
      passHoles();
      begin();
    }

    /** Passes by what needs no writing; ends the file if that is all. */
    private void passHoles() throws PosixException {
      List<Id> content = Objects.requireNonNull(node).content();
      while (holes
          && blobsDone < content.size()
          && content.get(blobsDone).equals(SparseFiles.ZERO_CHUNK)) {
        written(RabinChunker.MIN);
      }
      if (blobsDone == content.size()) {
        finish();
      }
    }

    private void written(int length) {
      position += length;
      bytes.add(length);
      progress.advance(length);
      blobsDone++;
    }

    private void finish() throws PosixException {
      Node done = Objects.requireNonNull(node);
      try (FileHandle open = Objects.requireNonNull(file)) {
        file = null;
        if (position != done.size()) {
          throw new StetException(
              ErrorCode.REPOSITORY_DAMAGED,
              open.path()
                  + " has "
                  + done.size()
                  + " bytes in the snapshot, but its blobs hold "
                  + position,
              "Run stet check --read-data to see what else is affected.");
        }
        metadata.apply(open, done, 0);
      }
    }

    void end() {
      if (file != null || items.hasNext()) {
        throw new IllegalStateException("fewer blobs than were asked for");
      }
    }

    @Override
    public void close() {
      if (file != null) {
        file.close();
      }
    }
  }

  private void special(Directory directory, Node node) throws PosixException {
    byte[] name = node.nameBytes();
    switch (node.type()) {
      case SYMLINK -> {
        byte[] target = node.linkTarget();
        directory.makeSymlink(name, target == null ? new byte[0] : target);
      }
      case FIFO -> directory.makeNode(name, Directory.FIFO | 0600, 0);
      case BLOCK_DEVICE, CHARACTER_DEVICE -> {
        int type =
            node.type() == NodeType.BLOCK_DEVICE
                ? Directory.BLOCK_DEVICE
                : Directory.CHARACTER_DEVICE;
        try {
          directory.makeNode(name, type | 0600, node.rawDevice());
        } catch (PosixException e) {
          if (e.is(Errno.EPERM, Errno.EINVAL)) {
            shortfalls.add(Shortfalls.DEVICES, e);
            return;
          }
          throw e;
        }
      }
      case SOCKET -> {
        progress.detail(directory.path().resolve(name) + " is a socket and not restored");
        return;
      }
      case FILE, DIRECTORY ->
          throw new IllegalStateException("not made here: " + node.type().text());
    }
    metadata.apply(directory, node);
  }

  private void done(Level level) throws PosixException {
    Level at = level;
    while (at != null && at.pending.decrementAndGet() == 0) {
      try (Folders.Use use = folders.use(at.folder)) {
        metadata.apply(use.directory(), at.node, directoryBits);
      }
      if (at.parent != null) {
        folders.finish(at.folder);
      }
      at = at.parent;
    }
  }
}
