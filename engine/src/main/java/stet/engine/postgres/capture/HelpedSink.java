package stet.engine.postgres.capture;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;

/**
 * Saves blobs that several workers read; those that have nothing left to read compress and seal for
 * the others, so that no processor is idle while one worker still reads a large table.
 */
final class HelpedSink implements BlobSink {
  /** The largest blob that is copied for somebody else; most segments are smaller. */
  private static final int LARGEST = 2 << 20;

  private final BlobSink sink;
  private final Queue<Runnable> handedOver = new ArrayDeque<>();
  private int reading;
  private int waiting;

  /**
   * A sink for some workers, each of which calls {@link #help} when it has nothing left to read.
   *
   * @param sink where the blobs go
   */
  HelpedSink(BlobSink sink, int workers) {
    this.sink = sink;
    this.reading = workers;
  }

  @Override
  public boolean holds(BlobType type, Id id) {
    return sink.holds(type, id);
  }

  /**
   * Saves a blob, or hands it over. It is saved when all workers have ended; if that fails, the one
   * fails that it was handed to.
   */
  @Override
  public Id save(BlobType type, byte[] bytes, int offset, int length) {
    if (length > LARGEST || !isHelpWaiting()) {
      return sink.save(type, bytes, offset, length);
    }
    Id id = Id.of(bytes, offset, length);
    if (sink.holds(type, id)) {
      return id;
    }
    byte[] own = Arrays.copyOfRange(bytes, offset, offset + length);
    return handOver(() -> saveCopy(type, id, own)) ? id : sink.save(type, bytes, offset, length);
  }

  private void saveCopy(BlobType type, Id id, byte[] copy) {
    if (!sink.save(type, copy).equals(id)) {
      throw new RepositoryException(
          RepositoryException.Problem.DAMAGED,
          "blob " + id.shortText() + " changed while it waited to be packed",
          "The machine's memory may be faulty; test it before you trust a backup made here.");
    }
  }

  private synchronized boolean isHelpWaiting() {
    return waiting > handedOver.size();
  }

  private synchronized boolean handOver(Runnable save) {
    if (!isHelpWaiting()) {
      return false;
    }
    handedOver.add(save);
    notifyAll();
    return true;
  }

  /** Saves for those that still read, until none does. */
  void help() throws InterruptedException {
    synchronized (this) {
      reading--;
      notifyAll();
    }
    for (Runnable save = take(); save != null; save = take()) {
      save.run();
    }
  }

  private synchronized @Nullable Runnable take() throws InterruptedException {
    waiting++;
    try {
      while (handedOver.isEmpty() && reading > 0) {
        wait();
      }
      return handedOver.poll();
    } finally {
      waiting--;
    }
  }
}
