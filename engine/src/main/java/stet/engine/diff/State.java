package stet.engine.diff;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import stet.engine.Environment;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentKind;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Finding;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotFiles;
import stet.engine.snapshot.TreePaths;
import stet.repository.BlobSource;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;

/** A state of an application that can be compared: a snapshot, or what is live. */
public final class State {
  private final BlobSource source;
  private final Map<String, Part> parts;
  private final List<Finding> findings;

  /** A component in a state; its definitions are got when they are needed. */
  record Part(
      String kind, Node node, JsonObject details, Supplier<Map<String, String>> definitions) {}

  private State(BlobSource source, Map<String, Part> parts, List<Finding> findings) {
    this.source = source;
    this.parts = parts;
    this.findings = List.copyOf(findings);
  }

  BlobSource source() {
    return source;
  }

  Map<String, Part> parts() {
    return parts;
  }

  List<Finding> findings() {
    return findings;
  }

  /**
   * A snapshot.
   *
   * @param kinds the kinds of components by their keys
   */
  public static State of(
      BlobSource source, Snapshot snapshot, Map<String, ComponentKind> kinds, Operation operation) {
    SnapshotFiles files = new SnapshotFiles(source, snapshot);
    Manifest manifest = files.manifest();
    List<Node> root = files.root();
    Map<String, Part> parts = new LinkedHashMap<>();
    for (Manifest.Entry entry : manifest.components()) {
      Node node = SnapshotFiles.child(root, entry.name()).orElseThrow();
      ComponentKind kind = kinds.get(entry.kind());
      parts.put(
          entry.name(),
          new Part(
              entry.kind(),
              node,
              entry.details(),
              () ->
                  kind == null
                      ? Map.of()
                      : kind.definitions(
                          new RestoreContext(
                              operation, source, node, entry.details(), manifest.hashKey()))));
    }
    return new State(source, parts, manifest.findings());
  }

  /**
   * What is live. It is read as for a backup, but nothing is stored.
   *
   * @param base the snapshot to compare with: what did not change since need not be read
   */
  public static State live(
      Environment environment, Repository repository, Snapshot base, Operation operation) {
    BlobSource reader = repository.reader();
    SnapshotFiles files = new SnapshotFiles(reader, base);
    Manifest manifest = files.manifest();
    List<Node> root = files.root();
    Overlay overlay = new Overlay(reader, repository.index()::holds);
    Map<String, Part> parts = new LinkedHashMap<>();
    List<Evaluation> evaluations = new ArrayList<>();
    try {
      for (Component component : environment.components()) {
        operation.progress().phase("reading " + component.name());
        Manifest.Entry entry = manifest.component(component.name());
        Captured captured =
            component.capture(
                new CaptureContext(
                    operation,
                    overlay,
                    overlay,
                    SnapshotFiles.child(root, component.name()).orElse(null),
                    entry == null || !entry.kind().equals(component.kind())
                        ? null
                        : entry.details(),
                    manifest.started(),
                    false,
                    manifest.hashKey(),
                    repository.config().chunkerPolynomial(),
                    environment.rules().of(component.name())));
        evaluations.add(captured.evaluation());
        parts.put(
            component.name(),
            new Part(
                component.kind(), captured.node(), captured.manifest(), component::definitions));
        operation.checkStop();
      }
      return new State(overlay, parts, findings(evaluations, overlay, parts));
    } finally {
      evaluations.forEach(Evaluation::close);
    }
  }

  private static List<Finding> findings(
      List<Evaluation> evaluations, BlobSource source, Map<String, Part> parts) {
    List<Finding> findings = new ArrayList<>();
    for (Evaluation evaluation : evaluations) {
      findings.addAll(
          evaluation.complete(references ->
              references.compare(
                  new TreePaths(
                      source, Objects.requireNonNull(parts.get(references.component())).node()))));
    }
    return findings;
  }
}
