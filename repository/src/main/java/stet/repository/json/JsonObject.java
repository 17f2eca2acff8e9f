package stet.repository.json;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * A JSON object whose members keep their order, for small documents. Values are {@link String},
 * {@link Long}, {@link BigInteger} (beyond 64 bits signed), {@link Double}, {@link Boolean}, {@link
 * JsonObject}, {@link List} of these, or null.
 */
public final class JsonObject {
  private static final JsonFactory FACTORY = new JsonFactory();

  private final LinkedHashMap<String, @Nullable Object> members = new LinkedHashMap<>();

  /**
   * Parses UTF-8 text that holds exactly one object.
   *
   * @throws JsonException naming line and column
   */
  public static JsonObject parse(byte[] utf8) {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), utf8)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new JsonException("expected a JSON object", null);
      }
      JsonObject object = object(parser);
      if (parser.nextToken() != null) {
        throw new JsonException("unexpected text after the JSON object", null);
      }
      return object;
    } catch (JacksonException e) {
      var location = e.getLocation();
      String where =
          location == null
              ? ""
              : " at line " + location.getLineNr() + " column " + location.getColumnNr();
      throw new JsonException("not valid JSON" + where + ": " + e.getOriginalMessage(), e);
    }
  }

  /** Parses text that holds exactly one object. */
  public static JsonObject parse(String text) {
    return parse(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads the object that a parser has come to; afterwards the parser is at its end.
   *
   * @throws JsonException if the parser is not at the start of an object
   */
  public static JsonObject read(JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw new JsonException("expected a JSON object", null);
    }
    return object(parser);
  }

  private static JsonObject object(JsonParser parser) {
    JsonObject object = new JsonObject();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      object.members.put(key, value(parser));
    }
    return object;
  }

  private static @Nullable Object value(JsonParser parser) {
    return switch (parser.currentToken()) {
      case START_OBJECT -> object(parser);
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser));
        }
        yield list;
      }
      case VALUE_STRING -> parser.getString();
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? parser.getBigIntegerValue()
              : (Object) parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> {
        double number = parser.getDoubleValue();
        if (!Double.isFinite(number)) {
          throw new JsonException("number out of range: " + parser.getString(), null);
        }
        yield number;
      }
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      default -> null;
    };
  }

  /** Sets a member. Integers of any width are kept as {@link Long}. */
  public JsonObject put(String key, @Nullable Object value) {
    members.put(key, value instanceof Integer i ? Long.valueOf(i) : value);
    return this;
  }

  /** Sets a member unless {@code value} is null. */
  public JsonObject putIfPresent(String key, @Nullable Object value) {
    return value == null ? this : put(key, value);
  }

  /** Sets every member that {@code other} has. */
  public JsonObject putAll(JsonObject other) {
    members.putAll(other.copy().members);
    return this;
  }

  /** The same members, independent of later changes here. */
  public JsonObject copy() {
    return without(Set.of());
  }

  /** The members but for some, independent of later changes here. */
  public JsonObject without(Set<String> keys) {
    JsonObject rest = new JsonObject();
    members.forEach((key, value) -> {
      if (!keys.contains(key)) {
        rest.members.put(key, copyOf(value));
      }
    });
    return rest;
  }

  private static @Nullable Object copyOf(@Nullable Object value) {
    return switch (value) {
      case JsonObject object -> object.copy();
      case List<?> list -> {
        List<@Nullable Object> copy = new ArrayList<>(list.size());
        for (Object element : list) {
          copy.add(copyOf(element));
        }
        yield copy;
      }
      case null, default -> value;
    };
  }

  public boolean has(String key) {
    return members.containsKey(key);
  }

  public Set<String> keys() {
    return members.keySet();
  }

  /** A member as it is, or null. */
  public @Nullable Object get(String key) {
    return members.get(key);
  }

  /**
   * A text member.
   *
   * @throws JsonException if it is missing or not text
   */
  public String string(String key) {
    return require(key, String.class, "text");
  }

  /** A text member, or null if it is missing or null. */
  public @Nullable String optionalString(String key) {
    return members.get(key) == null ? null : string(key);
  }

  /**
   * An integer member.
   *
   * @throws JsonException if it is missing or not an integer of 64 bits
   */
  public long integer(String key) {
    return require(key, Long.class, "an integer");
  }

  /** An integer member, or {@code otherwise} if it is missing or null. */
  public long integer(String key, long otherwise) {
    return members.get(key) == null ? otherwise : integer(key);
  }

  /** A boolean member, or {@code otherwise} if it is missing or null. */
  public boolean flag(String key, boolean otherwise) {
    return members.get(key) == null ? otherwise : require(key, Boolean.class, "a boolean");
  }

  /**
   * An object member.
   *
   * @throws JsonException if it is missing or not an object
   */
  public JsonObject object(String key) {
    return require(key, JsonObject.class, "an object");
  }

  /** An object member, or null if it is missing or null. */
  public @Nullable JsonObject optionalObject(String key) {
    return members.get(key) == null ? null : object(key);
  }

  /** A list member of objects, empty if it is missing or null. */
  public List<JsonObject> objects(String key) {
    return list(key, JsonObject.class, "objects");
  }

  /** A list member of text, empty if it is missing or null. */
  public List<String> strings(String key) {
    return list(key, String.class, "text");
  }

  private <T> List<T> list(String key, Class<T> type, String expected) {
    if (members.get(key) == null) {
      return List.of();
    }
    List<T> result = new ArrayList<>();
    for (Object element : require(key, List.class, "a list")) {
      if (!type.isInstance(element)) {
        throw new JsonException("member \"" + key + "\" must be a list of " + expected, null);
      }
      result.add(type.cast(element));
    }
    return result;
  }

  private <T> T require(String key, Class<T> type, String expected) {
    Object value = members.get(key);
    if (!type.isInstance(value)) {
      throw new JsonException(
          "member \"" + key + "\" must be " + expected + (value == null ? ", but is missing" : ""),
          null);
    }
    return type.cast(value);
  }

  /** The object as compact UTF-8 text without a line end. */
  public byte[] toBytes() {
    return toString().getBytes(StandardCharsets.UTF_8);
  }

  /** The object as compact text. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    write(out, this, null);
    return out.toString();
  }

  /** The object as indented text. */
  public String toPrettyString() {
    StringBuilder out = new StringBuilder();
    write(out, this, "\n");
    return out.toString();
  }

  /** Appends any value this class can hold; {@code lineStart} is null for compact text. */
  private static void write(StringBuilder out, @Nullable Object value, @Nullable String lineStart) {
    switch (value) {
      case null -> out.append("null");
      case String text -> JsonText.string(out, text);
      case JsonObject object -> {
        String inner = lineStart == null ? null : lineStart + "  ";
        out.append('{');
        boolean first = true;
        for (Map.Entry<String, @Nullable Object> member : object.members.entrySet()) {
          separate(out, first, inner);
          first = false;
          JsonText.string(out, member.getKey());
          out.append(inner == null ? ":" : ": ");
          write(out, member.getValue(), inner);
        }
        close(out, first, lineStart, '}');
      }
      case List<?> list -> {
        String inner = lineStart == null ? null : lineStart + "  ";
        out.append('[');
        boolean first = true;
        for (Object element : list) {
          separate(out, first, inner);
          first = false;
          write(out, element, inner);
        }
        close(out, first, lineStart, ']');
      }
      case Long number -> out.append(number.longValue());
      case Integer number -> out.append(number.intValue());
      case BigInteger number -> out.append(number);
      case Double number -> out.append(number.doubleValue());
      case Boolean flag -> out.append(flag.booleanValue());
      default ->
          throw new IllegalArgumentException("JSON cannot hold a " + value.getClass().getName());
    }
  }

  private static void separate(StringBuilder out, boolean first, @Nullable String lineStart) {
    if (!first) {
      out.append(',');
    }
    if (lineStart != null) {
      out.append(lineStart);
    }
  }

  private static void close(
      StringBuilder out, boolean empty, @Nullable String lineStart, char bracket) {
    if (!empty && lineStart != null) {
      out.append(lineStart);
    }
    out.append(bracket);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof JsonObject object && members.equals(object.members);
  }

  @Override
  public int hashCode() {
    return members.hashCode();
  }
}
