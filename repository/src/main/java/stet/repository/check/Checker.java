package stet.repository.check;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobType;
import stet.repository.Bytes;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.FileType;
import stet.repository.backend.StoredFile;
import stet.repository.crypto.MasterKey;
import stet.repository.index.BlobIndex;
import stet.repository.index.BlobLocation;
import stet.repository.index.IndexFile;
import stet.repository.index.PackEntry;
import stet.repository.json.JsonException;
import stet.repository.pack.BlobDecoder;
import stet.repository.pack.PackHeader;
import stet.repository.pack.PackReader;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

/**
 * Checks a repository as {@code restic check} does: that all its files can be read and fit
 * together, and on demand that every byte of every pack is what its name says.
 *
 * <p>One fault does not hide others: a damaged file is reported and the check goes on with what is
 * left.
 */
public final class Checker {
  private final Repository repository;
  private final LongConsumer progress;
  private final List<Finding> findings = new ArrayList<>();
  private final BlobIndex index = new BlobIndex();
  private final Set<Id> damaged = new HashSet<>();
  private final Set<Id> missing = new HashSet<>();
  private final Set<Copy> lost = new HashSet<>();

  /** A blob in a pack. */
  private record Copy(BlobType type, Id blob, Id pack) {}

  /** How bad a finding is. */
  public enum Severity {
    /** Something is lost or would be misread. */
    ERROR,
    /** Wasteful or unusual, but nothing is lost. */
    HINT
  }

  /**
   * Something a check has found.
   *
   * @param severity how bad it is
   * @param object the file or blob it concerns, such as {@code data/ab/ab12…}
   * @param message what is wrong with it
   */
  public record Finding(Severity severity, String object, String message) {}

  /**
   * The outcome of a check.
   *
   * @param findings errors and hints in the order of discovery
   * @param snapshots how many snapshots were walked
   * @param packs how many packs the index names
   * @param packsRead how many packs were read in full
   * @param bytesRead bytes of packs read in full
   */
  public record Result(
      List<Finding> findings, int snapshots, int packs, int packsRead, long bytesRead) {
    public boolean isClean() {
      return findings.stream().noneMatch(f -> f.severity() == Severity.ERROR);
    }
  }

  /**
   * Which packs to read in full: pack ids whose first byte modulo {@code of} is {@code part - 1},
   * as restic chooses a subset.
   *
   * @param part from 1 to {@code of}
   * @param of how many parts there are; 1 means all packs
   */
  public record Subset(int part, int of) {
    /** All packs. */
    public static final Subset ALL = new Subset(1, 1);

    boolean contains(Id pack) {
      return Integer.remainderUnsigned((int) (pack.a() >>> 56), of) == part - 1;
    }
  }

  /**
   * @param progress receives bytes as packs are read
   */
  public Checker(Repository repository, LongConsumer progress) {
    this.repository = repository;
    this.progress = progress;
  }

  /**
   * Checks structure: index, packs' presence and sizes, snapshots, trees, and that all blobs are
   * known.
   */
  public Result check() {
    return check(new Subset(0, 1));
  }

  /**
   * Checks structure, and reads the packs of a subset in full; also, in any case, those that are
   * damaged as far as is known. The packs that are found damaged are {@linkplain
   * Repository#recordDamage recorded}. The caller holds an exclusive lock.
   *
   * @throws RepositoryException with {@code DENIED} naming the first file that this user may not
   *     read, or {@code INTERRUPTED} if the thread is interrupted; nothing is recorded then
   */
  public Result check(Subset read) {
    loadIndex();
    Map<Id, Long> stored = new HashMap<>();
    repository.backend().list(FileType.PACK, stored::put);
    List<BlobIndex.Pack> packs = index.byPack();
    checkPacks(packs, stored);
    Set<Id> suspects = new HashSet<>(index.damagedPacks());
    suspects.addAll(damaged);
    List<BlobIndex.Pack> chosen = new ArrayList<>();
    for (BlobIndex.Pack pack : packs) {
      boolean wanted = read.contains(pack.id()) || suspects.contains(pack.id());
      if (wanted && stored.containsKey(pack.id())) {
        chosen.add(pack);
      }
    }
    long bytes = 0;
    for (BlobIndex.Pack pack : chosen) {
      bytes += stored.getOrDefault(pack.id(), 0L);
    }
    readPacks(chosen);
    int snapshots = checkSnapshots();
    damaged.removeAll(index.damagedPacks());
    repository.recordDamage(damaged);
    return new Result(List.copyOf(findings), snapshots, packs.size(), chosen.size(), bytes);
  }

