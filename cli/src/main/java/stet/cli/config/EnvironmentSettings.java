package stet.cli.config;

import java.util.List;
import stet.engine.rules.BoundRules;
import stet.engine.rules.Rule;

/**
 * An environment of the configuration.
 *
 * @param name its name
 * @param isProtected whether a restore onto it needs its name typed
 * @param maxWorkers how many connections and threads may work at once, at most
 * @param components its backup set's components in the order of capture
 * @param problems what keeps it from being used on this machine, such as a variable that is not set
 * @param misplaced those of the problems that are of where its directories lie: one inside another,
 *     or behind a symbolic link
 */
public record EnvironmentSettings(
    String name,
    boolean isProtected,
    int maxWorkers,
    List<ComponentSettings> components,
    List<Problem> problems,
    List<Problem> misplaced) {
  public EnvironmentSettings {
    components = List.copyOf(components);
    problems = List.copyOf(problems);
    misplaced = List.copyOf(misplaced);
  }

  /** Those of the rules that concern this environment's components. */
  public BoundRules rules(List<Rule> all) {
    return BoundRules.of(all, RuleBinding.parts(components));
  }
}
