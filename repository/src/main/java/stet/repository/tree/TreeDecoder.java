package stet.repository.tree;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.json.GoTime;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** Decodes one directory, reading the text once from start to end. */
final class TreeDecoder {
  private static final JsonFactory FACTORY = new JsonFactory();
  private static final long MAX_U32 = 0xffff_ffffL;

  private final byte[] blob;
  private final NodeFields fields = new NodeFields();

  /** The time read last, for most nodes have one time several times. */
  private char @Nullable [] timeText;

  private Instant time = NodeFields.ZERO_TIME;
  private int timeOffset;

  /** Names of owners read last, to share them between nodes. */
  private String lastUser = "";

  private String lastGroup = "";

  TreeDecoder(byte[] blob) {
    this.blob = blob;
  }

  List<Node> decode() {
    List<Node> nodes = new ArrayList<>();
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), blob)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new JsonException("it is not an object", null);
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        boolean isNodes = parser.currentName().equals("nodes");
        JsonToken token = parser.nextToken();
        if (!isNodes) {
          parser.skipChildren();
        } else if (token == JsonToken.START_ARRAY) {
          nodes.clear();
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            nodes.add(node(parser));
          }
        } else if (token != JsonToken.VALUE_NULL) {
          throw unexpected(parser, "nodes", "a list");
        }
      }
      if (parser.nextToken() != null) {
        throw new JsonException("there is more text after the object", null);
      }
    } catch (JsonException e) {
      throw damaged(nodes, e.getMessage(), e);
    } catch (JacksonException e) {
      throw damaged(nodes, e.getOriginalMessage(), e);
    }
    return nodes;
  }

  private static RepositoryException damaged(
      List<Node> nodes, @Nullable String fact, Throwable cause) {
    String where =
        nodes.isEmpty() ? "" : " after \"" + GoQuote.quote(nodes.getLast().nameBytes()) + "\"";
    return RepositoryException.damaged("not a tree" + where + ": " + fact, cause);
  }

  private Node node(JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw unexpected(parser, "nodes", "a list of objects");
    }
    fields.clear();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (parser.nextToken() == JsonToken.VALUE_NULL) {
        continue;
      }
      switch (key) {
        case "name" -> fields.name = name(parser);
        case "type" -> fields.type = text(parser, key);
        case "mode" -> fields.mode = unsigned(parser, key, MAX_U32);
        case "mtime" -> {
          time(parser, key);
          fields.modified = time;
          fields.modifiedOffset = timeOffset;
        }
        case "atime" -> {
          time(parser, key);
          fields.accessed = time;
          fields.accessedOffset = timeOffset;
        }
        case "ctime" -> {
          time(parser, key);
          fields.changed = time;
          fields.changedOffset = timeOffset;
        }
        case "uid" -> fields.uid = unsigned(parser, key, MAX_U32);
        case "gid" -> fields.gid = unsigned(parser, key, MAX_U32);
        case "user" -> {
          String user = text(parser, key);
          lastUser = user.equals(lastUser) ? lastUser : user;
          fields.user = lastUser;
        }
        case "group" -> {
          String group = text(parser, key);
          lastGroup = group.equals(lastGroup) ? lastGroup : group;
          fields.group = lastGroup;
        }
        case "inode" -> fields.inode = unsigned(parser, key, -1);
        case "device_id" -> fields.device = unsigned(parser, key, -1);
        case "size" -> fields.size = unsigned(parser, key, -1);
        case "links" -> fields.links = unsigned(parser, key, -1);
        case "linktarget" -> fields.target = text(parser, key).getBytes(StandardCharsets.UTF_8);
        case "linktarget_raw" -> fields.rawTarget = base64(parser, key);
        case "extended_attributes" -> fields.xattrs = xattrs(parser);
        case "generic_attributes" -> fields.generic = JsonObject.read(parser).toString();
        case "device" -> fields.rawDevice = unsigned(parser, key, -1);
        case "content" -> fields.content = ids(parser);
        case "subtree" -> fields.subtree = id(parser, key);
        case "error" -> fields.error = text(parser, key);
        default -> parser.skipChildren();
      }
    }
    return fields.node();
  }

  private static byte[] name(JsonParser parser) {
    String quoted = text(parser, "name");
    for (int i = 0; i < quoted.length(); i++) {
      char c = quoted.charAt(i);
      if (c < ' ' || c >= 0x7f || c == '"' || c == '\\') {
        try {
          return GoQuote.unquote(quoted);
        } catch (IllegalArgumentException e) {
          throw new JsonException(String.valueOf(e.getMessage()), e);
        }
      }
    }
    return quoted.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String text(JsonParser parser, String key) {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw unexpected(parser, key, "text");
    }
    return parser.getString();
  }

  /** Reads an unsigned integer of 64 bits that is at most {@code max}, unsigned. */
  private static long unsigned(JsonParser parser, String key, long max) {
    if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
      throw unexpected(parser, key, "an integer");
    }
    long value;
    boolean fits;
    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
      var big = parser.getBigIntegerValue();
      value = big.longValue();
      fits = big.signum() >= 0 && big.bitLength() <= Long.SIZE;
    } else {
      value = parser.getLongValue();
      fits = value >= 0;
    }
    if (!fits || Long.compareUnsigned(value, max) > 0) {
      throw new JsonException(
          "member \"%s\" is out of range: %s".formatted(key, parser.getString()), null);
    }
    return value;
  }

  private void time(JsonParser parser, String key) {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw unexpected(parser, key, "a time");
    }
    char[] text = parser.getStringCharacters();
    int offset = parser.getStringOffset();
    int length = parser.getStringLength();
    char[] last = timeText;
    if (last != null && Arrays.equals(text, offset, offset + length, last, 0, last.length)) {
      return;
    }
    Instant moment = GoTime.instant(text, offset, length);
    timeOffset = GoTime.offsetSeconds(text, offset, length);
    time = moment;
    timeText = Arrays.copyOfRange(text, offset, offset + length);
  }

  private static byte[] base64(JsonParser parser, String key) {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw unexpected(parser, key, "base64");
    }
    return parser.getBinaryValue();
  }

  private static List<Xattr> xattrs(JsonParser parser) {
    startOfList(parser, "extended_attributes");
    List<Xattr> xattrs = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw unexpected(parser, "extended_attributes", "a list of objects");
      }
      String name = "";
      byte[] value = new byte[0];
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        if (parser.nextToken() == JsonToken.VALUE_NULL) {
          continue;
        }
        switch (key) {
          case "name" -> name = text(parser, key);
          case "value" -> value = base64(parser, key);
          default -> parser.skipChildren();
        }
      }
      xattrs.add(new Xattr(name, value));
    }
    return xattrs;
  }

  private static List<Id> ids(JsonParser parser) {
    startOfList(parser, "content");
    Id[] ids = new Id[1];
    int count = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (count == ids.length) {
        ids = Arrays.copyOf(ids, 2 * count);
      }
      ids[count++] = id(parser, "content");
    }
    return List.of(count == ids.length ? ids : Arrays.copyOf(ids, count));
  }

  private static Id id(JsonParser parser, String key) {
    if (parser.currentToken() != JsonToken.VALUE_STRING
        || parser.getStringLength() != 2 * Id.LENGTH) {
      throw unexpected(parser, key, "an id");
    }
    Id id = Id.parse(parser.getStringCharacters(), parser.getStringOffset());
    if (id == null) {
      throw unexpected(parser, key, "an id");
    }
    return id;
  }

  private static void startOfList(JsonParser parser, String key) {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw unexpected(parser, key, "a list");
    }
  }

  private static JsonException unexpected(JsonParser parser, String key, String expected) {
    var location = parser.currentTokenLocation();
    return new JsonException(
        "member \"%s\" must be %s at byte %d".formatted(key, expected, location.getByteOffset()),
        null);
  }
}
