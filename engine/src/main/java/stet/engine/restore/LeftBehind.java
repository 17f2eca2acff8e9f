package stet.engine.restore;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import stet.engine.StetException;
import stet.engine.component.Progress;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Fate;

/**
 * Warns of what a state has that does not go over to what takes its place. That this cannot be told
 * stops nothing: a state that is damaged is a reason to replace it, and a swap counts in any case.
 */
final class LeftBehind {
  private LeftBehind() {}

  /** Before anybody is asked whether the live state may be replaced. */
  static void warnOfReplacing(String component, Target target, Progress progress) {
    ask(component, progress, () -> target.leftBehind(Fate.TO_BE_REPLACED, null))
        .forEach(progress::warn);
  }

  /** After a swap. */
  static void warnOfReplaced(RestoreJournal journal, Targets targets, Progress progress) {
    for (RestoreJournal.Part part : journal.components()) {
      ask(part.name(), progress, () -> replaced(part, targets.get(part.name())))
          .forEach(progress::warn);
    }
  }

  private static List<String> replaced(RestoreJournal.Part part, Target target) {
    List<String> told = new ArrayList<>();
    for (Beside state : target.beside()) {
      if (state.identity().equals(part.live())) {
        told.addAll(target.leftBehind(Fate.REPLACED, state));
      }
    }
    return told;
  }

  /** Drops a replaced state, and tells what went with it. */
  static void drop(String component, Target target, Beside state, Progress progress) {
    // Looked for first, as nothing can be told of a state that is gone.
    List<String> lost = ask(component, progress, () -> target.leftBehind(Fate.DROPPED, state));
    target.drop(state);
    lost.forEach(progress::warn);
  }

  private static List<String> ask(
      String component, Progress progress, Supplier<List<String>> question) {
    try {
      return question.get();
    } catch (StetException e) {
      progress.warn(
          "it cannot be told what a replaced state of component "
              + component
              + " has that the state in its place lacks: "
              + e.getMessage());
      return List.of();
    }
  }
}
