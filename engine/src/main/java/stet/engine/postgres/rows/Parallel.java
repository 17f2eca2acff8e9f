package stet.engine.postgres.rows;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Scheduling;

/** Runs tasks at the same time, all or none. */
public final class Parallel {
  private Parallel() {}

  /** A task with a name for its thread. */
  public record Task(String name, Body body) {}

  /** What a task does. */
  @FunctionalInterface
  public interface Body {
    void run() throws Exception;
  }

  /**
   * Runs every task on a thread of its own and waits for all. When one fails or this thread is
   * interrupted, the others are interrupted.
   *
   * @param stop makes tasks fail that an interrupt does not reach; may be called more than once
   * @throws Exception what the first task to fail threw
   * @throws StetException with {@code INTERRUPTED} if this thread was interrupted
   */
  public static void run(List<Task> tasks, Runnable stop) throws Exception {
    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    CountDownLatch running = new CountDownLatch(tasks.size());
    CountDownLatch failed = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (Task task : tasks) {
      threads.add(
          Thread.ofPlatform()
              .name(task.name())
              .unstarted(() -> {
                try {
                  Scheduling.batch();
                  task.body().run();
                } catch (Throwable e) {
                  failure.compareAndSet(null, e);
                  failed.countDown();
                } finally {
                  running.countDown();
                }
              }));
    }
    threads.forEach(Thread::start);
    Thread watch =
        Thread.ofVirtual()
            .start(() -> {
              try {
                failed.await();
                stopAll(threads, stop);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    boolean interrupted = false;
    while (true) {
      try {
        running.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
        failure.compareAndSet(
            null, new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e));
        stopAll(threads, stop);
      }
    }
    watch.interrupt();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    Throwable first = failure.get();
    if (first instanceof Error error) {
      throw error;
    }
    if (first != null) {
      throw (Exception) first;
    }
  }

  private static void stopAll(List<Thread> threads, Runnable stop) {
    threads.forEach(Thread::interrupt);
    stop.run();
  }
}
