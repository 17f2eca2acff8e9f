package stet.repository.pack;

import java.util.ArrayDeque;
import java.util.Deque;
import stet.repository.crypto.MasterKey;
import stet.repository.index.PackEntry;

/** A fixed number of pack buffers, made when first needed. */
final class PackBuffers {
  /**
   * Room for the header of a pack with the greatest number of blobs, so that packs are stored
   * without a copy.
   */
  private static final int HEADER_ROOM =
      PackWriter.MAX_BLOBS * PackEntry.COMPRESSED_HEADER_LENGTH
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

  /**
   * Waits for a buffer, also when this thread is interrupted: another may have been told already
   * that the blob which goes into it is saved. It is there when a pack has been stored.
   */
  synchronized byte[] take() {
    boolean interrupted = false;
    while (free.isEmpty() && made == limit) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
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
