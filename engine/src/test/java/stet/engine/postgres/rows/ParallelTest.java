package stet.engine.postgres.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.ErrorCode;
import stet.engine.StetException;

@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ParallelTest {
  private static final Parallel.Body WAIT_FOR_EVER = () -> new CountDownLatch(1).await();

  @Test
  void runsAllTasksAtTheSameTime() throws Exception {
    CountDownLatch all = new CountDownLatch(3);
    Parallel.Body meet =
        () -> {
          all.countDown();
          all.await();
        };
    Parallel.run(
        List.of(
            new Parallel.Task("a", meet),
            new Parallel.Task("b", meet),
            new Parallel.Task("c", meet)),
        () -> {
          throw new AssertionError("nothing failed");
        });
    assertThat(all.getCount()).isZero();
  }

  @Test
  void theFirstFailureStopsTheOthersAndIsTheOneThatIsThrown() {
    AtomicInteger stopped = new AtomicInteger();
    assertThatThrownBy(() ->
            Parallel.run(
                List.of(
                    new Parallel.Task("waits", WAIT_FOR_EVER),
                    new Parallel.Task(
                        "fails",
                        () -> {
                          throw new IOException("the disk is gone");
                        })),
                stopped::incrementAndGet))
        .isInstanceOf(IOException.class)
        .hasMessage("the disk is gone");
    assertThat(stopped.get()).isPositive();
  }

  @Test
  void stopReachesWhatAnInterruptDoesNot() {
    AtomicBoolean stop = new AtomicBoolean();
    assertThatThrownBy(() ->
            Parallel.run(
                List.of(
                    new Parallel.Task(
                        "deaf",
                        () -> {
                          while (!stop.get()) {
                            Thread.onSpinWait();
                          }
                        }),
                    new Parallel.Task(
                        "fails",
                        () -> {
                          throw new OutOfMemoryError("no more");
                        })),
                () -> stop.set(true)))
        .isInstanceOf(OutOfMemoryError.class);
  }

  @Test
  void anInterruptStopsEverything() throws Exception {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    AtomicBoolean flag = new AtomicBoolean();
    CountDownLatch started = new CountDownLatch(1);
    Thread caller =
        Thread.ofPlatform()
            .start(() -> {
              try {
                Parallel.run(
                    List.of(
                        new Parallel.Task(
                            "waits",
                            () -> {
                              started.countDown();
                              WAIT_FOR_EVER.run();
                            })),
                    () -> {});
              } catch (Exception e) {
                thrown.set(e);
                flag.set(Thread.currentThread().isInterrupted());
              }
            });
    started.await();
    caller.interrupt();
    caller.join();
    assertThat(thrown.get())
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERRUPTED));
    assertThat(flag).isTrue();
  }
}
