package stet.engine.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import stet.engine.Environment;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Live;
import stet.engine.component.Target.Role;

/**
 * The protocol of several targets, dying before every single step: whatever died, {@code --resume}
 * makes all new and {@code --abort} makes all old.
 */
class SwapTest {
  private static final List<String> NAMES = List.of("one", "two", "three");

  /** A process that died: nothing it still does has any effect. */
  private static final class Death extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** What survives processes: each component's states, and the steps left until death. */
  private static final class World {
    final Map<String, Place> places = new LinkedHashMap<>();
    int stepsLeft = Integer.MAX_VALUE;

    World() {
      for (String name : NAMES) {
        places.put(name, new Place(name));
      }
    }

    void step() {
      if (stepsLeft-- <= 0) {
        throw new Death();
      }
    }

    Environment environment() {
      List<Component> components = new ArrayList<>();
      places.values().forEach(place -> components.add(new PlaceComponent(place, this)));
      return new Environment("app", "env", false, components);
    }

    List<String> live() {
      return places.values().stream().map(p -> Objects.requireNonNull(p.live)).toList();
    }

    boolean isAllOf(String kind) {
      return live().stream().allMatch(l -> l.startsWith(kind));
    }
  }

  /** A component's states by identity; each change is one durable step. */
  private static final class Place {
    @Nullable String live;
    final Map<String, Beside> beside = new LinkedHashMap<>();

    Place(String name) {
      live = "old-" + name;
    }
  }

  private record PlaceComponent(Place place, World world, String name) implements Component {
    PlaceComponent(Place place, World world) {
      this(place, world, Objects.requireNonNull(place.live).substring(4));
    }

    @Override
    public String kind() {
      return "place";
    }

    @Override
    public void check(Operation operation) {}

    @Override
    public Captured capture(CaptureContext context) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Target target(Operation operation) {
      return new PlaceTarget(place, world, name);
    }
  }

  private record PlaceTarget(Place place, World world, String name) implements Target {
    @Override
    public Live live() {
      return new Live(place.live, false, name);
    }

    @Override
    public Beside stage(RestoreContext context) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void note(Beside state, String note) {
      world.step();
      place.beside.computeIfPresent(state.identity(), (_, found) -> with(found, note));
    }

    private static Beside with(Beside state, @Nullable String note) {
      return new Beside(state.role(), state.operation(), state.name(), state.identity(), note);
    }

    @Override
    public @Nullable Beside swap(Beside state, String operation, String note) {
      if (state.identity().equals(place.live)) {
        return null;
      }
      world.step();
      place.beside.remove(state.identity());
      String replaced = Objects.requireNonNull(place.live);
      Beside previous = new Beside(Role.PREVIOUS, operation, name + ".previous", replaced, note);
      place.beside.put(replaced, previous);
      place.live = state.identity();
      return previous;
    }

    @Override
    public void swapBack(Beside state, String operation) {
      if (!state.identity().equals(place.live)) {
        return;
      }
      Beside previous =
          place.beside.values().stream()
              .filter(b -> b.role() == Role.PREVIOUS && b.operation().equals(operation))
              .findFirst()
              .orElseThrow();
      world.step();
      place.beside.remove(previous.identity());
      Role role = state.name().endsWith(".previous") ? Role.PREVIOUS : Role.STAGING;
      place.beside.put(
          state.identity(),
          new Beside(role, state.operation(), state.name(), state.identity(), state.note()));
      place.live = previous.identity();
    }

    @Override
    public List<Beside> beside() {
      return List.copyOf(place.beside.values());
    }

    @Override
    public long size(Beside state) {
      return -1;
    }

    @Override
    public void drop(Beside state) {
      world.step();
      place.beside.remove(state.identity());
    }

    @Override
    public void close() {}
  }

  private static Operation operation(String id) {
    return new Operation(id, 1, Progress.NONE);
  }

  private static Map<String, Beside> stage(World world, String operation) {
    Map<String, Beside> staged = new HashMap<>();
    world.places.forEach((name, place) -> {
      Beside state = new Beside(Role.STAGING, operation, name + ".staging", "new-" + name, null);
      place.beside.put(state.identity(), state);
      staged.put(name, state);
    });
    return staged;
  }

  /** Swaps; dies after {@code steps} changes. Even undoing what failed is cut off by death. */
  private static boolean survives(World world, int steps, Runnable work) {
    world.stepsLeft = steps;
    try {
      work.run();
      return true;
    } catch (RuntimeException e) {
      return false;
    } finally {
      world.stepsLeft = Integer.MAX_VALUE;
    }
  }

  private static void restore(World world) {
    Environment environment = world.environment();
    Operation operation = operation("a0000001");
    Map<String, Beside> staged = stage(world, operation.id());
    try (Targets targets = Targets.all(environment, operation)) {
      Swap.run(environment, operation, targets, staged, "snapshot");
    }
  }

