package stet.engine.restore;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import stet.engine.Environment;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.component.Target;

/** The open targets of some components of an environment, in the order of its backup set. */
final class Targets implements AutoCloseable {
  private final Map<String, Target> targets = new LinkedHashMap<>();

  /** Opens the targets of the components in {@code names}. */
  Targets(Environment environment, Operation operation, Set<String> names) {
    try {
      for (Component component : environment.components()) {
        if (names.contains(component.name())) {
          targets.put(component.name(), component.target(operation));
        }
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Opens the targets of all components. */
  static Targets all(Environment environment, Operation operation) {
    return new Targets(
        environment,
        operation,
        Set.copyOf(environment.components().stream().map(Component::name).toList()));
  }

  Target get(String component) {
    Target target = targets.get(component);
    if (target == null) {
      throw new IllegalArgumentException("no target is open for component " + component);
    }
    return target;
  }

  boolean has(String component) {
    return targets.containsKey(component);
  }

  List<String> names() {
    return List.copyOf(targets.keySet());
  }

  /** The names with all commit points last. */
  List<String> inSwapOrder() {
    return names().stream().sorted(Comparator.comparing(n -> get(n).isCommitPoint())).toList();
  }

  @Override
  public void close() {
    targets.values().forEach(Target::close);
  }
}
