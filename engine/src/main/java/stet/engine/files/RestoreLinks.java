package stet.engine.files;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.files.Folders.Folder;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/**
 * Which nodes of a snapshot are names of the same file. Used by the walking thread alone.
 *
 * <p>Nodes count as one file only if they agree in content and metadata too: whoever wrote the
 * snapshot may have looked at the names at different times.
 */
final class RestoreLinks {
  private final Map<Key, First> files = new HashMap<>();

  private record Key(long device, long inode) {}

  /** The first name. */
  static final class First {
    final Folder folder;
    final Node node;
    private long namesLeft;

    private First(Folder folder, Node node) {
      this.folder = folder;
      this.node = node;
      this.namesLeft = node.links() - 1;
    }
  }

  /**
   * Registers a name.
   *
   * @return the first name of the same file, or null if this is the first, or the only one
   */
  @Nullable First first(Folder folder, Node node) {
    if (node.links() <= 1 || node.type() != NodeType.FILE || node.inode() == 0) {
      return null;
    }
    Key key = new Key(node.device(), node.inode());
    First first = files.get(key);
    if (first == null) {
      files.put(key, new First(folder, node));
      return null;
    }
    if (!isSame(first.node, node)) {
      return null;
    }
    if (--first.namesLeft <= 0) {
      files.remove(key);
    }
    return first;
  }

  private static boolean isSame(Node a, Node b) {
    return a.content().equals(b.content())
        && a.size() == b.size()
        && a.mode() == b.mode()
        && a.uid() == b.uid()
        && a.gid() == b.gid()
        && a.modified().equals(b.modified())
        && a.xattrs().equals(b.xattrs());
  }
}
