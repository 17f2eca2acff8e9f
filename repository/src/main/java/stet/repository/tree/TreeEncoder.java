package stet.repository.tree;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.json.GoTime;
import stet.repository.json.JsonText;

/**
 * Encodes one directory, node by node, so that a large one need not be held as objects. Not safe
 * for use by several threads.
 */
public final class TreeEncoder {
  private static final byte[] HEX = ascii("0123456789abcdef");
  private static final byte[] START = ascii("{\"nodes\":[");
  private static final byte[] END = ascii("]}\n");
  private static final byte[] NAME = ascii("{\"name\":\"");
  private static final byte[] TYPE = ascii("\",\"type\":\"");
  private static final byte[] MODE = ascii(",\"mode\":");
  private static final byte[] MTIME = ascii(",\"mtime\":\"");
  private static final byte[] ATIME = ascii("\",\"atime\":\"");
  private static final byte[] CTIME = ascii("\",\"ctime\":\"");
  private static final byte[] UID = ascii("\",\"uid\":");
  private static final byte[] GID = ascii(",\"gid\":");
  private static final byte[] USER = ascii(",\"user\":");
  private static final byte[] GROUP = ascii(",\"group\":");
  private static final byte[] INODE = ascii(",\"inode\":");
  private static final byte[] DEVICE_ID = ascii(",\"device_id\":");
  private static final byte[] SIZE = ascii(",\"size\":");
  private static final byte[] LINKS = ascii(",\"links\":");
  private static final byte[] LINK_TARGET = ascii(",\"linktarget\":");
  private static final byte[] LINK_TARGET_RAW = ascii(",\"linktarget_raw\":\"");
  private static final byte[] XATTRS = ascii(",\"extended_attributes\":[");
  private static final byte[] XATTR_NAME = ascii("{\"name\":");
  private static final byte[] XATTR_VALUE = ascii(",\"value\":\"");
  private static final byte[] GENERIC_ATTRIBUTES = ascii(",\"generic_attributes\":");
  private static final byte[] DEVICE = ascii(",\"device\":");
  private static final byte[] CONTENT = ascii(",\"content\":");
  private static final byte[] SUBTREE = ascii(",\"subtree\":");
  private static final byte[] ERROR = ascii(",\"error\":");
  private static final byte[] NULL = ascii("null");
  private static final byte[] INVALID = ascii("\\ufffd");

  /** Which ASCII characters stand for themselves, in a JSON string as in a name as Go quotes it. */
  private static final boolean[] PLAIN = plain();

  /** The bytes that the numbers, keys and times of a node take at most. */
  private static final int FIXED_LENGTH = 1024;

  private byte[] out;
  private int at;
  private byte @Nullable [] lastName;

  private final byte[] time = new byte[GoTime.MAX_LENGTH];
  private int timeLength;
  private @Nullable Instant timeOf;
  private int timeOffset;

  public TreeEncoder() {
    this(4096);
  }

