package stet.engine.files;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * A fixed number of threads that do pieces of one job. The first failure of a piece ends the job:
 * pieces not begun are dropped, the others are interrupted.
 *
 * <p>One thread owns the job: it {@linkplain #submit submits}, {@linkplain #await awaits} and
 * closes. Pieces may {@linkplain #offer offer} further ones.
 */
final class Workers implements AutoCloseable {
  /** A piece of the job. */
  interface Work {
    void run() throws Exception;
  }

  private final ArrayBlockingQueue<Work> queue;
  private final List<Thread> threads = new ArrayList<>();
  private final Object monitor = new Object();
  private final AtomicInteger waiting = new AtomicInteger();
  private long unfinished;
  private volatile @Nullable Throwable failure;
  private volatile boolean closed;

  Workers(String name, int count) {
    queue = new ArrayBlockingQueue<>(2 * count);
    for (int i = 0; i < count; i++) {
      threads.add(Thread.ofPlatform().name(name + "-" + (i + 1)).daemon().start(this::loop));
    }
  }

  private void loop() {
    while (!closed) {
      Work work;
      waiting.incrementAndGet();
      try {
        work = queue.poll(1, TimeUnit.MINUTES);
      } catch (InterruptedException e) {
        // A sign to look whether the job is over.
        continue;
      } finally {
        waiting.decrementAndGet();
      }
      if (work != null) {
        run(work);
      }
    }
  }

  private void run(Work work) {
    try {
      if (failure == null) {
        work.run();
      }
    } catch (Throwable t) {
      fail(t);
    } finally {
      finished();
    }
  }

  private void finished() {
    synchronized (monitor) {
      unfinished--;
      if (unfinished == 0) {
        monitor.notifyAll();
      }
    }
  }

  private void begun() {
    synchronized (monitor) {
      unfinished++;
    }
  }

  private void fail(Throwable t) {
    synchronized (monitor) {
      if (failure != null) {
        return;
      }
      failure = t;
      monitor.notifyAll();
    }
    for (Thread thread : threads) {
      if (!thread.equals(Thread.currentThread())) {
        thread.interrupt();
      }
    }
  }

  /**
   * Gives a piece to the next free thread, waiting for room.
   *
   * @throws StetException or whatever else the first failed piece threw
   */
  void submit(Work work) {
    begun();
    try {
      while (!queue.offer(work, 100, TimeUnit.MILLISECONDS)) {
        check();
      }
    } catch (InterruptedException e) {
      finished();
      throw interrupted();
    } catch (RuntimeException | Error e) {
      finished();
      throw e;
    }
    check();
  }

  /** Whether a thread is probably free to begin at once what it is {@linkplain #offer offered}. */
  boolean hasFree() {
    return waiting.get() > queue.size();
  }

  /** Gives a piece to a free thread; false if all have enough to do. */
  boolean offer(Work work) {
    begun();
    boolean taken = queue.offer(work);
    if (!taken) {
      finished();
    }
    return taken;
  }

  /** Throws the failure if a piece has failed, or if this thread was interrupted. */
  void check() {
    Throwable t = failure;
    if (t != null) {
      throw rethrow(t);
    }
    if (Thread.currentThread().isInterrupted()) {
      throw interrupted();
    }
  }

  /** Waits until all pieces are done. */
  void await() {
    synchronized (monitor) {
      try {
        while (unfinished > 0 && failure == null) {
          monitor.wait();
        }
      } catch (InterruptedException e) {
        throw interrupted();
      }
    }
    check();
  }

  private StetException interrupted() {
    Thread.currentThread().interrupt();
    StetException e = new StetException(ErrorCode.INTERRUPTED, "interrupted", null);
    fail(e);
    return e;
  }

  private static RuntimeException rethrow(Throwable t) {
    if (t instanceof RuntimeException e) {
      return e;
    }
    if (t instanceof Error e) {
      throw e;
    }
    return new StetException(ErrorCode.FAILED, String.valueOf(t.getMessage()), null, t);
  }

  /** Ends the threads, after what they are doing; pieces not begun are dropped. */
  @Override
  public void close() {
    closed = true;
    queue.clear();
    boolean interrupted = Thread.interrupted();
    for (Thread thread : threads) {
      thread.interrupt();
    }
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
