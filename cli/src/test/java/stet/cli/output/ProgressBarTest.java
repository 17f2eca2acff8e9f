package stet.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.cli.output.Output.Level;
import stet.cli.output.Output.Style;

class ProgressBarTest {
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();
  private final AtomicLong clock = new AtomicLong();

  private Output output(boolean terminal, boolean json, Level level) {
    return new Output(
        OutputStream.nullOutputStream(),
        error,
        new Terminal(terminal, terminal, terminal, terminal),
        new Style(json, level, false));
  }

  private ProgressBar bar(Output output, int width) {
    return new ProgressBar(output, clock::get, width, false);
  }

  private String told() {
    return error.toString(StandardCharsets.UTF_8);
  }

  @Test
  void showsPhasePercentRateAndTimeLeft() {
    ProgressBar bar = bar(output(true, false, Level.NORMAL), 80);
    bar.phase("reading default");
    bar.expect(100 << 20);
    bar.line();

    clock.addAndGet(TimeUnit.SECONDS.toNanos(2));
    bar.advance(20 << 20);

    assertThat(bar.line())
        .isEqualTo("reading default   20.0%  20.0 MiB of 100.0 MiB  10.0 MiB/s  ETA 0:08");
  }

  @Test
  void takesTheRateOfTheLastSeconds() {
    ProgressBar bar = bar(output(true, false, Level.NORMAL), 80);
    bar.phase("x");
    bar.expect(1 << 30);
    bar.advance(512 << 20);
    for (int second = 0; second < 60; second++) {
      bar.line();
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
      bar.advance(1 << 20);
    }

    assertThat(bar.line()).contains("  1.0 MiB/s  ETA 7:32");
  }

  @Test
  void showsBytesAndTimeWhereTheTotalIsUnknown() {
    ProgressBar bar = bar(output(true, false, Level.NORMAL), 80);
    bar.phase("listing");
    bar.line();
    bar.advance(2048);
    clock.addAndGet(TimeUnit.SECONDS.toNanos(2));

    assertThat(bar.line()).isEqualTo("listing  2.0 KiB  1.0 KiB/s  0:02");
  }

  @Test
  void neverShowsMoreThanAllOfIt() {
    ProgressBar bar = bar(output(true, false, Level.NORMAL), 80);
    bar.expect(10);
    bar.advance(20);

    assertThat(bar.line()).contains("100.0%");
  }

  @Test
  void fitsTheTerminal() {
    ProgressBar bar = bar(output(true, false, Level.NORMAL), 10);
    bar.phase("a phase with a long name");

    bar.show();

    assertThat(told()).isEqualTo("a phase w");
  }

  @Test
  void showsNothingBeforeTheFirstPhase() {
    bar(output(true, false, Level.NORMAL), 80).show();

    assertThat(told()).isEmpty();
  }

  @Test
  @Timeout(60)
  void redrawsOneLineAndRemovesIt() throws InterruptedException {
    Output output = output(true, false, Level.NORMAL);
    long begin = System.nanoTime();
    try (ProgressBar bar = new ProgressBar(output, System::nanoTime, 80, true)) {
      bar.phase("reading");
      while (drawn() < 5) {
        Thread.sleep(10);
      }
    }
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);

    assertThat(told()).endsWith("\r\u001b[K").doesNotContain("\n");
    assertThat(drawn()).as("in %d ms", millis).isLessThanOrEqualTo(millis / 100);
  }

  private long drawn() {
    return told().split("reading", -1).length - 1;
  }

  @Test
  void writesLinesWithoutATerminalOnlyWhenAsked() {
    bar(output(false, false, Level.NORMAL), 80).show();
    bar(output(false, false, Level.QUIET), 80).show();
    bar(output(false, true, Level.VERBOSE), 80).show();
    assertThat(told()).isEmpty();

    ProgressBar bar = bar(output(false, false, Level.VERBOSE), 80);
    bar.phase("reading");
    bar.show();
    assertThat(told()).isEqualTo("reading\nreading  0:00\n");
  }

  @Test
  void passesWarningsOnAlways() {
    bar(output(false, false, Level.QUIET), 80).warn("something");

    assertThat(told()).isEqualTo("stet: warning: something\n");
  }

  @Test
  void countsWhatManyThreadsReport() {
    ProgressBar bar = bar(output(true, false, Level.NORMAL), 80);
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (int i = 0; i < 8; i++) {
        threads.execute(() -> {
          for (int j = 0; j < 1024; j++) {
            bar.expect(256);
            bar.advance(128);
            bar.line();
          }
        });
      }
    }

    assertThat(bar.line()).contains("50.0%  1.0 MiB of 2.0 MiB");
  }
}
