package stet.repository.index;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Index files as JSON. Read as a stream: an index file of 50,000 blobs is some 8 MB of text, and a
 * repository has many.
 *
 * <p>Beside restic's fields, rustic's {@code packs_to_delete} is understood: packs that may be read
 * but not relied on. Stet's own field {@value #DAMAGED} lists the ids of packs that somebody could
 * not read whole. Others pass over it, and drop it when they rewrite the file.
 */
public final class IndexFile {
  private static final String PACKS = "packs";
  private static final String TO_DELETE = "packs_to_delete";
  private static final String DAMAGED = "damaged_packs";
  private static final JsonFactory FACTORY = new JsonFactory();

  private IndexFile() {}

  /** Receives the packs of an index file. */
  @FunctionalInterface
  public interface PackConsumer {
    /**
     * Takes one pack.
     *
     * @param toDelete whether the pack is marked for deletion
     */
    void accept(Id pack, List<PackEntry> entries, boolean toDelete);

    /** Takes the id of a pack that was found damaged; it may be in any index file or in none. */
    default void markDamaged(Id pack) {}
  }

  /** The JSON text of an index file with {@code packs}. */
  public static byte[] encode(List<BlobIndex.Pack> packs) {
    StringBuilder out = new StringBuilder(packs.size() * 1024);
    out.append("{\"packs\":[");
    String packSeparator = "";
    for (BlobIndex.Pack pack : packs) {
      out.append(packSeparator).append("{\"id\":\"").append(pack.id()).append("\",\"blobs\":[");
      packSeparator = ",";
      String separator = "";
      for (PackEntry entry : pack.entries()) {
        out.append(separator).append("{\"id\":\"").append(entry.id());
        separator = ",";
        out.append("\",\"type\":\"").append(entry.type().name().toLowerCase(Locale.ROOT));
        out.append("\",\"offset\":").append(Integer.toUnsignedLong(entry.offset()));
        out.append(",\"length\":").append(Integer.toUnsignedLong(entry.length()));
        if (entry.uncompressedLength() != 0) {
          out.append(",\"uncompressed_length\":")
              .append(Integer.toUnsignedLong(entry.uncompressedLength()));
        }
        out.append('}');
      }
      out.append("]}");
    }
    return out.append("]}\n").toString().getBytes(StandardCharsets.UTF_8);
  }

  /** The JSON text of an index file that lists no packs and says that these are damaged. */
  public static byte[] encodeDamaged(Collection<Id> packs) {
    return new JsonObject()
        .put(PACKS, List.of())
        .put(DAMAGED, packs.stream().sorted().map(Id::toString).toList())
        .toBytes();
  }

  /**
   * The JSON text of an index file without some packs, whether it lists them or says that they are
   * damaged. All else in it is kept, also what only others understand.
   *
   * @return null if no pack is left
   * @throws JsonException if {@code json} is no index file
   */
  public static byte @Nullable [] without(byte[] json, Set<Id> packs) {
    JsonObject file = JsonObject.parse(json);
    int left = 0;
    for (String list : List.of(PACKS, TO_DELETE)) {
      if (file.has(list)) {
        List<JsonObject> kept =
            file.objects(list).stream()
                .filter(pack -> !packs.contains(Id.parse(pack.string("id"))))
                .toList();
        file.put(list, kept);
        left += kept.size();
      }
    }
    if (file.has(DAMAGED)) {
      List<String> kept =
          file.strings(DAMAGED).stream().filter(id -> !packs.contains(Id.parse(id))).toList();
      file.put(DAMAGED, kept);
      left += kept.size();
    }
    return left == 0 ? null : file.toBytes();
  }

