package stet.engine.files;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Progress;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.RepositoryException;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

/** A directory as the parent snapshot has it. */
record PreviousDirectory(List<Node> nodes) {
  static final PreviousDirectory NONE = new PreviousDirectory(List.of());

  /** Loads the directory that {@code node} is; nothing if there is no such directory. */
  static PreviousDirectory load(BlobSource source, @Nullable Node node, Progress progress) {
    if (node == null || node.type() != NodeType.DIRECTORY || node.subtree() == null) {
      return NONE;
    }
    try {
      return new PreviousDirectory(Tree.decode(source.load(BlobType.TREE, node.requireSubtree())));
    } catch (RepositoryException e) {
      return switch (e.problem()) {
        case DAMAGED, NOT_FOUND, UNSUPPORTED -> {
          // Reading the files again makes the new snapshot whole.
          progress.detail("the parent snapshot is no help here: " + e.getMessage());
          yield NONE;
        }
        case NO_REPOSITORY, EXISTS, LOCKED, WRONG_PASSWORD, STORAGE, DENIED, INTERRUPTED -> throw e;
      };
    }
  }

  /** The entry of that name, or null. */
  @Nullable Node find(byte[] name) {
    int low = 0;
    int high = nodes.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = Arrays.compareUnsigned(nodes.get(middle).nameBytes(), name);
      if (order == 0) {
        return nodes.get(middle);
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return null;
  }
}
