package stet.engine.backup;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.Progress;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Finding;
import stet.engine.rules.References;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.TreePaths;
import stet.repository.BlobSource;
import stet.repository.json.JsonObject;
import stet.repository.pack.PackWriter;
import stet.repository.tree.Node;

/**
 * What was captured so far, and whether its parts agree: rows that refer to files are compared with
 * the files that were captured, whichever came first. A file that is missing is taken from the
 * parent snapshot if it is there.
 */
final class Coherence implements AutoCloseable {
  /** How many missing files are looked for in the parent snapshot. */
  private static final int MOST_RESCUED = 100_000;

  private final BlobSource source;
  private final PackWriter writer;
  private final Progress progress;
  private final Map<String, Part> parts = new LinkedHashMap<>();
  private final List<Evaluation> evaluations = new ArrayList<>();

  /** A captured component. */
  private static final class Part {
    final String kind;
    final @Nullable Node earlier;
    Node node;
    JsonObject manifest;

    Part(Component component, Captured captured, @Nullable Node earlier) {
      this.kind = component.kind();
      this.node = captured.node();
      this.manifest = captured.manifest();
      this.earlier = earlier;
    }
  }

  /**
   * Begins.
   *
   * @param source gives what the repository holds
   * @param writer stores what is captured
   */
  Coherence(BlobSource source, PackWriter writer, Progress progress) {
    this.source = source;
    this.writer = writer;
    this.progress = progress;
  }

  /**
   * Takes a captured component.
   *
   * @param earlier its directory in the parent snapshot, or null
   */
  void add(Component component, Captured captured, @Nullable Node earlier) {
    evaluations.add(captured.evaluation());
    parts.put(component.name(), new Part(component, captured, earlier));
  }

  /** What the rules found in all that was captured, in the order of their names. */
  List<Finding> findings() {
    if (evaluations.stream().anyMatch(evaluation -> !evaluation.references().isEmpty())) {
      progress.phase("comparing references");
      // The trees of this capture can be read once they are stored.
      writer.flush();
    }
    List<Finding> findings = new ArrayList<>();
    evaluations.forEach(evaluation -> findings.addAll(evaluation.complete(this::compare)));
    findings.sort(Comparator.comparing(Finding::rule));
    return findings;
  }

  private Finding compare(References references) {
    Part files = Objects.requireNonNull(parts.get(references.component()));
    List<byte[]> missing = new ArrayList<>();
    Finding finding =
        references.compare(
            new TreePaths(source, files.node),
            path -> {
              if (missing.size() < MOST_RESCUED) {
                missing.add(path);
              }
            });
    if (missing.isEmpty() || files.earlier == null) {
      return finding;
    }
    Rescue rescue = new Rescue(source, writer);
    Node node = rescue.run(files.node, files.earlier, missing);
    if (rescue.rescued().isEmpty()) {
      return finding;
    }
    files.node = node;
    files.manifest = withRescued(files.manifest, rescue);
    for (String path : rescue.rescued()) {
      progress.warn(
          references.component()
              + ": "
              + path
              + " was gone when it was captured but a row refers to it; it is kept as the parent"
              + " snapshot has it");
    }
    writer.flush();
    return references.compare(new TreePaths(source, files.node));
  }

  private static JsonObject withRescued(JsonObject manifest, Rescue rescue) {
    List<String> all = new ArrayList<>(manifest.strings(Manifest.RESCUED));
    all.addAll(rescue.rescued());
    return manifest
        .copy()
        .put(Manifest.RESCUED, all)
        .put("files", manifest.integer("files", 0) + rescue.rescued().size())
        .put("directories", manifest.integer("directories", 0) + rescue.directories())
        .put("bytes", manifest.integer("bytes", 0) + rescue.bytes());
  }

  /** The captured components, as the manifest has them. */
  List<Manifest.Entry> entries() {
    List<Manifest.Entry> entries = new ArrayList<>();
    parts.forEach((name, part) -> entries.add(new Manifest.Entry(name, part.kind, part.manifest)));
    return entries;
  }

  /** The directories of the captured components. */
  List<Node> nodes() {
    return parts.values().stream().map(part -> part.node).toList();
  }

  @Override
  public void close() {
    evaluations.forEach(Evaluation::close);
  }
}
