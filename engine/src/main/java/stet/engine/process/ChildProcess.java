package stet.engine.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.repository.backend.Reason;

/**
 * A running program. Its standard error is read to the end and its last lines kept for the error
 * message. It is killed with all its descendants when it is closed before its end, when the thread
 * that started it is interrupted, and when the JVM ends.
 *
 * <p>Secrets are never passed as arguments, since any user can read these; hand them over in {@link
 * PrivateFiles} or through standard input.
 */
public final class ChildProcess implements AutoCloseable {
  private static final int KEPT_LINES = 20;
  private static final int KEPT_CHARACTERS = 2_000;

  /** Signals whose meaning helps a person; {@code Process} reports a signal as 128 + number. */
  private static final Map<Integer, String> SIGNALS =
      Map.of(
          1, "HUP", 2, "INT", 3, "QUIT", 6, "ABRT", 9, "KILL", 11, "SEGV", 13, "PIPE", 15, "TERM");

  /** The system's reason in Java's own words, such as {@code …: Exec failed, error: 2 (…)}. */
  private static final Pattern START_FAILURE = Pattern.compile("error[:=] ?\\d+,? \\(?([^)]+)");

  private final String name;
  private final Process process;
  private final Thread owner;
  private final Thread errorReader;
  private final Thread atExit;
  private final Deque<String> lastErrors = new ArrayDeque<>();

  private ChildProcess(String name, Process process, @Nullable Consumer<String> onError) {
    this.name = name;
    this.process = process;
    this.owner = Thread.currentThread();
    this.errorReader = Thread.ofVirtual().start(() -> readErrors(onError));
    this.atExit = new Thread(this::kill, "kill-" + name);
    Runtime.getRuntime().addShutdownHook(atExit);
    Thread.ofVirtual().start(this::watchOwner);
  }

  /** Prepares a program, given by name (then found in {@code PATH}) or path. */
  public static Builder of(Path program) {
    return new Builder(program);
  }

  /** What to run and with which surroundings. */
  public static final class Builder {
    private final Path program;
    private final List<String> arguments = new ArrayList<>();
    private final Map<String, String> variables = new LinkedHashMap<>();
    private Predicate<String> unwanted = name -> false;
    private @Nullable Consumer<String> onError;
    private @Nullable Path directory;
    private boolean input;

    private Builder(Path program) {
      this.program = program;
    }

    public Builder arguments(String... more) {
      return arguments(List.of(more));
    }

    public Builder arguments(List<String> more) {
      arguments.addAll(more);
      return this;
    }

    /** Sets environment variables on top of the inherited ones. */
    public Builder environment(Map<String, String> more) {
      variables.putAll(more);
      return this;
    }

    /** Keeps inherited environment variables from the child. */
    public Builder without(Predicate<String> names) {
      unwanted = unwanted.or(names);
      return this;
    }

    /** The child's working directory. */
    public Builder directory(Path value) {
      directory = value;
      return this;
    }

    /** Receives every line of standard error as it comes, on a thread of its own. */
    public Builder onErrorLine(Consumer<String> consumer) {
      onError = consumer;
      return this;
    }

    /** Gives the child a standard input to be written; without it, the input is empty. */
    public Builder withInput() {
      input = true;
      return this;
    }

    /**
     * Starts the program.
     *
     * @throws StetException with {@code SOURCE} if it cannot be started
     */
    public ChildProcess start() {
      List<String> command = new ArrayList<>();
      command.add(program.toString());
      command.addAll(arguments);
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().keySet().removeIf(unwanted);
      builder.environment().putAll(variables);
      if (directory != null) {
        builder.directory(directory.toFile());
      }
      if (!input) {
        builder.redirectInput(Path.of("/dev/null").toFile());
      }
      String name =
          program.getFileName() == null ? program.toString() : program.getFileName().toString();
      try {
        return new ChildProcess(name, builder.start(), onError);
      } catch (IOException e) {
        throw new StetException(
            ErrorCode.SOURCE, "cannot run " + program + ": " + startFailure(e), null, e);
      }
    }

