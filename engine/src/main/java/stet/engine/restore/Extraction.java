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
import stet.repository.json.JsonObject;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

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
   * @param directory where to; new or empty
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
      FilesComponent.restoreInto(path, context(source, whole, operation));
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

  private static RestoreContext context(BlobSource source, Node node, Operation operation) {
    return new RestoreContext(operation, source, node, new JsonObject(), NO_KEY);
  }
}
