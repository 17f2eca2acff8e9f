package stet.repository.index;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.crypto.MasterKey;

/**
 * The index in memory: where every blob is, in at most 64 bytes a blob. Safe for use by several
 * threads.
 *
 * <p>A blob may be stored more than once; the first copy seen lies in primitive arrays, further
 * ones in an overflow map, because they are rare. Packs that another client has marked for deletion
 * or that were found damaged are readable but do not {@linkplain #holds hold} anything.
 */
public final class BlobIndex implements IndexFile.PackConsumer {
  private static final int PAGE_BITS = 12;
  private static final int PAGE_SIZE = 1 << PAGE_BITS;
  private static final int INTS = 4;

  private final IdTable packs = new IdTable();

  /** The size that the file of each pack must have, in bytes. */
  private long[] packSizes = new long[64];

  private final Table data = new Table();
  private final Table trees = new Table();

  /** Numbers of the packs not to rely on. */
  private final Set<Integer> marked = new HashSet<>();

  /** Packs found damaged, whether or not an index file names them. */
  private final Set<Id> damaged = new HashSet<>();

  /** The blobs of one type. */
  private static final class Table {
    final IdTable ids = new IdTable();

    /** Pack number, offset, length, uncompressed length of each blob's first copy. */
    final List<int[]> pages = new ArrayList<>();

    final Map<Integer, List<int[]>> copies = new HashMap<>();

    void add(Id id, int pack, PackEntry entry) {
      int before = ids.size();
      int number = ids.add(id);
      int[] location = {pack, entry.offset(), entry.length(), entry.uncompressedLength()};
      if (number == before) {
        if ((number & (PAGE_SIZE - 1)) == 0) {
          pages.add(new int[PAGE_SIZE * INTS]);
        }
        System.arraycopy(
            location, 0, pages.get(number >> PAGE_BITS), (number & (PAGE_SIZE - 1)) * INTS, INTS);
      } else {
        copies.computeIfAbsent(number, _ -> new ArrayList<>(1)).add(location);
      }
    }

    int[] first(int number) {
      int[] location = new int[INTS];
      System.arraycopy(
          pages.get(number >> PAGE_BITS), (number & (PAGE_SIZE - 1)) * INTS, location, 0, INTS);
      return location;
    }

    int firstPack(int number) {
      return pages.get(number >> PAGE_BITS)[(number & (PAGE_SIZE - 1)) * INTS];
    }
  }

  private Table table(BlobType type) {
    return switch (type) {
      case DATA -> data;
      case TREE -> trees;
    };
  }

  /**
   * Adds a pack with all its blobs. A pack that is known already is passed over, as the same pack
   * may stand in two index files.
   *
   * @param toDelete whether the pack is marked for deletion
   */
  public synchronized void addPack(Id pack, List<PackEntry> entries, boolean toDelete) {
    int known = packs.size();
    int number = packs.add(pack);
    if (toDelete || damaged.contains(pack)) {
      marked.add(number);
    }
    if (number < known) {
      return;
    }
    if (number == packSizes.length) {
      packSizes = Arrays.copyOf(packSizes, number * 2);
    }
    packSizes[number] = PackEntry.packSize(entries);
    for (PackEntry entry : entries) {
      table(entry.type()).add(entry.id(), number, entry);
    }
  }

  @Override
  public void accept(Id pack, List<PackEntry> entries, boolean toDelete) {
    addPack(pack, entries, toDelete);
  }

  /** Whether a blob is stored in a pack that is to be relied on, so that it need not be again. */
  public synchronized boolean holds(BlobType type, Id id) {
    Table table = table(type);
    int number = table.ids.find(id);
    if (number < 0) {
      return false;
    }
    if (!marked.contains(table.firstPack(number))) {
      return true;
    }
    for (int[] copy : table.copies.getOrDefault(number, List.of())) {
      if (!marked.contains(copy[0])) {
        return true;
      }
    }
    return false;
  }

