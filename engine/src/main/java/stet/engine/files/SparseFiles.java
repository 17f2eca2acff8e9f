package stet.engine.files;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import stet.engine.posix.Stat;
import stet.repository.Id;
import stet.repository.chunk.RabinChunker;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;

/**
 * Which files have holes. A node of restic's format cannot say it, so the manifest lists their
 * inodes; where it does not, every run of zeros becomes a hole, as with {@code restic restore
 * --sparse}.
 */
final class SparseFiles {
  /** With more of them, the list would cost more than the few dense zeros that it keeps dense. */
  private static final int MAX_LISTED = 100_000;

  /** What file systems allocate at a time, at least. */
  private static final int BLOCK = 4096;

  private static final byte[] ZEROS = new byte[BLOCK];

  /**
   * What a hole is cut into, whatever the polynomial: the fingerprint of zeros is zero, so each
   * chunk ends as soon as it may.
   */
  static final Id ZERO_CHUNK = Id.of(new byte[RabinChunker.MIN]);

  private final Set<Long> inodes;
  private final boolean all;

  private SparseFiles(Set<Long> inodes, boolean all) {
    this.inodes = inodes;
    this.all = all;
  }

  /** For a capture, which adds what it finds. */
  static SparseFiles empty() {
    return new SparseFiles(ConcurrentHashMap.newKeySet(), false);
  }

  /** As a capture has listed them. */
  static SparseFiles of(JsonObject manifest) {
    if (!(manifest.get(FilesManifest.SPARSE) instanceof List<?> list)) {
      return new SparseFiles(Set.of(), true);
    }
    Set<Long> inodes = new HashSet<>();
    for (Object each : list) {
      if (each instanceof Long inode) {
        inodes.add(inode);
      }
    }
    return new SparseFiles(inodes, false);
  }

  /** Whether a file takes less space than it has bytes. */
  static boolean isSparse(Stat stat) {
    return 512 * stat.blocks() < stat.size();
  }

  /** Notes a file if it has holes. */
  void note(Stat stat) {
    if (isSparse(stat) && inodes.size() <= MAX_LISTED) {
      inodes.add(stat.inode());
    }
  }

  /** For the manifest: the inodes, or null if there are too many. */
  @Nullable List<Long> listed() {
    return inodes.size() > MAX_LISTED ? null : inodes.stream().sorted().toList();
  }

  /** Whether zeros of this file are to be holes. */
  boolean contains(Node node) {
    return all || inodes.contains(node.inode());
  }

  /** Takes a run of bytes that are not all zero. */
  @FunctionalInterface
  interface Writer<E extends Exception> {
    void write(int offset, int length) throws E;
  }

  /**
   * Gives the bytes that must be written so that a file of holes gets this content.
   *
   * @param position where in the file the bytes belong
   */
  static <E extends Exception> void writeData(byte[] bytes, long position, Writer<E> writer)
      throws E {
    int data = 0;
    int at = 0;
    while (at < bytes.length) {
      int toBoundary = BLOCK - (int) ((position + at) % BLOCK);
      int end = Math.min(bytes.length, at + toBoundary);
      if (Arrays.equals(bytes, at, end, ZEROS, 0, end - at)) {
        if (data < at) {
          writer.write(data, at - data);
        }
        data = end;
      }
      at = end;
    }
    if (data < bytes.length) {
      writer.write(data, bytes.length - data);
    }
  }
}
