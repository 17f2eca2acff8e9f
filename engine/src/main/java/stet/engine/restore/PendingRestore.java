package stet.engine.restore;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.InPlace;
import stet.engine.component.Operation;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Role;
import stet.engine.restore.RestoreJournal.Decision;

/**
 * Restores that were interrupted: found by the notes they left with the states, finished or undone.
 */
public final class PendingRestore {
  private PendingRestore() {}

  /**
   * What interrupted restores have left.
   *
   * @param armed journals of restores that had verified everything and begun to swap
   * @param debris staged states that were never complete
   */
  private record Leftovers(List<RestoreJournal> armed, Map<String, List<Beside>> debris) {}

  /**
   * Refuses to go on while a restore is half-way through its swap.
   *
   * @throws StetException with {@code REFUSED}
   */
  public static void refuse(Environment environment, Operation operation) {
    try (Targets targets = Targets.all(environment, operation)) {
      refuse(targets);
    }
  }

  static void refuse(Targets targets) {
    List<RestoreJournal> armed = find(targets).armed();
    if (!armed.isEmpty()) {
      RestoreJournal journal = armed.getFirst();
      throw new StetException(
          ErrorCode.REFUSED,
          "restore "
              + journal.operation()
              + " of "
              + journal.snapshot()
              + ", begun "
              + journal.time()
              + ", was interrupted during its swap",
          "Run `stet restore --resume` to finish it or `stet restore --abort` to undo it.");
    }
  }

  /**
   * What was done about interrupted restores.
   *
   * @param finished restores that were interrupted during their swap and are now complete
   * @param undone restores of which nothing is left
   */
  public record Outcome(List<String> finished, List<String> undone) {}

  /**
   * Finishes the restore that was interrupted during its swap, and removes what restores have
   * staged that were interrupted before.
   *
   * @param lock the environment's
   */
  public static Outcome resume(Environment environment, EnvironmentLock lock, Operation operation) {
    try (Targets targets = Targets.all(environment, operation)) {
      List<String> finished = new ArrayList<>();
      for (RestoreJournal journal : find(targets).armed) {
        requireTargets(journal, targets);
        requireCommitted(journal, environment);
        Shielded.run(() -> {
          Swap.resume(journal, lock, targets);
          Swap.settle(journal, targets);
        });
        LeftBehind.warnOfReplaced(journal, targets, operation.progress());
        finished.add(journal.operation());
      }
      return new Outcome(finished, List.copyOf(dropDebris(targets, operation)));
    }
  }

  /**
   * Undoes all interrupted restores and removes what they staged. What was live of it is kept, and
   * {@link PreviousStates#rollback} passes over it.
   *
   * @param lock the environment's
   */
  public static Outcome abort(Environment environment, EnvironmentLock lock, Operation operation) {
    try (Targets targets = Targets.all(environment, operation)) {
      Leftovers leftovers = find(targets);
      Set<String> operations = new java.util.TreeSet<>();
      for (RestoreJournal journal : leftovers.armed) {
        requireTargets(journal, targets);
        requireRolledBack(journal, environment);
        lock.check();
        Shielded.run(() -> Swap.abort(journal, targets, operation));
        operations.add(journal.operation());
      }
      operations.addAll(dropDebris(targets, operation));
      return new Outcome(List.of(), List.copyOf(operations));
    }
  }

  /** Swaps that came before a transaction stay only if it was committed. */
  private static void requireCommitted(RestoreJournal journal, Environment environment) {
    Decision decision = journal.decision();
    if (decision != null
        && !decision.settled()
        && LastStep.outcome(journal, decision, environment) == InPlace.Outcome.ROLLED_BACK) {
      throw new StetException(
          ErrorCode.REFUSED,
          "restore "
              + journal.operation()
              + " cannot be finished: the transaction that restored component "
              + decision.component()
              + " in place was rolled back",
          "Run `stet restore --abort` to undo the rest, then restore again.");
    }
  }

