package stet.cli.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import stet.repository.json.JsonObject;

/**
 * A mapping with fixed keys.
 *
 * @param keys the keys
 * @param later keys of the format that this version does not support yet
 */
record Section(List<Key<?>> keys, Set<String> later) implements Shape<Values> {

  static Section of(Key<?>... keys) {
    return new Section(List.of(keys), Set.of());
  }

  /** The same section, which refuses these keys as not supported rather than unknown. */
  Section later(String... names) {
    return new Section(keys, Set.of(names));
  }

  @Override
  public String expected() {
    return "a mapping";
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    JsonObject properties = new JsonObject();
    List<String> required = new ArrayList<>();
    List<JsonObject> rules = new ArrayList<>();
    for (Key<?> key : keys) {
      if (key.shape() instanceof SecretShape) {
        List<String> names = names(key);
        names.forEach(name ->
            properties.put(name, SecretShape.schema(key.name(), name, key.documentation(), kinds)));
        rules.add(key.required() ? one(names) : atMostOne(names));
        continue;
      }
      properties.put(
          key.name(),
          key.shape()
              .schema(kinds)
              .put("description", key.documentation())
              .putIfPresent(
                  "default",
                  key.otherwise() instanceof Duration duration
                      ? Shapes.text(duration)
                      : key.otherwise()));
      if (key.required()) {
        required.add(key.name());
      }
    }
    return new JsonObject()
        .put("type", "object")
        .put("properties", properties)
        .putIfPresent("required", required.isEmpty() ? null : required)
        .putIfPresent("allOf", rules.isEmpty() ? null : rules)
        .put("additionalProperties", false);
  }

  private static JsonObject one(List<String> names) {
    return new JsonObject().put("oneOf", names.stream().map(Section::has).toList());
  }

  private static JsonObject atMostOne(List<String> names) {
    List<JsonObject> choices = new ArrayList<>(names.stream().map(Section::has).toList());
    choices.add(
        new JsonObject()
            .put("not", new JsonObject().put("anyOf", names.stream().map(Section::has).toList())));
    return new JsonObject().put("oneOf", choices);
  }

  private static JsonObject has(String name) {
    return new JsonObject().put("required", List.of(name));
  }

  @Override
  public @Nullable Values read(Node node, Place place) {
    if (!(node instanceof MappingNode mapping)) {
      place.wrongType(node, expected());
      return null;
    }
    Map<String, Entry> entries = Entry.of(mapping, place);
    Set<String> known = names();
    entries.forEach((name, entry) -> {
      if (!known.contains(name)) {
        unknown(name, entry, place.key(name), known);
      }
    });
    Map<Key<?>, Values.Given> values = new HashMap<>();
    for (Key<?> key : keys) {
      List<Entry> given = names(key).stream().map(entries::get).filter(Objects::nonNull).toList();
      if (given.isEmpty()) {
        if (key.required()) {
          place.key(key.name()).problem(node, "missing", key.documentation());
        }
        continue;
      }
      Object value = value(key, given, place);
      if (value != null) {
        Position position = place.reading().position(given.getFirst().value());
        values.put(key, new Values.Given(value, position));
      }
    }
    return new Values(values);
  }

  private static @Nullable Object value(Key<?> key, List<Entry> given, Place place) {
    Entry first = given.getFirst();
    if (given.size() > 1) {
      Entry second = given.get(1);
      place
          .key(second.key().getValue())
          .problem(
              second.key(),
              first.key().getValue() + " is given too",
              "Give only one of " + String.join(", ", names(key)) + ".");
      return null;
    }
    String name = first.key().getValue();
    return key.shape() instanceof SecretShape secret
        ? secret.read(key.name(), name, first.value(), place.key(name))
        : place.reading().within(first.value(), place.key(name), key.shape());
  }

  /** Every name that may stand in the section. */
  Set<String> names() {
    Set<String> names = new LinkedHashSet<>();
    keys.forEach(key -> names.addAll(names(key)));
    return names;
  }

  private static List<String> names(Key<?> key) {
    return key.shape() instanceof SecretShape ? SecretShape.names(key.name()) : List.of(key.name());
  }

  private void unknown(String name, Entry entry, Place place, Set<String> known) {
    if (later.contains(name)) {
      place.problem(
          entry.key(),
          "not supported by this version of stet",
          "Remove " + name + ", or use a version of stet that supports it.");
      return;
    }
    String before = name.indexOf(':') > 0 ? name.substring(0, name.indexOf(':')) : name;
    if (known.contains(before)) {
      place.problem(
          entry.key(), "unknown key", "Is a space missing after the colon of " + before + "?");
      return;
    }
    String near = EditDistance.nearest(name, known);
    place.problem(
        entry.key(),
        "unknown key" + (near == null ? "" : "; did you mean " + near + "?"),
        near != null ? null : "Known keys here are " + String.join(", ", known) + ".");
  }
}
