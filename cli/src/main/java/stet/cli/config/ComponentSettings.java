package stet.cli.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.ComponentKind;

/**
 * A component as the configuration declares it.
 *
 * @param name its name, unique in its environment
 * @param kind its kind
 * @param sets the names of the sets it lies in, outermost first
 * @param settings the values that are given, in the order of the kind's settings: a {@link String},
 *     {@link Secret}, {@link Boolean}, {@link Long}, list of strings or map of strings
 * @param origin where it is declared
 */
public record ComponentSettings(
    String name,
    ComponentKind kind,
    List<String> sets,
    Map<String, Object> settings,
    Position origin) {
  public ComponentSettings {
    sets = List.copyOf(sets);
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
  }

  /** The same component inside one more set. */
  ComponentSettings in(String set) {
    List<String> around = new ArrayList<>();
    around.add(set);
    around.addAll(sets);
    return new ComponentSettings(name, kind, around, settings, origin);
  }

  /**
   * Checks the settings as {@link #create()} does, unless a program must be run for a secret.
   *
   * @return what is wrong, or null
   */
  public @Nullable Problem check() {
    if (settings.values().stream().anyMatch(Secret.FromCommand.class::isInstance)) {
      return null;
    }
    try {
      create();
      return null;
    } catch (StetException e) {
      return problem(e);
    }
  }

  /** What {@link #create()} threw, as a fault of the configuration. */
  private Problem problem(StetException e) {
    String prefix = origin + ": ";
    String message = e.getMessage();
    return new Problem(
        origin,
        "",
        message.startsWith(prefix) ? message.substring(prefix.length()) : message,
        e.hint());
  }

  /**
   * Makes components.
   *
   * @throws ConfigurationException with everything that is wrong with their settings
   * @throws StetException if a secret cannot be got for another reason
   */
  public static List<Component> createAll(List<ComponentSettings> all) {
    List<Component> components = new ArrayList<>();
    List<Problem> problems = new ArrayList<>();
    for (ComponentSettings settings : all) {
      try {
        components.add(settings.create());
      } catch (StetException e) {
        if (e.code() != ErrorCode.CONFIGURATION) {
          throw e;
        }
        problems.add(settings.problem(e));
      }
    }
    if (!problems.isEmpty()) {
      throw new ConfigurationException(problems);
    }
    return components;
  }

  /**
   * Makes the component: gets its secrets and has the kind check its settings.
   *
   * @throws StetException with {@code CONFIGURATION} if a secret cannot be got or a value is
   *     unusable
   */
  public Component create() {
    Map<String, Object> values = new LinkedHashMap<>();
    settings.forEach(
        (key, value) -> values.put(key, value instanceof Secret secret ? secret.reveal() : value));
    try {
      return kind.create(new ComponentDefinition(name, values, origin.toString()));
    } catch (StetException e) {
      if (e.code() == ErrorCode.CONFIGURATION && !e.getMessage().startsWith(origin.toString())) {
        throw new StetException(e.code(), origin + ": " + e.getMessage(), e.hint(), e);
      }
      throw e;
    }
  }
}
