package stet.engine.backup;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.Human;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.Version;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.restore.PendingRestore;
import stet.engine.rules.Finding;
import stet.engine.rules.Rule;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotCatalog;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.check.IndexRepair;
import stet.repository.check.PackRepair;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackReader;
import stet.repository.pack.PackWriter;
import stet.repository.snapshot.Snapshot;
import stet.repository.snapshot.SnapshotSummary;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/**
 * Captures an environment as one snapshot.
 *
 * <p>The snapshot file is written last, and only if every component was captured whole; before that
 * nothing in the repository refers to what was stored, so a backup that fails or dies leaves no
 * snapshot.
 */
public final class Backup {
  private final Repository repository;
  private final Environment environment;
  private final Operation operation;

  public Backup(Repository repository, Environment environment, Operation operation) {
    this.repository = repository;
    this.environment = environment;
    this.operation = operation;
  }

  /**
   * What a backup has made.
   *
   * @param snapshot the snapshot's id
   * @param parent the snapshot it was compared with, or null
   * @param manifest its manifest
   * @param totals what was added to the repository
   * @param started when it began
   * @param finished when the snapshot was durable
   */
  public record Result(
      Id snapshot,
      @Nullable Id parent,
      Manifest manifest,
      PackWriter.Totals totals,
      Instant started,
      Instant finished) {
    /** What could not be read and was left out with permission. */
    public List<String> skipped() {
      return manifest.skipped();
    }
  }

  /** Runs all checks of a backup and writes nothing. */
  public void check() {
    PendingRestore.refuse(environment, operation);
    for (Component component : environment.components()) {
      operation.progress().phase("checking " + component.name());
      component.check(operation);
      List<Rule> rules = environment.rules().of(component.name());
      if (!rules.isEmpty()) {
        component.checkRules(rules);
      }
      operation.checkStop();
    }
  }

  /**
   * Captures all components in order and commits the snapshot. What damaged packs of the repository
   * held is stored again where it is still there, and the packs are replaced.
   *
   * @param tags further tags for the snapshot
   * @param full whether to read everything again, also what has not changed since the parent
   */
  public Result run(List<String> tags, boolean full) {
    Instant started = Instant.now();
    check();
    Result result;
    try (RepositoryLock lock = repository.announceLock()) {
      result = capture(lock, tags, started, full);
    }
    if (!repository.index().damagedPacks().isEmpty()) {
      repair();
    }
    return result;
  }

  private Result capture(RepositoryLock lock, List<String> tags, Instant started, boolean full) {
    operation.progress().phase("loading the index");
    SnapshotCatalog catalog =
        lock.whileSettling(() -> {
          SnapshotCatalog found =
              new SnapshotCatalog(
                  environment.app(),
                  repository.snapshots(e -> operation.progress().warn(e.getMessage())));
          repository.loadIndex();
          return found;
        });
    IndexRepair.Adoption adoption = IndexRepair.adopt(repository);
    if (adoption.added() > 0) {
      operation
          .progress()
          .detail("taken over of an interrupted backup: " + Human.count(adoption.added(), "pack"));
    }
    if (!adoption.damaged().isEmpty()) {
      operation
          .progress()
          .warn(
              "packs are missing or cut off: "
                  + String.join(", ", adoption.damaged().stream().map(Id::shortText).toList())
                  + "; what they held is stored again where it is still there");
    }
    Set<Id> damaged = repository.index().damagedPacks();
    PackReader reader = repository.reader();
    Optional<Snapshot> parent = catalog.latest(environment.name());
    Parent base = parent.map(p -> parent(reader, p)).orElse(Parent.NONE);
    RowHash.Key hashKey =
        base.manifest() == null ? inheritKey(catalog, reader) : base.manifest().hashKey();
    try (PackWriter writer = repository.newWriter();
        Coherence coherence = new Coherence(reader, writer, operation.progress())) {
      for (Component component : environment.components()) {
        operation.progress().phase("capturing " + component.name());
        Captured captured =
            component.capture(
                new CaptureContext(
                    operation,
                    writer,
                    reader,
                    full ? null : base.node(component.name()),
                    full ? null : base.details(component),
                    full ? null : base.started(),
                    full,
                    hashKey,
                    repository.config().chunkerPolynomial(),
                    environment.rules().of(component.name())));
        coherence.add(component, captured, base.node(component.name()));
        operation.checkStop();
      }
      List<Finding> findings = coherence.findings();
      Manifest manifest =
          new Manifest(
              environment.app(),
              environment.name(),
              started,
              Instant.now(),
              Version.TEXT,
              hashKey,
              coherence.entries(),
              findings);
      operation.progress().phase("committing");
      Id tree = saveRoot(writer, coherence.nodes(), manifest);
      writer.flush();
      if (!repository.index().damagedPacks().equals(damaged)) {
        copyFromDamaged(tree, reader, writer);
        writer.flush();
      }
      operation.checkStop();
      lock.check();
      Id snapshot =
          commit(writer, tree, parent.map(Snapshot::requireId).orElse(null), tags, started);
      return new Result(
          snapshot,
          parent.map(Snapshot::requireId).orElse(null),
          manifest,
          writer.totals(),
          started,
          Instant.now());
    }
  }

