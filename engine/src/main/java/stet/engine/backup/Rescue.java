package stet.engine.backup;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobSink;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

/**
 * Takes files that rows refer to, but that were gone when the files were captured, from an earlier
 * snapshot. What that one has lost itself stays missing.
 */
final class Rescue {
  private final BlobSource source;
  private final BlobSink sink;
  private final List<String> rescued = new ArrayList<>();
  private long bytes;
  private int directories;

  /**
   * Prepares.
   *
   * @param source gives the trees of both snapshots, and what the earlier one's files hold
   * @param sink takes the trees that change, and what damaged packs still give of the files
   */
  Rescue(BlobSource source, BlobSink sink) {
    this.source = source;
    this.sink = sink;
  }

  /** The paths of the files that were found, in order. */
  List<String> rescued() {
    return rescued;
  }

  /** The bytes of these files. */
  long bytes() {
    return bytes;
  }

  /** How many directories had to be made for them. */
  int directories() {
    return directories;
  }

  /**
   * Puts files into a directory.
   *
   * @param earlier the directory as the earlier snapshot has it
   * @param paths the files' paths
   * @return the directory with those that were found
   */
  Node run(Node directory, Node earlier, Collection<byte[]> paths) {
    List<byte[][]> split = new ArrayList<>();
    for (byte[] path : paths) {
      byte[][] names = split(path);
      if (names != null) {
        split.add(names);
      }
    }
    return insert(directory, earlier, split, 0);
  }

  /** The names of a path, or null if it is not one that can be in a directory. */
  private static byte @Nullable [][] split(byte[] path) {
    List<byte[]> names = new ArrayList<>();
    int start = 0;
    for (int i = 0; i <= path.length; i++) {
      if (i == path.length || path[i] == '/') {
        byte[] name = Arrays.copyOfRange(path, start, i);
        String text = new String(name, StandardCharsets.ISO_8859_1);
        if (text.isEmpty() || text.equals(".") || text.equals("..")) {
          return null;
        }
        names.add(name);
        start = i + 1;
      }
    }
    return names.toArray(byte[][]::new);
  }

  private Node insert(Node directory, Node earlier, List<byte[][]> paths, int depth) {
    List<Node> old = earlierTree(earlier);
    List<Node> nodes = new ArrayList<>();
    if (directory.subtree() != null) {
      nodes.addAll(Repository.tree(source, directory.requireSubtree()));
    }
    boolean changed = false;
    Map<byte[], List<byte[][]>> below = new TreeMap<>(Arrays::compareUnsigned);
    for (byte[][] path : paths) {
      if (path.length > depth + 1) {
        below.computeIfAbsent(path[depth], name -> new ArrayList<>()).add(path);
        continue;
      }
      Node file = find(old, path[depth]);
      if (file != null
          && file.type() == NodeType.FILE
          && find(nodes, path[depth]) == null
          && isKept(file)) {
        // Its inode may be another file's by now.
        nodes.add(file.unlinked());
        rescued.add(text(path));
        bytes += file.size();
        changed = true;
      }
    }
    for (Map.Entry<byte[], List<byte[][]>> entry : below.entrySet()) {
      Node oldDirectory = find(old, entry.getKey());
      Node own = find(nodes, entry.getKey());
      if (oldDirectory == null
          || oldDirectory.type() != NodeType.DIRECTORY
          || (own != null && own.type() != NodeType.DIRECTORY)) {
        continue;
      }
      int before = rescued.size();
      Node target = own == null ? oldDirectory.withSubtree(null) : own;
      Node result = insert(target, oldDirectory, entry.getValue(), depth + 1);
      if (rescued.size() > before) {
        directories += own == null ? 1 : 0;
        nodes.remove(own);
        nodes.add(result);
        changed = true;
      }
    }
    if (!changed) {
      return directory;
    }
    nodes.sort(Tree.BY_NAME);
    return directory.withSubtree(sink.save(BlobType.TREE, Tree.encode(nodes)));
  }

  /** The nodes of an earlier directory; none if it is lost. */
  private List<Node> earlierTree(Node earlier) {
    try {
      return Repository.tree(source, earlier.requireSubtree());
    } catch (RepositoryException e) {
      if (!e.isLoss()) {
        throw e;
      }
      return List.of();
    }
  }

  /**
   * Whether all that a file holds is in packs to rely on. What lies in damaged ones is stored again
   * if it can still be read; if not, the file must not count as being there.
   */
  private boolean isKept(Node file) {
    for (Id blob : file.content()) {
      if (sink.holds(BlobType.DATA, blob)) {
        continue;
      }
      byte[] bytes;
      try {
        bytes = source.load(BlobType.DATA, blob);
      } catch (RepositoryException e) {
        if (!e.isLoss()) {
          throw e;
        }
        return false;
      }
      sink.save(BlobType.DATA, bytes);
    }
    return true;
  }

  private static @Nullable Node find(List<Node> nodes, byte[] name) {
    return nodes.stream()
        .filter(node -> Arrays.equals(node.nameBytes(), name))
        .findFirst()
        .orElse(null);
  }

  private static String text(byte[][] path) {
    List<String> names = new ArrayList<>();
    for (byte[] name : path) {
      names.add(new String(name, StandardCharsets.UTF_8));
    }
    return String.join("/", names);
  }
}
