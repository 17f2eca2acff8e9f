package stet.engine.restore;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.files.FilesComponent;
import stet.engine.posix.PosixPath;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.json.JsonObject;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

/**
 * Writes a snapshot's files into a directory, as they are in the snapshot; nothing live is touched.
 */
public final class Extraction {
  /** Files have no rows to hash. */
  private static final RowHash.Key NO_KEY = new RowHash.Key(0, 0);

  private Extraction() {}

  /**
   * Writes and verifies.
   *
   * @param only names of the components to write; empty means the whole snapshot with its manifest
   * @param directory where to; new or empty. One that is made nobody else may enter, as it may hold
   *     rows of databases; one that is there keeps its mode.
   * @throws StetException with {@code NOT_FOUND} for an unknown component, {@code REFUSED} if the
   *     directory is not empty, {@code VERIFICATION_FAILED} if what was written differs
   */
  public static void run(
      BlobSource source, Snapshot snapshot, Set<String> only, Path directory, Operation operation) {
    SnapshotFiles files = new SnapshotFiles(source, snapshot);
    List<Node> root = files.root();
    PosixPath path = PosixPath.of(directory.toString());
    if (only.isEmpty()) {
      Node whole = Node.directory("snapshot", snapshot.time().toInstant(), snapshot.tree());
      operation.progress().phase("writing the snapshot");
      FilesComponent.restoreContentInto(path, context(source, whole, operation));
      return;
    }
    List<String> components =
        root.stream().filter(n -> n.type() == NodeType.DIRECTORY).map(Node::name).toList();
    for (String name : only) {
      if (!components.contains(name)) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            "snapshot " + snapshot.requireId().shortText() + " has no component \"" + name + "\"",
            "It has: " + String.join(", ", components) + ".");
      }
    }
    operation.progress().phase("writing " + String.join(", ", only));
    FilesComponent.restoreEachInto(
        path,
        root.stream()
            .filter(n -> only.contains(n.name()))
            .map(n -> context(source, n, operation))
            .toList());
  }

  /**
   * Writes and verifies one file or directory, under its own name.
   *
   * @param path its path in the snapshot
   * @param directory where to; new or empty
   * @throws StetException with {@code NOT_FOUND} if there is no such path, else as {@link #run}
   */
  public static void path(
      BlobSource source, Snapshot snapshot, String path, Path directory, Operation operation) {
    Node node = new SnapshotFiles(source, snapshot).find(path);
    if (node == null) {
      run(source, snapshot, Set.of(), directory, operation);
      return;
    }
    byte[] tree = Tree.encode(List.of(node));
    Id id = Id.of(tree);
    Node alone = Node.directory("snapshot", snapshot.time().toInstant(), id);
    operation.progress().phase("writing " + path);
    FilesComponent.restoreContentInto(
        PosixPath.of(directory.toString()),
        context(new WithTree(source, id, tree), alone, operation));
  }

  /** Blobs, and one tree that is not among them. */
  private record WithTree(BlobSource blobs, Id id, byte[] tree) implements BlobSource {
    @Override
    public byte[] load(BlobType type, Id wanted) {
      return type == BlobType.TREE && wanted.equals(id) ? tree.clone() : blobs.load(type, wanted);
    }

    @Override
    public long length(Id wanted) {
      return blobs.length(wanted);
    }

    @Override
    public <E extends Exception> void read(List<Id> content, BlobConsumer<E> consumer) throws E {
      blobs.read(content, consumer);
    }
  }

  private static RestoreContext context(BlobSource source, Node node, Operation operation) {
    return new RestoreContext(operation, source, node, new JsonObject(), NO_KEY);
  }
}
