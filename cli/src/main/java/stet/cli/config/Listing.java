package stet.cli.config;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import stet.repository.json.JsonObject;

/** A list of values of one shape; with {@code filled}, of at least one. */
record Listing<T>(Shape<T> item, boolean filled) implements Shape<List<T>> {
  @Override
  public String expected() {
    return "a list";
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    return new JsonObject()
        .put("type", "array")
        .put("items", item.schema(kinds))
        .putIfPresent("minItems", filled ? 1 : null);
  }

  @Override
  public @Nullable List<T> read(Node node, Place place) {
    if (!(node instanceof SequenceNode sequence)) {
      place.wrongType(node, expected());
      return null;
    }
    if (filled && sequence.getValue().isEmpty()) {
      place.problem(node, "the list must not be empty", null);
      return null;
    }
    List<T> values = new ArrayList<>();
    int index = 0;
    for (Node element : sequence.getValue()) {
      T value = place.reading().within(element, place.item(index++), item);
      if (value != null) {
        values.add(value);
      }
    }
    return List.copyOf(values);
  }
}
