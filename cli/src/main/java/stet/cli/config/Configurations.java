package stet.cli.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.repository.backend.Reason;
import stet.repository.json.JsonObject;

/** Finds and reads the configuration. */
public final class Configurations {
  /** The variable that chooses an environment where {@code --env} does not. */
  public static final String ENVIRONMENT_VARIABLE = VariablesText.ENVIRONMENT;

  private static final int MAX_BYTES = 4 << 20;
  private static final Path LOCAL = Path.of("stet.yaml");
  private static final Path SYSTEM = Path.of("/etc/stet/stet.yaml");

  private final Map<String, String> variables;
  private final Path workingDirectory;
  private final Path system;
  private final Kinds kinds;

  /**
   * Prepares to read.
   *
   * @param variables the environment variables
   * @param workingDirectory an absolute path
   */
  public Configurations(Map<String, String> variables, Path workingDirectory, Kinds kinds) {
    this(variables, workingDirectory, SYSTEM, kinds);
  }

  Configurations(Map<String, String> variables, Path workingDirectory, Path system, Kinds kinds) {
    this.variables = Map.copyOf(variables);
    this.workingDirectory = workingDirectory;
    this.system = system;
    this.kinds = kinds;
  }

  /**
   * Reads the first of: the file of {@code -c}, {@code STET_CONFIG}, {@code STET_CONFIG_YAML},
   * {@code ./stet.yaml}, {@code /etc/stet/stet.yaml}, the environment variables.
   *
   * @param file what {@code -c} says, or null
   * @param environment the environment that will be used, or null for the only one
   * @throws StetException with {@code CONFIGURATION} if there is none or it cannot be read
   * @throws ConfigurationException with all that is wrong with it
   */
  public Configuration load(@Nullable String file, @Nullable String environment) {
    Path path = find(file);
    if (path != null) {
      return ConfigurationReader.read(text(path), variables, workingDirectory, kinds, environment);
    }
    String text = variables.get(VariablesText.CONFIG_TEXT);
    if (text != null && !text.isEmpty()) {
      return ConfigurationReader.read(
          new ConfigurationReader.Text(
              VariablesText.CONFIG_TEXT,
              text.getBytes(StandardCharsets.UTF_8),
              workingDirectory,
              false),
          variables,
          workingDirectory,
          kinds,
          environment);
    }
    if (variables.containsKey(VariablesText.APP)) {
      return ConfigurationReader.readVariables(variables, workingDirectory, kinds);
    }
    throw new StetException(
        ErrorCode.CONFIGURATION,
        "no configuration found: neither ./" + LOCAL + " nor " + system + " exists",
        "Name one with -c or STET_CONFIG, write one as docs/configuration.md shows, or set STET_APP and the other"
            + " variables that it lists.");
  }

  /**
   * The configuration file that would be read, as the user would name it, or null if there is none.
   *
   * @param file what {@code -c} says, or null
   */
  public @Nullable Path find(@Nullable String file) {
    if (file != null) {
      return path(file, "-c");
    }
    String named = variables.get(VariablesText.CONFIG);
    if (named != null && !named.isEmpty()) {
      return path(named, VariablesText.CONFIG);
    }
    String text = variables.get(VariablesText.CONFIG_TEXT);
    if (text != null && !text.isEmpty()) {
      return null;
    }
    if (Files.exists(workingDirectory.resolve(LOCAL))) {
      return LOCAL;
    }
    return Files.exists(system) ? system : null;
  }

  /** The JSON Schema of configurations, for editors. */
  public JsonObject schema() {
    return ConfigurationSchema.of(kinds);
  }

  private static Path path(String text, String by) {
    if (text.isEmpty()) {
      throw new StetException(
          ErrorCode.USAGE,
          "the name of the configuration file that " + by + " gives is empty",
          "Name a file, or leave out " + by + ".");
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new StetException(
          ErrorCode.CONFIGURATION,
          "the file that " + by + " names cannot be a path: " + e.getReason(),
          "The locale must be able to hold its characters: set LC_ALL=C.UTF-8.",
          e);
    }
  }

  private ConfigurationReader.Text text(Path named) {
    Path file = workingDirectory.resolve(named).normalize();
    try (InputStream input = Files.newInputStream(file)) {
      byte[] bytes = input.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new StetException(
            ErrorCode.CONFIGURATION,
            "the configuration file " + named + " is larger than " + (MAX_BYTES >> 20) + " MiB",
            "Is it the right file?");
      }
      Path directory = file.getParent();
      return new ConfigurationReader.Text(
          named.toString(),
          bytes,
          directory == null ? workingDirectory : directory,
          SecretShape.isReadableByAll(file));
    } catch (NoSuchFileException e) {
      throw new StetException(
          ErrorCode.CONFIGURATION,
          "the configuration file " + named + " does not exist",
          "docs/configuration.md shows one.",
          e);
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.CONFIGURATION,
          "the configuration file " + named + " cannot be read: " + Reason.of(e),
          "It must be a file that the user who runs stet can read.",
          e);
    }
  }
}
