package stet.repository;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.Backend;
import stet.repository.backend.FileType;
import stet.repository.backend.StoredFile;
import stet.repository.codec.UnpackedCodec;
import stet.repository.crypto.MasterKey;
import stet.repository.index.BlobIndex;
import stet.repository.index.IndexFile;
import stet.repository.json.JsonException;
import stet.repository.lock.LocalProcess;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackReader;
import stet.repository.pack.PackWriter;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/**
 * An open repository in restic's format: of version 2, or of version 1 to read alone.
 *
 * <p>The order of a writer's work keeps the repository valid at every instant: take a shared
 * {@linkplain #lock lock}, {@linkplain #loadIndex load the index}, save blobs through a {@linkplain
 * #newWriter writer}, {@linkplain PackWriter#flush flush} it, {@linkplain #saveSnapshot save the
 * snapshot}, release the lock. A reader lists snapshots before it loads the index.
 *
 * <pre>{@code
 * try (Repository repository = Repository.open(new LocalBackend(path), password);
 *     RepositoryLock lock = repository.lock(false)) {
 *   repository.loadIndex();
 *   try (PackWriter writer = repository.newWriter()) {
 *     Id blob = writer.save(BlobType.DATA, bytes);
 *     Id tree = writer.save(BlobType.TREE, Tree.encode(List.of(Node.file("hello", now, bytes.length, List.of(blob)))));
 *     writer.flush();
 *     repository.saveSnapshot(Snapshot.builder(time, tree).hostname("host").paths(List.of("/x")).build());
 *   }
 * }
 * }</pre>
 */
public final class Repository implements AutoCloseable {
  private final Backend backend;
  private final MasterKey key;
  private final Id keyId;
  private final RepositoryConfig config;
  private volatile BlobIndex index = new BlobIndex();

  /** The index files that were there when the index was loaded since the last announced lock. */
  private volatile @Nullable Set<Id> indexFiles;

  private final Set<RepositoryLock> locks = ConcurrentHashMap.newKeySet();

  private Repository(Backend backend, MasterKey key, Id keyId, RepositoryConfig config) {
    this.backend = backend;
    this.key = key;
    this.keyId = keyId;
    this.config = config;
  }

  /**
   * Makes a new repository with one key.
   *
   * @param password as a key sees it, without anything trimmed
   * @throws RepositoryException with {@code EXISTS} if there is any part of one
   */
  public static Repository create(Backend backend, byte[] password) {
    if (backend.exists(StoredFile.CONFIG)) {
      throw new RepositoryException(
          Problem.EXISTS,
          "there is already a repository in " + backend.location(),
          "Use it as it is, or choose another location for a new one.");
    }
    backend.create();
    for (FileType type : List.of(FileType.KEY, FileType.SNAPSHOT)) {
      backend.list(
          type,
          (_, _) -> {
            throw new RepositoryException(
                Problem.EXISTS,
                backend.location() + " has " + type.directory() + " but no config",
                "It looks like a damaged repository; choose another place or restore its config.");
          });
    }
    MasterKey key = MasterKey.random();
    LocalProcess self = LocalProcess.current();
    Id keyId = RepositoryKeys.save(backend, key, password, self.username(), self.hostname());
    RepositoryConfig config = RepositoryConfig.create();
    backend.save(StoredFile.CONFIG, key.seal(config.toBytes()));
    return new Repository(backend, key, keyId, config);
  }

  /** Whether there is a repository. */
  public static boolean exists(Backend backend) {
    return backend.exists(StoredFile.CONFIG);
  }

