package stet.cli.session;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import stet.cli.config.Configuration;
import stet.cli.config.Configurations;
import stet.cli.config.EnvironmentSettings;
import stet.cli.config.Kinds;
import stet.cli.config.Problem;
import stet.cli.output.Output;
import stet.cli.output.Output.Level;
import stet.cli.output.Output.Style;
import stet.cli.output.ProgressBar;
import stet.cli.output.Terminal;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.repository.Repository;
import stet.repository.backend.Backend;
import stet.repository.backend.LimitedBackend;
import stet.repository.backend.LocalBackend;

/**
 * One run of the program: what the process was given, and what commands need of it. Commands get it
 * by their constructor and use it once the command line is read.
 */
public final class Session {
  /**
   * What the process was given.
   *
   * @param variables the environment variables
   * @param workingDirectory an absolute path
   * @param input standard input
   * @param output standard output
   * @param error standard error
   * @param terminal which of them are a terminal
   */
  public record Surroundings(
      Map<String, String> variables,
      Path workingDirectory,
      InputStream input,
      OutputStream output,
      OutputStream error,
      Terminal terminal) {}

  private static final long KIBIBYTE = 1024;
  private static final int MAX_WORKERS = 8;

  private final Surroundings surroundings;
  private final GlobalOptions options = new GlobalOptions();
  private final Signals signals;
  private @Nullable Output output;
  private @Nullable Configuration configuration;

  /**
   * Begins a run; the calling thread is the one that a signal interrupts.
   *
   * @param endAtOnce ends the process without ceremony
   */
  public Session(Surroundings surroundings, Runnable endAtOnce) {
    this.surroundings = surroundings;
    this.signals = new Signals(Thread.currentThread(), this::announceStop, endAtOnce);
  }

  private Session(Surroundings surroundings, Signals signals) {
    this.surroundings = surroundings;
    this.signals = signals;
  }

  /** A run within this one, which the same signals stop. */
  public Session within(Surroundings other) {
    return new Session(other, signals);
  }

  private void announceStop() {
    if (surroundings.terminal().error()) {
      output().message("stet: stopping; once more ends at once");
    }
  }

  /** The global options; unset until the command line is read. */
  public GlobalOptions options() {
    return options;
  }

  /** Where to write; the options decide how, from the first call on. */
  public synchronized Output output() {
    if (output == null) {
      Level level =
          options.verbose() ? Level.VERBOSE : options.quiet() ? Level.QUIET : Level.NORMAL;
      output = output(new Style(options.json(), level, colour()));
    }
    return output;
  }

  /** An output in a style of its own, for a command line that cannot be read. */
  public Output output(Style style) {
    return new Output(surroundings.output(), surroundings.error(), surroundings.terminal(), style);
  }

  private boolean colour() {
    return !options.noColor() && surroundings.variables().getOrDefault("NO_COLOR", "").isEmpty();
  }

  public Signals signals() {
    return signals;
  }

  /** The environment variables. */
  public Map<String, String> variables() {
    return surroundings.variables();
  }

  public Path workingDirectory() {
    return surroundings.workingDirectory();
  }

  /** What finds and reads configurations. */
  public Configurations configurations() {
    return new Configurations(variables(), workingDirectory(), Kinds.onClassPath());
  }

  /**
   * The configuration, read at the first call; its warnings are told then.
   *
   * @throws stet.engine.StetException if there is none
   * @throws stet.cli.config.ConfigurationException with all that is wrong with it
   */
  public Configuration configuration() {
    Configuration read = configuration;
    if (read == null) {
      read = configurations().load(options.config(), environmentName());
      configuration = read;
      for (Problem warning : read.warnings()) {
        output().warn(warning.text(), warning.hint());
      }
    }
    return read;
  }

  /** The environment that {@code --env} or {@code STET_ENVIRONMENT} names, or null. */
  public @Nullable String environmentName() {
    if (options.environment() != null) {
      return options.environment();
    }
    String name = variables().get(Configurations.ENVIRONMENT_VARIABLE);
    return name == null || name.isEmpty() ? null : name;
  }

  /**
   * The environment to work with.
   *
   * @throws stet.engine.StetException with {@code USAGE} if it is not told or unknown
   * @throws stet.cli.config.ConfigurationException if it cannot be used on this machine
   */
  public EnvironmentSettings environment() {
    return configuration().environment(environmentName());
  }

  /** What asks the user; refuses without a terminal, with {@code --no-input} or {@code --json}. */
  public Consent consent() {
    return new Consent(output(), surroundings.input(), mayAsk());
  }

  /** What asks for passwords; refuses where {@link #consent()} does. */
  public PasswordPrompt passwordPrompt() {
    return new PasswordPrompt(output(), surroundings.input(), mayAsk());
  }

  private boolean mayAsk() {
    Terminal terminal = surroundings.terminal();
    return terminal.input() && terminal.error() && !options.noInput() && !options.json();
  }

  /** Begins to show progress; close it before the result is written. */
  public ProgressBar progress() {
    return new ProgressBar(output());
  }

  /** The place of the configured repository, with the limits that were asked for. */
  public Backend backend() {
    Backend local = new LocalBackend(Path.of(configuration().repository().location()));
    return options.limitUpload() == 0 && options.limitDownload() == 0
        ? local
        : new LimitedBackend(
            local, options.limitUpload() * KIBIBYTE, options.limitDownload() * KIBIBYTE);
  }

  /** Opens the configured repository. */
  public Repository openRepository() {
    return Repository.open(backend(), Configured.password(configuration()));
  }

  /**
   * A new operation with an id of its own, and a worker for each processor, at most 8 and no more
   * than the environment allows.
   */
  public Operation operation(Progress progress) {
    int most = MAX_WORKERS;
    if (environmentName() != null || configuration().environments().size() == 1) {
      most = Math.min(most, environment().maxWorkers());
    }
    int workers = Math.min(most, Runtime.getRuntime().availableProcessors());
    String id = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
    return new Operation(id, workers, progress);
  }
}
