package stet.engine.component;

import stet.repository.json.JsonObject;
import stet.repository.tree.Node;

/**
 * A captured component.
 *
 * @param node the component's directory in the snapshot, named like the component
 * @param manifest what the component adds to the snapshot's manifest, such as rows and hash by
 *     table
 */
public record Captured(Node node, JsonObject manifest) {}
