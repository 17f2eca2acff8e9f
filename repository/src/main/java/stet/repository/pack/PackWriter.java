package stet.repository.pack;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Bytes;
import stet.repository.Id;
import stet.repository.Pool;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.Backend;
import stet.repository.backend.StoredFile;
import stet.repository.codec.BlobCompression;
import stet.repository.crypto.MasterKey;
import stet.repository.index.BlobIndex;
import stet.repository.index.IndexFile;
import stet.repository.index.PackEntry;

/**
 * Writes new blobs into packs and the packs into the repository.
 *
 * <p>Savers hash, compress and seal on their own threads, straight into the place in an open pack
 * that they reserved; full packs are stored by a few threads of this writer. Memory is bounded by
 * the number of pack buffers: when all are in use, savers wait.
 *
 * <p>Before a sealed blob counts as saved, it is opened again from the pack's buffer and compared
 * with its id, so that a bit that flipped in memory or a fault of the compressor cannot reach the
 * repository unnoticed.
 *
 * <p>The order that makes a crash harmless: a pack is stored, then it is named in an index file;
 * {@link #flush} stores all packs and then all index entries, and only after that may a snapshot
 * refer to the blobs. Where a lock was lost, no index file is saved any more: the packs may be
 * gone.
 */
public final class PackWriter implements BlobSink, AutoCloseable {
  /** Bytes of blobs after which a pack is closed; restic's default. */
  private static final int PACK_SIZE = 16 << 20;

  /** Trees lie apart, in smaller packs: they are read again by every client. */
  private static final int TREE_PACK_SIZE = 4 << 20;

  /** rustic counts a pack's blobs in 16 bits, and a header must stay small. */
  static final int MAX_BLOBS = 10_000;

  /**
   * Blobs go to one of two open packs at random, so that a storage provider cannot read off their
   * order and sizes.
   */
  private static final int OPEN_DATA_PACKS = 2;

  /**
   * An index file is written when this many blobs wait, so that the work of an interrupted run is
   * not lost.
   */
  private static final int INDEX_BLOBS = 50_000;

  /** Compression that saves less than one part in this many is not worth undoing at every read. */
  private static final int MIN_GAIN = 32;

  private static final long INDEX_AGE_NANOS = 60_000_000_000L;

  private final Backend backend;
  private final MasterKey key;
  private final BlobIndex index;
  private final Consumer<byte[]> indexSaver;

  private final BlobCompression compression = new BlobCompression(BlobCompression.FAST);
  private final Pool<Scratch> scratches = new Pool<>(Scratch::new);
  private final Set<Claim> inFlight = ConcurrentHashMap.newKeySet();
  private final @Nullable OpenPack[] openData = new @Nullable OpenPack[OPEN_DATA_PACKS];
  private final @Nullable OpenPack[] openTree = new @Nullable OpenPack[1];
  private final PackBuffers dataBuffers;
  private final PackBuffers treeBuffers;
  private final StoreQueue uploads;

  private final List<BlobIndex.Pack> unindexed = new ArrayList<>();
  private int unindexedBlobs;
  private long lastIndexNanos = System.nanoTime();

  private final AtomicLong blobsAdded = new AtomicLong();
  private final AtomicLong treesAdded = new AtomicLong();
  private final AtomicLong bytesAdded = new AtomicLong();
  private final AtomicLong bytesStored = new AtomicLong();

  /** A blob that is on its way into a pack. */
  private record Claim(BlobType type, Id id) {}

  /** One saver's room for a blob compressed, and opened again. */
  private final class Scratch {
    private byte[] compressed = new byte[0];
    private byte[] plain = new byte[0];

    int compress(byte[] source, int offset, int length) {
      int room = BlobCompression.maxLength(length);
      if (compressed.length < room) {
        compressed = new byte[room];
      }
      return compression.compress(source, offset, length, compressed, 0);
    }

    /** Opens what was sealed; {@link #plain} then begins with the blob. */
    void open(byte[] sealed, int offset, int sealedLength, boolean isCompressed, int length) {
      if (plain.length < length) {
        plain = new byte[length];
      }
      if (isCompressed) {
        int opened = key.open(sealed, offset, sealedLength, compressed, 0);
        BlobCompression.decompress(compressed, 0, opened, plain, 0, length);
      } else {
        key.open(sealed, offset, sealedLength, plain, 0);
      }
    }
  }

  /**
   * @param indexSaver saves the JSON text of an index file, unless a lock was lost
   */
  public PackWriter(Backend backend, MasterKey key, BlobIndex index, Consumer<byte[]> indexSaver) {
    this.backend = backend;
    this.key = key;
    this.index = index;
    this.indexSaver = indexSaver;
    int parallel = backend.parallelism();
    this.dataBuffers = new PackBuffers(PACK_SIZE, OPEN_DATA_PACKS + parallel + 1);
    this.treeBuffers = new PackBuffers(TREE_PACK_SIZE, openTree.length + 2);
    this.uploads = new StoreQueue(parallel);
  }

