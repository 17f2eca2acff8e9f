package stet.engine.snapshot;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.rules.Paths;
import stet.repository.BlobSource;
import stet.repository.Repository;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/** The paths of the files in a captured directory. */
public final class TreePaths implements Paths {
  private final BlobSource source;
  private final Deque<Level> levels = new ArrayDeque<>();

  /** The entries of a directory that are left, and the path to it with a slash. */
  private record Level(Iterator<Node> nodes, byte[] path) {}

  /** Begins with a component's directory. */
  public TreePaths(BlobSource source, Node directory) {
    this.source = source;
    levels.push(level(directory, new byte[0]));
  }

  private Level level(Node directory, byte[] path) {
    List<Node> nodes = Repository.tree(source, directory.requireSubtree());
    return new Level(nodes.iterator(), path);
  }

  @Override
  public byte @Nullable [] next() {
    while (!levels.isEmpty()) {
      Level level = levels.peek();
      if (!level.nodes().hasNext()) {
        levels.pop();
        continue;
      }
      Node node = level.nodes().next();
      boolean isDirectory = node.type() == NodeType.DIRECTORY;
      byte[] path = Paths.join(level.path(), node.nameBytes(), isDirectory);
      if (!isDirectory) {
        return path;
      }
      levels.push(level(node, path));
    }
    return null;
  }
}