  /**
   * Opens a repository.
   *
   * @param password as a key sees it, without anything trimmed
   * @throws RepositoryException with {@code NO_REPOSITORY}, {@code WRONG_PASSWORD}, {@code
   *     DAMAGED}, or {@code UNSUPPORTED} if the format is not known or the repository is not a
   *     complete one
   */
  public static Repository open(Backend backend, byte[] password) {
    if (!backend.exists(StoredFile.CONFIG)) {
      throw new RepositoryException(
          Problem.NO_REPOSITORY,
          "there is no repository in " + backend.location(),
          "Create one with `stet init`, or check the location.");
    }
    RepositoryKeys.Opened opened = RepositoryKeys.open(backend, password);
    RepositoryConfig config = loadConfig(backend, opened.key());
    if (config.isHot()) {
      throw new RepositoryException(
          Problem.UNSUPPORTED,
          "%s is the hot part of a rustic repository, without the files' contents"
              .formatted(backend.location()),
          "Give the location of the cold part; that is a complete repository.");
    }
    return new Repository(backend, opened.key(), opened.id(), config);
  }

  static RepositoryConfig loadConfig(Backend backend, MasterKey key) {
    byte[] sealed = backend.load(StoredFile.CONFIG);
    try {
      return RepositoryConfig.parse(key.open(sealed, 0, sealed.length));
    } catch (RepositoryException e) {
      throw new RepositoryException(
          e.problem(), "the repository's config is unusable: " + e.getMessage(), e.hint(), e);
    }
  }

  /** Where the repository is, for people. */
  public String location() {
    return backend.location();
  }

  public RepositoryConfig config() {
    return config;
  }

  /** The key file that the password opened. */
  public Id keyId() {
    return keyId;
  }

  /** The passwords that open the repository. */
  public RepositoryKeys keys() {
    return new RepositoryKeys(this);
  }

  public Backend backend() {
    return backend;
  }

  /** The master key, for the parts of this library that seal and open files themselves. */
  public MasterKey masterKey() {
    return key;
  }

  /**
   * Refuses what would remove anything but locks from a repository that rustic was told to keep
   * whole.
   *
   * @throws RepositoryException with {@code UNSUPPORTED} if nothing may be removed
   */
  public void requireRemovals() {
    if (config.isAppendOnly()) {
      throw new RepositoryException(
          Problem.UNSUPPORTED,
          "the repository in " + backend.location() + " is append-only: nothing may be removed",
          "Whoever made it so can allow it again: `rustic config --set-append-only=false`.");
    }
  }

  /** Everything that writes takes a lock first, and the lock is the first file that it writes. */
  private void requireWritable() {
    if (config.version() < RepositoryConfig.VERSION) {
      throw new RepositoryException(
          Problem.UNSUPPORTED,
          "the repository in %s has format version %d, which is only read; version %d is written"
              .formatted(backend.location(), config.version(), RepositoryConfig.VERSION),
          "Run `restic migrate upgrade_repo_v2`; until then, what only reads needs --no-lock.");
    }
  }

  /**
   * Takes a lock, exclusive or shared with other shared ones.
   *
   * @throws RepositoryException with {@code LOCKED} if another lock conflicts, with {@code
   *     UNSUPPORTED} if the repository is of version 1, whose clients could not read the lock
   */
  public RepositoryLock lock(boolean exclusive) {
    requireWritable();
    RepositoryLock lock = RepositoryLock.acquire(backend, key, exclusive);
    locks.add(lock);
    return lock;
  }

  /**
   * Takes a shared lock that holds once it is {@linkplain RepositoryLock#settle settled}, for what
   * has something to read meanwhile.
   *
   * @throws RepositoryException as {@link #lock} does
   */
  public RepositoryLock announceLock() {
    requireWritable();
    indexFiles = null;
    RepositoryLock lock = RepositoryLock.announce(backend, key, false, this::isIndexReplaced);
    locks.add(lock);
    return lock;
  }

  /**
   * Throws unless every lock that was taken and not given back is still held.
   *
   * @throws RepositoryException as {@link RepositoryLock#check} does
   */
  private void checkLocks() {
    locks.removeIf(RepositoryLock::isClosed);
    locks.forEach(RepositoryLock::check);
  }

  /** The locks that are held or left behind. */
  public RepositoryLock.Listing locks() {
    return RepositoryLock.list(backend, key);
  }

