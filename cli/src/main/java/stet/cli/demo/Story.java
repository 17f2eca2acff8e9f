package stet.cli.demo;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import stet.cli.output.Output;
import stet.engine.Human;
import stet.repository.json.JsonObject;

/** Tells what happens, step by step, and keeps it for the summary. */
final class Story {
  private final Output output;
  private final long begin = System.nanoTime();
  private final List<JsonObject> steps = new ArrayList<>();
  private @Nullable JsonObject step;
  private long stepBegin;

  Story(Output output) {
    this.output = output;
  }

  /** Begins a step, ending the one before. */
  void step(String title) {
    end();
    output.message("\n" + (steps.size() + 1) + ". " + title);
    output.status(title + " ...");
    step = new JsonObject().put("step", title);
    stepBegin = System.nanoTime();
  }

  /** Tells a fact of the step. */
  void tell(String text) {
    output.message("   " + text.replace("\n", "\n   "));
  }

  /** Shows the command that the step runs. */
  void command(String line) {
    tell("$ " + line);
    if (step != null) {
      step.put("command", line);
    }
  }

  /** Keeps the document that the step's command printed. */
  void result(JsonObject document) {
    if (step != null) {
      step.put("result", document);
    }
  }

  /** Ends the step, if one has begun. */
  void end() {
    output.status(null);
    if (step != null) {
      long took = System.nanoTime() - stepBegin;
      tell("(" + Human.duration(Duration.ofNanos(took)) + ")");
      steps.add(step.put("seconds", seconds(took)));
      step = null;
    }
  }

  List<JsonObject> steps() {
    return List.copyOf(steps);
  }

  Duration sinceBegin() {
    return Duration.ofNanos(System.nanoTime() - begin);
  }

  static double seconds(long nanoseconds) {
    return Math.round(nanoseconds / 1e6) / 1000.0;
  }

  /** A number as people read it. */
  static String number(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  /** What a command writes, as facts of the step, a line each. */
  OutputStream lines() {
    return new OutputStream() {
      private final java.io.ByteArrayOutputStream line = new java.io.ByteArrayOutputStream();

      @Override
      public synchronized void write(int b) {
        if (b == '\n') {
          tell(line.toString(StandardCharsets.UTF_8));
          line.reset();
        } else {
          line.write(b);
        }
      }
    };
  }
}
