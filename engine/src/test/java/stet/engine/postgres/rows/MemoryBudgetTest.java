package stet.engine.postgres.rows;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MemoryBudgetTest {
  @Test
  void neverGivesOutMoreThanThereIs() throws InterruptedException {
    long seed = new Random().nextLong();
    MemoryBudget budget = new MemoryBudget(100);
    AtomicLong held = new AtomicLong();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 6; t++) {
      Random random = new Random(seed + t);
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                try {
                  for (int i = 0; i < 2_000; i++) {
                    int bytes = random.nextInt(80);
                    try (MemoryBudget.Share _ = budget.take(bytes)) {
                      assertThat(held.addAndGet(bytes))
                          .as("seed %d", seed)
                          .isLessThanOrEqualTo(100);
                      Thread.onSpinWait();
                      held.addAndGet(-bytes);
                    }
                  }
                } catch (InterruptedException | AssertionError e) {
                  failure.set(e);
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(failure.get()).isNull();
  }

  @Test
  void whatIsTooBigGetsAllThereIsAlone() throws InterruptedException {
    MemoryBudget budget = new MemoryBudget(100);
    MemoryBudget.Share small = budget.take(1);
    Thread big =
        Thread.ofPlatform()
            .start(() -> {
              try {
                budget.take(1_000_000).close();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    big.join(200);
    assertThat(big.isAlive()).isTrue();
    small.close();
    big.join();
    budget.take(100).close();
  }
}