  /** Removes stale locks, or all locks. */
  public RepositoryLock.Unlocked unlock(boolean all) {
    return RepositoryLock.unlock(backend, key, all);
  }

  /** Loads, opens, decodes a file that is neither a pack nor the config, and checks its name. */
  public byte[] loadUnpacked(StoredFile file) {
    byte[] sealed = backend.load(file);
    Id found = Id.of(sealed);
    if (!found.equals(file.id())) {
      throw RepositoryException.damaged(
          file + " is damaged: its bytes have the hash " + found, null);
    }
    try {
      return UnpackedCodec.decode(key.open(sealed, 0, sealed.length));
    } catch (RepositoryException e) {
      throw new RepositoryException(
          e.problem(), file + " is damaged: " + e.getMessage(), e.hint(), e);
    }
  }

  /**
   * Reads all index files anew.
   *
   * @throws RepositoryException with {@code DAMAGED} naming the first file that cannot be read
   */
  public void loadIndex() {
    Set<Id> files = listIndex();
    indexFiles = files;
    BlobIndex fresh = new BlobIndex();
    inParallel(
        List.copyOf(files),
        id -> {
          try {
            IndexFile.decode(loadUnpacked(StoredFile.index(id)), fresh);
          } catch (JsonException e) {
            throw damagedIndex(StoredFile.index(id) + " is damaged: " + e.getMessage(), e);
          } catch (RepositoryException e) {
            throw e.problem() == Problem.DAMAGED ? damagedIndex(e.getMessage(), e) : e;
          }
          return id;
        });
    index = fresh;
  }

  private boolean isIndexReplaced() {
    Set<Id> read = indexFiles;
    return read != null && !listIndex().equals(read);
  }

  private Set<Id> listIndex() {
    Set<Id> files = new HashSet<>();
    backend.list(FileType.INDEX, (id, _) -> files.add(id));
    return files;
  }

  /**
   * Saves an index file, if the locks are still held: whoever has removed one may have removed
   * packs since, and all clients believe an index.
   *
   * @param json from {@link IndexFile}
   * @throws RepositoryException with {@code LOCKED} if a lock was lost
   */
  public void saveIndex(byte[] json) {
    byte[] file = key.seal(UnpackedCodec.encode(json));
    checkLocks();
    backend.save(StoredFile.index(Id.of(file)), file);
  }

  private static RepositoryException damagedIndex(String message, Exception cause) {
    return new RepositoryException(
        Problem.DAMAGED,
        message,
        "`stet repair index` makes it anew from the packs; nothing is lost with it.",
        cause);
  }

  /** The index as {@link #loadIndex} and writers have filled it. */
  public BlobIndex index() {
    return index;
  }

  /**
   * A new writer on the present index. The caller holds a lock.
   *
   * @throws RepositoryException with {@code UNSUPPORTED} if the repository is of version 1
   */
  public PackWriter newWriter() {
    requireWritable();
    return new PackWriter(backend, key, index, this::saveIndex);
  }

  /**
   * A reader on the present index. What it finds damaged is {@linkplain #recordDamage recorded}.
   */
  public PackReader reader() {
    return new PackReader(backend, key, index, pack -> recordDamage(Set.of(pack)));
  }

  /**
   * Records that packs are missing or cannot be read whole. From now on no writer relies on them;
   * those of other processes neither, once they load the index, until {@link
   * stet.repository.check.PackRepair} has replaced the packs.
   *
   * <p>For other processes it is an index file that says so: a small one for itself, which may be
   * added at any time and under any lock. A process that took no lock writes none, and where it
   * cannot be written, the packs will be found damaged again.
   */
  public void recordDamage(Set<Id> packs) {
    BlobIndex present = index;
    Set<Id> fresh = new HashSet<>(packs);
    synchronized (this) {
      fresh.removeAll(present.damagedPacks());
      fresh.forEach(present::markDamaged);
    }
    locks.removeIf(RepositoryLock::isClosed);
    if (fresh.isEmpty() || locks.stream().noneMatch(RepositoryLock::isSettled)) {
      return;
    }
    try {
      saveIndex(IndexFile.encodeDamaged(fresh));
    } catch (RepositoryException e) {
      return; // The caller's own trouble, the damage itself, is what the user must hear of.
    }
  }

