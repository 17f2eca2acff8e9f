package stet.engine.postgres.rows;

/**
 * The memory that rows in flight may take together. A worker asks before it reads rows that may be
 * big, and waits until others have given back what they hold; one that asks for more than there is
 * gets all of it, alone. Safe for use by several threads.
 */
public final class MemoryBudget {
  private final long total;
  private long free;

  MemoryBudget(long total) {
    this.total = total;
    this.free = total;
  }

  /** A budget that leaves most of the heap to everything else. */
  public static MemoryBudget ofHeap() {
    return new MemoryBudget(Runtime.getRuntime().maxMemory() / 3);
  }

  /** The longest row that the whole heap has room for, in bytes of its text. */
  public static long longestRow() {
    return Runtime.getRuntime().maxMemory() / 10 * 6;
  }

  /** Room taken from the budget until it is closed. */
  public final class Share implements AutoCloseable {
    private final long bytes;

    private Share(long bytes) {
      this.bytes = bytes;
    }

    @Override
    public void close() {
      synchronized (MemoryBudget.this) {
        free += bytes;
        MemoryBudget.this.notifyAll();
      }
    }
  }

  /**
   * Waits for room.
   *
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public synchronized Share take(long bytes) throws InterruptedException {
    long taken = Math.min(bytes, total);
    while (free < taken) {
      wait();
    }
    free -= taken;
    return new Share(taken);
  }
}
