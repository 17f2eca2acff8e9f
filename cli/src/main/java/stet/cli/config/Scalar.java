package stet.cli.config;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import stet.repository.json.JsonObject;

/**
 * A single value, in which variables are replaced.
 *
 * @param expected what is accepted, for messages
 * @param type what it is, or what it looks like to begin with
 * @param allowed for the schema: a pattern that is found in every text that is accepted, or null
 * @param choices the values that are accepted, or none if they cannot be listed
 * @param parser makes the value from its text
 */
record Scalar<T>(
    String expected,
    Type type,
    @Nullable String allowed,
    List<? extends Object> choices,
    Parser<T> parser)
    implements Shape<T> {

  /** What a value is in JSON. */
  enum Type {
    /** Text, which true and false must be quoted to be. */
    TEXT,
    BOOLEAN,
    INTEGER,
    /** An integer from 1 to {@value Scalar#MOST}. */
    COUNT
  }

  static final int MOST = 999_999_999;

  Scalar(String expected, Type type, Parser<T> parser) {
    this(expected, type, null, List.of(), parser);
  }

  Scalar(String expected, String allowed, Parser<T> parser) {
    this(expected, Type.TEXT, allowed, List.of(), parser);
  }

  private static final String VARIABLE = "\\$\\{";

  /** Makes the value from its text. */
  interface Parser<T> {
    T parse(String text, Node node, Place place) throws Unusable;
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    JsonObject variable = new JsonObject().put("type", "string").put("pattern", VARIABLE);
    if (!choices.isEmpty()) {
      return anyOf(new JsonObject().put("enum", choices), variable);
    }
    return switch (type) {
      case BOOLEAN -> anyOf(new JsonObject().put("type", "boolean"), variable);
      case INTEGER -> anyOf(new JsonObject().put("type", "integer"), variable);
      case COUNT ->
          anyOf(
              new JsonObject().put("type", "integer").put("minimum", 1).put("maximum", MOST),
              variable);
      case TEXT ->
          // A number is text as it is written.
          new JsonObject()
              .put("type", List.of("string", "number"))
              .put("minLength", 1)
              .putIfPresent("pattern", allowed == null ? null : allowed + "|" + VARIABLE);
    };
  }

  private static JsonObject anyOf(JsonObject... schemas) {
    return new JsonObject().put("anyOf", List.of(schemas));
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
    if (type == Type.TEXT && Tag.BOOL.equals(tag)) {
      place.problem(
          node,
          "expected " + expected + " but found the boolean " + value,
          "Put it in quotes if it is meant as text: \"" + value + "\".");
      return null;
    }
    if (type != Type.TEXT && !scalar.isPlain()) {
      place.problem(
          node,
          "expected " + expected + " but found the text \"" + value + "\"",
          "Leave out the quotes.");
      return null;
    }
    return value;
  }
}
