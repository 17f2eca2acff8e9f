package stet.repository.check;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.backend.FileType;
import stet.repository.backend.StoredFile;
import stet.repository.index.BlobIndex;
import stet.repository.index.IndexFile;
import stet.repository.index.PackEntry;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.BlobDecoder;
import stet.repository.pack.PackWriter;

/**
 * Takes the packs that were {@linkplain Repository#recordDamage recorded as damaged} out of the
 * index, after what is still good in them has been copied into new packs.
 *
 * <p>The repository is valid at every instant: copies are stored and indexed first, then the index
 * files that name a damaged pack are written anew without it, then the old ones are removed. An
 * index that listed only the good part of a pack would not do, as all clients take it for a whole
 * one. The file of a damaged pack is removed last, and only if all that it held is in other packs:
 * what looks like damage here may be a fault of this machine. Otherwise it stays, named by no
 * index.
 */
public final class PackRepair {
  private final Repository repository;
  private final RepositoryLock lock;

  private PackRepair(Repository repository, RepositoryLock lock) {
    this.repository = repository;
    this.lock = lock;
  }

  /**
   * What was done.
   *
   * @param packs the packs that the index names no more
   * @param copied how many blobs were copied out of them
   * @param lost how many blobs are in no pack any more
   */
  public record Result(List<Id> packs, int copied, int lost) {}

  /**
   * Repairs what is recorded; reads the index anew, before and after.
   *
   * @param lock an exclusive lock on the repository
   * @throws RepositoryException if any index file or, for another reason than damage, a damaged
   *     pack cannot be read, with the index as it was; if the lock was lost, or if nothing may be
   *     removed
   */
  public static Result run(Repository repository, RepositoryLock lock) {
    repository.loadIndex();
    Set<Id> damaged = repository.index().damagedPacks();
    if (damaged.isEmpty()) {
      return new Result(List.of(), 0, 0);
    }
    repository.requireRemovals();
    PackRepair repair = new PackRepair(repository, lock);
    List<BlobIndex.Pack> packs =
        repository.index().byPack().stream().filter(pack -> damaged.contains(pack.id())).toList();
    int copied = repair.copyGoodBlobs(packs);
    repair.dropFromIndex(damaged);
    int lost = repair.deleteNeedless(packs);
    repository.loadIndex();
    return new Result(packs.stream().map(BlobIndex.Pack::id).toList(), copied, lost);
  }

  private int copyGoodBlobs(List<BlobIndex.Pack> packs) {
    int copied = 0;
    try (PackWriter writer = repository.newWriter()) {
      for (BlobIndex.Pack pack : packs) {
        for (PackEntry entry : pack.entries()) {
          if (!writer.holds(entry.type(), entry.id()) && copy(pack.id(), entry, writer)) {
            copied++;
          }
        }
      }
      writer.flush();
    }
    return copied;
  }

  /** Copies a blob unless it is damaged; that it was seen to be before makes this reading final. */
  private boolean copy(Id pack, PackEntry entry, PackWriter writer) {
    byte[] plaintext;
    try {
      byte[] sealed =
          repository
              .backend()
              .load(StoredFile.pack(pack), Integer.toUnsignedLong(entry.offset()), entry.length());
      plaintext =
          BlobDecoder.open(
              repository.masterKey(), sealed, 0, sealed.length, entry.uncompressedLength());
    } catch (RepositoryException e) {
      return switch (e.problem()) {
        case DAMAGED, NOT_FOUND -> false;
        case NO_REPOSITORY,
            EXISTS,
            LOCKED,
            WRONG_PASSWORD,
            UNSUPPORTED,
            STORAGE,
            DENIED,
            INTERRUPTED ->
            throw e;
      };
    }
    if (!Id.of(plaintext).equals(entry.id())) {
      return false;
    }
    writer.save(entry.type(), plaintext);
    return true;
  }

  /**
   * Writes all index files that name a damaged pack anew, then removes the old ones; last those
   * that say that it is damaged, as somebody who finds it listed must find that too.
   */
  private void dropFromIndex(Set<Id> damaged) {
    List<Id> files = new ArrayList<>();
    repository.backend().list(FileType.INDEX, (id, _) -> files.add(id));
    List<Id> listing = new ArrayList<>();
    List<Id> marking = new ArrayList<>();
    for (Id file : files) {
      byte[] json = repository.loadUnpacked(StoredFile.index(file));
      Mentions mentions = new Mentions(damaged);
      IndexFile.decode(json, mentions);
      if (!mentions.lists && !mentions.marks) {
        continue;
      }
      byte[] rest = IndexFile.without(json, damaged);
      if (rest != null) {
        repository.saveIndex(rest);
      }
      (mentions.marks ? marking : listing).add(file);
    }
    listing.forEach(file -> delete(StoredFile.index(file)));
    marking.forEach(file -> delete(StoredFile.index(file)));
  }

  /** What an index file says of some packs. */
  private static final class Mentions implements IndexFile.PackConsumer {
    private final Set<Id> packs;
    private boolean lists;
    private boolean marks;

    Mentions(Set<Id> packs) {
      this.packs = packs;
    }

    @Override
    public void accept(Id pack, List<PackEntry> entries, boolean toDelete) {
      lists |= packs.contains(pack);
    }

    @Override
    public void markDamaged(Id pack) {
      marks |= packs.contains(pack);
    }
  }

  private void delete(StoredFile file) {
    lock.check();
    repository.backend().delete(file);
  }

  /** Removes the files of packs whose blobs are all elsewhere; returns how many blobs are not. */
  private int deleteNeedless(List<BlobIndex.Pack> packs) {
    Set<PackEntry> lost = new HashSet<>();
    for (BlobIndex.Pack pack : packs) {
      List<PackEntry> here =
          pack.entries().stream()
              .filter(entry -> !repository.index().holds(entry.type(), entry.id()))
              .toList();
      lost.addAll(here);
      if (here.isEmpty()) {
        delete(StoredFile.pack(pack.id()));
      }
    }
    return lost.size();
  }
}