  /** The bytes that {@link #check(Subset)} would read, for progress. */
  public long bytesToRead(Subset read) {
    long[] bytes = {0};
    repository
        .backend()
        .list(
            FileType.PACK,
            (id, size) -> {
              if (read.contains(id)) {
                bytes[0] += size;
              }
            });
    return bytes[0];
  }

  private synchronized void error(String object, String message) {
    findings.add(new Finding(Severity.ERROR, object, message));
  }

  /** What could not be loaded is a finding, if it says anything of the repository. */
  private void error(String object, RepositoryException e) {
    requireRead(e);
    String message = e.getMessage();
    error(
        object,
        message.startsWith(object + " ") ? message.substring(object.length() + 1) : message);
  }

  /** What this user may not read, or was interrupted in reading, may well be whole. */
  private static void requireRead(RepositoryException e) {
    if (e.problem() == Problem.INTERRUPTED || e.problem() == Problem.DENIED) {
      throw e;
    }
  }

  private synchronized void foundDamaged(Id pack) {
    damaged.add(pack);
  }

  private synchronized void foundLost(Copy copy) {
    lost.add(copy);
  }

  private synchronized void hint(String object, String message) {
    findings.add(new Finding(Severity.HINT, object, message));
  }

  private void loadIndex() {
    List<Id> files = new ArrayList<>();
    repository.backend().list(FileType.INDEX, (id, _) -> files.add(id));
    Map<Id, Id> seen = new HashMap<>();
    for (Id file : files) {
      StoredFile name = StoredFile.index(file);
      try {
        IndexFile.decode(
            repository.loadUnpacked(name),
            new IndexFile.PackConsumer() {
              @Override
              public void accept(Id pack, List<PackEntry> entries, boolean toDelete) {
                Id other = seen.putIfAbsent(pack, file);
                if (other != null) {
                  hint(
                      StoredFile.pack(pack).path(),
                      "is listed in index " + other.shortText() + " and " + file.shortText());
                }
                index.addPack(pack, entries, toDelete);
              }

              @Override
              public void markDamaged(Id pack) {
                index.markDamaged(pack);
              }
            });
      } catch (RepositoryException e) {
        error(name.path(), e);
      } catch (JsonException e) {
        error(name.path(), "is damaged: " + e.getMessage());
      }
    }
  }

  private void checkPacks(List<BlobIndex.Pack> packs, Map<Id, Long> stored) {
    int unindexed = stored.size();
    for (BlobIndex.Pack pack : packs) {
      String name = StoredFile.pack(pack.id()).path();
      Long size = stored.get(pack.id());
      if (size == null) {
        error(name, "is missing, with " + pack.entries().size() + " blobs");
        foundDamaged(pack.id());
        missing.add(pack.id());
        continue;
      }
      unindexed--;
      long expected = PackEntry.packSize(pack.entries());
      if (size != expected) {
        error(name, "has the wrong size: expected " + expected + " bytes, found " + size);
        foundDamaged(pack.id());
      }
      if (pack.entries().stream().map(PackEntry::type).distinct().count() > 1) {
        hint(name, "holds data and trees together");
      }
    }
    if (unindexed > 0) {
      hint(
          "data",
          (unindexed == 1 ? "1 pack is" : unindexed + " packs are")
              + " in no index; an interrupted backup leaves such, and prune removes them");
    }
  }

