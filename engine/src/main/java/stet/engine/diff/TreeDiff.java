package stet.engine.diff;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import stet.engine.diff.Changes.Modifier;
import stet.engine.posix.PosixPath;
import stet.repository.BlobSource;
import stet.repository.Repository;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/** Compares two directories. Equal trees are not looked into. */
final class TreeDiff {
  private final BlobSource before;
  private final BlobSource after;
  private final String component;
  private final Changes changes;

  TreeDiff(BlobSource before, BlobSource after, String component, Changes changes) {
    this.before = before;
    this.after = after;
    this.component = component;
    this.changes = changes;
  }

  /** Compares two components' directories. */
  void compareTop(Node one, Node other) {
    if (!sameMetadata(one, other)) {
      changes.file(component, "", Modifier.METADATA);
    }
    compare(one, other, "");
  }

  /** Compares what is in two directories. */
  private void compare(Node one, Node other, String path) {
    if (one.requireSubtree().equals(other.requireSubtree())) {
      return;
    }
    List<Node> olds = Repository.tree(before, one.requireSubtree());
    List<Node> news = Repository.tree(after, other.requireSubtree());
    int i = 0;
    int j = 0;
    while (i < olds.size() || j < news.size()) {
      int order =
          i == olds.size()
              ? 1
              : j == news.size()
                  ? -1
                  : Arrays.compareUnsigned(olds.get(i).nameBytes(), news.get(j).nameBytes());
      if (order < 0) {
        onlyIn(before, olds.get(i++), path, Modifier.REMOVED);
      } else if (order > 0) {
        onlyIn(after, news.get(j++), path, Modifier.ADDED);
      } else {
        entry(olds.get(i++), news.get(j++), path);
      }
    }
  }

  private void onlyIn(BlobSource source, Node node, String path, Modifier modifier) {
    String name = name(node, path);
    changes.file(component, name, modifier);
    if (node.type() == NodeType.DIRECTORY) {
      for (Node child : Repository.tree(source, node.requireSubtree())) {
        onlyIn(source, child, name, modifier);
      }
    }
  }

  private static String name(Node node, String path) {
    return path
        + PosixPath.printable(node.nameBytes())
        + (node.type() == NodeType.DIRECTORY ? "/" : "");
  }

  private void entry(Node one, Node other, String path) {
    String name = name(other, path);
    if (one.type() != other.type()) {
      changes.file(component, name, Modifier.TYPE);
    } else if (!one.content().equals(other.content())
        || one.rawDevice() != other.rawDevice()
        || !Arrays.equals(one.linkTarget(), other.linkTarget())) {
      changes.file(component, name, Modifier.MODIFIED);
    } else if (!sameMetadata(one, other)) {
      changes.file(component, name, Modifier.METADATA);
    }
    if (one.type() == NodeType.DIRECTORY && other.type() == NodeType.DIRECTORY) {
      compare(one, other, name);
    }
  }

  /** A directory's own time changes with every entry that comes or goes, which is told anyway. */
  private static boolean sameMetadata(Node one, Node other) {
    return one.mode() == other.mode()
        && one.uid() == other.uid()
        && one.gid() == other.gid()
        && Objects.equals(one.xattrs(), other.xattrs())
        && (one.type() == NodeType.DIRECTORY || one.modified().equals(other.modified()));
  }
}
