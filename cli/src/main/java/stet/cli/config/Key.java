package stet.cli.config;

import org.jspecify.annotations.Nullable;

/**
 * A key of a section of the configuration.
 *
 * @param name the key as it is written; a secret also as {@code <name>_file} and {@code
 *     <name>_command}
 * @param shape what its value may be
 * @param required whether a section without it is an error
 * @param otherwise the value if it is not given, or null
 * @param documentation a sentence for the reference and for the hint where it is missing
 */
record Key<T>(
    String name, Shape<T> shape, boolean required, @Nullable T otherwise, String documentation) {

  static <T> Key<T> required(String name, Shape<T> shape, String documentation) {
    return new Key<>(name, shape, true, null, documentation);
  }

  static <T> Key<T> optional(String name, Shape<T> shape, String documentation) {
    return new Key<>(name, shape, false, null, documentation);
  }

  static <T> Key<T> optional(String name, Shape<T> shape, T otherwise, String documentation) {
    return new Key<>(name, shape, false, otherwise, documentation);
  }
}