  /**
   * Records that a pack is missing or cannot be read whole, so that what it holds is stored again
   * by the next writer that has it.
   */
  @Override
  public synchronized void markDamaged(Id pack) {
    damaged.add(pack);
    int number = packs.find(pack);
    if (number >= 0) {
      marked.add(number);
    }
  }

  /** The packs found damaged, whether or not they are in the index. */
  public synchronized Set<Id> damagedPacks() {
    return Set.copyOf(damaged);
  }

  /**
   * The copies of a blob, those to be relied on first and else the first one seen; empty if it is
   * unknown.
   */
  public synchronized List<BlobLocation> locate(BlobType type, Id id) {
    Table table = table(type);
    int number = table.ids.find(id);
    if (number < 0) {
      return List.of();
    }
    List<int[]> copies = table.copies.getOrDefault(number, List.of());
    if (copies.isEmpty()) {
      return List.of(location(table.first(number)));
    }
    List<int[]> all = new ArrayList<>(1 + copies.size());
    all.add(table.first(number));
    all.addAll(copies);
    all.sort(Comparator.comparing(copy -> marked.contains(copy[0])));
    return all.stream().map(this::location).toList();
  }

  /** The plaintext length of a blob in bytes, or -1 if it is unknown. */
  public synchronized long length(BlobType type, Id id) {
    Table table = table(type);
    int number = table.ids.find(id);
    if (number < 0) {
      return -1;
    }
    int[] first = table.first(number);
    return first[3] != 0
        ? Integer.toUnsignedLong(first[3])
        : Integer.toUnsignedLong(first[2]) - MasterKey.OVERHEAD;
  }

  private BlobLocation location(int[] location) {
    return new BlobLocation(
        packs.get(location[0]), Integer.toUnsignedLong(location[1]), location[2], location[3]);
  }

  /** How many distinct blobs of a type there are. */
  public synchronized int blobs(BlobType type) {
    return table(type).ids.size();
  }

  /** How many packs there are. */
  public synchronized int packs() {
    return packs.size();
  }

  /** Whether a pack is in the index. */
  public synchronized boolean hasPack(Id pack) {
    return packs.find(pack) >= 0;
  }

  /**
   * The packs relied on that are missing among stored ones, or have another size.
   *
   * @param stored all packs that are stored, with the bytes of each
   */
  public synchronized List<Id> notWhole(Map<Id, Long> stored) {
    List<Id> found = new ArrayList<>();
    for (int number = 0; number < packs.size(); number++) {
      Id pack = packs.get(number);
      Long size = stored.get(pack);
      if ((size == null || size != packSizes[number]) && !marked.contains(number)) {
        found.add(pack);
      }
    }
    return found;
  }

  /** A pack with its blobs. */
  public record Pack(Id id, List<PackEntry> entries) {}

  /**
   * All packs with their blobs in the order of their offsets. Costs memory in proportion to the
   * index, so it is for checking and cleaning, not for backups.
   */
  public synchronized List<Pack> byPack() {
    List<List<PackEntry>> entries = new ArrayList<>(packs.size());
    for (int i = 0; i < packs.size(); i++) {
      entries.add(new ArrayList<>());
    }
    for (BlobType type : BlobType.values()) {
      Table table = table(type);
      for (int number = 0; number < table.ids.size(); number++) {
        Id id = table.ids.get(number);
        collect(entries, type, id, table.first(number));
        for (int[] copy : table.copies.getOrDefault(number, List.of())) {
          collect(entries, type, id, copy);
        }
      }
    }
    List<Pack> result = new ArrayList<>(packs.size());
    for (int i = 0; i < packs.size(); i++) {
      List<PackEntry> ordered = entries.get(i);
      ordered.sort((x, y) -> Integer.compareUnsigned(x.offset(), y.offset()));
      result.add(new Pack(packs.get(i), ordered));
    }
    return result;
  }

  private static void collect(List<List<PackEntry>> entries, BlobType type, Id id, int[] location) {
    entries.get(location[0]).add(new PackEntry(type, id, location[1], location[2], location[3]));
  }
}