  private int checkSnapshots() {
    List<Id> ids = new ArrayList<>();
    repository.backend().list(FileType.SNAPSHOT, (id, _) -> ids.add(id));
    Set<Id> visited = new HashSet<>();
    PackReader reader =
        new PackReader(repository.backend(), repository.masterKey(), index, this::foundDamaged);
    int read = 0;
    for (Id id : ids) {
      try {
        Snapshot snapshot = repository.snapshot(id);
        walk(reader, snapshot.tree(), "snapshot " + id.shortText(), visited);
        read++;
      } catch (RepositoryException e) {
        error(StoredFile.snapshot(id).path(), e);
      }
    }
    return read;
  }

  /** A tree to visit, and how it was reached. */
  private record Visit(Id tree, String path) {}

  private void walk(PackReader reader, Id root, String name, Set<Id> visited) {
    Deque<Visit> pending = new ArrayDeque<>();
    pending.push(new Visit(root, name + ":/"));
    while (!pending.isEmpty()) {
      Visit visit = pending.pop();
      if (!visited.add(visit.tree)) {
        continue;
      }
      List<Node> nodes;
      try {
        nodes = Repository.tree(reader, visit.tree);
      } catch (RepositoryException e) {
        error(visit.path, e);
        continue;
      }
      for (Node node : nodes) {
        String path = visit.path + node.name();
        String fault = Tree.fault(node);
        if (fault != null) {
          error(path, fault);
        }
        if (node.type() == NodeType.DIRECTORY && node.subtree() != null) {
          pending.push(new Visit(node.subtree(), path + "/"));
        }
        long size = 0;
        boolean known = true;
        for (Id blob : node.content()) {
          long length = index.length(BlobType.DATA, blob);
          if (length < 0) {
            error(path, "needs data blob " + blob + ", which is not in the index");
            known = false;
          }
          size += length;
        }
        String loss = loss(node.content());
        if (loss != null) {
          error(path, loss);
        }
        if (known && node.type() == NodeType.FILE && size != node.size()) {
          hint(path, "says it has " + node.size() + " bytes, but its blobs have " + size);
        }
      }
    }
  }

  /** Says what of a file no pack has any more, or null. */
  private @Nullable String loss(List<Id> content) {
    Set<String> packs = new TreeSet<>();
    int blobs = 0;
    for (Id blob : content) {
      List<BlobLocation> copies = isAnythingLost() ? index.locate(BlobType.DATA, blob) : List.of();
      if (!copies.isEmpty() && copies.stream().allMatch(copy -> isLost(blob, copy.pack()))) {
        blobs++;
        packs.add(copies.getFirst().pack().shortText());
      }
    }
    return blobs == 0
        ? null
        : "is damaged: %d of its %d blobs are lost with pack %s"
            .formatted(blobs, content.size(), String.join(", ", packs));
  }

  private boolean isAnythingLost() {
    return !missing.isEmpty() || !lost.isEmpty();
  }

  private boolean isLost(Id blob, Id pack) {
    return missing.contains(pack) || lost.contains(new Copy(BlobType.DATA, blob, pack));
  }

