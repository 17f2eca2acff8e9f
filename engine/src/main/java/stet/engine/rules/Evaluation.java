package stet.engine.rules;

import java.util.List;

/**
 * What the rules of one component found in a state of it.
 *
 * @param findings of the rules that need nothing else
 * @param references of the rules that are still to be compared with files
 */
public record Evaluation(List<Finding> findings, List<References> references)
    implements AutoCloseable {
  /** Nothing, of no rules. */
  public static final Evaluation NONE = new Evaluation(List.of(), List.of());

  @Override
  public void close() {
    references.forEach(References::close);
  }
}
