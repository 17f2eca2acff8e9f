package stet.engine.component;

import stet.engine.rules.Evaluation;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;

/**
 * A captured component.
 *
 * @param node the component's directory in the snapshot, named like the component
 * @param manifest what the component adds to the snapshot's manifest, such as rows and hash by
 *     table
 * @param evaluation what the rules of the context found, to be closed
 */
public record Captured(Node node, JsonObject manifest, Evaluation evaluation) {
  /** One without rules. */
  public Captured(Node node, JsonObject manifest) {
    this(node, manifest, Evaluation.NONE);
  }
}