  /** What a writer has added. */
  public record Totals(long dataBlobs, long treeBlobs, long bytes, long storedBytes) {}

  /** What has been added so far: blobs, their plaintext bytes, and their bytes in packs. */
  public Totals totals() {
    return new Totals(blobsAdded.get(), treesAdded.get(), bytesAdded.get(), bytesStored.get());
  }

  @Override
  public boolean holds(BlobType type, Id id) {
    return index.holds(type, id) || inFlight.contains(new Claim(type, id));
  }

  @Override
  public Id save(BlobType type, byte[] bytes, int offset, int length) {
    if (length == 0) {
      throw new IllegalArgumentException("a blob has at least one byte");
    }
    uploads.throwFailure();
    Id id = Id.of(bytes, offset, length);
    if (index.holds(type, id)) {
      return id;
    }
    Claim claim = new Claim(type, id);
    if (!inFlight.add(claim)) {
      return id;
    }
    boolean reserved = false;
    try {
      if (index.holds(type, id)) {
        // Another thread stored it between the first look and the claim.
        inFlight.remove(claim);
        return id;
      }
      Scratch scratch = scratches.take();
      int compressed = scratch.compress(bytes, offset, length);
      boolean keep = type == BlobType.TREE || compressed < length - length / MIN_GAIN;
      Reservation place = reserve(type, (keep ? compressed : length) + MasterKey.OVERHEAD);
      reserved = true;
      place.fill(id, bytes, offset, length, keep ? compressed : 0, scratch);
      scratches.give(scratch);
    } catch (RuntimeException | Error e) {
      if (!reserved) {
        inFlight.remove(claim);
      }
      uploads.fail(e);
      throw e;
    }
    (type == BlobType.DATA ? blobsAdded : treesAdded).incrementAndGet();
    bytesAdded.addAndGet(length);
    return id;
  }

  /** A place in an open pack that one saver fills. */
  private final class Reservation {
    private final OpenPack pack;
    private final int offset;
    private final int sealedLength;

    Reservation(OpenPack pack, int offset, int sealedLength) {
      this.pack = pack;
      this.offset = offset;
      this.sealedLength = sealedLength;
    }

    /**
     * Seals a blob into the place, and makes sure that what was sealed opens to it again.
     *
     * @param compressed bytes of the compressed blob in {@code scratch}, or 0 to store it as it is
     */
    void fill(Id id, byte[] bytes, int from, int length, int compressed, Scratch scratch) {
      boolean filled = false;
      try {
        if (compressed != 0) {
          key.seal(scratch.compressed, 0, compressed, pack.bytes, offset);
        } else {
          key.seal(bytes, from, length, pack.bytes, offset);
        }
        scratch.open(pack.bytes, offset, sealedLength, compressed != 0, length);
        if (!Arrays.equals(scratch.plain, 0, length, bytes, from, from + length)) {
          throw new RepositoryException(
              Problem.DAMAGED,
              "blob " + id.shortText() + " changed while it was packed",
              "The machine's memory may be faulty; test it before you trust a backup made here.");
        }
        pack.add(new PackEntry(pack.type, id, offset, sealedLength, compressed != 0 ? length : 0));
        filled = true;
      } finally {
        pack.done(filled);
      }
    }
  }

  private Reservation reserve(BlobType type, int sealedLength) {
    PackBuffers buffers =
        switch (type) {
          case DATA -> dataBuffers;
          case TREE -> treeBuffers;
        };
    if (sealedLength > buffers.size) {
      OpenPack own = new OpenPack(type, new byte[sealedLength], sealedLength, null);
      int offset = own.reserve(sealedLength);
      own.close();
      return new Reservation(own, offset, sealedLength);
    }
    @Nullable OpenPack[] open =
        switch (type) {
          case DATA -> openData;
          case TREE -> openTree;
        };
    int which = open.length == 1 ? 0 : ThreadLocalRandom.current().nextInt(open.length);
    while (true) {
      OpenPack pack;
      synchronized (open) {
        pack = open[which];
        if (pack != null) {
          int offset = pack.reserve(sealedLength);
          if (offset >= 0) {
            return new Reservation(pack, offset, sealedLength);
          }
          open[which] = null;
        }
      }
      if (pack != null) {
        pack.close();
      }
      // Waiting for a buffer happens outside the lock: others may still fill the packs that are
      // open.
      OpenPack fresh = new OpenPack(type, buffers.take(), buffers.size, buffers);
      synchronized (open) {
        if (open[which] == null) {
          open[which] = fresh;
          continue;
        }
      }
      buffers.give(fresh.bytes);
    }
  }

