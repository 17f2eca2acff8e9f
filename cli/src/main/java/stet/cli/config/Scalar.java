package stet.cli.config;

import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * A single value, in which variables are replaced.
 *
 * @param text whether the value is text, which true and false must be quoted to be
 */
record Scalar<T>(String expected, boolean text, Parser<T> parser) implements Shape<T> {

  /** Makes the value from its text. */
  interface Parser<T> {
    T parse(String text, Node node, Place place) throws Unusable;
  }

  @Override
  public @Nullable T read(Node node, Place place) {
    String value = text(node, place);
    if (value == null) {
      return null;
    }
    try {
      return parser.parse(value, node, place);
    } catch (Unusable e) {
      place.problem(node, e.getMessage(), e.hint());
      return null;
    }
  }

  private @Nullable String text(Node node, Place place) {
    if (!(node instanceof ScalarNode scalar)) {
      place.wrongType(node, expected);
      return null;
    }
    String value = scalar.getValue();
    if (Reading.isVariable(node)) {
      return value;
    }
    if (Variables.hasAny(value)) {
      return place.reading().variables().replace(value, node, place);
    }
    Tag tag = scalar.getTag();
    if (Tag.NULL.equals(tag)) {
      place.problem(node, "expected " + expected + " but found nothing", null);
      return null;
    }
    if (text && Tag.BOOL.equals(tag)) {
      place.problem(
          node,
          "expected " + expected + " but found the boolean " + value,
          "Put it in quotes if it is meant as text: \"" + value + "\".");
      return null;
    }
    if (!text && !scalar.isPlain()) {
      place.problem(
          node,
          "expected " + expected + " but found the text \"" + value + "\"",
          "Leave out the quotes.");
      return null;
    }
    return value;
  }
}
