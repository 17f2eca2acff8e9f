package stet.repository.tree;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.json.GoTime;
import stet.repository.json.JsonException;

/**
 * Decodes a directory that is written as restic and {@link TreeEncoder} write most of them: members
 * in their order, no spaces, texts of ASCII without escapes, no attributes. What is written in any
 * other way is left to {@link TreeDecoder}.
 *
 * <p>A backup reads the whole tree of the one before, and through a parser of all JSON that took a
 * quarter of its time, most of it to compile the parser.
 */
final class PlainTree {
  private static final byte[] START = ascii("{\"nodes\":[");
  private static final byte[] END = ascii("]}\n");
  private static final byte[] NULL = ascii("null");

  private static final int NAME = 0;
  private static final int TYPE = 1;
  private static final int MODE = 2;
  private static final int MTIME = 3;
  private static final int ATIME = 4;
  private static final int CTIME = 5;
  private static final int UID = 6;
  private static final int GID = 7;
  private static final int USER = 8;
  private static final int GROUP = 9;
  private static final int INODE = 10;
  private static final int DEVICE_ID = 11;
  private static final int SIZE = 12;
  private static final int LINKS = 13;
  private static final int LINK_TARGET = 14;
  private static final int DEVICE = 15;
  private static final int CONTENT = 16;
  private static final int SUBTREE = 17;

  /** The members in their order; their places are the numbers above. */
  private static final byte[][] KEYS = {
    ascii("\"name\":"),
    ascii("\"type\":"),
    ascii("\"mode\":"),
    ascii("\"mtime\":"),
    ascii("\"atime\":"),
    ascii("\"ctime\":"),
    ascii("\"uid\":"),
    ascii("\"gid\":"),
    ascii("\"user\":"),
    ascii("\"group\":"),
    ascii("\"inode\":"),
    ascii("\"device_id\":"),
    ascii("\"size\":"),
    ascii("\"links\":"),
    ascii("\"linktarget\":"),
    ascii("\"device\":"),
    ascii("\"content\":"),
    ascii("\"subtree\":"),
  };

  private static final long MAX_U32 = 0xffff_ffffL;

  /** Digits that cannot be too many for a signed number of 64 bits. */
  private static final int MAX_DIGITS = 18;

  private final byte[] text;
  private int at;
  private final NodeFields fields = new NodeFields();
  private final Repeated type = new Repeated();
  private final Repeated user = new Repeated();
  private final Repeated group = new Repeated();

  private final char[] timeText = new char[GoTime.MAX_LENGTH];
  private int timeStart;
  private int timeEnd;
  private Instant time = NodeFields.ZERO_TIME;
  private int timeOffset;

  /** A text that most nodes have in common. */
  private final class Repeated {
    private int start;
    private int end;
    private String last = "";

    String read() {
      int from = quoted();
      int to = at - 1;
      if (!Arrays.equals(text, from, to, text, start, end)) {
        last = new String(text, from, to - from, StandardCharsets.ISO_8859_1);
        start = from;
        end = to;
      }
      return last;
    }
  }

