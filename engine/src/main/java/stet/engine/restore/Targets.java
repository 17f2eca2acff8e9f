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

/** The open targets of components of an environment, in the order of its backup set. */
final class Targets implements AutoCloseable {
  private final Map<String, Target> targets = new LinkedHashMap<>();

  private Targets() {}

  /** Opens the targets of all components. */
  static Targets all(Environment environment, Operation operation) {
    Targets all = new Targets();
    try {
      for (Component component : environment.components()) {
        all.targets.put(component.name(), component.target(operation));
      }
    } catch (RuntimeException e) {
      all.close();
      throw e;
    }
    return all;
  }

  /** Some of these targets; they are open for as long as these are. */
  Targets only(Set<String> names) {
    Targets some = new Targets();
    some.targets.putAll(targets);
    some.targets.keySet().retainAll(names);
    return some;
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