  /** The nodes of a tree, ascending by name. */
  public List<Node> tree(Id id) {
    return tree(reader(), id);
  }

  /** The nodes of a tree, ascending by name. */
  public static List<Node> tree(BlobSource source, Id id) {
    try {
      return Tree.decode(source.load(BlobType.TREE, id));
    } catch (JsonException e) {
      throw RepositoryException.damaged("tree " + id.shortText() + ": " + e.getMessage(), e);
    }
  }

  /**
   * All snapshots, oldest first.
   *
   * @throws RepositoryException with {@code DAMAGED} if one cannot be read
   */
  public List<Snapshot> snapshots() {
    return snapshots(e -> {
      throw e;
    });
  }

  /**
   * The snapshots that can be read, oldest first.
   *
   * @param damaged receives what is wrong with each of the others
   */
  public List<Snapshot> snapshots(Consumer<RepositoryException> damaged) {
    Queue<RepositoryException> unreadable = new ConcurrentLinkedQueue<>();
    List<Id> ids = new ArrayList<>();
    backend.list(FileType.SNAPSHOT, (id, _) -> ids.add(id));
    List<Snapshot> snapshots = new ArrayList<>();
    inParallel(ids, id -> snapshotUnlessGone(id, unreadable::add))
        .forEach(snapshot -> snapshot.ifPresent(snapshots::add));
    unreadable.forEach(damaged);
    snapshots.sort(
        Comparator.comparing((Snapshot s) -> s.time().toInstant())
            .thenComparing(Snapshot::requireId));
    return snapshots;
  }

  private Optional<Snapshot> snapshotUnlessGone(Id id, Consumer<RepositoryException> damaged) {
    try {
      return Optional.of(snapshot(id));
    } catch (RepositoryException e) {
      switch (e.problem()) {
        case NOT_FOUND -> {} // forgotten by another client since the listing
        case DAMAGED -> damaged.accept(e);
        case NO_REPOSITORY,
            EXISTS,
            LOCKED,
            WRONG_PASSWORD,
            UNSUPPORTED,
            STORAGE,
            DENIED,
            INTERRUPTED ->
            throw e;
      }
      return Optional.empty();
    }
  }

  /** Loads a snapshot. */
  public Snapshot snapshot(Id id) {
    return Snapshot.parse(id, loadUnpacked(StoredFile.snapshot(id)));
  }

  /**
   * Saves a snapshot: the commit point of a backup. Everything it refers to must have been flushed.
   *
   * @return the snapshot's id
   */
  public Id saveSnapshot(Snapshot snapshot) {
    byte[] file = key.seal(UnpackedCodec.encode(snapshot.toJson()));
    Id id = Id.of(file);
    backend.save(StoredFile.snapshot(id), file);
    return id;
  }

  private interface Work<T> {
    T run(Id id);
  }

  private <T> List<T> inParallel(List<Id> ids, Work<T> work) {
    List<T> results = new ArrayList<>(ids.size());
    try (ExecutorService threads = Executors.newFixedThreadPool(backend.parallelism())) {
      List<Callable<T>> tasks = new ArrayList<>(ids.size());
      for (Id id : ids) {
        tasks.add(() -> work.run(id));
      }
      for (Future<T> result : threads.invokeAll(tasks)) {
        results.add(result.get());
      }
      return results;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RepositoryException(Problem.INTERRUPTED, "interrupted", null, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RepositoryException cause) {
        throw new RepositoryException(cause.problem(), cause.getMessage(), cause.hint(), cause);
      }
      throw new IllegalStateException("reading the repository failed", e.getCause());
    }
  }

  @Override
  public void close() {
    backend.close();
  }
}
