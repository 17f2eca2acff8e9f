package stet.cli.config;

import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import stet.repository.json.JsonObject;

/**
 * What a value of the configuration may be, and what it becomes when it is read.
 *
 * @param <T> what it becomes
 */
sealed interface Shape<T>
    permits Scalar, Listing, Mapping, Named, RulesShape, Section, SecretShape, StateShape {

  /** What is accepted, as it stands after "expected" in messages, such as {@code a list}. */
  String expected();

  /**
   * What is accepted, as JSON Schema. Whatever this machine must have for it, and whatever spans
   * several values, such as names that must differ, is beyond a schema.
   */
  JsonObject schema(Kinds kinds);

  /**
   * Reads a value. What is wrong is reported to {@code place}.
   *
   * @return the value, or null if nothing of it can be used
   */
  @Nullable T read(Node node, Place place);
}
