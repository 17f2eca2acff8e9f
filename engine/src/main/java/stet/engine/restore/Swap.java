package stet.engine.restore;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Role;

/**
 * Makes several components' states live together.
 *
 * <p>First the journal is stored with every state. From then on facts tell what is done: a state
 * whose identity the live one has is swapped. So {@link #resume} and {@link #abort} need nothing
 * but the journal, and may themselves be interrupted and repeated.
 */
final class Swap {
  private Swap() {}

  /**
   * Swaps all {@code states}; an interrupt waits until that is done. If one cannot be swapped,
   * those already swapped are swapped back.
   *
   * @param states the state that becomes live, by component
   * @param snapshot what the states come from, for the journal
   */
  static RestoreJournal run(
      Environment environment,
      Operation operation,
      Targets targets,
      Map<String, Beside> states,
      String snapshot) {
    List<RestoreJournal.Part> parts = new ArrayList<>();
    for (String name : targets.inSwapOrder(states.keySet())) {
      Beside state = stateOf(states, name);
      parts.add(
          new RestoreJournal.Part(
              name,
              state.name(),
              state.identity(),
              targets.get(name).live().identity(),
              RestoreJournal.withoutNotes(state.note())));
    }
    RestoreJournal journal =
        new RestoreJournal(
            operation.id(), environment.app(), environment.name(), snapshot, Instant.now(), parts);
    operation.checkStop();
    Shielded.run(() -> carryOut(journal, operation, targets, states));
    return journal;
  }

  private static void carryOut(
      RestoreJournal journal, Operation operation, Targets targets, Map<String, Beside> states) {
    try {
      String text = journal.toText();
      for (RestoreJournal.Part part : journal.components()) {
        targets.get(part.name()).note(stateOf(states, part.name()), text);
      }
      resume(journal, targets);
    } catch (RuntimeException e) {
      try {
        abort(journal, targets, operation);
      } catch (RuntimeException undo) {
        StetException failure =
            new StetException(
                ErrorCode.FAILED,
                "the swap failed ("
                    + e.getMessage()
                    + ") and could not be undone: "
                    + undo.getMessage(),
                "Run `stet restore --resume` to finish it or `stet restore --abort` to undo it.",
                e);
        failure.addSuppressed(undo);
        throw failure;
      }
      throw e;
    }
  }

  private static Beside stateOf(Map<String, Beside> states, String name) {
    Beside state = states.get(name);
    if (state == null) {
      throw new IllegalArgumentException("component " + name + " has no state to swap");
    }
    return state;
  }

  /** Swaps what is not swapped yet. */
  static void resume(RestoreJournal journal, Targets targets) {
    String text = journal.toText();
    Map<String, Beside> states = new HashMap<>();
    for (RestoreJournal.Part part : journal.components()) {
      Target target = targets.get(part.name());
      if (!part.staged().equals(target.live().identity())) {
        Beside state = find(target, part.staged());
        if (state == null) {
          throw new StetException(
              ErrorCode.FAILED,
              "restore "
                  + journal.operation()
                  + " cannot be finished: "
                  + part.state()
                  + " of component "
                  + part.name()
                  + " is gone",
              "Run `stet restore --abort` to put back what was live before.");
        }
        states.put(part.name(), state);
      }
    }
    for (RestoreJournal.Part part : journal.components()) {
      Beside state = states.get(part.name());
      // A swap that died between its steps is completed too, so the call is made for every part.
      targets
          .get(part.name())
          .swap(
              state != null ? state : described(part, journal, part.note()),
              journal.operation(),
              text);
    }
  }

  /**
   * Swaps back what is swapped, and then removes what was staged. Until all is back, every part
   * that was put aside carries the journal, so that an abort that dies can be repeated.
   */
  static void abort(RestoreJournal journal, Targets targets, Operation operation) {
    refuseLoss(journal, targets);
    String text = journal.toText();
    for (RestoreJournal.Part part : journal.components().reversed()) {
      targets.get(part.name()).swapBack(described(part, journal, text), journal.operation());
    }
    for (RestoreJournal.Part part : journal.components().reversed()) {
      Target target = targets.get(part.name());
      Beside state = find(target, part.staged());
      if (state == null) {
        continue;
      }
      switch (state.role()) {
        case STAGING -> {
          target.drop(state);
          operation.progress().detail("dropped " + state.name());
        }
        case PREVIOUS -> target.note(state, part.note() == null ? "" : part.note());
      }
    }
  }

  /** Where what was live before is gone, undoing would leave nothing at all. */
  private static void refuseLoss(RestoreJournal journal, Targets targets) {
    for (RestoreJournal.Part part : journal.components()) {
      Target target = targets.get(part.name());
      String before = part.live();
      if (before != null
          && part.staged().equals(target.live().identity())
          && find(target, before) == null) {
        throw new StetException(
            ErrorCode.FAILED,
            "restore "
                + journal.operation()
                + " cannot be undone: what it replaced of component "
                + part.name()
                + " is gone",
            "Run `stet restore --resume` to finish it.");
      }
    }
  }

  private static Beside described(
      RestoreJournal.Part part, RestoreJournal journal, @Nullable String note) {
    return new Beside(Role.STAGING, journal.operation(), part.state(), part.staged(), note);
  }

  private static @Nullable Beside find(Target target, String identity) {
    for (Beside state : target.beside()) {
      if (state.identity().equals(identity)) {
        return state;
      }
    }
    return null;
  }
}