  /**
   * Copies what the new snapshot counts on in packs that were found damaged only after it began to.
   *
   * @throws RepositoryException if some of it is lost; the next backup knows and stores it again
   */
  private void copyFromDamaged(Id root, PackReader reader, PackWriter writer) {
    Set<Id> seen = new HashSet<>();
    Deque<Id> pending = new ArrayDeque<>(List.of(root));
    while (!pending.isEmpty()) {
      Id tree = pending.pop();
      if (!seen.add(tree)) {
        continue;
      }
      writer.save(BlobType.TREE, reader.load(BlobType.TREE, tree));
      for (Node node : Repository.tree(reader, tree)) {
        if (node.subtree() != null) {
          pending.push(node.subtree());
        }
        for (Id blob : node.content()) {
          if (!writer.holds(BlobType.DATA, blob)) {
            writer.save(BlobType.DATA, reader.load(BlobType.DATA, blob));
          }
        }
      }
      operation.checkStop();
    }
  }

  /** The snapshot is complete by now, so what goes wrong here only waits for the next backup. */
  private void repair() {
    operation.progress().phase("replacing damaged packs");
    try (RepositoryLock lock = repository.lock(true)) {
      PackRepair.Result repaired = PackRepair.run(repository, lock);
      operation
          .progress()
          .warn(
              "replaced damaged packs: "
                  + String.join(", ", repaired.packs().stream().map(Id::shortText).toList())
                  + (repaired.lost() == 0
                      ? "; all that they held is whole again"
                      : "; %d of their blobs are lost, `stet check` tells which files lack them"
                          .formatted(repaired.lost())));
    } catch (RepositoryException e) {
      operation
          .progress()
          .warn(
              "what damaged packs held is stored again, but the packs could not be replaced yet: "
                  + e.getMessage());
    }
  }

  /** What the parent snapshot offers: nothing, its files, or its files and its manifest. */
  private record Parent(List<Node> nodes, @Nullable Manifest manifest, @Nullable Instant started) {
    static final Parent NONE = new Parent(List.of(), null, null);

    @Nullable Node node(String component) {
      return SnapshotFiles.child(nodes, component).orElse(null);
    }

    @Nullable JsonObject details(Component component) {
      Manifest.Entry entry = manifest == null ? null : manifest.component(component.name());
      return entry == null || !entry.kind().equals(component.kind()) ? null : entry.details();
    }
  }

  /** A parent that cannot be read costs time, not the backup. */
  private Parent parent(PackReader reader, Snapshot snapshot) {
    SnapshotFiles files = new SnapshotFiles(reader, snapshot);
    try {
      List<Node> nodes = files.root();
      Manifest manifest = files.manifest();
      return new Parent(nodes, manifest, manifest.started());
    } catch (RepositoryException | StetException e) {
      operation
          .progress()
          .warn(
              "the parent snapshot "
                  + snapshot.requireId().shortText()
                  + " cannot be used, so everything is read: "
                  + e.getMessage());
      return Parent.NONE;
    }
  }

  /**
   * The hash key of any snapshot of the application, so that contents can be compared between
   * environments.
   */
  private RowHash.Key inheritKey(SnapshotCatalog catalog, PackReader reader) {
    for (Snapshot snapshot : catalog.all().reversed()) {
      try {
        return new SnapshotFiles(reader, snapshot).manifest().hashKey();
      } catch (RepositoryException | StetException e) {
        operation
            .progress()
            .detail(
                "no hash key from snapshot "
                    + snapshot.requireId().shortText()
                    + ": "
                    + e.getMessage());
      }
    }
    return RowHash.Key.random();
  }

  private Id saveRoot(PackWriter writer, List<Node> components, Manifest manifest) {
    byte[] json = manifest.toBytes();
    List<Node> nodes = new ArrayList<>(components);
    nodes.add(
        Node.file(
            Manifest.FILE_NAME,
            manifest.finished(),
            json.length,
            List.of(writer.save(BlobType.DATA, json))));
    nodes.sort(Comparator.comparing(Node::nameBytes, java.util.Arrays::compareUnsigned));
    return writer.save(BlobType.TREE, Tree.encode(nodes));
  }

  private Id commit(
      PackWriter writer, Id tree, @Nullable Id parent, List<String> tags, Instant started) {
    ZoneId zone = ZoneId.systemDefault();
    PackWriter.Totals totals = writer.totals();
    SnapshotSummary summary =
        new SnapshotSummary(
            OffsetDateTime.ofInstant(started, zone),
            OffsetDateTime.now(zone),
            0,
            0,
            0,
            0,
            0,
            0,
            totals.dataBlobs(),
            totals.treeBlobs(),
            totals.bytes(),
            totals.storedBytes(),
            0,
            0,
            new JsonObject());
    return repository.saveSnapshot(
        Snapshot.builder(OffsetDateTime.ofInstant(started, zone), tree)
            .parent(parent)
            .paths(SnapshotCatalog.paths(environment.name()))
            .hostname(environment.app())
            .tags(SnapshotCatalog.tags(environment.name(), tags))
            .programVersion("stet " + Version.TEXT)
            .summary(summary)
            .build());
  }
}
