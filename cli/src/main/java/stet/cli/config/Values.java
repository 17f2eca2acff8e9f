package stet.cli.config;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What was read of a section.
 *
 * @param values what was read by key; keys that are not given or unusable are not among them
 */
record Values(Map<Key<?>, Given> values) {

  /** A value and where it stands. */
  record Given(Object value, Position position) {}

  /** The value, its default, or null. */
  @SuppressWarnings("unchecked") // a key is put in with what its own shape made
  <T> @Nullable T get(Key<T> key) {
    Given given = values.get(key);
    return given == null ? key.otherwise() : (T) given.value();
  }

  /** Where the value stands, or null if it is not given. */
  @Nullable Position position(Key<?> key) {
    Given given = values.get(key);
    return given == null ? null : given.position();
  }
}