  private static void requireRolledBack(RestoreJournal journal, Environment environment) {
    Decision decision = journal.decision();
    if (decision != null
        && (decision.settled()
            || LastStep.outcome(journal, decision, environment) == InPlace.Outcome.COMMITTED)) {
      throw new StetException(
          ErrorCode.REFUSED,
          "restore "
              + journal.operation()
              + " cannot be undone: the transaction that restored component "
              + decision.component()
              + " in place was committed",
          "Run `stet restore --resume` to finish it; then `stet rollback` puts back what was there.");
    }
  }

  static void requireTargets(RestoreJournal journal, Targets targets) {
    for (RestoreJournal.Part part : journal.components()) {
      if (!targets.has(part.name())) {
        throw new StetException(
            ErrorCode.CONFIGURATION,
            "restore "
                + journal.operation()
                + " concerns component "
                + part.name()
                + ", which environment "
                + journal.environment()
                + " no longer has",
            "Put the component back into the configuration until the restore is finished.");
      }
    }
  }

  /**
   * Removes staged states of restores that died before they were complete; returns their
   * operations.
   */
  static Set<String> dropDebris(Targets targets, Operation operation) {
    Set<String> operations = new java.util.TreeSet<>();
    for (Map.Entry<String, List<Beside>> entry : find(targets).debris().entrySet()) {
      for (Beside state : entry.getValue()) {
        operation
            .progress()
            .detail("dropping " + state.name() + ", left by an interrupted restore");
        targets.get(entry.getKey()).drop(state);
        operations.add(state.operation());
      }
    }
    return operations;
  }

  private static Leftovers find(Targets targets) {
    Map<String, RestoreJournal> armed = new LinkedHashMap<>();
    Map<String, List<Beside>> states = new LinkedHashMap<>();
    for (String name : targets.names()) {
      targets.get(name).settle();
    }
    for (String name : targets.names()) {
      Target target = targets.get(name);
      List<Beside> beside = target.beside();
      states.put(name, beside);
      for (Beside state : beside) {
        RestoreJournal journal = RestoreJournal.parse(state.note());
        RestoreJournal.Part part = journal == null ? null : journal.part(name);
        if (journal != null
            && part != null
            && (state.identity().equals(part.staged())
                || isUndecided(journal, part, state)
                || isToBeVacated(journal, targets))) {
          armed.put(journal.operation(), journal.undone(false));
        }
      }
    }
    Map<String, List<Beside>> debris = new LinkedHashMap<>();
    for (Map.Entry<String, List<Beside>> entry : states.entrySet()) {
      List<Beside> unused = new ArrayList<>();
      for (Beside state : entry.getValue()) {
        if (state.role() == Role.STAGING && !armed.containsKey(state.operation())) {
          unused.add(state);
        }
      }
      debris.put(entry.getKey(), unused);
    }
    return new Leftovers(List.copyOf(armed.values()), debris);
  }

  /**
   * Whether a state was put aside for what was to be committed afterwards, and may not have been.
   */
  private static boolean isUndecided(
      RestoreJournal journal, RestoreJournal.Part part, Beside state) {
    Decision decision = journal.decision();
    return decision != null && !decision.settled() && state.identity().equals(part.live());
  }

  /**
   * Whether something is still live that a journal puts aside for nothing; where a state takes its
   * place, that state tells.
   */
  private static boolean isToBeVacated(RestoreJournal journal, Targets targets) {
    return journal.components().stream()
        .anyMatch(part ->
            part.state() == null
                && part.live() != null
                && targets.has(part.name())
                && part.live().equals(targets.get(part.name()).live().identity()));
  }

  /** Whether a state beside the live one is what an operation replaced in a component. */
  static boolean isPrevious(String component, Beside state) {
    RestoreJournal journal = RestoreJournal.parse(state.note());
    RestoreJournal.Part part = journal == null ? null : journal.part(component);
    return part != null && Objects.equals(part.live(), state.identity());
  }
}
