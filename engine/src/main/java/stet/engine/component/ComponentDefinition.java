package stet.engine.component;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A component as declared in the configuration.
 *
 * @param name the component's name, unique in its environment
 * @param settings values by key, already of the type that the kind's {@link Setting} asks for
 * @param origin where it is declared, such as {@code stet.yaml:12:9}, for error messages
 */
public record ComponentDefinition(String name, Map<String, Object> settings, String origin) {
  public ComponentDefinition {
    settings = Map.copyOf(settings);
  }

  /** A text value, or null if it is not set. */
  public @Nullable String text(String key) {
    return (String) settings.get(key);
  }

  /** A list value, empty if it is not set. */
  @SuppressWarnings("unchecked")
  public List<String> texts(String key) {
    return (List<String>) settings.getOrDefault(key, List.of());
  }

  /** A value of text by text, empty if it is not set. */
  @SuppressWarnings("unchecked")
  public Map<String, String> mapping(String key) {
    return (Map<String, String>) settings.getOrDefault(key, Map.of());
  }

  /** A duration. */
  public Duration duration(String key, Duration otherwise) {
    return (Duration) settings.getOrDefault(key, otherwise);
  }

  /** A boolean value. */
  public boolean flag(String key, boolean otherwise) {
    return (Boolean) settings.getOrDefault(key, otherwise);
  }
}
