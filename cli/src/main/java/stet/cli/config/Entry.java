package stet.cli.config;

import java.util.LinkedHashMap;
import java.util.Map;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/** A key of a mapping with its value. */
record Entry(ScalarNode key, Node value) {

  /** The entries in order. Keys that are not text or appear twice are reported and left out. */
  static Map<String, Entry> of(MappingNode mapping, Place place) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        place.problem(
            tuple.getKeyNode(),
            "expected a key but found " + Reading.describe(tuple.getKeyNode()),
            null);
        continue;
      }
      Entry first = entries.putIfAbsent(key.getValue(), new Entry(key, tuple.getValueNode()));
      if (first != null) {
        place
            .key(key.getValue())
            .problem(
                key,
                "duplicate key, already given in line "
                    + place.reading().position(first.key()).line(),
                null);
      }
    }
    return entries;
  }
}
