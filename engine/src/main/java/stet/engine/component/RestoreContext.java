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
 */
public record RestoreContext(
    Operation operation, BlobSource source, Node node, JsonObject manifest, RowHash.Key hashKey) {}
