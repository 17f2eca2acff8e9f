package stet.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Component;
import stet.engine.rules.BoundRules;

/**
 * One running place of an application.
 *
 * @param app the application's name
 * @param name the environment's name
 * @param guarded whether it is protected: a restore onto it needs its name confirmed and takes a
 *     snapshot first
 * @param components its backup set flattened, in the order of capture
 * @param rules what holds in a coherent state of it
 */
public record Environment(
    String app, String name, boolean guarded, List<Component> components, BoundRules rules) {
  public Environment {
    components = List.copyOf(components);
  }

  /** The component of a name, or null. */
  public @Nullable Component component(String component) {
    return components.stream()
        .filter(each -> each.name().equals(component))
        .findFirst()
        .orElse(null);
  }

  /** One without rules. */
  public Environment(String app, String name, boolean guarded, List<Component> components) {
    this(app, name, guarded, components, BoundRules.NONE);
  }
}
