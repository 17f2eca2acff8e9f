package stet.engine.files;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import stet.engine.posix.PosixPath;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/** Loads a directory of a snapshot for a restore, which relies on every node. */
final class SnapshotDirectory {
  private SnapshotDirectory() {}

  /**
   * The nodes by name.
   *
   * @throws RepositoryException if the tree is missing or damaged, has a name twice, or a node that
   *     cannot be restored
   */
  static List<Node> load(BlobSource source, Node directory) {
    Id id = directory.requireSubtree();
    List<Node> nodes = new ArrayList<>(Tree.decode(source.load(BlobType.TREE, id)));
    nodes.sort(Tree.BY_NAME);
    byte[] last = {};
    for (Node node : nodes) {
      String name = PosixPath.printable(node.nameBytes());
      String fault = Tree.fault(node);
      if (fault != null) {
        throw damaged(id, "\"" + name + "\" " + fault);
      }
      if (Arrays.equals(last, node.nameBytes())) {
        throw damaged(id, "\"" + name + "\" is there twice");
      }
      last = node.nameBytes();
    }
    return nodes;
  }

  private static RepositoryException damaged(Id id, String fact) {
    return RepositoryException.damaged("tree " + id.shortText() + ": " + fact, null);
  }
}
