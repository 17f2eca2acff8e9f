package stet.cli.command;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.cli.output.Output;
import stet.engine.Environment;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.backup.Backup;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.restore.Restore;
import stet.engine.rules.BoundRules;
import stet.engine.rules.Rule;
import stet.engine.snapshot.ReservedTags;
import stet.repository.Repository;

/** The snapshot of the live state that is taken before something replaces it. */
final class SavedState {
  private final Repository repository;
  private final Environment environment;
  private final Operation operation;
  private final Output output;
  private @Nullable String snapshot;

  SavedState(Repository repository, Environment environment, Operation operation, Output output) {
    this.repository = repository;
    this.environment = environment;
    this.operation = operation;
    this.output = output;
  }

  /** The snapshot's id, or null if none was taken. */
  @Nullable String snapshot() {
    return snapshot;
  }

  /**
   * Takes it, without the rules that cannot be evaluated: a state in which something is missing is
   * what restores are for. A state that is not whole any more cannot be captured; then what a
   * restore swaps is kept as previous state alone, and what is replaced in place must be empty.
   *
   * @param tags further tags for the snapshot
   * @throws StetException with {@code REFUSED} if something of value would be lost otherwise
   */
  void save(Restore.Plan plan, List<String> tags) {
    Backup backup = backup(BoundRules.NONE);
    try {
      backup.check();
    } catch (StetException e) {
      boolean gone = plan.steps().stream().anyMatch(step -> step.live().identity() == null);
      boolean kept = plan.replacing().stream().noneMatch(Restore.Step::inPlace);
      if (!gone || !kept) {
        throw new StetException(
            ErrorCode.REFUSED,
            "the present state of environment "
                + environment.name()
                + " must be captured first, and cannot be: "
                + e.getMessage(),
            kept
                ? "Mend that, or say `protected: false` for the time being; what a restore replaces"
                    + " is kept in any case."
                : "Mend that; what is replaced in place is kept nowhere else.",
            e);
      }
      operation
          .progress()
          .warn(
              "the present state cannot be captured first ("
                  + e.getMessage()
                  + "); what is left of it is kept as the previous state only");
      return;
    }
    List<String> all = new ArrayList<>(List.of(ReservedTags.BEFORE_RESTORE));
    all.addAll(tags);
    Backup.Result saved = run(backup, all);
    snapshot = saved.snapshot().toString();
    output.message("the present state is kept in snapshot " + saved.snapshot().shortText());
  }

  private Backup backup(BoundRules rules) {
    return new Backup(
        repository,
        new Environment(
            environment.app(),
            environment.name(),
            environment.guarded(),
            environment.components(),
            rules),
        operation);
  }

  private Backup.Result run(Backup withoutRules, List<String> tags) {
    Backup fitting = backup(environment.rules().without(unfit()));
    try {
      return fitting.run(tags, false);
    } catch (StetException e) {
      if (e.code() != ErrorCode.CONFIGURATION) {
        throw e;
      }
      // Whether SQL fits the values of the rows is known only once it has run.
      operation.progress().warn("the present state is kept without rules: " + e.getMessage());
      return withoutRules.run(tags, false);
    }
  }

  /** Tells the rules that cannot be evaluated in the present state. */
  private Set<Rule> unfit() {
    Set<Rule> unfit = new HashSet<>();
    for (Component component : environment.components()) {
      List<Rule> rules = environment.rules().of(component.name());
      if (misfit(component, rules) != null) {
        for (Rule rule : rules) {
          StetException misfit = misfit(component, List.of(rule));
          if (misfit != null) {
            operation
                .progress()
                .warn("the present state is kept without a rule: " + misfit.getMessage());
            unfit.add(rule);
          }
        }
      }
    }
    return unfit;
  }

  private static @Nullable StetException misfit(Component component, List<Rule> rules) {
    try {
      if (!rules.isEmpty()) {
        component.checkRules(rules);
      }
      return null;
    } catch (StetException e) {
      if (e.code() != ErrorCode.CONFIGURATION) {
        throw e;
      }
      return e;
    }
  }
}
