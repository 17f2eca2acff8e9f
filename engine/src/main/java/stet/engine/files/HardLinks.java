package stet.engine.files;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Stat;
import stet.repository.tree.Node;

/**
 * Files of several names during a capture: read once, so that all names get the same content even
 * if it changes meanwhile. Safe for use by several threads.
 */
final class HardLinks {
  private final ConcurrentHashMap<Key, Known> files = new ConcurrentHashMap<>();

  private record Key(long device, long inode) {}

  /** What one name's capture tells the others'. */
  private static final class Known {
    final CompletableFuture<@Nullable Node> node = new CompletableFuture<>();
    final AtomicLong namesLeft;

    Known(long namesLeft) {
      this.namesLeft = new AtomicLong(namesLeft);
    }
  }

  /** Captures one name by reading the file. */
  interface Capture {
    @Nullable Node run() throws Exception;
  }

  /**
   * Gives what another name's capture found, or does the capture for all names.
   *
   * @param name what to call the node
   * @return null if the capture gave null
   */
  @Nullable Node once(Stat stat, byte[] name, Capture capture) throws Exception {
    Key key = new Key(stat.device(), stat.inode());
    Known mine = new Known(stat.links() - 1);
    Known first = files.putIfAbsent(key, mine);
    if (first == null) {
      Node node = null;
      try {
        node = capture.run();
      } finally {
        mine.node.complete(node);
      }
      return node;
    }
    if (first.namesLeft.decrementAndGet() <= 0) {
      // No further name is expected; one that comes after all reads for itself.
      files.remove(key, first);
    }
    Node node = await(first);
    if (node != null && node.size() == stat.size() && node.modified().equals(stat.modified())) {
      return node.named(name);
    }
    return capture.run();
  }

  private static @Nullable Node await(Known first) {
    try {
      return first.node.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("a capture tells the others null when it fails", e);
    }
  }
}
