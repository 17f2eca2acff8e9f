package stet.repository.tree;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.repository.RepositoryException;

/**
 * Directories as tree blobs: JSON that restic re-encodes to the same bytes.
 *
 * <p>What restic from 0.16 on has written is decoded and encoded again byte for byte. Other
 * writers' forms that restic reads (other order of members, spaces, unknown members, a missing line
 * end) are read too and written in restic's form; unknown members are dropped.
 */
public final class Tree {
  /** The order of nodes in a tree: by name, as unsigned bytes. */
  public static final Comparator<Node> BY_NAME =
      (a, b) -> Arrays.compareUnsigned(a.nameBytes(), b.nameBytes());

  private Tree() {}

  /**
   * Encodes a directory.
   *
   * @param sorted in the order of {@link #BY_NAME}, no name twice
   * @throws IllegalArgumentException if the order is not so, or a name cannot be that of a file
   */
  public static byte[] encode(List<Node> sorted) {
    TreeEncoder encoder = new TreeEncoder();
    for (Node node : sorted) {
      encoder.add(node);
    }
    return encoder.finish();
  }

  /**
   * Decodes a directory. As lenient as restic: nodes may be in any order and may have a {@link
   * #fault}.
   *
   * @throws RepositoryException as damaged if the bytes are no tree that restic could read, or a
   *     node is of a type that is not known; the caller adds the tree's id
   */
  public static List<Node> decode(byte[] blob) {
    List<Node> nodes = PlainTree.decode(blob);
    return nodes == null ? new TreeDecoder(blob).decode() : nodes;
  }

  /**
   * What makes a node unfit to be restored, in words that follow its name, or null if nothing does.
   */
  public static @Nullable String fault(Node node) {
    String name = nameFault(node.nameBytes());
    if (name != null) {
      return name;
    }
    NodeExtras extras = node.extras();
    if (extras != null && extras.contentMissing()) {
      return "is a file without a list of blobs";
    }
    if (node.type() == NodeType.DIRECTORY && node.subtree() == null) {
      return "is a directory without a tree";
    }
    return null;
  }

  /** What makes bytes unfit to be a file's name, or null if nothing does. */
  static @Nullable String nameFault(byte[] name) {
    if (name.length == 0) {
      return "has no name";
    }
    if (name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'))) {
      return "has a name that stands for another directory";
    }
    for (byte b : name) {
      if (b == '/' || b == 0) {
        return "has a name with a slash or NUL in it";
      }
    }
    return null;
  }
}
