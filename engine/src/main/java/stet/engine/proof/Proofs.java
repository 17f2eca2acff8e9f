package stet.engine.proof;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
   * What is proven of the snapshots that an environment still has.
   *
   * @param snapshot the newest snapshot that has a proof
   * @param proof that snapshot's newest proof, whether or not it passed
   * @param others proofs of older snapshots, each the newest of its snapshot
   * @param unreadable how many proofs that may matter cannot be read
   */
  record Standing(
      @Nullable Snapshot snapshot, @Nullable Proof proof, List<Proof> others, int unreadable) {}

  /**
   * What the proofs say of the backups that are still there. A proof counts for what it restored, a
   * tree, whatever has become of the snapshot's name since. A passed proof of the future counts
   * only for a snapshot that has no other, as it may be the older of two.
   *
   * @param unusable takes why proofs cannot be read
   */
  static Standing standing(
      SnapshotCatalog catalog,
      String environment,
      BlobSource source,
      Instant now,
      Consumer<String> unusable) {
    List<Snapshot> snapshots = catalog.backups(environment);
    Map<Id, Integer> numbers = new HashMap<>();
    for (int i = 0; i < snapshots.size(); i++) {
      numbers.put(snapshots.get(i).tree(), i);
    }
    TreeMap<Integer, Proof> newest = new TreeMap<>();
    Map<Integer, Proof> ofTheFuture = new HashMap<>();
    int unreadable = 0;
    for (Snapshot kept : catalog.proofs(environment).reversed()) {
      if (!newest.isEmpty() && provesNone(kept, snapshots, newest.lastKey() + 1, now)) {
        break;
      }
      try {
        Proof proof = load(kept, source);
        Integer number = numbers.get(proof.tree());
        if (number != null) {
          boolean waits = proof.passed() && isOfTheFuture(proof.finished(), now);
          (waits ? ofTheFuture : newest).putIfAbsent(number, proof);
        }
      } catch (StetException | RepositoryException e) {
        unusable.accept(String.valueOf(e.getMessage()));
        unreadable++;
      }
    }
    ofTheFuture.forEach(newest::putIfAbsent);
    if (newest.isEmpty()) {
      return new Standing(null, null, List.of(), unreadable);
    }
    int number = newest.lastKey();
    Proof proof = newest.lastEntry().getValue();
    return new Standing(
        snapshots.get(number), proof, List.copyOf(newest.headMap(number).values()), unreadable);
  }

  /** Whether a proof, and so an older one, is older than all the snapshots from a number on. */
  private static boolean provesNone(
      Snapshot kept, List<Snapshot> snapshots, int from, Instant now) {
    if (from == snapshots.size()) {
      return true;
    }
    // When a snapshot of the future was really made is not known.
    return !isOfTheFuture(snapshots.getLast().time().toInstant(), now)
        && kept.time()
            .toInstant()
            .plus(SnapshotCatalog.CLOCKS_DIFFER)
            .isBefore(snapshots.get(from).time().toInstant());
  }

  /** Whether a time is so far ahead that a clock must have been wrong. */
  static boolean isOfTheFuture(Instant time, Instant now) {
    return time.isAfter(now.plus(SnapshotCatalog.CLOCKS_DIFFER));
  }

  private static Proof load(Snapshot kept, BlobSource source) {
    String name = kept.requireId().shortText();
    SnapshotFiles files = new SnapshotFiles(source, kept);
    Node file =
        SnapshotFiles.child(files.root(), Proof.FILE_NAME)
            .orElseThrow(() ->
                new StetException(
                    ErrorCode.REPOSITORY_DAMAGED,
                    "proof " + name + " has no " + Proof.FILE_NAME,
                    null));
    return Proof.parse(name, files.bytes(file));
  }
}