  /** A pack that is being filled. */
  private final class OpenPack {
    final BlobType type;
    final byte[] bytes;
    private final int capacity;
    private final @Nullable PackBuffers origin;
    private final List<PackEntry> entries = new ArrayList<>();
    private int used;
    private int unfilled;
    private boolean closed;
    private boolean broken;

    OpenPack(BlobType type, byte[] bytes, int capacity, @Nullable PackBuffers origin) {
      this.type = type;
      this.bytes = bytes;
      this.capacity = capacity;
      this.origin = origin;
    }

    /** Reserves a place and returns its offset, or -1 if the pack is full or closed. */
    synchronized int reserve(int length) {
      if (closed || length > capacity - used || entries.size() + unfilled >= MAX_BLOBS) {
        return -1;
      }
      int offset = used;
      used += length;
      unfilled++;
      return offset;
    }

    /** Takes a filled place into the pack. */
    synchronized void add(PackEntry entry) {
      entries.add(entry);
    }

    /** A reserved place is filled, or never will be. */
    void done(boolean filled) {
      boolean finished;
      synchronized (this) {
        unfilled--;
        broken |= !filled;
        finished = closed && unfilled == 0;
      }
      if (finished) {
        finish();
      }
    }

    /** Takes no more blobs; the pack is stored once all places are filled. */
    void close() {
      boolean finished;
      synchronized (this) {
        if (closed) {
          return;
        }
        closed = true;
        finished = unfilled == 0;
      }
      if (finished) {
        finish();
      }
    }

    private void finish() {
      if (broken || entries.isEmpty()) {
        giveBack();
        return;
      }
      uploads.submit(this::store, this::giveBack);
    }

    private void store() {
      entries.sort((x, y) -> Integer.compareUnsigned(x.offset(), y.offset()));
      byte[] header = PackHeader.encode(entries);
      int total = used + header.length + MasterKey.OVERHEAD + Integer.BYTES;
      byte[] file = total <= bytes.length ? bytes : Arrays.copyOf(bytes, total);
      int sealed = key.seal(header, 0, header.length, file, used);
      Bytes.putIntLe(file, used + sealed, sealed);
      Id id = Id.of(file, 0, total);
      backend.save(StoredFile.pack(id), file, 0, total);
      bytesStored.addAndGet(total);
      stored(new BlobIndex.Pack(id, List.copyOf(entries)));
    }

    private void giveBack() {
      if (origin != null) {
        origin.give(bytes);
      }
    }
  }

  private void stored(BlobIndex.Pack pack) {
    index.addPack(pack.id(), pack.entries(), false);
    for (PackEntry entry : pack.entries()) {
      inFlight.remove(new Claim(entry.type(), entry.id()));
    }
    List<BlobIndex.Pack> full = List.of();
    synchronized (unindexed) {
      unindexed.add(pack);
      unindexedBlobs += pack.entries().size();
      if (unindexedBlobs >= INDEX_BLOBS || System.nanoTime() - lastIndexNanos >= INDEX_AGE_NANOS) {
        full = takeUnindexed();
      }
    }
    saveIndex(full);
  }

  private List<BlobIndex.Pack> takeUnindexed() {
    List<BlobIndex.Pack> taken = List.copyOf(unindexed);
    unindexed.clear();
    unindexedBlobs = 0;
    lastIndexNanos = System.nanoTime();
    return taken;
  }

  private void saveIndex(List<BlobIndex.Pack> packs) {
    if (!packs.isEmpty()) {
      indexSaver.accept(IndexFile.encode(packs));
    }
  }

  /**
   * Stores everything saved so far, blobs and index. On return all of it is durable and may be
   * referred to by a snapshot.
   *
   * <p>No blob may be saved meanwhile.
   *
   * @throws RepositoryException if any blob could not be stored
   */
  public void flush() {
    for (@Nullable OpenPack[] open : List.<@Nullable OpenPack[]>of(openData, openTree)) {
      for (int i = 0; i < open.length; i++) {
        OpenPack pack;
        synchronized (open) {
          pack = open[i];
          open[i] = null;
        }
        if (pack != null) {
          pack.close();
        }
      }
    }
    uploads.await();
    uploads.throwFailure();
    List<BlobIndex.Pack> rest;
    synchronized (unindexed) {
      rest = takeUnindexed();
    }
    saveIndex(rest);
  }

  /**
   * Ends the writer. What is already in packs is kept and, if nothing failed, indexed, so that a
   * later run need not store it again; a snapshot may only refer to what {@link #flush} has stored.
   */
  @Override
  public void close() {
    uploads.close();
    if (uploads.hasFailed()) {
      return;
    }
    try {
      List<BlobIndex.Pack> rest;
      synchronized (unindexed) {
        rest = takeUnindexed();
      }
      saveIndex(rest);
    } catch (RepositoryException e) {
      // Without its index entry a pack is adopted by the next backup, or removed by a prune.
      uploads.fail(e);
    }
  }
}
