package stet.cli.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import stet.engine.rules.Rule;
import stet.engine.rules.RuleException;
import stet.engine.rules.RuleParser;
import stet.repository.json.JsonObject;

/** Rules by names that may be any text. */
record RulesShape() implements Shape<List<RulesShape.Given>> {
  /**
   * A rule of the configuration.
   *
   * @param positions where a character of its text stands
   * @param path the keys that lead to it, for messages
   */
  record Given(Rule rule, IntFunction<Position> positions, String path) {
    Problem problem(RuleException e) {
      return new Problem(positions.apply(e.offset()), path, e.getMessage(), e.hint());
    }
  }

  @Override
  public String expected() {
    return "a mapping of rules by their names";
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    return new JsonObject()
        .put("type", "object")
        .put("additionalProperties", Shapes.TEXT.schema(kinds));
  }

  @Override
  public @Nullable List<Given> read(Node node, Place place) {
    if (!(node instanceof MappingNode mapping)) {
      place.wrongType(node, expected());
      return null;
    }
    List<Given> rules = new ArrayList<>();
    for (Map.Entry<String, Entry> entry : Entry.of(mapping, place).entrySet()) {
      Node value = entry.getValue().value();
      Place inside = place.key(entry.getKey());
      String text = place.reading().within(value, inside, Shapes.TEXT);
      if (text == null) {
        continue;
      }
      IntFunction<Position> positions = positions(value, text, inside);
      try {
        Rule rule =
            RuleParser.parse(entry.getKey(), text, offset -> positions.apply(offset).toString());
        rules.add(new Given(rule, positions, inside.path()));
      } catch (RuleException e) {
        inside.problem(positions.apply(e.offset()), e.getMessage(), e.hint());
      }
    }
    return List.copyOf(rules);
  }

  /** Inside a text of one line that stands in the file as it is; else where it begins. */
  private static IntFunction<Position> positions(Node node, String text, Place place) {
    Position start = place.reading().position(node);
    boolean plain =
        start.line() > 0
            && node instanceof ScalarNode scalar
            && scalar.getValue().equals(text)
            && isOnOneLine(scalar);
    if (!plain) {
      return offset -> start;
    }
    int quote = ((ScalarNode) node).isPlain() ? 0 : 1;
    return offset ->
        new Position(
            start.source(), start.line(), start.column() + quote + text.codePointCount(0, offset));
  }

  private static boolean isOnOneLine(ScalarNode scalar) {
    int quotes = scalar.isPlain() ? 0 : 2;
    return scalar.getStartMark().isPresent()
        && scalar.getEndMark().isPresent()
        && scalar.getStartMark().get().getLine() == scalar.getEndMark().get().getLine()
        && scalar.getEndMark().get().getIndex() - scalar.getStartMark().get().getIndex()
            == scalar.getValue().codePointCount(0, scalar.getValue().length()) + quotes;
  }
}
