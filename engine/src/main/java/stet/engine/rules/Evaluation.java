package stet.engine.rules;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * What the rules of one component found in a state of it.
 *
 * @param findings of the rules that need nothing else
 * @param references of the rules that are still to be compared with files
 * @param unevaluated the rules that could not be evaluated; none in a capture
 */
public record Evaluation(
    List<Finding> findings, List<References> references, List<Unevaluated> unevaluated)
    implements AutoCloseable {
  /** Nothing, of no rules. */
  public static final Evaluation NONE = new Evaluation(List.of(), List.of(), List.of());

  /**
   * All findings.
   *
   * @param compare compares references with the files they are to be
   */
  public List<Finding> complete(Function<References, Finding> compare) {
    List<Finding> all = new ArrayList<>(findings);
    references.forEach(each -> all.add(compare.apply(each)));
    return all;
  }

  @Override
  public void close() {
    references.forEach(References::close);
  }
}