  /**
   * Reads an index file.
   *
   * @throws JsonException if it is not one; packs seen before the fault have been given to {@code
   *     consumer}
   */
  public static void decode(byte[] json, PackConsumer consumer) {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json)) {
      expect(parser.nextToken(), JsonToken.START_OBJECT, "an index object");
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        JsonToken value = parser.nextToken();
        switch (key) {
          case PACKS -> packs(parser, value, consumer, false);
          case TO_DELETE -> packs(parser, value, consumer, true);
          case DAMAGED -> damaged(parser, value, consumer);
          default -> parser.skipChildren();
        }
      }
      if (parser.nextToken() != null) {
        throw new JsonException("unexpected text after the index object", null);
      }
    } catch (JacksonException e) {
      throw new JsonException("not valid JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static void packs(
      JsonParser parser, JsonToken value, PackConsumer consumer, boolean toDelete) {
    if (value == JsonToken.VALUE_NULL) {
      return;
    }
    expect(value, JsonToken.START_ARRAY, "a list of packs");
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      expect(parser.currentToken(), JsonToken.START_OBJECT, "a pack");
      Id pack = null;
      List<PackEntry> entries = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        JsonToken token = parser.nextToken();
        switch (key) {
          case "id" -> pack = id(parser, token);
          case "blobs" -> {
            if (token == JsonToken.VALUE_NULL) {
              break;
            }
            expect(token, JsonToken.START_ARRAY, "a list of blobs");
            while (parser.nextToken() != JsonToken.END_ARRAY) {
              entries.add(blob(parser));
            }
          }
          default -> parser.skipChildren();
        }
      }
      consumer.accept(present(pack, "a pack has no id"), entries, toDelete);
    }
  }

  private static void damaged(JsonParser parser, JsonToken value, PackConsumer consumer) {
    expect(value, JsonToken.START_ARRAY, "a list of damaged packs");
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      consumer.markDamaged(id(parser, parser.currentToken()));
    }
  }

  private static PackEntry blob(JsonParser parser) {
    expect(parser.currentToken(), JsonToken.START_OBJECT, "a blob");
    Id id = null;
    BlobType type = null;
    int offset = 0;
    int length = 0;
    int uncompressed = 0;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      JsonToken token = parser.nextToken();
      switch (key) {
        case "id" -> id = id(parser, token);
        case "type" ->
            type =
                switch (parser.getString()) {
                  case "data" -> BlobType.DATA;
                  case "tree" -> BlobType.TREE;
                  case String other ->
                      throw new JsonException("a blob has the unknown type " + other, null);
                };
        case "offset" -> offset = unsigned(parser, token, key);
        case "length" -> length = unsigned(parser, token, key);
        case "uncompressed_length" -> uncompressed = unsigned(parser, token, key);
        default -> parser.skipChildren();
      }
    }
    return new PackEntry(
        present(type, "a blob has no type"),
        present(id, "a blob has no id"),
        offset,
        length,
        uncompressed);
  }

  private static int unsigned(JsonParser parser, JsonToken token, String key) {
    expect(token, JsonToken.VALUE_NUMBER_INT, "an integer " + key);
    long value = parser.getLongValue();
    if (value < 0 || value > 0xffffffffL) {
      throw new JsonException("a blob has the impossible " + key + " " + value, null);
    }
    return (int) value;
  }

  private static Id id(JsonParser parser, JsonToken token) {
    expect(token, JsonToken.VALUE_STRING, "an id");
    Id id =
        parser.getStringLength() == 2 * Id.LENGTH
            ? Id.parse(parser.getStringCharacters(), parser.getStringOffset())
            : null;
    if (id == null) {
      throw new JsonException("expected an id, found \"" + parser.getString() + "\"", null);
    }
    return id;
  }

  private static <T> T present(@Nullable T value, String otherwise) {
    if (value == null) {
      throw new JsonException(otherwise, null);
    }
    return value;
  }

  private static void expect(@Nullable JsonToken found, JsonToken expected, String what) {
    if (found != expected) {
      throw new JsonException("expected " + what + ", found " + found, null);
    }
  }
}