  private static void assertTidy(World world) {
    world.places.forEach((name, place) ->
        assertThat(place.beside.values()).as(name).noneMatch(b -> b.role() == Role.STAGING));
  }

  @Test
  void makesAllLiveAndKeepsWhatWasThere() {
    World world = new World();
    restore(world);
    assertThat(world.isAllOf("new-")).isTrue();
    assertTidy(world);
    assertThat(PreviousStates.list(world.environment(), operation("b")))
        .singleElement()
        .satisfies(p -> assertThat(p.components()).containsExactlyInAnyOrderElementsOf(NAMES));
  }

  @Test
  void resumeFinishesWhateverStepARestoreDiedAt() {
    int deaths = 0;
    for (int steps = 0; ; steps++) {
      World world = new World();
      boolean survived = survives(world, steps, () -> restore(world));
      PendingRestore.resume(world.environment(), operation("b"));
      assertThat(world.isAllOf("new-") || world.isAllOf("old-"))
          .as("died after " + steps + ": " + world.live())
          .isTrue();
      assertTidy(world);
      if (survived) {
        break;
      }
      deaths++;
    }
    assertThat(deaths).isEqualTo(6);
  }

  @Test
  void abortUndoesWhateverStepARestoreAndTheAbortItselfDiedAt() {
    for (int steps = 0; ; steps++) {
      World world = new World();
      boolean survived = survives(world, steps, () -> restore(world));
      if (survived) {
        break;
      }
      for (int abortSteps = 0; ; abortSteps++) {
        World again = new World();
        survives(again, steps, () -> restore(again));
        boolean aborted =
            survives(
                again, abortSteps, () -> PendingRestore.abort(again.environment(), operation("b")));
        PendingRestore.abort(again.environment(), operation("c"));
        assertThat(again.isAllOf("old-"))
            .as("restore died after " + steps + ", abort after " + abortSteps + ": " + again.live())
            .isTrue();
        assertTidy(again);
        if (aborted) {
          break;
        }
      }
    }
  }

  @Test
  void abortOfARollbackLeavesThePreviousStateWhole() {
    for (int steps = 0; ; steps++) {
      World world = new World();
      restore(world);
      boolean survived =
          survives(
              world,
              steps,
              () -> PreviousStates.rollback(world.environment(), operation("d0000001")));
      if (survived) {
        assertThat(world.isAllOf("old-")).isTrue();
        break;
      }
      for (int abortSteps = 0; ; abortSteps++) {
        boolean aborted =
            survives(
                world, abortSteps, () -> PendingRestore.abort(world.environment(), operation("e")));
        if (aborted) {
          break;
        }
      }
      assertThat(world.isAllOf("new-")).as("died after " + steps + ": " + world.live()).isTrue();
      assertThat(PreviousStates.list(world.environment(), operation("f")))
          .as("died after " + steps)
          .singleElement()
          .satisfies(p -> assertThat(p.missing()).isEmpty());
      PreviousStates.rollback(world.environment(), operation("a0000002"));
      assertThat(world.isAllOf("old-")).isTrue();
    }
  }

  @Test
  void refusesToUndoWhereNothingWouldBeLeft() {
    World world = new World();
    survives(world, 4, () -> restore(world));
    Place swapped =
        world.places.values().stream()
            .filter(p -> Objects.requireNonNull(p.live).startsWith("new-"))
            .findFirst()
            .orElseThrow();
    swapped.beside.clear();
    assertThatThrownBy(() -> PendingRestore.abort(world.environment(), operation("b")))
        .hasMessageContaining("cannot be undone");
    PendingRestore.resume(world.environment(), operation("c"));
    assertThat(world.isAllOf("new-")).isTrue();
  }

  @Test
  void notesDoNotNestHoweverOftenARollbackIsRolledBack() {
    World world = new World();
    restore(world);
    int longest = 0;
    for (int i = 0; i < 20; i++) {
      PreviousStates.rollback(world.environment(), operation("d00000" + (10 + i)));
      for (Place place : world.places.values()) {
        for (Beside state : place.beside.values()) {
          longest = Math.max(longest, Objects.requireNonNull(state.note()).length());
        }
      }
    }
    assertThat(longest).isLessThan(8_000);
  }

  @Test
  void anInterruptWaitsForTheSwap() {
    World world = new World();
    try {
      Shielded.run(() -> {
        Thread.currentThread().interrupt();
      });
      Thread.currentThread().interrupt();
      Shielded.run(() -> assertThat(Thread.currentThread().isInterrupted()).isFalse());
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
    } finally {
      Thread.interrupted();
    }
    restore(world);
    assertThat(world.isAllOf("new-")).isTrue();
  }
}
