package stet.cli.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
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

  /**
   * Reports assertions that say nothing, or two things at once, or speak of no database.
   *
   * @param environments what was read of each environment
   */
  static void check(@Nullable Values values, Map<String, Values> environments, Reading reading) {
    List<Values> given = values == null ? null : values.get(Definition.PROOF_ASSERT);
    Position position = values == null ? null : values.position(Definition.PROOF_ASSERT);
    if (given == null || position == null) {
      return;
    }
    AssertionBinding binding = new AssertionBinding(reading, environments);
    for (int i = 0; i < given.size(); i++) {
      Values each = given.get(i);
      String path = "proof.assert[" + i + "]";
      boolean query = each.get(Definition.ASSERT_SQL) != null;
      boolean program = each.get(Definition.ASSERT_COMMAND) != null;
      boolean limits =
          Stream.of(Definition.ASSERT_COMPONENT, Definition.ASSERT_MIN, Definition.ASSERT_MAX)
              .anyMatch(key -> each.get(key) != null);
      String fault =
          query == program
              ? "one of sql and command is needed"
              : program && limits ? "component, min and max go with sql" : null;
      if (reading.isFaulty(path)) {
        continue;
      }
      if (fault != null) {
        reading.problem(
            new Problem(
                position, path, fault, "Write `{ sql: …, min: 1 }` or `{ command: [ … ] }`."),
            null,
            false);
      } else if (query) {
        binding.check(each, path);
      }
    }
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
