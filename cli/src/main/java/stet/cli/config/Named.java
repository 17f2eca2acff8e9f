package stet.cli.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import stet.repository.json.JsonObject;

/**
 * Values of one shape under names that the user chooses.
 *
 * @param what what a name names, such as {@code environment}
 */
record Named<T>(String what, Shape<T> item) implements Shape<Map<String, T>> {
  @Override
  public String expected() {
    return "a mapping of " + what + " names";
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    return new JsonObject()
        .put("type", "object")
        .put("minProperties", 1)
        .put("propertyNames", new JsonObject().put("pattern", Names.PATTERN))
        .put("additionalProperties", item.schema(kinds));
  }

  @Override
  public @Nullable Map<String, T> read(Node node, Place place) {
    if (!(node instanceof MappingNode mapping)) {
      place.wrongType(node, expected());
      return null;
    }
    if (mapping.getValue().isEmpty()) {
      place.problem(node, "at least one " + what + " is needed", null);
      return null;
    }
    Map<String, T> values = new LinkedHashMap<>();
    for (Map.Entry<String, Entry> entry : Entry.of(mapping, place).entrySet()) {
      String name = entry.getKey();
      Place inside = place.key(name).inEnvironment(name);
      try {
        Names.check(what, name);
      } catch (Unusable e) {
        inside.problem(entry.getValue().key(), e.getMessage(), e.hint());
        continue;
      }
      T value = place.reading().within(entry.getValue().value(), inside, item);
      if (value != null) {
        values.put(name, value);
      }
    }
    return Collections.unmodifiableMap(values);
  }
}
