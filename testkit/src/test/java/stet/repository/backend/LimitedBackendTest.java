package stet.repository.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;

class LimitedBackendTest extends BackendContract {
  private static final int PIECE = 50_000;
  private static final StoredFile FILE = StoredFile.pack(Id.of(new byte[] {1}));

  @TempDir Path directory;
  private LocalBackend local;

  @BeforeEach
  void create() {
    local = new LocalBackend(directory.resolve("repository"));
    local.create();
  }

  @Override
  Backend backend() {
    return new LimitedBackend(local, 1 << 20, 0);
  }

  private static Duration took(Runnable work) {
    long begin = System.nanoTime();
    work.run();
    return Duration.ofNanos(System.nanoTime() - begin);
  }

  private static void everybody(Callable<Object> work) {
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      threads.invokeAll(List.of(work, work, work, work));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void savesNoFasterThanTheLimitWhateverTheNumberOfThreads() {
    Backend backend = new LimitedBackend(local, 4 * PIECE, 0);
    assertThat(
            took(() ->
                everybody(() -> {
                  backend.save(FILE, new byte[PIECE]);
                  return backend;
                })))
        .isGreaterThanOrEqualTo(Duration.ofSeconds(1));
  }

  @Test
  void loadsNoFasterThanTheLimit() {
    Backend backend = new LimitedBackend(local, 0, 4 * PIECE);
    backend.save(FILE, new byte[2 * PIECE]);
    assertThat(
            took(() -> {
              backend.load(FILE);
              backend.load(FILE, PIECE, PIECE);
            }))
        .isGreaterThanOrEqualTo(Duration.ofMillis(750));
  }

  @Test
  void endsWhenItIsToldToWhileItWaits() {
    Backend backend = new LimitedBackend(local, 1, 0);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> backend.save(FILE, new byte[PIECE]))
        .asInstanceOf(type(RepositoryException.class))
        .returns(Problem.INTERRUPTED, RepositoryException::problem);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(local.exists(FILE)).isFalse();
  }
}
