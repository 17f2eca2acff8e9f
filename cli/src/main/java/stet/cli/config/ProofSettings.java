package stet.cli.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Component.Scratch;
import stet.engine.proof.Assertion;

/**
 * How snapshots are proven.
 *
 * @param server see {@link Scratch#server}
 * @param restoreFiles see {@link Scratch#restoreFiles}
 * @param assertions what must hold in a restored state
 */
public record ProofSettings(
    @Nullable Secret server, boolean restoreFiles, List<Assertion> assertions) {
  static final ProofSettings DEFAULT = new ProofSettings(null, true, List.of());

  public ProofSettings {
    assertions = List.copyOf(assertions);
  }

  static ProofSettings of(@Nullable Values values) {
    if (values == null) {
      return DEFAULT;
    }
    List<Assertion> assertions = new ArrayList<>();
    for (Values each :
        Objects.requireNonNullElse(values.get(Definition.PROOF_ASSERT), List.<Values>of())) {
      String sql = each.get(Definition.ASSERT_SQL);
      List<String> command = each.get(Definition.ASSERT_COMMAND);
      if (sql != null) {
        assertions.add(
            new Assertion.Query(
                each.get(Definition.ASSERT_COMPONENT),
                sql,
                each.get(Definition.ASSERT_MIN),
                each.get(Definition.ASSERT_MAX)));
      }
      if (command != null) {
        assertions.add(new Assertion.Program(command));
      }
    }
    return new ProofSettings(
        values.get(Definition.PROOF_SERVER),
        !"read".equals(values.get(Definition.PROOF_FILES)),
        assertions);
  }

  /** Where trials take place; gets the secret. */
  public Scratch scratch() {
    return new Scratch(server == null ? null : server.reveal(), restoreFiles);
  }
}
