package stet.engine.restore;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.Progress;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Finding;
import stet.engine.rules.Paths;
import stet.engine.rules.References;
import stet.engine.rules.Rule;
import stet.engine.rules.Unevaluated;
import stet.engine.snapshot.TreePaths;
import stet.repository.BlobSource;
import stet.repository.tree.Node;

/**
 * Compares what rules find in what is about to become live with what they found when it was
 * captured. What is not restored counts as it is live.
 */
final class RuleCheck {
  private final Environment environment;
  private final BlobSource source;
  private final Progress progress;
  private final Map<String, Node> restored;
  private final List<Finding> captured;

  /**
   * Prepares.
   *
   * @param restored the captured directories of the components that are restored
   * @param captured what the rules found at capture
   */
  RuleCheck(
      Environment environment,
      BlobSource source,
      Progress progress,
      Map<String, Node> restored,
      List<Finding> captured) {
    this.environment = environment;
    this.source = source;
    this.progress = progress;
    this.restored = restored;
    this.captured = captured;
  }

  /**
   * Evaluates all rules that the restore can change anything about. One that cannot be evaluated,
   * as the state is older or newer than what it speaks of, is told.
   *
   * @param evaluate evaluates rules in the new state of a component that is restored
   * @param allowed whether new violations are only told
   * @throws StetException with {@code INCOHERENT} naming the rules that are newly violated, or that
   *     could be evaluated at capture but cannot now
   */
  List<Finding> run(BiFunction<Component, List<Rule>, Evaluation> evaluate, boolean allowed) {
    List<Finding> findings = new ArrayList<>();
    List<Unevaluated> unevaluated = new ArrayList<>();
    for (Component component : environment.components()) {
      boolean isRestored = restored.containsKey(component.name());
      List<Rule> rules =
          environment.rules().of(component.name()).stream()
              .filter(rule -> isRestored || refersToRestored(rule))
              .toList();
      if (rules.isEmpty()) {
        continue;
      }
      progress.phase("checking the rules about " + component.name());
      try (Evaluation evaluation =
          isRestored ? evaluate.apply(component, rules) : component.evaluate(rules)) {
        findings.addAll(evaluation.complete(this::compare));
        unevaluated.addAll(evaluation.unevaluated());
      }
    }
    judge(findings, unevaluated, allowed);
    return findings;
  }

  private boolean refersToRestored(Rule rule) {
    return rule.body() instanceof Rule.Exists exists && restored.containsKey(exists.files().text());
  }

  private Finding compare(References references) {
    Node node = restored.get(references.component());
    try (Paths paths =
        node == null
            ? Objects.requireNonNull(environment.component(references.component())).paths()
            : new TreePaths(source, node)) {
      return references.compare(paths);
    }
  }

  private void judge(List<Finding> findings, List<Unevaluated> unevaluated, boolean allowed) {
    List<String> faults = new ArrayList<>();
    List<String> violated = violated(findings);
    if (!violated.isEmpty()) {
      faults.add(
          "what would become live violates rules that it did not when it was captured: "
              + String.join("; ", violated));
    }
    List<String> lost = lost(unevaluated);
    if (!lost.isEmpty()) {
      faults.add(
          "rules cannot be evaluated in what would become live that could when it was captured: "
              + String.join("; ", lost));
    }
    if (faults.isEmpty()) {
      return;
    }
    String what = String.join("; ", faults);
    if (allowed) {
      progress.warn(what);
      return;
    }
    throw new StetException(
        ErrorCode.INCOHERENT,
        what,
        "The live state was not touched. Restore all components together, or accept it with"
            + " --allow-violations.");
  }

  /** Tells what is violated now and was not evaluated before, and gives what was and held. */
  private List<String> violated(List<Finding> findings) {
    List<String> violated = new ArrayList<>();
    for (Finding finding : findings) {
      @Nullable Finding before = Finding.of(finding, captured);
      if (finding.violations() == 0 || (before != null && finding.isSame(before))) {
        continue;
      }
      if (before == null) {
        progress.warn(finding.describe() + "; it was not evaluated when the snapshot was made");
      } else {
        violated.add(
            finding.describe()
                + ", "
                + (before.violations() == 0 ? "none" : Long.toString(before.violations()))
                + " when it was captured");
      }
    }
    return violated;
  }

  /** Tells what could not be evaluated before either, and gives what could. */
  private List<String> lost(List<Unevaluated> unevaluated) {
    List<String> lost = new ArrayList<>();
    for (Unevaluated each : unevaluated) {
      if (each.isAmong(captured)) {
        lost.add(each.describe());
      } else {
        progress.warn(each.describe());
      }
    }
    return lost;
  }
}
