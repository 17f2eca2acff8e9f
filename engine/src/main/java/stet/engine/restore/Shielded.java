package stet.engine.restore;

import org.jspecify.annotations.Nullable;

/**
 * Runs what must not be left half done where an interrupt cannot reach it: on a thread of its own.
 * The interrupt is kept for the caller.
 */
final class Shielded {
  private Shielded() {}

  /** Runs {@code work} to its end; throws what it throws. */
  static void run(Runnable work) {
    Outcome outcome = new Outcome();
    Thread thread =
        Thread.ofPlatform()
            .name("swap")
            .start(() -> {
              try {
                work.run();
              } catch (RuntimeException | Error e) {
                outcome.failure = e;
              }
            });
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    switch (outcome.failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException(outcome.failure);
    }
  }

  /** How the work ended; read after the thread has. */
  private static final class Outcome {
    private @Nullable Throwable failure;
  }
}