  private void readPacks(List<BlobIndex.Pack> packs) {
    if (packs.isEmpty()) {
      return;
    }
    int threads = Math.max(1, Math.min(Runtime.getRuntime().availableProcessors(), 8));
    AtomicInteger next = new AtomicInteger();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        running.add(
            pool.submit(() -> {
              for (int n = next.getAndIncrement();
                  n < packs.size() && !Thread.currentThread().isInterrupted();
                  n = next.getAndIncrement()) {
                readPack(packs.get(n));
              }
            }));
      }
      try {
        for (Future<?> worker : running) {
          worker.get();
        }
      } catch (InterruptedException e) {
        pool.shutdownNow();
        Thread.currentThread().interrupt();
        throw new RepositoryException(Problem.INTERRUPTED, "interrupted", null, e);
      } catch (ExecutionException e) {
        pool.shutdownNow();
        if (e.getCause() instanceof RepositoryException cause) {
          throw new RepositoryException(cause.problem(), cause.getMessage(), cause.hint(), cause);
        }
        throw new IllegalStateException("reading packs failed", e.getCause());
      }
    }
  }

  /**
   * Reads a pack in full; a pack that is at fault is read once more, in case only the reading was.
   */
  private void readPack(BlobIndex.Pack pack) {
    List<PackEntry> broken = new ArrayList<>();
    List<String> faults = faults(pack, broken);
    if (!faults.isEmpty()) {
      broken.clear();
      faults = faults(pack, broken);
    }
    for (String fault : faults) {
      error(StoredFile.pack(pack.id()).path(), fault);
    }
    if (!faults.isEmpty()) {
      foundDamaged(pack.id());
    }
    for (PackEntry entry : broken) {
      foundLost(new Copy(entry.type(), entry.id(), pack.id()));
    }
  }

  /**
   * Reads a pack in full.
   *
   * @param broken receives the blobs that cannot be read
   * @return what is wrong with it
   */
  private List<String> faults(BlobIndex.Pack pack, List<PackEntry> broken) {
    List<String> faults = new ArrayList<>();
    byte[] file;
    try {
      file = repository.backend().load(StoredFile.pack(pack.id()));
    } catch (RepositoryException e) {
      requireRead(e);
      broken.addAll(pack.entries());
      return List.of(e.getMessage());
    }
    progress.accept(file.length);
    if (!Id.of(file).equals(pack.id())) {
      faults.add("is damaged: its bytes have the hash " + Id.of(file));
    }
    long position = 0;
    for (PackEntry entry : pack.entries()) {
      String blob = "blob " + entry.id().shortText();
      long offset = Integer.toUnsignedLong(entry.offset());
      if (offset != position) {
        faults.add(blob + " begins at " + offset + ", expected " + position);
      }
      position = offset + Integer.toUnsignedLong(entry.length());
      if (entry.length() < 0 || position > file.length) {
        faults.add(blob + " ends at " + position + ", past the pack's end at " + file.length);
        broken.add(entry);
        continue;
      }
      try {
        Id found =
            Id.of(
                BlobDecoder.open(
                    repository.masterKey(),
                    file,
                    (int) offset,
                    entry.length(),
                    entry.uncompressedLength()));
        if (!found.equals(entry.id())) {
          faults.add(blob + " has the wrong content");
          broken.add(entry);
        }
      } catch (RepositoryException e) {
        faults.add(blob + ": " + e.getMessage());
        broken.add(entry);
      }
    }
    checkHeader(pack, file, faults);
    return faults;
  }

  private void checkHeader(BlobIndex.Pack pack, byte[] file, List<String> faults) {
    if (file.length < Integer.BYTES) {
      faults.add("is too short for a header: " + file.length + " bytes");
      return;
    }
    int length = Bytes.intLe(file, file.length - Integer.BYTES);
    if (length < MasterKey.OVERHEAD || length > file.length - Integer.BYTES) {
      faults.add("says its header has " + Integer.toUnsignedLong(length) + " bytes");
      return;
    }
    try {
      byte[] header =
          repository.masterKey().open(file, file.length - Integer.BYTES - length, length);
      Map<Id, PackEntry> indexed = new TreeMap<>();
      for (PackEntry entry : pack.entries()) {
        indexed.put(entry.id(), entry);
      }
      List<PackEntry> entries = PackHeader.decode(header);
      if (entries.size() != pack.entries().size()) {
        faults.add("header names " + entries.size() + " blobs, the index " + pack.entries().size());
      }
      for (PackEntry entry : entries) {
        if (!entry.equals(indexed.get(entry.id()))) {
          faults.add("header and index differ about blob " + entry.id().shortText());
        }
      }
    } catch (RepositoryException e) {
      faults.add("header: " + e.getMessage());
    }
  }
}
