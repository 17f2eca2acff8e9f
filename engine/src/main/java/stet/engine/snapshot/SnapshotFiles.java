package stet.engine.snapshot;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.PosixPath;
import stet.repository.BlobSource;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/** The files of a snapshot, found by path. */
public final class SnapshotFiles {
  private final BlobSource source;
  private final Snapshot snapshot;

  public SnapshotFiles(BlobSource source, Snapshot snapshot) {
    this.source = source;
    this.snapshot = snapshot;
  }

  /** The nodes of the snapshot's root. */
  public List<Node> root() {
    return children(snapshot.tree());
  }

  /** The nodes of a directory. */
  public List<Node> children(Id tree) {
    return Repository.tree(source, tree);
  }

  /**
   * The node at a path, or null for the root.
   *
   * @param path as {@link #walk} takes it
   * @throws StetException as {@link #walk}
   */
  public @Nullable Node find(String path) {
    List<Node> nodes = walk(path);
    return nodes.isEmpty() ? null : nodes.getLast();
  }

  /**
   * The nodes from the first name of a path to its last; none for the root.
   *
   * @param path names separated by {@code /}, with or without a leading one, each in its
   *     {@linkplain PosixPath#printable printable} form or as it is. Where one text is the
   *     printable form of one name and is itself another, it means the former.
   * @throws StetException with {@code NOT_FOUND} naming the first part that is not there and what
   *     is
   */
  public List<Node> walk(String path) {
    List<Node> nodes = new ArrayList<>();
    for (String part : path.split("/", -1)) {
      if (part.isEmpty() || part.equals(".")) {
        continue;
      }
      Node node = nodes.isEmpty() ? null : nodes.getLast();
      if (node != null && node.type() != NodeType.DIRECTORY) {
        throw missing(printable(nodes) + " is not a directory", "");
      }
      List<Node> children = node == null ? root() : children(node.requireSubtree());
      Optional<Node> child =
          child(children, PosixPath.unescaped(part)).or(() -> child(children, part));
      if (child.isEmpty()) {
        List<String> names =
            children.stream().map(n -> PosixPath.printable(n.nameBytes())).limit(20).toList();
        throw missing(
            "there is no " + printable(nodes) + "/" + part,
            "There is: " + String.join(", ", names) + (children.size() > 20 ? ", …" : "") + ".");
      }
      nodes.add(child.get());
    }
    return nodes;
  }

  /** The printable form of the path that nodes lie on, with a leading {@code /}; empty for none. */
  public static String printable(List<Node> walked) {
    return walked.stream()
        .map(node -> "/" + PosixPath.printable(node.nameBytes()))
        .collect(Collectors.joining());
  }

  private StetException missing(String what, String hint) {
    return new StetException(
        ErrorCode.NOT_FOUND,
        what + " in snapshot " + snapshot.requireId().shortText(),
        hint.isEmpty() ? null : hint);
  }

  /** The node of a name among {@code nodes}. */
  public static Optional<Node> child(List<Node> nodes, String name) {
    return child(nodes, name.getBytes(StandardCharsets.UTF_8));
  }

  private static Optional<Node> child(List<Node> nodes, byte[] bytes) {
    return nodes.stream().filter(n -> Arrays.equals(n.nameBytes(), bytes)).findFirst();
  }

  /**
   * The snapshot's manifest.
   *
   * @throws StetException if it has none or it is unusable
   */
  public Manifest manifest() {
    Node file =
        child(root(), Manifest.FILE_NAME)
            .orElseThrow(() ->
                new StetException(
                    ErrorCode.NOT_FOUND,
                    "snapshot "
                        + snapshot.requireId().shortText()
                        + " has no "
                        + Manifest.FILE_NAME,
                    "It was not made by stet, or was rewritten; its files can be read with"
                        + " `stet dump`."));
    return Manifest.parse(snapshot.requireId().shortText(), bytes(file));
  }

  /** The content of a file that fits into memory. */
  public byte[] bytes(Node file) {
    byte[] all = new byte[Math.toIntExact(file.size())];
    int[] position = {0};
    source.<RuntimeException>read(
        file.content(),
        piece -> {
          if (piece.length > all.length - position[0]) {
            throw new StetException(
                ErrorCode.REPOSITORY_DAMAGED,
                file.name() + " is longer than the " + all.length + " bytes its node says",
                null);
          }
          System.arraycopy(piece, 0, all, position[0], piece.length);
          position[0] += piece.length;
        });
    return position[0] == all.length ? all : Arrays.copyOf(all, position[0]);
  }
}
