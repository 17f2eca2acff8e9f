package stet.engine.rules;

import java.util.List;

/**
 * A rule that could not be evaluated in a state, such as for want of a table that came later.
 *
 * @param rule the rule
 * @param reason what the state lacks
 */
public record Unevaluated(Rule rule, String reason) {
  /** For messages. */
  public String describe() {
    return "rule \"" + rule.name() + "\" was not evaluated: " + reason;
  }

  /** Whether the same rule, with the same text, was evaluated in another state. */
  public boolean isAmong(List<Finding> findings) {
    return findings.stream().anyMatch(finding -> finding.isOf(rule));
  }
}
