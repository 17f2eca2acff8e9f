package stet.cli.output;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import stet.engine.Human;
import stet.engine.component.Progress;

/**
 * Shows how far the work is: on a terminal as one line that is redrawn at most ten times a second,
 * elsewhere as a line every ten seconds with {@code -v}, and not at all with {@code -q} or {@code
 * --json}.
 */
public final class ProgressBar implements Progress, AutoCloseable {
  private static final long REDRAW = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long REPORT = TimeUnit.SECONDS.toNanos(10);

  /** Over how long the rate is taken: short enough to be true, long enough not to jump. */
  private static final long RATE_WINDOW = TimeUnit.SECONDS.toNanos(8);

  private record Sample(long time, long done) {}

  private final Output output;
  private final LongSupplier clock;
  private final int width;
  private final LongAdder expected = new LongAdder();
  private final LongAdder done = new LongAdder();
  private final Deque<Sample> samples = new ArrayDeque<>();
  private final long begin;
  private final @Nullable Thread painter;
  private volatile String phase = "";
  private volatile boolean closed;

  /** Begins to show; {@link #close()} removes the line. */
  public ProgressBar(Output output) {
    this(output, System::nanoTime, output.showsStatus() ? output.terminal().width() : 80, true);
  }

  ProgressBar(Output output, LongSupplier clock, int width, boolean paints) {
    this.output = output;
    this.clock = clock;
    this.width = width;
    this.begin = clock.getAsLong();
    boolean shows = output.showsStatus();
    boolean reports = !shows && !output.json() && output.level() == Output.Level.VERBOSE;
    this.painter =
        paints && (shows || reports)
            ? Thread.ofPlatform()
                .daemon()
                .name("progress")
                .start(() -> paint(shows ? REDRAW : REPORT))
            : null;
  }

  @Override
  public void phase(String what) {
    phase = what;
    output.detail(what);
  }

  @Override
  public void expect(long bytes) {
    expected.add(bytes);
  }

  @Override
  public void advance(long bytes) {
    done.add(bytes);
  }

  @Override
  public void warn(String message) {
    output.warn(message, null);
  }

  @Override
  public void detail(String message) {
    output.detail(message);
  }

  /** Removes the line. What was reported stays counted. */
  @Override
  public void close() {
    closed = true;
    if (painter != null) {
      painter.interrupt();
      try {
        painter.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    output.status(null);
  }

  private void paint(long pause) {
    try {
      while (!closed) {
        TimeUnit.NANOSECONDS.sleep(pause);
        show();
      }
    } catch (InterruptedException e) {
      // The way close() ends it.
      return;
    }
  }

  /** Shows the state of the work once, if any has begun. */
  void show() {
    if (phase.isEmpty()) {
      return;
    }
    String line = line();
    if (output.showsStatus()) {
      output.status(line.length() < width ? line : line.substring(0, Math.max(0, width - 1)));
    } else {
      output.detail(line);
    }
  }

  /** The line: phase, percent, bytes, rate and the time it will take. */
  String line() {
    long now = clock.getAsLong();
    long doneNow = done.sum();
    long expectedNow = expected.sum();
    long rate = rate(now, doneNow);
    StringBuilder line = new StringBuilder(phase);
    if (expectedNow > 0) {
      double percent = Math.min(100.0, 100.0 * doneNow / expectedNow);
      line.append(String.format(Locale.ROOT, "  %5.1f%%", percent));
      line.append("  ").append(Human.size(doneNow)).append(" of ").append(Human.size(expectedNow));
    } else if (doneNow > 0) {
      line.append("  ").append(Human.size(doneNow));
    }
    if (rate > 0) {
      line.append("  ").append(Human.size(rate)).append("/s");
    }
    if (rate > 0 && expectedNow > doneNow) {
      line.append("  ETA ").append(clockText((expectedNow - doneNow) / rate));
    } else {
      line.append("  ").append(clockText(Duration.ofNanos(now - begin).toSeconds()));
    }
    return line.toString();
  }

  private synchronized long rate(long now, long doneNow) {
    samples.addLast(new Sample(now, doneNow));
    while (now - samples.getFirst().time() > RATE_WINDOW && samples.size() > 2) {
      samples.removeFirst();
    }
    Sample first = samples.getFirst();
    long elapsed = now - first.time();
    return elapsed <= 0 ? 0 : (long) ((doneNow - first.done()) * 1e9 / elapsed);
  }

  private static String clockText(long seconds) {
    return seconds < 3600
        ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
        : String.format(
            Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
}
