package stet.cli.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
 *     {@link Secret}, {@link Boolean}, {@link Long} or list of strings
 * @param origin where it is declared, such as {@code stet.yaml:12:9}
 */
public record ComponentSettings(
    String name,
    ComponentKind kind,
    List<String> sets,
    Map<String, Object> settings,
    String origin) {
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

  /** Whether a program must be run to get one of its secrets. */
  boolean asksAProgram() {
    return settings.values().stream().anyMatch(Secret.FromCommand.class::isInstance);
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
      return kind.create(new ComponentDefinition(name, values, origin));
    } catch (StetException e) {
      if (e.code() == ErrorCode.CONFIGURATION && !e.getMessage().startsWith(origin)) {
        throw new StetException(e.code(), origin + ": " + e.getMessage(), e.hint(), e);
      }
      throw e;
    }
  }
}
