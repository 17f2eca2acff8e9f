package stet.cli.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import stet.repository.json.JsonObject;

/** Values of one shape by keys that may be any text. */
record Mapping<T>(Shape<T> item) implements Shape<Map<String, T>> {
  @Override
  public String expected() {
    return "a mapping";
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    return new JsonObject().put("type", "object").put("additionalProperties", item.schema(kinds));
  }

  @Override
  public @Nullable Map<String, T> read(Node node, Place place) {
    if (!(node instanceof MappingNode mapping)) {
      place.wrongType(node, expected());
      return null;
    }
    Map<String, T> values = new LinkedHashMap<>();
    for (Map.Entry<String, Entry> entry : Entry.of(mapping, place).entrySet()) {
      String key = entry.getKey();
      T value = place.reading().within(entry.getValue().value(), place.key(key), item);
      if (value != null) {
        values.put(key, value);
      }
    }
    return Collections.unmodifiableMap(values);
  }
}
