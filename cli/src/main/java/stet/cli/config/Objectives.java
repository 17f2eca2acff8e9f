package stet.cli.config;

import java.time.Duration;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the state of an environment is held against.
 *
 * @param rpo how old the newest snapshot may be, or null
 * @param rto how long a restore may take, or null
 * @param proofAge how old the newest proof may be, or null
 */
public record Objectives(
    @Nullable Duration rpo, @Nullable Duration rto, @Nullable Duration proofAge) {
  static Objectives of(@Nullable Values values) {
    return values == null
        ? new Objectives(null, null, null)
        : new Objectives(
            values.get(Definition.RPO),
            values.get(Definition.RTO),
            values.get(Definition.PROOF_AGE));
  }

  /** One of them as the configuration has it, or null. */
  public @Nullable String text(Function<Objectives, @Nullable Duration> which) {
    Duration objective = which.apply(this);
    return objective == null ? null : Shapes.text(objective);
  }
}
