package stet.cli.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import stet.engine.component.ComponentKind;

/**
 * Makes of environment variables what a configuration file would hold, so that the same definition
 * reads both. The documentation is {@code docs/configuration.md}.
 */
final class VariablesText {
  static final String APP = "STET_APP";
  static final String ENVIRONMENT = "STET_ENVIRONMENT";
  static final String PROTECTED = "STET_PROTECTED";
  static final String CONFIG = "STET_CONFIG";
  static final String CONFIG_TEXT = "STET_CONFIG_YAML";
  private static final String DATABASE = "DATABASE_URL";
  private static final List<String> KNOWN =
      List.of(APP, ENVIRONMENT, PROTECTED, CONFIG, CONFIG_TEXT);
  private static final String DEFAULT_ENVIRONMENT = "default";
  private static final String ALL = "environment variables";

  private VariablesText() {}

  /** The configuration that the variables declare; problems go to {@code reading}. */
  static Node compose(Map<String, String> variables, Kinds kinds, Reading reading) {
    List<Node> state = new ArrayList<>();
    // Databases before files: rows refer to files, so files captured later hold all they refer to.
    List<String> order = new ArrayList<>(kinds.keys());
    order.sort(java.util.Comparator.comparing(key -> key.equals("files")));
    Map<String, String> sorted = new TreeMap<>(variables);
    for (String key : order) {
      ComponentKind kind = kinds.get(key);
      if (kind == null || kind.settings().isEmpty()) {
        continue;
      }
      String setting = kind.settings().getFirst().key();
      if (key.equals("postgres") && sorted.containsKey(DATABASE)) {
        state.add(component(key, "default", setting, DATABASE, sorted.get(DATABASE)));
      }
      String prefix = prefix(key);
      sorted.forEach((name, value) -> {
        if (name.startsWith(prefix)) {
          String component = name.substring(prefix.length()).toLowerCase(Locale.ROOT);
          state.add(component(key, component, setting, name, value));
        }
      });
    }
    reportUnknown(sorted, kinds, reading);

    List<NodeTuple> environment = new ArrayList<>();
    if (variables.containsKey(PROTECTED)) {
      environment.add(entry("protected", scalar(PROTECTED, variables.get(PROTECTED))));
    }
    environment.add(
        entry("state", Reading.ofVariable(ALL, new SequenceNode(Tag.SEQ, state, FlowStyle.BLOCK))));
    String name = variables.getOrDefault(ENVIRONMENT, DEFAULT_ENVIRONMENT);
    return mapping(
        ALL,
        entry("version", scalar(ALL, "1")),
        entry("app", scalar(APP, variables.getOrDefault(APP, ""))),
        entry(
            "environments",
            mapping(
                ENVIRONMENT,
                new NodeTuple(
                    scalar(ENVIRONMENT, name),
                    mapping(ENVIRONMENT, environment.toArray(NodeTuple[]::new))))));
  }

  private static String prefix(String kind) {
    return "STET_" + kind.toUpperCase(Locale.ROOT) + "_";
  }

  /** A misspelt variable would silently leave something out of every backup. */
  private static void reportUnknown(Map<String, String> variables, Kinds kinds, Reading reading) {
    List<String> prefixes = kinds.keys().stream().map(VariablesText::prefix).toList();
    for (String name : variables.keySet()) {
      boolean ours = name.startsWith("STET_");
      boolean launchers = name.startsWith("STET_JAVA_") || name.startsWith("STET_TEST_");
      if (!ours
          || launchers
          || KNOWN.contains(name)
          || prefixes.stream().anyMatch(name::startsWith)) {
        continue;
      }
      List<String> candidates = new ArrayList<>(KNOWN);
      prefixes.forEach(prefix -> candidates.add(prefix + lastPart(name)));
      String near = EditDistance.nearest(name, candidates);
      reading.problem(
          new Problem(
              Position.variable(name),
              "",
              "unknown variable" + (near == null ? "" : "; did you mean " + near + "?"),
              "Without a configuration file, "
                  + String.join(", ", KNOWN)
                  + " and "
                  + String.join(", ", prefixes.stream().map(prefix -> prefix + "<NAME>").toList())
                  + " are known."),
          null,
          false);
    }
  }

  private static String lastPart(String name) {
    String rest = name.substring("STET_".length());
    return rest.substring(rest.indexOf('_') + 1);
  }

  private static Node component(
      String kind, String component, String setting, String variable, String value) {
    return mapping(
        variable,
        entry(kind, scalar(variable, component)),
        entry(setting, scalar(variable, value)));
  }

  private static MappingNode mapping(String variable, NodeTuple... entries) {
    return Reading.ofVariable(
        variable, new MappingNode(Tag.MAP, List.of(entries), FlowStyle.BLOCK));
  }

  private static NodeTuple entry(String key, Node value) {
    return new NodeTuple(scalar(ALL, key), value);
  }

  private static Node scalar(String variable, String value) {
    return Reading.ofVariable(variable, new ScalarNode(Tag.STR, value, ScalarStyle.DOUBLE_QUOTED));
  }
}
