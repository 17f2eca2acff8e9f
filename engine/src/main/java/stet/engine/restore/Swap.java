package stet.engine.restore;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.InPlace.Outcome;
import stet.engine.component.Operation;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Live;

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
   * What is to happen to a component.
   *
   * @param state what becomes live, or null for nothing
   */
  record Change(String component, @Nullable Beside state) {}

  /**
   * Carries out all {@code changes}; an interrupt waits until that is done. If one cannot be
   * carried out, those before it are undone, and what was staged for all of them is removed.
   *
   * @param lock the environment's, which must still be held whenever a state is swapped
   * @param snapshot what the states come from, for the journal
   */
  static RestoreJournal run(
      Environment environment,
      EnvironmentLock lock,
      Operation operation,
      Targets targets,
      List<Change> changes,
      String snapshot) {
    return run(environment, lock, operation, targets, changes, snapshot, null);
  }

  /**
   * Carries out all {@code changes}, and then {@code last}, if it is not null. If that is not
   * committed, all is undone as well.
   */
  static RestoreJournal run(
      Environment environment,
      EnvironmentLock lock,
      Operation operation,
      Targets targets,
      List<Change> changes,
      String snapshot,
      @Nullable LastStep last) {
    List<String> order = targets.inSwapOrder();
    List<RestoreJournal.Part> parts = new ArrayList<>();
    for (Change change :
        changes.stream()
            .sorted(Comparator.comparingInt(c -> order.indexOf(c.component)))
            .toList()) {
      Beside state = change.state;
      parts.add(
          new RestoreJournal.Part(
              change.component,
              state == null ? null : state.withNote(RestoreJournal.withoutNotes(state.note())),
              targets.get(change.component).live().identity()));
    }
    RestoreJournal journal =
        new RestoreJournal(
            operation.id(),
            environment.app(),
            environment.name(),
            snapshot,
            Instant.now(),
            parts,
            last == null ? null : last.decision(),
            false);
    operation.checkStop();
    Shielded.run(() -> carryOut(journal, lock, operation, targets, last));
    LeftBehind.warnOfReplaced(journal, targets, operation.progress());
    return journal;
  }

  private static void carryOut(
      RestoreJournal journal,
      EnvironmentLock lock,
      Operation operation,
      Targets targets,
      @Nullable LastStep last) {
    Outcome outcome = Outcome.COMMITTED;
    try {
      String text = journal.toText();
      for (RestoreJournal.Part part : journal.components()) {
        Beside state = part.state();
        if (state != null) {
          targets.get(part.name()).note(state, text);
        }
      }
      if (last == null) {
        resume(journal, lock, targets);
      } else {
        swap(journal, lock, targets, part -> part.live() != null);
        lock.check();
        outcome = last.commit();
      }
    } catch (RuntimeException e) {
      if (last != null) {
        last.inPlace().close();
      }
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
    if (outcome != Outcome.COMMITTED) {
      throw new StetException(
          ErrorCode.FAILED,
          "the server does not tell whether it has committed what was restored in place",
          journal.components().isEmpty()
              ? "Look at the database: it is wholly as before or wholly restored."
              : "Run `stet restore --resume` if it has, or `stet restore --abort` if not; they ask"
                  + " the server again.");
    }
    if (last != null) {
      // What was not there before has no previous state to tell of it, so it waited until now.
      resume(journal, lock, targets);
      settle(journal, targets);
    }
  }

  /** Notes that the transaction was committed, so that nobody needs to ask for it again. */
  static void settle(RestoreJournal journal, Targets targets) {
    String text = journal.settled().toText();
    for (RestoreJournal.Part part : journal.components()) {
      Target target = targets.get(part.name());
      Beside previous = part.live() == null ? null : find(target, part.live());
      if (previous != null) {
        target.note(previous, text);
      }
    }
  }

  /**
   * Swaps what is not swapped yet.
   *
   * @throws StetException with {@code REFUSED} if what is live is neither what it was nor what it
   *     is to be; nothing is swapped then
   */
  static void resume(RestoreJournal journal, EnvironmentLock lock, Targets targets) {
    swap(journal, lock, targets, part -> true);
  }

  private static void swap(
      RestoreJournal journal,
      EnvironmentLock lock,
      Targets targets,
      Predicate<RestoreJournal.Part> chosen) {
    for (RestoreJournal.Part part : journal.components()) {
      requireSwappable(part, journal, targets.get(part.name()));
    }
    for (RestoreJournal.Part part : journal.components()) {
      Target target = targets.get(part.name());
      if (!Objects.equals(part.staged(), target.live().identity())) {
        target.checkSwap(part.state(), journal.operation());
      }
    }
    String text = journal.toText();
    for (RestoreJournal.Part part : journal.components()) {
      if (chosen.test(part)) {
        lock.check();
        // A swap that died between its steps is completed too, so the call is made for every part.
        targets.get(part.name()).swap(part.state(), journal.operation(), text);
      }
    }
  }

  private static void requireSwappable(
      RestoreJournal.Part part, RestoreJournal journal, Target target) {
    Live live = target.live();
    if (Objects.equals(live.identity(), part.staged())) {
      return;
    }
    String failure = "restore " + journal.operation() + " cannot be finished: ";
    refuseVanished(part, journal, target, failure);
    if (!Objects.equals(live.identity(), part.live())) {
      throw new StetException(
          ErrorCode.REFUSED,
          failure
              + live.description()
              + " was changed by somebody else: "
              + named(live.identity())
              + " is live where "
              + named(part.live())
              + " was",
          "Run `stet restore --abort`; it leaves that alone and undoes the rest.");
    }
    Beside state = part.state();
    if (state != null && find(target, state.identity()) == null) {
      throw new StetException(
          ErrorCode.FAILED,
          failure + state.name() + " of component " + part.name() + " is gone",
          "Run `stet restore --abort` to put back what was live before.");
    }
  }

  /**
   * Where neither what was live nor what was to be is to be found, nobody can tell whether it was
   * swapped, and the other components may belong to either.
   */
  private static void refuseVanished(
      RestoreJournal.Part part, RestoreJournal journal, Target target, String failure) {
    Live live = target.live();
    if (Objects.equals(live.identity(), part.live())
        || Objects.equals(live.identity(), part.staged())
        || (part.live() != null && find(target, part.live()) != null)
        || (part.staged() != null && find(target, part.staged()) != null)) {
      return;
    }
    List<String> others =
        journal.components().stream()
            .filter(other -> !other.equals(part) && other.state() != null)
            .map(other -> Objects.requireNonNull(other.state()).name())
            .toList();
    throw new StetException(
        ErrorCode.REFUSED,
        failure
            + "of component "
            + part.name()
            + " neither what was live nor what was to be is at "
            + live.description()
            + ": "
            + named(live.identity())
            + " is live there",
        "A volume may not be mounted there; mount it and try again."
            + (others.isEmpty()
                ? ""
                : " If both are gone for good, the rest is yours to choose from: remove or rename "
                    + String.join(", ", others)
                    + "."));
  }

  private static String named(@Nullable String identity) {
    return identity == null ? "nothing" : "identity " + identity;
  }

  /**
   * Swaps back what is swapped, and then removes what was staged and never live. Until all is back,
   * every part that was put aside carries the journal, so that an abort that dies can be repeated.
   */
  static void abort(RestoreJournal journal, Targets targets, Operation operation) {
    for (RestoreJournal.Part part : journal.components()) {
      refuseVanished(
          part,
          journal,
          targets.get(part.name()),
          "restore " + journal.operation() + " cannot be undone: ");
    }
    refuseLoss(journal, targets);
    for (RestoreJournal.Part part : journal.components().reversed()) {
      swapBack(part, journal, targets.get(part.name()));
    }
    for (RestoreJournal.Part part : journal.components().reversed()) {
      Target target = targets.get(part.name());
      Beside state = part.state();
      Beside found = state == null ? null : find(target, state.identity());
      if (state == null || found == null) {
        continue;
      }
      // By the role that it had when the journal was written, not by where it is found: what was
      // staged can be made again, what was replaced can not.
      switch (state.role()) {
        case STAGING -> {
          if (wasLive(found)) {
            keep(part, state, journal, target, operation);
          } else {
            target.drop(state);
            operation.progress().detail("dropped " + state.name());
          }
        }
        case PREVIOUS -> target.note(state, Objects.requireNonNullElse(state.note(), ""));
      }
    }
  }

  private static void swapBack(RestoreJournal.Part part, RestoreJournal journal, Target target) {
    Beside state = part.state();
    if (state == null) {
      target.swapBack(null, journal.operation());
      return;
    }
    String undone = journal.undone(true).toText();
    if (!state.identity().equals(target.live().identity())
        && find(target, state.identity()) != null
        && target.isPartlySwapped(state)) {
      // Putting it aside wholly takes away the trace of that.
      target.note(state, undone);
    }
    target.swapBack(state.withNote(undone), journal.operation());
  }

  private static boolean wasLive(Beside state) {
    RestoreJournal journal = RestoreJournal.parse(state.note());
    return journal != null && journal.undone();
  }

  /** Somebody may have written to it, and nothing else has that. */
  private static void keep(
      RestoreJournal.Part part,
      Beside state,
      RestoreJournal journal,
      Target target,
      Operation operation) {
    Beside kept = target.keep(state, journal.kept(part, Instant.now()).toText());
    operation
        .progress()
        .warn(
            "what was restored of component "
                + part.name()
                + " is kept as "
                + kept.name()
                + " because it was live until the restore was undone; look into it for what was"
                + " written meanwhile, and remove it with `stet previous drop "
                + journal.operation()
                + "`");
  }

  /** Where what was live before is gone, undoing would leave nothing at all. */
  private static void refuseLoss(RestoreJournal journal, Targets targets) {
    for (RestoreJournal.Part part : journal.components()) {
      Target target = targets.get(part.name());
      String before = part.live();
      if (before != null
          && Objects.equals(part.staged(), target.live().identity())
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

  private static @Nullable Beside find(Target target, String identity) {
    for (Beside state : target.beside()) {
      if (state.identity().equals(identity)) {
        return state;
      }
    }
    return null;
  }
}