  /** The text is written in another way. */
  private static final class OtherwiseException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    OtherwiseException() {
      super(null, null, false, false);
    }
  }

  private PlainTree(byte[] text) {
    this.text = text;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** The nodes, or null if the tree is written otherwise, or is none. */
  static @Nullable List<Node> decode(byte[] blob) {
    try {
      return new PlainTree(blob).nodes();
    } catch (OtherwiseException | JsonException e) {
      return null;
    }
  }

  private List<Node> nodes() {
    require(START);
    List<Node> nodes = new ArrayList<>();
    if (peek() != ']') {
      do {
        nodes.add(node());
      } while (take(','));
    }
    require(END);
    if (at != text.length) {
      throw new OtherwiseException();
    }
    return nodes;
  }

  private Node node() {
    require('{');
    fields.clear();
    int key = -1;
    do {
      key = key(key + 1);
      member(key);
    } while (take(','));
    require('}');
    return fields.node();
  }

  /** Reads a key; it must be one of those from {@code first} on. */
  private int key(int first) {
    for (int key = first; key < KEYS.length; key++) {
      if (take(KEYS[key])) {
        return key;
      }
    }
    throw new OtherwiseException();
  }

  private void member(int key) {
    switch (key) {
      case NAME -> fields.name = bytes();
      case TYPE -> fields.type = type.read();
      case MODE -> fields.mode = number(MAX_U32);
      case MTIME -> {
        time();
        fields.modified = time;
        fields.modifiedOffset = timeOffset;
      }
      case ATIME -> {
        time();
        fields.accessed = time;
        fields.accessedOffset = timeOffset;
      }
      case CTIME -> {
        time();
        fields.changed = time;
        fields.changedOffset = timeOffset;
      }
      case UID -> fields.uid = number(MAX_U32);
      case GID -> fields.gid = number(MAX_U32);
      case USER -> fields.user = user.read();
      case GROUP -> fields.group = group.read();
      case INODE -> fields.inode = number(Long.MAX_VALUE);
      case DEVICE_ID -> fields.device = number(Long.MAX_VALUE);
      case SIZE -> fields.size = number(Long.MAX_VALUE);
      case LINKS -> fields.links = number(Long.MAX_VALUE);
      case LINK_TARGET -> fields.target = bytes();
      case DEVICE -> fields.rawDevice = number(Long.MAX_VALUE);
      case CONTENT -> fields.content = take(NULL) ? null : ids();
      case SUBTREE -> fields.subtree = id();
      default -> throw new AssertionError(key);
    }
  }

  private byte peek() {
    return at < text.length ? text[at] : 0;
  }

  private boolean take(char wanted) {
    if (peek() != wanted) {
      return false;
    }
    at++;
    return true;
  }

  private boolean take(byte[] wanted) {
    int end = at + wanted.length;
    if (end > text.length || !Arrays.equals(text, at, end, wanted, 0, wanted.length)) {
      return false;
    }
    at = end;
    return true;
  }

  private void require(char wanted) {
    if (!take(wanted)) {
      throw new OtherwiseException();
    }
  }

  private void require(byte[] wanted) {
    if (!take(wanted)) {
      throw new OtherwiseException();
    }
  }

  /** Reads a text with its quotes, and gives the place of its first character. */
  private int quoted() {
    require('"');
    int start = at;
    while (true) {
      byte b = peek();
      if (b == '"') {
        at++;
        return start;
      }
      if (b < ' ' || b == 0x7f || b == '\\') {
        throw new OtherwiseException();
      }
      at++;
    }
  }

  private byte[] bytes() {
    int start = quoted();
    return Arrays.copyOfRange(text, start, at - 1);
  }

  private long number(long max) {
    int start = at;
    long value = 0;
    byte b = peek();
    while (b >= '0' && b <= '9') {
      value = 10 * value + (b - '0');
      at++;
      b = peek();
    }
    int digits = at - start;
    if (digits == 0 || digits > MAX_DIGITS || (digits > 1 && text[start] == '0') || value > max) {
      throw new OtherwiseException();
    }
    return value;
  }

  private void time() {
    int start = quoted();
    int end = at - 1;
    if (timeEnd != 0 && Arrays.equals(text, start, end, text, timeStart, timeEnd)) {
      return;
    }
    int length = end - start;
    if (length > timeText.length) {
      throw new OtherwiseException();
    }
    for (int i = 0; i < length; i++) {
      timeText[i] = (char) text[start + i];
    }
    time = GoTime.instant(timeText, 0, length);
    timeOffset = GoTime.offsetSeconds(timeText, 0, length);
    timeStart = start;
    timeEnd = end;
  }

  private List<Id> ids() {
    require('[');
    if (take(']')) {
      return List.of();
    }
    Id first = id();
    if (take(']')) {
      return List.of(first);
    }
    List<Id> ids = new ArrayList<>();
    ids.add(first);
    while (take(',')) {
      ids.add(id());
    }
    require(']');
    return List.copyOf(ids);
  }

  private Id id() {
    int start = quoted();
    if (at - 1 - start != 2 * Id.LENGTH) {
      throw new OtherwiseException();
    }
    return new Id(hex(start), hex(start + 16), hex(start + 32), hex(start + 48));
  }

  private long hex(int start) {
    long value = 0;
    for (int i = start; i < start + 16; i++) {
      byte b = text[i];
      int digit = b >= '0' && b <= '9' ? b - '0' : b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
      if (digit < 0) {
        throw new OtherwiseException();
      }
      value = value << 4 | digit;
    }
    return value;
  }
}
