package stet.cli.session;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The options that every verb takes, before it or after it. */
public final class GlobalOptions {
  @Option(
      names = {"-c", "--config"},
      paramLabel = "FILE",
      scope = ScopeType.INHERIT,
      description =
          "Configuration file; else $$STET_CONFIG, the text in $$STET_CONFIG_YAML, ./stet.yaml,"
              + " /etc/stet/stet.yaml, or variables alone.")
  private @Nullable String config;

  @Option(
      names = "--env",
      paramLabel = "NAME",
      scope = ScopeType.INHERIT,
      description = "Environment to work with; not needed if there is only one.")
  private @Nullable String environment;

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Write documents for programs, one a line.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      scope = ScopeType.INHERIT,
      description = "Tell only errors and warnings.")
  private boolean quiet;

  @Option(
      names = {"-v", "--verbose"},
      scope = ScopeType.INHERIT,
      description = "Tell more, and where a failure comes from.")
  private boolean verbose;

  @Option(
      names = "--no-color",
      scope = ScopeType.INHERIT,
      description = "Use no colours, as with $$NO_COLOR.")
  private boolean noColor;

  @Option(
      names = "--no-input",
      scope = ScopeType.INHERIT,
      description = "Ask nothing; what needs consent is refused.")
  private boolean noInput;

  @Option(
      names = "--limit-upload",
      paramLabel = "KIB",
      defaultValue = "0",
      scope = ScopeType.INHERIT,
      converter = Rate.class,
      description = "Store no more than so many KiB a second.")
  private long limitUpload;

  @Option(
      names = "--limit-download",
      paramLabel = "KIB",
      defaultValue = "0",
      scope = ScopeType.INHERIT,
      converter = Rate.class,
      description = "Load no more than so many KiB a second.")
  private long limitDownload;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show help.")
  private boolean help;

  /** The configuration file, or null. */
  public @Nullable String config() {
    return config;
  }

  /** The environment's name, or null. */
  public @Nullable String environment() {
    return environment;
  }

  public boolean json() {
    return json;
  }

  public boolean quiet() {
    return quiet;
  }

  public boolean verbose() {
    return verbose;
  }

  public boolean noColor() {
    return noColor;
  }

  public boolean noInput() {
    return noInput;
  }

  /** The most KiB a second that are stored, or 0. */
  public long limitUpload() {
    return limitUpload;
  }

  /** The most KiB a second that are loaded, or 0. */
  public long limitDownload() {
    return limitDownload;
  }

  private static final class Rate implements CommandLine.ITypeConverter<Long> {
    private static final long MOST = 1L << 32;

    @Override
    public Long convert(String text) {
      if (!text.matches("\\d{1,10}") || Long.parseLong(text) > MOST) {
        throw new CommandLine.TypeConversionException(
            "'" + text + "' is not a number of KiB a second, such as 4096");
      }
      return Long.valueOf(text);
    }
  }

  /** Whether help is wanted. */
  public boolean help() {
    return help;
  }
}
