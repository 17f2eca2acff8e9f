package stet.engine.component;

import stet.engine.RowHash;
import stet.repository.BlobSource;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;

/**
 * What a target is given to stage a captured component with.
 *
 * @param operation the restore
 * @param source gives the blobs
 * @param node the component's directory in the snapshot
 * @param manifest what the component added to the snapshot's manifest when it was captured
 * @param hashKey the key of the manifest's content hashes
 * @param noOwner whether objects are to belong to the role that connects, not to their captured
 *     owners; for kinds that know owners
 * @param noPrivileges whether captured privileges are to be left out; for kinds that know them
 */
public record RestoreContext(
    Operation operation,
    BlobSource source,
    Node node,
    JsonObject manifest,
    RowHash.Key hashKey,
    boolean noOwner,
    boolean noPrivileges) {
  /** One that restores owners and privileges. */
  public RestoreContext(
      Operation operation, BlobSource source, Node node, JsonObject manifest, RowHash.Key hashKey) {
    this(operation, source, node, manifest, hashKey, false, false);
  }

  /** The same for another directory. */
  public RestoreContext with(Node other) {
    return new RestoreContext(operation, source, other, manifest, hashKey, noOwner, noPrivileges);
  }
}
