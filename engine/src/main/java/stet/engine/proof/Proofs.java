package stet.engine.proof;

import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.Version;
import stet.engine.snapshot.SnapshotCatalog;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.pack.PackWriter;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/** The proofs that a repository keeps. */
public final class Proofs {
  private Proofs() {}

  /**
   * Keeps a proof. The index must be loaded and the repository locked.
   *
   * @param app the application
   * @return the id of the proof's own snapshot
   */
  public static Id save(Repository repository, String app, Proof proof) {
    try (PackWriter writer = repository.newWriter()) {
      byte[] json = (proof.toJson().toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
      Node file =
          Node.file(
              Proof.FILE_NAME,
              proof.finished(),
              json.length,
              List.of(writer.save(BlobType.DATA, json)));
      Id tree = writer.save(BlobType.TREE, Tree.encode(List.of(file)));
      writer.flush();
      return repository.saveSnapshot(
          Snapshot.builder(OffsetDateTime.ofInstant(proof.finished(), ZoneId.systemDefault()), tree)
              .paths(SnapshotCatalog.proofPaths(proof.environment()))
              .hostname(app)
              .tags(SnapshotCatalog.tags(proof.environment(), List.of(SnapshotCatalog.PROOF_TAG)))
              .programVersion("stet " + Version.TEXT)
              .build());
    }
  }

  /**
   * The newest proof of an environment that can be read.
   *
   * @param unusable takes why newer ones cannot
   * @return null if there is none
   */
  static @Nullable Proof newest(
      SnapshotCatalog catalog, String environment, BlobSource source, Consumer<String> unusable) {
    for (Snapshot snapshot : catalog.proofs(environment).reversed()) {
      String name = snapshot.requireId().shortText();
      try {
        SnapshotFiles files = new SnapshotFiles(source, snapshot);
        Node file =
            SnapshotFiles.child(files.root(), Proof.FILE_NAME)
                .orElseThrow(() ->
                    new StetException(
                        ErrorCode.REPOSITORY_DAMAGED,
                        "proof " + name + " has no " + Proof.FILE_NAME,
                        null));
        return Proof.parse(name, files.bytes(file));
      } catch (StetException | RepositoryException e) {
        unusable.accept(String.valueOf(e.getMessage()));
      }
    }
    return null;
  }
}
