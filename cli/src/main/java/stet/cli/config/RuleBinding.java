package stet.cli.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import stet.engine.rules.BoundRules;
import stet.engine.rules.Rule;
import stet.engine.rules.RuleException;

/** Looks whether rules fit the components of the environments. */
final class RuleBinding {
  private final Reading reading;
  private final Map<String, List<ComponentSettings>> environments;

  RuleBinding(Reading reading, Map<String, Values> declared) {
    this.reading = reading;
    this.environments = new java.util.LinkedHashMap<>();
    declared.forEach((name, values) -> {
      List<ComponentSettings> components = values.get(Definition.STATE);
      if (components != null) {
        environments.put(name, components);
      }
    });
  }

  /** The components of an environment, as rules can speak of them. */
  static List<BoundRules.Part> parts(List<ComponentSettings> components) {
    return components.stream()
        .map(component ->
            new BoundRules.Part(
                component.name(), component.kind().hasTables(), component.kind().hasFiles()))
        .toList();
  }

  /**
   * Reports rules that fit no environment, and those that make files be captured before the rows
   * that refer to them.
   */
  void check(List<RulesShape.Given> rules) {
    for (RulesShape.Given given : rules) {
      List<RuleException> faults = new ArrayList<>();
      boolean fits = environments.isEmpty();
      for (Map.Entry<String, List<ComponentSettings>> environment : environments.entrySet()) {
        try {
          String component = BoundRules.component(given.rule(), parts(environment.getValue()));
          if (component != null) {
            fits = true;
            warnOfOrder(given, component, environment);
          }
        } catch (RuleException e) {
          faults.add(e);
        }
      }
      if (!faults.isEmpty()) {
        reading.problem(given.problem(faults.getFirst()), null, false);
      } else if (!fits) {
        reading.problem(given.problem(BoundRules.missing(given.rule(), allParts())), null, false);
      }
    }
  }

  private List<BoundRules.Part> allParts() {
    return environments.values().stream().flatMap(each -> parts(each).stream()).toList();
  }

  private void warnOfOrder(
      RulesShape.Given given,
      String component,
      Map.Entry<String, List<ComponentSettings>> environment) {
    if (!(given.rule().body() instanceof Rule.Exists exists)) {
      return;
    }
    for (ComponentSettings each : environment.getValue()) {
      if (each.name().equals(component)) {
        return;
      }
      if (Objects.equals(each.name(), exists.files().text())) {
        reading.warning(
            new Problem(
                each.origin(),
                "environments." + environment.getKey(),
                each.name()
                    + " is captured before "
                    + component
                    + ", whose rows refer to its files: a file stored meanwhile is missing in the"
                    + " snapshot",
                "Declare " + each.name() + " after " + component + "."),
            environment.getKey());
        return;
      }
    }
  }
}
