package stet.engine.postgres.catalog;

import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

/** The files of a captured component. */
public final class CapturedFiles {
  /** Definitions, as an archive for pg_restore. */
  public static final String SCHEMA = "schema.pgdump";

  /** Roles and tablespaces of the server as SQL. */
  public static final String ROLES = "roles.sql";

  /** The {@link DatabaseDescription}. */
  public static final String DESCRIPTION = "database.json";

  /** The script that loads everything without Stet. */
  public static final String LOAD = "load.sql";

  /** The directory of rows. */
  public static final String DATA = "data";

  /** The directory of large objects. */
  public static final String LARGE_OBJECTS = "large_objects";

  private final BlobSource source;
  private final Node root;

  /** Looks into a component's directory. */
  public CapturedFiles(BlobSource source, Node root) {
    this.source = source;
    this.root = root;
  }

  /** A directory's entries. */
  public List<Node> list(Node directory) {
    return Tree.decode(source.load(BlobType.TREE, directory.requireSubtree()));
  }

  /** The directories with tables' rows, by their path below the component's directory. */
  public Map<String, Node> tables() {
    Map<String, Node> directories = new HashMap<>();
    Node data = find(DATA);
    if (data != null) {
      list(data).forEach(node -> directories.put(DATA + "/" + node.name(), node));
    }
    return directories;
  }

  /** The node at a path below the component's directory, or null. */
  public @Nullable Node find(String path) {
    Node node = root;
    for (String name : path.split("/", -1)) {
      if (node.type() != NodeType.DIRECTORY) {
        return null;
      }
      node = list(node).stream().filter(n -> n.name().equals(name)).findFirst().orElse(null);
      if (node == null) {
        return null;
      }
    }
    return node;
  }

  /**
   * The file at a path.
   *
   * @throws StetException with {@code REPOSITORY_DAMAGED} if there is none
   */
  public Node require(String path) {
    Node node = find(path);
    if (node == null || node.type() != NodeType.FILE) {
      throw missing(path);
    }
    return node;
  }

  /** What is wrong if a file that must be there is not. */
  public StetException missing(String path) {
    return new StetException(
        ErrorCode.REPOSITORY_DAMAGED,
        "the snapshot has no file " + root.name() + "/" + path,
        "The snapshot was changed, or was not made by Stet; try another snapshot.");
  }

  /** A small file's bytes. */
  public byte[] read(Node file) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    source.read(file.content(), bytes -> out.write(bytes, 0, bytes.length));
    return out.toByteArray();
  }

  public BlobSource source() {
    return source;
  }
}
