package stet.repository.pack;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.Backend;
import stet.repository.backend.StoredFile;
import stet.repository.crypto.MasterKey;
import stet.repository.index.BlobIndex;
import stet.repository.index.BlobLocation;

/**
 * Reads blobs out of packs by ranges.
 *
 * <p>A blob with several copies is read from the first that is whole. A pack with a copy that is
 * not is reported, so that writers rely on it no more.
 */
public final class PackReader implements BlobSource {
  /** Plaintext bytes that {@link #read} looks ahead to find neighbours. */
  private static final long WINDOW_BYTES = 8 << 20;

  private static final int WINDOW_BLOBS = 256;

  /** Bytes that are cheaper to read and throw away than to ask for what follows separately. */
  private static final long GAP = 256 << 10;

  private final Backend backend;
  private final MasterKey key;
  private final BlobIndex index;
  private final Consumer<Id> damaged;

  /**
   * @param damaged receives a pack each time that a blob of it turns out missing or damaged, on the
   *     reading thread
   */
  public PackReader(Backend backend, MasterKey key, BlobIndex index, Consumer<Id> damaged) {
    this.backend = backend;
    this.key = key;
    this.index = index;
    this.damaged = damaged;
  }

  @Override
  public byte[] load(BlobType type, Id id) {
    List<BlobLocation> copies = index.locate(type, id);
    if (copies.isEmpty()) {
      throw unknown(type, id);
    }
    List<RepositoryException> failures = new ArrayList<>();
    for (BlobLocation copy : copies) {
      try {
        byte[] sealed = backend.load(StoredFile.pack(copy.pack()), copy.offset(), copy.length());
        return open(type, id, copy, sealed, 0);
      } catch (RepositoryException e) {
        if (e.problem() == Problem.INTERRUPTED) {
          throw e;
        }
        if (e.isLoss()) {
          damaged.accept(copy.pack());
        }
        failures.add(e);
      }
    }
    throw failed(type, id, copies.getFirst().pack(), failures);
  }

  private static RepositoryException failed(
      BlobType type, Id id, Id pack, List<RepositoryException> failures) {
    RepositoryException first = failures.getFirst();
    failures.subList(1, failures.size()).forEach(first::addSuppressed);
    boolean lost = first.isLoss();
    String what = type == BlobType.DATA ? "data blob " + id.shortText() : "tree " + id.shortText();
    return new RepositoryException(
        lost ? Problem.DAMAGED : first.problem(),
        what + " in pack " + pack.shortText() + " cannot be read: " + first.getMessage(),
        lost ? "Run `stet check --read-data` to see everything that is affected." : first.hint(),
        first);
  }

  private static RepositoryException unknown(BlobType type, Id id) {
    return RepositoryException.damaged(
        (type == BlobType.DATA ? "data blob " : "tree ") + id + " is not in the index", null);
  }

  private byte[] open(BlobType type, Id id, BlobLocation copy, byte[] bytes, int offset) {
    byte[] plaintext =
        BlobDecoder.open(key, bytes, offset, copy.length(), copy.uncompressedLength());
    Id found = Id.of(plaintext);
    if (!found.equals(id)) {
      throw RepositoryException.damaged(
          (type == BlobType.DATA ? "data blob" : "tree")
              + " has the wrong content: expected "
              + id
              + ", found "
              + found,
          null);
    }
    return plaintext;
  }

  @Override
  public long length(Id id) {
    long length = index.length(BlobType.DATA, id);
    if (length < 0) {
      throw unknown(BlobType.DATA, id);
    }
    return length;
  }

  /** A blob of a window: its place in the order of delivery and in a pack. */
  private record Wanted(int position, Id id, BlobLocation location) {}

  @Override
  public <E extends Exception> void read(List<Id> content, BlobConsumer<E> consumer) throws E {
    int next = 0;
    while (next < content.size()) {
      List<Wanted> window = new ArrayList<>();
      long bytes = 0;
      while (next < content.size() && window.size() < WINDOW_BLOBS && bytes < WINDOW_BYTES) {
        Id id = content.get(next++);
        List<BlobLocation> copies = index.locate(BlobType.DATA, id);
        if (copies.isEmpty()) {
          throw unknown(BlobType.DATA, id);
        }
        bytes += length(id);
        window.add(new Wanted(window.size(), id, copies.getFirst()));
      }
      byte[][] plaintexts = load(window);
      for (int i = 0; i < plaintexts.length; i++) {
        byte[] plaintext = plaintexts[i];
        plaintexts[i] = new byte[0];
        consumer.accept(plaintext);
      }
    }
  }

  /** Loads a window, neighbours in a pack by one request. */
  private byte[][] load(List<Wanted> window) {
    byte[][] plaintexts = new byte[window.size()][];
    List<Wanted> ordered = new ArrayList<>(window);
    ordered.sort(
        Comparator.comparing((Wanted w) -> w.location.pack())
            .thenComparingLong(w -> w.location.offset()));
    int from = 0;
    while (from < ordered.size()) {
      BlobLocation first = ordered.get(from).location;
      long end = first.offset() + first.length();
      int to = from + 1;
      while (to < ordered.size()) {
        BlobLocation following = ordered.get(to).location;
        if (!following.pack().equals(first.pack()) || following.offset() > end + GAP) {
          break;
        }
        end = Math.max(end, following.offset() + following.length());
        to++;
      }
      loadRange(ordered.subList(from, to), first.pack(), first.offset(), end, plaintexts);
      from = to;
    }
    return plaintexts;
  }

  private void loadRange(List<Wanted> run, Id pack, long start, long end, byte[][] plaintexts) {
    byte[] range = null;
    if (run.size() > 1) {
      try {
        range = backend.load(StoredFile.pack(pack), start, Math.toIntExact(end - start));
      } catch (RepositoryException e) {
        // Each blob is tried by itself below, with its other copies.
        range = null;
      }
    }
    for (Wanted wanted : run) {
      byte[] plaintext = null;
      if (range != null) {
        try {
          plaintext =
              open(
                  BlobType.DATA,
                  wanted.id,
                  wanted.location,
                  range,
                  (int) (wanted.location.offset() - start));
        } catch (RepositoryException e) {
          plaintext = null;
        }
      }
      plaintexts[wanted.position] = plaintext != null ? plaintext : load(BlobType.DATA, wanted.id);
    }
  }
}
