package stet.cli.config;

import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * What a value of the configuration may be, and what it becomes when it is read.
 *
 * @param <T> what it becomes
 */
sealed interface Shape<T> permits Scalar, Listing, Named, Section, SecretShape, StateShape {

  /** What is accepted, as it stands after "expected" in messages, such as {@code a list}. */
  String expected();

  /**
   * Reads a value. What is wrong is reported to {@code place}.
   *
   * @return the value, or null if nothing of it can be used
   */
  @Nullable T read(Node node, Place place);
}
