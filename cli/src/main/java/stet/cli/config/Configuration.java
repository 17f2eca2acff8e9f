package stet.cli.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.rules.Rule;

/**
 * A configuration that was read without fault.
 *
 * @param source where it comes from: a file as the user named it, or the environment variables
 * @param app the application's name
 * @param repository where snapshots are kept
 * @param restore how restores are done
 * @param rules what holds in every coherent state of the application
 * @param failsOnViolations whether a backup fails where rules are violated
 * @param proof how snapshots are proven
 * @param objectives what the state is held against
 * @param environments the environments by name, in the order of the file; at least one
 * @param warnings what is unwise but not wrong, of all environments
 */
public record Configuration(
    String source,
    String app,
    RepositorySettings repository,
    RestoreSettings restore,
    List<Rule> rules,
    boolean failsOnViolations,
    ProofSettings proof,
    Objectives objectives,
    Map<String, EnvironmentSettings> environments,
    List<Problem> warnings) {
  public Configuration {
    environments = Collections.unmodifiableMap(new LinkedHashMap<>(environments));
    rules = List.copyOf(rules);
    warnings = List.copyOf(warnings);
  }

  /**
   * The environment to work with.
   *
   * @param name its name, or null for the only one there is
   * @throws StetException with {@code USAGE} if there is no such environment or no name tells which
   * @throws ConfigurationException if it cannot be used on this machine
   */
  public EnvironmentSettings environment(@Nullable String name) {
    String known = String.join(", ", environments.keySet());
    EnvironmentSettings environment;
    if (name != null) {
      environment = environments.get(name);
      if (environment == null) {
        String near = EditDistance.nearest(name, environments.keySet());
        throw new StetException(
            ErrorCode.USAGE,
            source + " has no environment \"" + name + "\"",
            near == null
                ? "Its environments are " + known + "."
                : "Did you mean " + near + "? Its environments are " + known + ".");
      }
    } else {
      if (environments.size() > 1) {
        throw new StetException(
            ErrorCode.USAGE,
            source + " has " + environments.size() + " environments and none is chosen",
            "Choose one with --env: " + known + ".");
      }
      environment = environments.values().iterator().next();
    }
    if (!environment.problems().isEmpty()) {
      throw new ConfigurationException(environment.problems());
    }
    return environment;
  }
}
