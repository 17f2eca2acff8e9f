package stet.repository.pack;

import java.util.ArrayDeque;
import java.util.Deque;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.crypto.MasterKey;

/** A fixed number of pack buffers, made when first needed. */
final class PackBuffers {
  /**
   * Room for the header of a pack with the greatest number of blobs, so that packs are stored
   * without a copy.
   */
  private static final int HEADER_ROOM =
      PackWriter.MAX_BLOBS * PackHeader.COMPRESSED_ENTRY_LENGTH
          + MasterKey.OVERHEAD
          + Integer.BYTES;

  final int size;
  private final int limit;
  private final Deque<byte[]> free = new ArrayDeque<>();
  private int made;

  PackBuffers(int size, int limit) {
    this.size = size;
    this.limit = limit;
  }

  synchronized byte[] take() {
    while (free.isEmpty() && made == limit) {
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RepositoryException(Problem.INTERRUPTED, "interrupted", null, e);
      }
    }
    if (free.isEmpty()) {
      made++;
      return new byte[size + HEADER_ROOM];
    }
    return free.pop();
  }

  synchronized void give(byte[] buffer) {
    free.push(buffer);
    notifyAll();
  }
}
