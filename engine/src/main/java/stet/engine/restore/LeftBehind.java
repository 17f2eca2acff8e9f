package stet.engine.restore;

import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.StetException;
import stet.engine.component.Progress;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Fate;

/** Warns of what a state has that does not go over to what takes its place. */
final class LeftBehind {
  private LeftBehind() {}

  /** Before anybody is asked whether the live state may be replaced. */
  static void warnOfReplacing(Target target, Progress progress) {
    tell(target, Fate.TO_BE_REPLACED, null, progress).forEach(progress::warn);
  }

  /** A live state that is damaged is a reason to replace it, and none to stop. */
  private static List<String> tell(
      Target target, Fate fate, @Nullable Beside state, Progress progress) {
    try {
      return target.leftBehind(fate, state);
    } catch (StetException e) {
      progress.warn(
          "it cannot be told what does not go over to the state that takes its place: "
              + e.getMessage());
      return List.of();
    }
  }

  /** After a swap, which counts whether or not this can be told. */
  static void warnOfReplaced(RestoreJournal journal, Targets targets, Progress progress) {
    for (RestoreJournal.Part part : journal.components()) {
      try {
        Target target = targets.get(part.name());
        for (Beside state : target.beside()) {
          if (state.identity().equals(part.live())) {
            target.leftBehind(Fate.REPLACED, state).forEach(progress::warn);
          }
        }
      } catch (StetException e) {
        progress.warn(
            "it cannot be told what the replaced state of "
                + part.name()
                + " has that the live state lacks: "
                + e.getMessage());
      }
    }
  }

  /** Drops a replaced state, and tells what went with it. */
  static void drop(Target target, Beside state, Progress progress) {
    // Looked for first, as nothing can be told of a state that is gone.
    List<String> lost = tell(target, Fate.DROPPED, state, progress);
    target.drop(state);
    lost.forEach(progress::warn);
  }
}
