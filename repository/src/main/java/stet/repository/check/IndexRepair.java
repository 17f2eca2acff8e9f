package stet.repository.check;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.backend.FileType;
import stet.repository.backend.StoredFile;
import stet.repository.index.BlobIndex;
import stet.repository.index.IndexFile;
import stet.repository.index.PackEntry;
import stet.repository.json.JsonException;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackHeader;

/**
 * Brings packs back into the index that no index file names, by reading the packs themselves: after
 * an interrupted backup those that are whole, and on demand all, in place of index files that
 * cannot be read.
 */
public final class IndexRepair {
  /** As many as a writer puts into one index file. */
  private static final int MAX_BLOBS = 50_000;

  private final Repository repository;

  private IndexRepair(Repository repository) {
    this.repository = repository;
  }

  /**
   * What was done.
   *
   * @param removed index files that could not be read
   * @param added packs that the index names again
   * @param damaged those of them that are not whole, which is recorded
   * @param missing packs that the index named and that are not there
   * @param unreadable packs that say no more what they hold; they stay, named by no index
   */
  public record Result(
      List<Id> removed, List<Id> added, List<Id> damaged, List<Id> missing, List<Id> unreadable) {}

  /**
   * How the packs that are stored and the index differed.
   *
   * @param added how many packs were indexed
   * @param damaged packs that the index names and that are missing or have another size
   */
  public record Adoption(int added, List<Id> damaged) {}

  /**
   * Indexes the packs that no index file names, if they are whole, so that what an interrupted
   * backup has stored need not be stored again. The repository's index is loaded; this one knows
   * the packs afterwards, as does every later one. The caller holds a lock.
   *
   * <p>A pack that another process has stored and not indexed yet may be among them. Then it is
   * listed twice, which is harmless.
   *
   * <p>The other way round, packs that the index names and that are not there whole are {@linkplain
   * Repository#recordDamage recorded}. An index may name what was removed long ago if it was
   * written by a client whose lock was lost.
   */
  public static Adoption adopt(Repository repository) {
    Map<Id, Long> stored = new HashMap<>();
    repository.backend().list(FileType.PACK, stored::put);
    List<Id> damaged = repository.index().notWhole(stored);
    repository.recordDamage(Set.copyOf(damaged));
    List<BlobIndex.Pack> whole = new ArrayList<>();
    for (Id id : stored.keySet()) {
      if (repository.index().hasPack(id)) {
        continue;
      }
      try {
        byte[] file = repository.backend().load(StoredFile.pack(id));
        if (Id.of(file).equals(id)) {
          whole.add(new BlobIndex.Pack(id, entries(repository, file)));
        }
      } catch (RepositoryException e) {
        switch (e.problem()) {
          // What nobody needs as far as is known does no harm as it is.
          case DAMAGED, NOT_FOUND -> {}
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
      }
    }
    new IndexRepair(repository).save(whole);
    whole.forEach(pack -> repository.index().addPack(pack.id(), pack.entries(), false));
    return new Adoption(whole.size(), damaged);
  }

  /**
   * Replaces index files that cannot be read, by reading all packs that no other one names; drops
   * packs that are not there. The index is loaded anew afterwards. The repository is valid at every
   * instant: what replaces an index file is stored before it is removed.
   *
   * @param lock an exclusive lock on the repository
   * @throws RepositoryException if the storage fails, the lock was lost, or nothing may be removed
   */
  public static Result run(Repository repository, RepositoryLock lock) {
    repository.requireRemovals();
    return new IndexRepair(repository).run(lock);
  }

  private Result run(RepositoryLock lock) {
    Map<Id, Long> stored = new TreeMap<>();
    repository.backend().list(FileType.PACK, stored::put);
    List<Id> unusable = new ArrayList<>();
    List<Id> rewritten = new ArrayList<>();
    Set<Id> named = new HashSet<>();
    Set<Id> missing = new HashSet<>();
    List<Id> files = new ArrayList<>();
    repository.backend().list(FileType.INDEX, (id, _) -> files.add(id));
    for (Id file : files) {
      byte[] json;
      Set<Id> packs = new HashSet<>();
      try {
        json = repository.loadUnpacked(StoredFile.index(file));
        IndexFile.decode(json, (pack, _, _) -> packs.add(pack));
      } catch (JsonException e) {
        unusable.add(file);
        continue;
      } catch (RepositoryException e) {
        switch (e.problem()) {
          case DAMAGED, NOT_FOUND -> unusable.add(file);
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
        continue;
      }
      Set<Id> gone = new HashSet<>(packs);
      gone.removeAll(stored.keySet());
      named.addAll(packs);
      missing.addAll(gone);
      if (!gone.isEmpty()) {
        byte[] rest = IndexFile.without(json, gone);
        if (rest != null) {
          repository.saveIndex(rest);
        }
        rewritten.add(file);
      }
    }
    List<BlobIndex.Pack> added = new ArrayList<>();
    List<Id> damaged = new ArrayList<>();
    List<Id> unreadable = new ArrayList<>();
    for (Id pack : stored.keySet()) {
      if (!named.contains(pack)) {
        index(pack, added, damaged, unreadable);
      }
    }
    save(added);
    for (List<Id> obsolete : List.of(rewritten, unusable)) {
      for (Id file : obsolete) {
        lock.check();
        repository.backend().delete(StoredFile.index(file));
      }
    }
    repository.loadIndex();
    repository.recordDamage(Set.copyOf(damaged));
    return new Result(
        unusable,
        added.stream().map(BlobIndex.Pack::id).toList(),
        damaged,
        missing.stream().sorted().toList(),
        unreadable);
  }

  /** Reads what a pack holds; one that is not whole may still give most of it. */
  private void index(Id pack, List<BlobIndex.Pack> added, List<Id> damaged, List<Id> unreadable) {
    byte[] file;
    try {
      file = repository.backend().load(StoredFile.pack(pack));
      added.add(new BlobIndex.Pack(pack, entries(repository, file)));
    } catch (RepositoryException e) {
      switch (e.problem()) {
        case DAMAGED, NOT_FOUND -> unreadable.add(pack);
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
      return;
    }
    if (!Id.of(file).equals(pack)) {
      damaged.add(pack);
    }
  }

  private static List<PackEntry> entries(Repository repository, byte[] pack) {
    int length = PackHeader.sealedLength(pack, pack.length);
    byte[] header =
        repository.masterKey().open(pack, pack.length - PackHeader.LENGTH_FIELD - length, length);
    return PackHeader.decode(header);
  }

  private void save(List<BlobIndex.Pack> packs) {
    List<BlobIndex.Pack> file = new ArrayList<>();
    int blobs = 0;
    for (BlobIndex.Pack pack : packs) {
      file.add(pack);
      blobs += pack.entries().size();
      if (blobs >= MAX_BLOBS) {
        repository.saveIndex(IndexFile.encode(file));
        file.clear();
        blobs = 0;
      }
    }
    if (!file.isEmpty()) {
      repository.saveIndex(IndexFile.encode(file));
    }
  }
}
