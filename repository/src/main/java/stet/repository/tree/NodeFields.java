package stet.repository.tree;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.json.JsonException;

/** What a decoder has read of a node so far, until it makes the {@link Node}. */
final class NodeFields {
  /** Go's zero time, which a member that is missing stands for. */
  static final Instant ZERO_TIME = Instant.parse("0001-01-01T00:00:00Z");

  private static final byte[] NO_NAME = {};

  byte[] name = NO_NAME;
  String type = "";
  long mode;
  Instant modified = ZERO_TIME;
  Instant accessed = ZERO_TIME;
  Instant changed = ZERO_TIME;
  int modifiedOffset;
  int accessedOffset;
  int changedOffset;
  long uid;
  long gid;
  String user = "";
  String group = "";
  long inode;
  long device;
  long size;
  long links;
  byte @Nullable [] target;
  byte @Nullable [] rawTarget;
  List<Xattr> xattrs = List.of();
  @Nullable String generic;
  long rawDevice;
  @Nullable List<Id> content;
  @Nullable Id subtree;
  String error = "";

  /** The extras made last, to share them between nodes. */
  private @Nullable NodeExtras lastExtras;

  /** Forgets all, for the next node. */
  void clear() {
    name = NO_NAME;
    type = "";
    mode = 0;
    modified = ZERO_TIME;
    accessed = ZERO_TIME;
    changed = ZERO_TIME;
    modifiedOffset = 0;
    accessedOffset = 0;
    changedOffset = 0;
    uid = 0;
    gid = 0;
    user = "";
    group = "";
    inode = 0;
    device = 0;
    size = 0;
    links = 0;
    target = null;
    rawTarget = null;
    xattrs = List.of();
    generic = null;
    rawDevice = 0;
    content = null;
    subtree = null;
    error = "";
  }

  /**
   * Makes the node.
   *
   * @throws JsonException if it is of a type that is not known
   */
  Node node() {
    NodeType nodeType = NodeType.of(type);
    if (nodeType == null) {
      throw new JsonException(
          "node \"" + GoQuote.quote(name) + "\" has the unknown type \"" + type + "\"", null);
    }
    int posix = GoFileMode.toPosix(mode);
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
        rawTarget != null ? rawTarget : target,
        xattrs,
        rawDevice,
        content == null ? List.of() : content,
        subtree,
        extras(nodeType, posix));
  }

  private @Nullable NodeExtras extras(NodeType nodeType, int posix) {
    long modeDifference = mode ^ GoFileMode.of(nodeType, posix);
    boolean contentMissing = nodeType == NodeType.FILE && content == null;
    if ((modifiedOffset | accessedOffset | changedOffset | modeDifference) == 0
        && !contentMissing
        && generic == null
        && error.isEmpty()) {
      return null;
    }
    NodeExtras extras =
        new NodeExtras(
            modifiedOffset,
            accessedOffset,
            changedOffset,
            modeDifference,
            contentMissing,
            generic,
            error);
    NodeExtras shared = extras.equals(lastExtras) ? lastExtras : extras;
    lastExtras = shared;
    return shared;
  }
}
