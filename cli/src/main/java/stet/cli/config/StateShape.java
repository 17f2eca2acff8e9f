package stet.cli.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import stet.engine.component.ComponentKind;
import stet.engine.component.Setting;
import stet.repository.json.JsonObject;

/** A backup set: an ordered list of components and nested sets, read into one ordered list. */
record StateShape() implements Shape<List<ComponentSettings>> {
  /** The key of a nested set. */
  static final String SET = "set";

  /** What the schema calls an item of the list. */
  static final String COMPONENT = "component";

  private static final Key<String> SET_NAME =
      Key.required(SET, Shapes.ownName("set"), "The set's name.");
  private static final Key<List<ComponentSettings>> SET_STATE =
      Key.required("state", new StateShape(), "The set's components in the order of capture.");
  private static final Section NESTED = Section.of(SET_NAME, SET_STATE);

  @Override
  public String expected() {
    return "a list of components";
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    return new JsonObject()
        .put("type", "array")
        .put("items", new JsonObject().put("$ref", "#/definitions/" + COMPONENT))
        .put("minItems", 1);
  }

  /** The schema of what stands in the list, which lists of sets refer to as well. */
  static JsonObject componentSchema(Kinds kinds) {
    List<JsonObject> items = new ArrayList<>();
    for (String kind : kinds.keys()) {
      items.add(section(Objects.requireNonNull(kinds.get(kind))).schema(kinds));
    }
    items.add(NESTED.schema(kinds));
    return new JsonObject().put("anyOf", items);
  }

  @Override
  public @Nullable List<ComponentSettings> read(Node node, Place place) {
    if (!(node instanceof SequenceNode sequence)) {
      place.wrongType(node, expected());
      return null;
    }
    if (sequence.getValue().isEmpty()) {
      place.problem(node, "a backup set needs at least one component", null);
      return null;
    }
    List<ComponentSettings> components = new ArrayList<>();
    int index = 0;
    for (Node item : sequence.getValue()) {
      components.addAll(item(item, place.item(index++)));
    }
    return List.copyOf(components);
  }

  private static List<ComponentSettings> item(Node node, Place place) {
    if (!(node instanceof MappingNode mapping)) {
      place.wrongType(node, "a component, such as `files: media`");
      return List.of();
    }
    List<String> keys =
        mapping.getValue().stream().map(tuple -> Reading.rawText(tuple.getKeyNode())).toList();
    if (keys.contains(SET)) {
      return nested(node, place);
    }
    ComponentKind kind = kind(keys, node, place);
    return kind == null ? List.of() : component(kind, node, place);
  }

  private static List<ComponentSettings> nested(Node node, Place place) {
    Values values = place.reading().within(node, place, NESTED);
    String name = values == null ? null : values.get(SET_NAME);
    List<ComponentSettings> components = values == null ? null : values.get(SET_STATE);
    if (name == null || components == null) {
      return List.of();
    }
    return components.stream().map(component -> component.in(name)).toList();
  }

  /** The kind that one of the keys names, or null if a problem was reported. */
  private static @Nullable ComponentKind kind(List<String> keys, Node node, Place place) {
    Kinds kinds = place.reading().kinds();
    List<ComponentKind> named = new ArrayList<>();
    for (String key : keys) {
      ComponentKind kind = kinds.get(key);
      if (kind != null) {
        named.add(kind);
      }
    }
    if (named.size() > 1) {
      // A kind may have a setting that is called like another kind.
      List<ComponentKind> fitting =
          named.stream()
              .filter(kind -> {
                Set<String> names =
                    kind.settings().stream().map(Setting::key).collect(Collectors.toSet());
                return named.stream()
                    .allMatch(other -> other.equals(kind) || names.contains(other.key()));
              })
              .toList();
      named.retainAll(fitting);
      if (named.size() != 1) {
        place.problem(
            node,
            "more than one kind of component in one item",
            "Begin each component with \"- \".");
        return null;
      }
    }
    if (named.isEmpty()) {
      List<String> known = new ArrayList<>(kinds.keys());
      known.add(SET);
      String message = "no kind of component among the keys";
      for (String key : keys) {
        String near = EditDistance.nearest(key, known);
        if (near != null) {
          message = "unknown kind of component " + key + "; did you mean " + near + "?";
          break;
        }
      }
      place.problem(node, message, "Known kinds are " + String.join(", ", known) + ".");
      return null;
    }
    return named.getFirst();
  }

  private static List<ComponentSettings> component(ComponentKind kind, Node node, Place place) {
    Section section = section(kind);
    Values values = place.reading().within(node, place, section);
    String named = values == null ? null : (String) values.get(section.keys().getFirst());
    if (values == null || named == null) {
      return List.of();
    }
    Map<String, Object> settings = new LinkedHashMap<>();
    for (Key<?> key : section.keys().subList(1, section.keys().size())) {
      Object value = values.get(key);
      if (value != null) {
        settings.put(key.name(), value instanceof Path path ? path.toString() : value);
      }
    }
    return List.of(
        new ComponentSettings(named, kind, List.of(), settings, place.reading().position(node)));
  }

  /** The keys of a component of a kind, its name first. */
  private static Section section(ComponentKind kind) {
    List<Key<?>> keys = new ArrayList<>();
    keys.add(Key.required(kind.key(), Shapes.ownName("component"), "The component's name."));
    kind.settings().forEach(setting -> keys.add(key(setting)));
    return new Section(List.copyOf(keys), Set.of());
  }

  private static Key<?> key(Setting setting) {
    return switch (setting.type()) {
      case WORD -> key(setting, Shapes.word(setting.words()));
      case TEXT -> key(setting, Shapes.TEXT);
      case SECRET -> key(setting, new SecretShape());
      case PATH -> key(setting, Shapes.OWN_PATH);
      case BOOLEAN -> key(setting, Shapes.BOOLEAN);
      case INTEGER -> key(setting, Shapes.INTEGER);
      case DURATION -> key(setting, Shapes.DURATION);
      case TEXTS -> key(setting, new Listing<>(Shapes.TEXT, false));
      case MAPPING -> key(setting, new Mapping<>(Shapes.TEXT));
    };
  }

  private static <T> Key<T> key(Setting setting, Shape<T> shape) {
    return new Key<>(setting.key(), shape, setting.required(), null, setting.documentation());
  }
}
