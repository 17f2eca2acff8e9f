package stet.engine.component;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.RowHash;
import stet.engine.rules.Rule;
import stet.repository.BlobSink;
import stet.repository.BlobSource;
import stet.repository.chunk.Polynomial;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;

/**
 * What a component is given to capture itself with.
 *
 * @param operation the backup
 * @param sink takes the blobs
 * @param source gives blobs of the parent snapshot
 * @param parent the component's directory in the parent snapshot, or null
 * @param parentManifest what the component added to the parent's manifest, or null
 * @param parentStarted when the parent's capture began, or null: what changed since may differ from
 *     the parent
 * @param full whether everything was asked to be read anew; then there is nothing of the parent
 * @param hashKey the key of content hashes, the same in all snapshots of a repository's application
 * @param polynomial the repository's chunker polynomial
 * @param rules what to evaluate at the moment that is captured
 */
public record CaptureContext(
    Operation operation,
    BlobSink sink,
    BlobSource source,
    @Nullable Node parent,
    @Nullable JsonObject parentManifest,
    @Nullable Instant parentStarted,
    boolean full,
    RowHash.Key hashKey,
    Polynomial polynomial,
    List<Rule> rules) {
  /** One without rules, which may take from the parent what is unchanged. */
  public CaptureContext(
      Operation operation,
      BlobSink sink,
      BlobSource source,
      @Nullable Node parent,
      @Nullable JsonObject parentManifest,
      @Nullable Instant parentStarted,
      RowHash.Key hashKey,
      Polynomial polynomial) {
    this(
        operation,
        sink,
        source,
        parent,
        parentManifest,
        parentStarted,
        false,
        hashKey,
        polynomial,
        List.of());
  }
}