    /**
     * Runs the program to its end.
     *
     * @return its standard output, read as UTF-8
     * @throws StetException as {@link ChildProcess#finish}
     */
    public String run() {
      try (ChildProcess child = start()) {
        String output = new String(child.stdout().readAllBytes(), StandardCharsets.UTF_8);
        child.finish();
        return output;
      } catch (IOException e) {
        throw new StetException(
            ErrorCode.SOURCE, "cannot read from " + program + ": " + e.getMessage(), null, e);
      }
    }
  }

  /** Why a program could not be started, without its name, which Java's own words repeat. */
  public static String startFailure(IOException e) {
    Matcher reason = START_FAILURE.matcher(String.valueOf(e.getMessage()));
    return reason.find()
        ? reason.group(1).substring(0, 1).toLowerCase(Locale.ROOT) + reason.group(1).substring(1)
        : Reason.of(e);
  }

  /** What the program prints. It ends early when the program is killed, so call {@link #finish}. */
  public InputStream stdout() {
    return process.getInputStream();
  }

  /** What the program reads, if it was started {@linkplain Builder#withInput with input}. */
  public OutputStream stdin() {
    return process.getOutputStream();
  }

  /**
   * Waits for the program's end.
   *
   * @throws StetException with {@code SOURCE}, the program's name, exit status or signal, and last
   *     lines of standard error if it did not end with status 0; with {@code INTERRUPTED} if this
   *     thread was interrupted, the program then being killed
   */
  public void finish() {
    int status = await();
    if (status != 0) {
      throw failure(status);
    }
  }

  /** Waits for the program's end and gives its exit status, 128 + number for a signal. */
  public int await() {
    try {
      int status = process.waitFor();
      errorReader.join();
      if (Thread.currentThread().isInterrupted()) {
        throw interrupted();
      }
      return status;
    } catch (InterruptedException e) {
      kill();
      Thread.currentThread().interrupt();
      throw interrupted();
    }
  }

  private StetException interrupted() {
    return new StetException(ErrorCode.INTERRUPTED, "interrupted while " + name + " ran", null);
  }

  private StetException failure(int status) {
    String end =
        status > 128 && SIGNALS.containsKey(status - 128)
            ? "was ended by signal " + SIGNALS.get(status - 128)
            : "ended with exit status " + status;
    String errors = errors();
    return new StetException(
        ErrorCode.SOURCE, name + " " + end + (errors.isEmpty() ? "" : ": " + errors), null);
  }

  /** The last lines the program wrote to standard error so far, joined with line ends. */
  public String errors() {
    synchronized (lastErrors) {
      return String.join("\n", lastErrors);
    }
  }

  private void readErrors(@Nullable Consumer<String> onError) {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        synchronized (lastErrors) {
          lastErrors.add(
              line.length() > KEPT_CHARACTERS ? line.substring(0, KEPT_CHARACTERS) + "…" : line);
          if (lastErrors.size() > KEPT_LINES) {
            lastErrors.removeFirst();
          }
        }
        if (onError != null) {
          onError.accept(line);
        }
      }
    } catch (IOException e) {
      synchronized (lastErrors) {
        lastErrors.add("cannot read the errors of " + name + ": " + e.getMessage());
      }
    }
  }

  /** A thread blocked on the child's output does not notice an interrupt, so this one looks. */
  private void watchOwner() {
    try {
      while (!process.waitFor(100, TimeUnit.MILLISECONDS)) {
        if (owner.isInterrupted()) {
          kill();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void kill() {
    // Descendants first: once their parent is gone they cannot be found any more.
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  @Override
  public void close() {
    kill();
    try {
      process.getOutputStream().close();
      process.getInputStream().close();
    } catch (IOException e) {
      // The pipes of a dead process carry nothing that could be lost.
      kill();
    }
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is ending and runs the hook itself.
      kill();
    }
  }
}
