package stet.repository.pack;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import stet.repository.RepositoryException;

/** Stores finished packs on a few threads; the first failure ends the writer. */
final class StoreQueue {
  private final int threads;
  private final Deque<Job> queue = new ArrayDeque<>();
  private final AtomicInteger names = new AtomicInteger();
  private int running;
  private @Nullable Throwable failure;

  private record Job(Runnable work, Runnable after) {}

  StoreQueue(int threads) {
    this.threads = threads;
  }

  synchronized void submit(Runnable work, Runnable after) {
    queue.add(new Job(work, after));
    if (running < threads) {
      running++;
      Thread.ofPlatform().daemon().name("pack-store-" + names.incrementAndGet()).start(this::run);
    }
  }

  private void run() {
    while (true) {
      Job job;
      boolean skip;
      synchronized (this) {
        job = queue.poll();
        if (job == null) {
          running--;
          notifyAll();
          return;
        }
        skip = failure != null;
      }
      try {
        if (!skip) {
          job.work.run();
        }
      } catch (RuntimeException | Error e) {
        fail(e);
      } finally {
        job.after.run();
      }
    }
  }

  synchronized void fail(Throwable e) {
    if (failure == null) {
      failure = e;
    }
  }

  synchronized boolean hasFailed() {
    return failure != null;
  }

  synchronized void throwFailure() {
    switch (failure) {
      case null -> {}
      case RepositoryException e ->
          throw new RepositoryException(e.problem(), e.getMessage(), e.hint(), e);
      default -> throw new IllegalStateException("a pack could not be written", failure);
    }
  }

  synchronized void await() {
    boolean interrupted = false;
    while (running > 0) {
      try {
        wait();
      } catch (InterruptedException e) {
        // A pack that is being stored is not left half-way; the caller learns of the interrupt
        // afterwards.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  void close() {
    await();
  }
}
