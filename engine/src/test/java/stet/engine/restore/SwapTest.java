package stet.engine.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.StetException;
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

    /** How often the environment's lock is still found held. */
    int checksLeft = Integer.MAX_VALUE;

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
    final String name;
    @Nullable String live;

    /** Whether something stands in the way of a swap. */
    boolean busy;

    int swaps;
    final Map<String, Beside> beside = new LinkedHashMap<>();

    Place(String name) {
      this.name = name;
      live = "old-" + name;
    }
  }

  private record PlaceComponent(Place place, World world) implements Component {
    @Override
    public String name() {
      return place.name;
    }

    @Override
    public Held lock(String app, String environment) {
      return new Held() {
        @Override
        public void check() {
          if (world.checksLeft-- <= 0) {
            throw new StetException(ErrorCode.SOURCE, "the lock was lost", null);
          }
        }

        @Override
        public void close() {}
      };
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
      return new PlaceTarget(place, world, place.name);
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
    public void checkSwap(@Nullable Beside state, String operation) {
      if (place.busy) {
        throw new StetException(ErrorCode.SOURCE, name + " is in use", null);
      }
    }

    @Override
    public @Nullable Beside swap(@Nullable Beside state, String operation, String note) {
      String wanted = state == null ? null : state.identity();
      if (Objects.equals(wanted, place.live)) {
        return null;
      }
      world.step();
      place.swaps++;
      place.beside.remove(wanted);
      String replaced = place.live;
      place.live = wanted;
      if (replaced == null) {
        return null;
      }
      Beside previous = new Beside(Role.PREVIOUS, operation, name + ".previous", replaced, note);
      place.beside.put(replaced, previous);
      return previous;
    }

    @Override
    public void swapBack(@Nullable Beside state, String operation) {
      if (!Objects.equals(state == null ? null : state.identity(), place.live)) {
        return;
      }
      Beside previous =
          place.beside.values().stream()
              .filter(b -> b.role() == Role.PREVIOUS && b.operation().equals(operation))
              .findFirst()
              .orElse(null);
      world.step();
      place.live = previous == null ? null : previous.identity();
      place.beside.remove(place.live);
      if (state != null) {
        place.beside.put(state.identity(), state);
      }
    }

    @Override
    public Beside keep(Beside state, String note) {
      world.step();
      Beside previous =
          new Beside(Role.PREVIOUS, state.operation(), name + ".previous", state.identity(), note);
      place.beside.put(state.identity(), previous);
      return previous;
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

  private static List<Swap.Change> stage(World world, String operation) {
    List<Swap.Change> staged = new ArrayList<>();
    world.places.forEach((name, place) -> {
      Beside state = new Beside(Role.STAGING, operation, name + ".staging", "new-" + name, null);
      place.beside.put(state.identity(), state);
      staged.add(new Swap.Change(name, state));
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
    List<Swap.Change> staged = stage(world, operation.id());
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment);
        Targets targets = Targets.all(environment, operation)) {
      Swap.run(environment, lock, operation, targets, staged, "snapshot");
    }
  }

  private static void rollback(World world, String operation) {
    try (EnvironmentLock lock = EnvironmentLock.acquire(world.environment())) {
      PreviousStates.rollback(world.environment(), lock, operation(operation));
    }
  }

  private static void resume(World world, String operation) {
    try (EnvironmentLock lock = EnvironmentLock.acquire(world.environment())) {
      PendingRestore.resume(world.environment(), lock, operation(operation));
    }
  }

  private static void abort(World world, String operation) {
    try (EnvironmentLock lock = EnvironmentLock.acquire(world.environment())) {
      PendingRestore.abort(world.environment(), lock, operation(operation));
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
      resume(world, "b");
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
        boolean aborted = survives(again, abortSteps, () -> abort(again, "b"));
        abort(again, "c");
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
      boolean survived = survives(world, steps, () -> rollback(world, "d0000001"));
      if (survived) {
        assertThat(world.isAllOf("old-")).isTrue();
        break;
      }
      for (int abortSteps = 0; ; abortSteps++) {
        boolean aborted = survives(world, abortSteps, () -> abort(world, "e"));
        if (aborted) {
          break;
        }
      }
      assertThat(world.isAllOf("new-")).as("died after " + steps + ": " + world.live()).isTrue();
      assertThat(PreviousStates.list(world.environment(), operation("f")))
          .as("died after " + steps)
          .singleElement()
          .satisfies(p -> assertThat(p.missing()).isEmpty());
      rollback(world, "a0000002");
      assertThat(world.isAllOf("old-")).isTrue();
    }
  }

  /** The components of which a state is kept that was live until a restore was undone. */
  private static List<String> kept(World world) {
    assertTidy(world);
    List<PreviousStates.Previous> all =
        PreviousStates.list(world.environment(), operation("f")).stream()
            .filter(PreviousStates.Previous::undone)
            .toList();
    assertThat(all).hasSizeLessThanOrEqualTo(1);
    assertThat(all).allMatch(each -> each.missing().isEmpty());
    return all.isEmpty() ? List.of() : all.getFirst().components();
  }

  @Test
  void abortKeepsWhatWasLiveWhateverStepTheAbortDiedAt() {
    // Three notes, then the first swap: people work on it now.
    for (int abortSteps = 0; ; abortSteps++) {
      World world = new World();
      survives(world, 4, () -> restore(world));
      assertThat(world.live()).containsExactly("new-one", "old-two", "old-three");
      boolean aborted = survives(world, abortSteps, () -> abort(world, "b"));
      abort(world, "c");
      assertThat(world.isAllOf("old-")).isTrue();
      assertThat(kept(world)).as("abort died after " + abortSteps).containsExactly("one");
      assertThat(Objects.requireNonNull(world.places.get("one")).beside)
          .containsOnlyKeys("new-one");
      assertThatThrownBy(() -> rollback(world, "d"))
          .hasMessageContaining("there is no previous state");
      PreviousStates.drop(world.environment(), operation("e"), "a0000001");
      assertThat(kept(world)).isEmpty();
      if (aborted) {
        break;
      }
    }
  }

  @Test
  void aRestoreThatIsFinishedAfterAnAbortThatDiedCanBeRolledBack() {
    for (int abortSteps = 0; abortSteps < 3; abortSteps++) {
      World world = new World();
      survives(world, 5, () -> restore(world));
      assertThat(survives(world, abortSteps, () -> abort(world, "b"))).isFalse();
      resume(world, "c");
      assertThat(world.isAllOf("new-")).as("abort died after " + abortSteps).isTrue();
      assertThat(kept(world)).isEmpty();
      rollback(world, "d");
      assertThat(world.isAllOf("old-")).isTrue();
    }
  }

  @Test
  void nothingIsSwappedWhileSomethingStandsInTheWayOfAny() {
    World world = new World();
    Place three = Objects.requireNonNull(world.places.get("three"));
    three.busy = true;
    assertThatThrownBy(() -> restore(world)).hasMessage("three is in use");
    assertThat(world.places.values()).allMatch(place -> place.swaps == 0);
    assertThat(world.places.values()).allMatch(place -> place.beside.isEmpty());
    three.busy = false;
    restore(world);
    assertThat(world.isAllOf("new-")).isTrue();
  }

  @Test
  void nothingIsDoneWhileTheVolumeOfAPartIsNotMounted() {
    World world = new World();
    survives(world, 4, () -> restore(world));
    Place one = Objects.requireNonNull(world.places.get("one"));
    Map<String, Beside> states = Map.copyOf(one.beside);
    one.live = "mount-point";
    one.beside.clear();
    for (boolean resume : List.of(true, false)) {
      assertThatThrownBy(
              () -> {
                if (resume) {
                  resume(world, "b");
                } else {
                  abort(world, "b");
                }
              })
          .isInstanceOfSatisfying(
              StetException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.REFUSED);
                assertThat(e.hint())
                    .startsWith("A volume may not be mounted there; mount it and try again.")
                    .contains("two.staging, three.staging");
              })
          .hasMessage(
              "restore a0000001 cannot be "
                  + (resume ? "finished" : "undone")
                  + ": of component one neither what was live nor what was to be is at one:"
                  + " identity mount-point is live there");
      assertThat(Objects.requireNonNull(world.places.get("three")).beside).containsKey("new-three");
    }
    one.live = "new-one";
    one.beside.putAll(states);
    resume(world, "c");
    assertThat(world.isAllOf("new-")).isTrue();
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
    assertThatThrownBy(() -> abort(world, "b")).hasMessageContaining("cannot be undone");
    resume(world, "c");
    assertThat(world.isAllOf("new-")).isTrue();
  }

  private static final class Rolled {
    static final List<String> BEFORE = List.of("new-one", "new-two", "new-three");

    /** The last component to be swapped had no live state when the restore began. */
    static World world() {
      World world = new World();
      Objects.requireNonNull(world.places.get("three")).live = null;
      restore(world);
      assertThat(state(world)).isEqualTo(BEFORE);
      return world;
    }

    static List<String> state(World world) {
      return world.places.values().stream().map(p -> String.valueOf(p.live)).toList();
    }

    static List<String> after() {
      return List.of("old-one", "old-two", "null");
    }
  }

  @Test
  void aRollbackLeavesNothingWhereTheRestoreReplacedNothing() {
    World world = Rolled.world();
    rollback(world, "d0000001");
    assertThat(Rolled.state(world)).isEqualTo(Rolled.after());
    rollback(world, "d0000002");
    assertThat(Rolled.state(world)).isEqualTo(Rolled.BEFORE);
    rollback(world, "d0000003");
    assertThat(Rolled.state(world)).isEqualTo(Rolled.after());
  }

  @Test
  void aRollbackToNothingThatDiesAnywhereCanBeFinishedAndUndone() {
    int deaths = 0;
    for (int steps = 0; ; steps++) {
      World resumed = Rolled.world();
      World aborted = Rolled.world();
      boolean survived = survives(resumed, steps, () -> rollback(resumed, "d0000001"));
      survives(aborted, steps, () -> rollback(aborted, "d0000001"));
      if (survived) {
        assertThat(Rolled.state(resumed)).isEqualTo(Rolled.after());
        break;
      }
      deaths++;
      List<String> state = Rolled.state(resumed);
      resume(resumed, "e");
      assertThat(Rolled.state(resumed))
          .as("died after %d: %s", steps, state)
          .isIn(Rolled.BEFORE, Rolled.after());
      for (int abortSteps = 0; ; abortSteps++) {
        if (survives(aborted, abortSteps, () -> abort(aborted, "e"))) {
          break;
        }
      }
      assertThat(Rolled.state(aborted))
          .as("died after %d: %s", steps, state)
          .isEqualTo(Rolled.BEFORE);
      rollback(aborted, "d0000002");
      assertThat(Rolled.state(aborted)).isEqualTo(Rolled.after());
    }
    assertThat(deaths).isEqualTo(5);
  }

  @Test
  void doesNotFinishWhereSomebodyElseChangedWhatIsLive() {
    World world = new World();
    survives(world, 4, () -> restore(world));
    Place three = Objects.requireNonNull(world.places.get("three"));
    three.live = "other-three";
    assertThatThrownBy(() -> resume(world, "b"))
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.REFUSED);
              assertThat(e.hint()).contains("stet restore --abort");
            })
        .hasMessage(
            "restore a0000001 cannot be finished: three was changed by somebody else: identity"
                + " other-three is live where identity old-three was");
    assertThat(world.live()).containsExactly("new-one", "old-two", "other-three");
    three.live = null;
    assertThatThrownBy(() -> resume(world, "b"))
        .hasMessageEndingWith("nothing is live where identity old-three was");
    three.live = "other-three";
    abort(world, "c");
    assertThat(world.live()).containsExactly("old-one", "old-two", "other-three");
    assertTidy(world);
  }

  @Test
  void swapsNothingWithoutTheLockAndLeavesNothing() {
    for (int checks = 0; checks < NAMES.size(); checks++) {
      World world = new World();
      world.checksLeft = checks;
      assertThatThrownBy(() -> restore(world)).hasMessage("the lock was lost");
      assertThat(world.isAllOf("old-")).as("lost after " + checks).isTrue();
      assertThat(kept(world)).containsExactlyElementsOf(NAMES.subList(0, checks));
      world.checksLeft = NAMES.size();
      restore(world);
      assertThat(world.isAllOf("new-")).isTrue();
      world.checksLeft = 0;
      assertThatThrownBy(() -> rollback(world, "d0000001")).hasMessage("the lock was lost");
      assertThat(world.isAllOf("new-")).isTrue();
      world.checksLeft = NAMES.size();
      rollback(world, "d0000002");
      assertThat(world.isAllOf("old-")).isTrue();
    }
  }

  @Test
  void notesDoNotNestHoweverOftenARollbackIsRolledBack() {
    World world = new World();
    restore(world);
    int longest = 0;
    for (int i = 0; i < 20; i++) {
      rollback(world, "d00000" + (10 + i));
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
