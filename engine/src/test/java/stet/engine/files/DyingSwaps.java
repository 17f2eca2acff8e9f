package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Objects;
import java.util.function.Consumer;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.posix.PosixPath;

/** Work on one directory's states that dies at any of its steps. */
final class DyingSwaps {
  private final FilesFixture files;
  private final PosixPath path;
  private final Captured captured;

  /**
   * @param path the directory
   * @param captured what is staged to take its place
   */
  DyingSwaps(FilesFixture files, PosixPath path, Captured captured) {
    this.files = files;
    this.path = path;
    this.captured = captured;
  }

  private static final class Crash extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /**
   * A staged state.
   *
   * @param before the identity of what was live
   */
  record Swapped(Beside state, String operation, String before) {}

  /** Something that is tried with each step in turn. */
  interface Trial {
    /** Tries, and says whether it died, so that there may be a further step. */
    boolean diesAt(int step) throws IOException;
  }

  /** A target that does not die. */
  FilesTarget target() {
    return new FilesTarget(path, step -> {});
  }

  /** Stages, with a journal. */
  Swapped stage() {
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      target.note(target.stage(files.restoring(captured, operation)), "journal");
      return new Swapped(
          only(target), operation.id(), Objects.requireNonNull(target.live().identity()));
    }
  }

  /** The only state beside the live one. */
  static Beside only(Target target) {
    assertThat(target.beside()).hasSize(1);
    return target.beside().getFirst();
  }

  /**
   * Runs until the given step and dies right before it, so that nothing is done after it either,
   * not even on the way out.
   *
   * @return whether it died, rather than came to its end
   */
  boolean diesAt(int step, Consumer<FilesTarget> action) {
    int[] count = {0};
    Place.Steps steps =
        name -> {
          if (++count[0] >= step) {
            throw new Crash();
          }
        };
    try (FilesTarget target = new FilesTarget(path, steps)) {
      action.accept(target);
      return false;
    } catch (Crash e) {
      return true;
    }
  }

  /** Tries with one step after the other, until there is none left to die at; at least so many. */
  static void atEveryStep(int atLeast, Trial trial) throws IOException {
    int step = 1;
    while (trial.diesAt(step)) {
      step++;
    }
    assertThat(step).isGreaterThan(atLeast);
  }
}