  /**
   * Makes an encoder with room for a blob of an expected size, so that a large one is not copied
   * again and again.
   */
  public TreeEncoder(int expectedBytes) {
    out = new byte[Math.max(64, expectedBytes)];
    write(START);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static boolean[] plain() {
    boolean[] plain = new boolean[0x80];
    Arrays.fill(plain, ' ', 0x7f, true);
    for (char special : new char[] {'"', '\\', '<', '>', '&'}) {
      plain[special] = false;
    }
    return plain;
  }

  /**
   * Adds a node, whose name must come after the one before as unsigned bytes.
   *
   * @throws IllegalArgumentException if the order is not so, or the name cannot be that of a file
   */
  public void add(Node node) {
    byte[] name = node.nameBytes();
    String fault = Tree.nameFault(name);
    if (fault != null) {
      throw new IllegalArgumentException("the node \"" + GoQuote.quote(name) + "\" " + fault);
    }
    byte[] last = lastName;
    if (last != null) {
      if (Arrays.compareUnsigned(last, name) >= 0) {
        throw new IllegalArgumentException(
            "the node \"%s\" must not come after \"%s\""
                .formatted(GoQuote.quote(name), GoQuote.quote(last)));
      }
      write((byte) ',');
    }
    lastName = name;
    NodeExtras extras = node.extras() == null ? NodeExtras.NONE : node.extras();

    ensure(FIXED_LENGTH);
    write(NAME);
    name(name);
    ensure(FIXED_LENGTH);
    write(TYPE);
    ascii(node.type());
    write((byte) '"');
    number(MODE, GoFileMode.of(node.type(), node.mode()) ^ extras.modeDifference());
    write(MTIME);
    time(node.modified(), extras.modifiedOffset());
    write(ATIME);
    time(node.accessed(), extras.accessedOffset());
    write(CTIME);
    time(node.changed(), extras.changedOffset());
    write(UID);
    number(node.uid());
    write(GID);
    number(node.gid());
    text(USER, node.user());
    text(GROUP, node.group());
    ensure(FIXED_LENGTH);
    number(INODE, node.inode());
    number(DEVICE_ID, node.device());
    number(SIZE, node.size());
    number(LINKS, node.links());
    byte[] target = node.linkTarget();
    if (target != null && target.length > 0) {
      linkTarget(target);
    }
    if (!node.xattrs().isEmpty()) {
      xattrs(node.xattrs());
    }
    String generic = extras.genericAttributes();
    if (generic != null) {
      write(GENERIC_ATTRIBUTES);
      write(generic.getBytes(StandardCharsets.UTF_8));
    }
    ensure(FIXED_LENGTH);
    number(DEVICE, node.rawDevice());
    write(CONTENT);
    content(node, extras);
    Id subtree = node.subtree();
    if (subtree != null) {
      ensure(FIXED_LENGTH);
      write(SUBTREE);
      id(subtree);
    }
    text(ERROR, extras.error());
    write((byte) '}');
  }

  /** The whole blob. The encoder must not be used afterwards. */
  public byte[] finish() {
    write(END);
    return Arrays.copyOf(out, at);
  }

  /**
   * Saves the whole blob without copying it first. The encoder must not be used afterwards.
   *
   * @return the blob's id
   */
  public Id save(BlobSink sink) {
    write(END);
    return sink.save(BlobType.TREE, out, 0, at);
  }

  private void ascii(NodeType type) {
    String text = type.text();
    for (int i = 0; i < text.length(); i++) {
      out[at++] = (byte) text.charAt(i);
    }
  }

  private void name(byte[] name) {
    ensure(name.length);
    for (byte b : name) {
      if (b < 0 || !PLAIN[b]) {
        String json = json(GoQuote.quote(name));
        write(json.substring(1, json.length() - 1).getBytes(StandardCharsets.UTF_8));
        return;
      }
    }
    System.arraycopy(name, 0, out, at, name.length);
    at += name.length;
  }

  private void text(byte[] key, String text) {
    if (text.isEmpty()) {
      return;
    }
    write(key);
    string(text);
  }

  private void string(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= 0x80 || !PLAIN[c]) {
        write(json(text).getBytes(StandardCharsets.UTF_8));
        return;
      }
    }
    ensure(text.length() + 2);
    out[at++] = '"';
    for (int i = 0; i < text.length(); i++) {
      out[at++] = (byte) text.charAt(i);
    }
    out[at++] = '"';
  }

  private static String json(String text) {
    StringBuilder json = new StringBuilder(text.length() + 16);
    JsonText.string(json, text);
    return json.toString();
  }

  private void linkTarget(byte[] target) {
    write(LINK_TARGET);
    if (Utf8.isValid(target)) {
      string(new String(target, StandardCharsets.UTF_8));
      return;
    }
    // Go replaces each invalid byte on its own, Java's decoder some of them together.
    write((byte) '"');
    int start = 0;
    for (int i = 0; i < target.length; ) {
      int length = Utf8.length(target, i, target.length);
      if (length == 0) {
        valid(target, start, i);
        write(INVALID);
        start = i + 1;
      }
      i += Math.max(1, length);
    }
    valid(target, start, target.length);
    write((byte) '"');
    write(LINK_TARGET_RAW);
    write(Base64.getEncoder().encode(target));
    write((byte) '"');
  }

  private void valid(byte[] text, int start, int end) {
    String json = json(new String(text, start, end - start, StandardCharsets.UTF_8));
    write(json.substring(1, json.length() - 1).getBytes(StandardCharsets.UTF_8));
  }

  private void xattrs(List<Xattr> xattrs) {
    write(XATTRS);
    boolean first = true;
    for (Xattr xattr : xattrs) {
      if (!first) {
        write((byte) ',');
      }
      first = false;
      write(XATTR_NAME);
      string(xattr.name());
      write(XATTR_VALUE);
      write(Base64.getEncoder().encode(xattr.value()));
      write((byte) '"');
      write((byte) '}');
    }
    write((byte) ']');
  }

  private void content(Node node, NodeExtras extras) {
    if (node.type() != NodeType.FILE || (extras.contentMissing() && node.content().isEmpty())) {
      write(NULL);
      return;
    }
    out[at++] = '[';
    boolean first = true;
    for (Id id : node.content()) {
      ensure(2 * Id.LENGTH + 8);
      if (!first) {
        out[at++] = ',';
      }
      first = false;
      id(id);
    }
    write((byte) ']');
  }

  private void id(Id id) {
    out[at++] = '"';
    hex(id.a());
    hex(id.b());
    hex(id.c());
    hex(id.d());
    out[at++] = '"';
  }

  private void hex(long value) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      out[at++] = HEX[(int) (value >>> shift) & 15];
    }
  }

  private void time(Instant moment, int offset) {
    if (!moment.equals(timeOf) || offset != timeOffset) {
      timeLength = GoTime.write(time, 0, moment.getEpochSecond(), moment.getNano(), offset);
      timeOf = moment;
      timeOffset = offset;
    }
    System.arraycopy(time, 0, out, at, timeLength);
    at += timeLength;
  }

  private void number(byte[] key, long unsigned) {
    if (unsigned != 0) {
      write(key);
      number(unsigned);
    }
  }

  private void number(long unsigned) {
    if (unsigned < 0) {
      write(ascii(Long.toUnsignedString(unsigned)));
      return;
    }
    int digits = 1;
    for (long rest = unsigned; rest >= 10; rest /= 10) {
      digits++;
    }
    int position = at + digits;
    at = position;
    long rest = unsigned;
    do {
      out[--position] = (byte) ('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
  }

  private void write(byte[] bytes) {
    ensure(bytes.length);
    System.arraycopy(bytes, 0, out, at, bytes.length);
    at += bytes.length;
  }

  private void write(byte b) {
    ensure(1);
    out[at++] = b;
  }

  private void ensure(int more) {
    if (out.length - at < more) {
      out = Arrays.copyOf(out, Math.max(2 * out.length, Math.addExact(at, more)));
    }
  }
}
