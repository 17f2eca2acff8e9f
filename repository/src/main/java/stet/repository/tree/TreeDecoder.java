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

  /** Go's zero time, which a member that is missing stands for. */
  private static final Instant ZERO_TIME = Instant.parse("0001-01-01T00:00:00Z");

  private final byte[] blob;

  /** The time read last, for most nodes have one time several times. */
  private char @Nullable [] timeText;

  private Instant time = ZERO_TIME;
  private int timeOffset;

  /** Names of owners read last, to share them between nodes. */
  private String lastUser = "";

  private String lastGroup = "";
  private @Nullable NodeExtras lastExtras;

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
    byte[] name = new byte[0];
    String type = "";
    long mode = 0;
    Instant modified = ZERO_TIME;
    Instant accessed = ZERO_TIME;
    Instant changed = ZERO_TIME;
    int modifiedOffset = 0;
    int accessedOffset = 0;
    int changedOffset = 0;
    long uid = 0;
    long gid = 0;
    String user = "";
    String group = "";
    long inode = 0;
    long device = 0;
    long size = 0;
    long links = 0;
    byte @Nullable [] target = null;
    byte @Nullable [] rawTarget = null;
    List<Xattr> xattrs = List.of();
    String generic = null;
    long rawDevice = 0;
    List<Id> content = null;
    Id subtree = null;
    String error = "";

    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (parser.nextToken() == JsonToken.VALUE_NULL) {
        continue;
      }
      switch (key) {
        case "name" -> name = name(parser);
        case "type" -> type = text(parser, key);
        case "mode" -> mode = unsigned(parser, key, MAX_U32);
        case "mtime" -> {
          time(parser, key);
          modified = time;
          modifiedOffset = timeOffset;
        }
        case "atime" -> {
          time(parser, key);
          accessed = time;
          accessedOffset = timeOffset;
        }
        case "ctime" -> {
          time(parser, key);
          changed = time;
          changedOffset = timeOffset;
        }
        case "uid" -> uid = unsigned(parser, key, MAX_U32);
        case "gid" -> gid = unsigned(parser, key, MAX_U32);
        case "user" -> {
          user = text(parser, key);
          user = user.equals(lastUser) ? lastUser : user;
          lastUser = user;
        }
        case "group" -> {
          group = text(parser, key);
          group = group.equals(lastGroup) ? lastGroup : group;
          lastGroup = group;
        }
        case "inode" -> inode = unsigned(parser, key, -1);
        case "device_id" -> device = unsigned(parser, key, -1);
        case "size" -> size = unsigned(parser, key, -1);
        case "links" -> links = unsigned(parser, key, -1);
        case "linktarget" -> target = text(parser, key).getBytes(StandardCharsets.UTF_8);
        case "linktarget_raw" -> rawTarget = base64(parser, key);
        case "extended_attributes" -> xattrs = xattrs(parser);
        case "generic_attributes" -> generic = JsonObject.read(parser).toString();
        case "device" -> rawDevice = unsigned(parser, key, -1);
        case "content" -> content = ids(parser);
        case "subtree" -> subtree = id(parser, key);
        case "error" -> error = text(parser, key);
        default -> parser.skipChildren();
      }
    }

    NodeType nodeType = NodeType.of(type);
    if (nodeType == null) {
      throw new JsonException(
          "node \"" + GoQuote.quote(name) + "\" has the unknown type \"" + type + "\"", null);
    }
    int posix = GoFileMode.toPosix(mode);
    byte[] link = rawTarget != null ? rawTarget : target;
    NodeExtras extras =
        extras(
            new NodeExtras(
                modifiedOffset,
                accessedOffset,
                changedOffset,
                mode ^ GoFileMode.of(nodeType, posix),
                nodeType == NodeType.FILE && content == null,
                generic,
                error));
    return new Node(
        name,
        nodeType,
        posix,
        modified,
        accessed,
        changed,
        uid,
        gid,
        user,
        group,
        inode,
        device,
        size,
        links,
        link,
        xattrs,
        rawDevice,
        content == null ? List.of() : content,
        subtree,
        extras);
  }

  private @Nullable NodeExtras extras(NodeExtras extras) {
    if (extras.equals(NodeExtras.NONE)) {
      return null;
    }
    NodeExtras shared = extras.equals(lastExtras) ? lastExtras : extras;
    lastExtras = shared;
    return shared;
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
    char[] text = parser.getStringCharacters();
    int offset = parser.getStringOffset();
    return new Id(
        hex(parser, key, text, offset),
        hex(parser, key, text, offset + 16),
        hex(parser, key, text, offset + 32),
        hex(parser, key, text, offset + 48));
  }

  private static long hex(JsonParser parser, String key, char[] text, int offset) {
    long value = 0;
    for (int i = offset; i < offset + 16; i++) {
      char c = text[i];
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) {
        throw unexpected(parser, key, "an id");
      }
      value = value << 4 | digit;
    }
    return value;
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
