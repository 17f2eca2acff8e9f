package stet.engine.rules;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.repository.json.JsonObject;

/**
 * How far a rule holds in one state of the application.
 *
 * @param rule the rule's name
 * @param text the rule as it is written
 * @param violations how many rows or values violate it
 * @param hash of all of them with what is wrong with each, whatever their order; equal hashes mean
 *     equal violations
 * @param examples up to {@value #EXAMPLES} of them
 * @param orphans for {@code exists in}: files that no row refers to; else null
 */
public record Finding(
    String rule,
    String text,
    long violations,
    String hash,
    List<String> examples,
    @Nullable Orphans orphans) {
  /** How many examples are kept. */
  public static final int EXAMPLES = 20;

  /** Files that no row refers to, with up to {@value Finding#EXAMPLES} of them. */
  public record Orphans(long count, List<String> examples) {}

  public Finding {
    examples = List.copyOf(examples);
  }

  /** Whether exactly the same violates the rule. */
  public boolean isSame(Finding other) {
    return violations == other.violations && hash.equals(other.hash);
  }

  /** Whether it is of a rule as it is written now. */
  public boolean isOf(Rule other) {
    return rule.equals(other.name()) && text.equals(other.text());
  }

  /** For messages: the rule with how many violations it has, and some of them. */
  public String describe() {
    return "rule \""
        + rule
        + "\": "
        + violations
        + (violations == 1 ? " violation" : " violations")
        + (examples.isEmpty()
            ? ""
            : " ("
                + String.join("; ", examples.subList(0, Math.min(3, examples.size())))
                + (violations > 3 ? "; …" : "")
                + ")");
  }

  /** As the manifest has it. */
  public JsonObject toJson() {
    JsonObject json =
        new JsonObject()
            .put("rule", rule)
            .put("text", text)
            .put("violations", violations)
            .put("hash", hash)
            .put("examples", examples);
    if (orphans != null) {
      json.put("orphans", orphans.count()).put("orphan_examples", orphans.examples());
    }
    return json;
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws stet.repository.json.JsonException if it is something else
   */
  public static Finding parse(JsonObject json) {
    return new Finding(
        json.string("rule"),
        json.string("text"),
        json.integer("violations"),
        json.string("hash"),
        json.strings("examples"),
        json.has("orphans")
            ? new Orphans(json.integer("orphans"), json.strings("orphan_examples"))
            : null);
  }

  /** The finding of the same rule with the same text, or null. */
  public static @Nullable Finding of(Finding wanted, List<Finding> among) {
    return among.stream()
        .filter(other -> other.rule.equals(wanted.rule) && Objects.equals(other.text, wanted.text))
        .findFirst()
        .orElse(null);
  }
}
