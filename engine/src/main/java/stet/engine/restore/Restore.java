package stet.engine.restore;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.InPlace;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Live;
import stet.engine.rules.Finding;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.BlobSource;
import stet.repository.json.JsonObject;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;

/**
 * Puts a snapshot back: every component is staged beside the live state and verified, then all are
 * swapped. Until the swap nothing live is touched; after it the replaced state is kept.
 */
public final class Restore {
  private final BlobSource source;
  private final Environment environment;
  private final Operation operation;

  public Restore(BlobSource source, Environment environment, Operation operation) {
    this.source = source;
    this.environment = environment;
    this.operation = operation;
  }

  /**
   * How a snapshot is restored.
   *
   * @param inPlace whether components that can be are restored within the live state
   * @param noOwner as in {@link RestoreContext}
   * @param noPrivileges as in {@link RestoreContext}
   * @param allowViolations whether a state may become live that violates rules which held when it
   *     was captured
   */
  public record Manner(
      boolean inPlace, boolean noOwner, boolean noPrivileges, boolean allowViolations) {
    /** One that refuses new violations. */
    public Manner(boolean inPlace, boolean noOwner, boolean noPrivileges) {
      this(inPlace, noOwner, noPrivileges, false);
    }
  }

  /**
   * What a restore would do.
   *
   * @param snapshot the snapshot
   * @param manifest its manifest
   * @param manner how it is restored
   * @param steps what would take the place of what
   */
  public record Plan(Snapshot snapshot, Manifest manifest, Manner manner, List<Step> steps) {
    /** The steps that replace something of value. */
    public List<Step> replacing() {
      return steps.stream().filter(s -> !s.live().empty()).toList();
    }
  }

  /**
   * One component of a plan.
   *
   * @param entry the component in the manifest
   * @param node its directory in the snapshot
   * @param live what is there now
   * @param inPlace whether it is restored within the live state rather than beside it
   */
  public record Step(Manifest.Entry entry, Node node, Live live, boolean inPlace) {}

  /**
   * What a restore has done.
   *
   * @param journal what was swapped
   * @param findings what the rules found in what became live
   * @param finished when the last component was live
   */
  public record Result(RestoreJournal journal, List<Finding> findings, Instant finished) {}

  /**
   * Plans the restore of a snapshot without changing anything.
   *
   * @param only names of the components to restore; empty means all
   * @throws StetException if a component is not in the snapshot or not in the environment, naming
   *     what there is, or if not exactly one component can be restored in place
   */
  public Plan plan(Snapshot snapshot, Set<String> only, Manner manner) {
    SnapshotFiles files = new SnapshotFiles(source, snapshot);
    Manifest manifest = files.manifest();
    List<Node> nodes = files.root();
    Set<String> wanted = new LinkedHashSet<>();
    for (Manifest.Entry entry : manifest.components()) {
      wanted.add(entry.name());
    }
    if (!only.isEmpty()) {
      for (String name : only) {
        if (manifest.component(name) == null) {
          throw new StetException(
              ErrorCode.NOT_FOUND,
              "snapshot " + snapshot.requireId().shortText() + " has no component \"" + name + "\"",
              "It has: " + String.join(", ", wanted) + ".");
        }
      }
      wanted.retainAll(only);
    }
    refuseMissing(manifest, wanted);
    warnOfIncomplete(snapshot, manifest, wanted);
    List<Step> steps = new ArrayList<>();
    try (Targets all = Targets.all(environment, operation)) {
      // Also one that concerns other components: its journal may count on those restored now.
      PendingRestore.refuse(all);
      Targets targets = all.only(wanted);
      for (String name : targets.names()) {
        Manifest.Entry entry = Objects.requireNonNull(manifest.component(name));
        Node node =
            SnapshotFiles.child(nodes, name)
                .orElseThrow(() ->
                    new StetException(
                        ErrorCode.REPOSITORY_DAMAGED,
                        "snapshot "
                            + snapshot.requireId().shortText()
                            + " lacks the directory of component "
                            + name,
                        "It may have been rewritten; restore another snapshot."));
        boolean within = manner.inPlace && component(name).canBeInPlace();
        if (!within) {
          LeftBehind.warnOfReplacing(name, targets.get(name), operation.progress());
        }
        steps.add(new Step(entry, node, targets.get(name).live(), within));
      }
    }
    if (manner.inPlace) {
      requireOneInPlace(steps);
    }
    return new Plan(snapshot, manifest, manner, steps);
  }

  private RestoreContext context(Plan plan, Step step) {
    return new RestoreContext(
        operation,
        source,
        step.node,
        step.entry.details(),
        plan.manifest.hashKey(),
        plan.manner.noOwner,
        plan.manner.noPrivileges);
  }

  private Component component(String name) {
    return Objects.requireNonNull(environment.component(name));
  }

  /** Two transactions cannot be committed at once, so nothing could be promised of two. */
  private static void requireOneInPlace(List<Step> steps) {
    List<String> names =
        steps.stream().filter(Step::inPlace).map(step -> step.entry().name()).toList();
    if (names.isEmpty()) {
      throw new StetException(
          ErrorCode.USAGE,
          "none of the components to restore can be restored in place",
          "Leave out --in-place, or choose a database.");
    }
    if (names.size() > 1) {
      throw new StetException(
          ErrorCode.USAGE,
          "components "
              + String.join(", ", names)
              + " would be restored in place, but only one can be, all or nothing",
          "Choose one with --only, and restore one after the other.");
    }
    for (Step step : steps) {
      if (step.inPlace() && step.live().identity() == null) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            step.live().description() + " does not exist, so nothing can be restored within it",
            "Create it, or leave out --in-place.");
      }
    }
  }

  /** What was left out of a capture is not there after a restore, whoever asked for it then. */
  private void warnOfIncomplete(Snapshot snapshot, Manifest manifest, Set<String> wanted) {
    for (String missing : manifest.skipped(wanted)) {
      operation
          .progress()
          .warn(
              "snapshot "
                  + snapshot.requireId().shortText()
                  + " was not captured whole, and what is restored lacks the same: "
                  + missing);
    }
  }

  private void refuseMissing(Manifest manifest, Set<String> wanted) {
    for (String name : wanted) {
      Manifest.Entry entry = Objects.requireNonNull(manifest.component(name));
      Component own = environment.component(name);
      List<String> names = environment.components().stream().map(Component::name).toList();
      if (own == null) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            "environment "
                + environment.name()
                + " has no component \""
                + name
                + "\" to restore into",
            "It has: "
                + String.join(", ", names)
                + ". Add the component to the configuration, or choose with --only.");
      }
      if (!own.kind().equals(entry.kind())) {
        throw new StetException(
            ErrorCode.CONFIGURATION,
            "component "
                + name
                + " was captured as "
                + entry.kind()
                + " but is configured as "
                + own.kind(),
            "Restore it into a component of the same kind.");
      }
    }
  }

  /**
   * Carries out a plan. Consent has been given.
   *
   * @param lock the environment's
   * @throws StetException if anything could not be staged, verified or swapped; the live state is
   *     then as before
   */
  public Result run(Plan plan, EnvironmentLock lock) {
    Set<String> names = new LinkedHashSet<>();
    for (Step step : plan.steps) {
      names.add(step.entry.name());
    }
    try (Targets all = Targets.all(environment, operation)) {
      PendingRestore.refuse(all);
      Targets targets = all.only(names);
      for (Step step : plan.steps) {
        targets.get(step.entry.name()).check(context(plan, step));
      }
      PendingRestore.dropDebris(targets, operation);
      Map<String, Beside> staged = new HashMap<>();
      List<Finding> findings;
      try {
        for (Step step : plan.steps) {
          stage(plan, step, targets, staged);
        }
        findings = checkRules(plan, targets, staged, null);
      } catch (RuntimeException e) {
        Shielded.run(() -> dropAll(targets, staged, e));
        throw e;
      }
      return swap(plan, lock, targets, staged, findings, null);
    }
  }

  /** Saves the live state as a snapshot. */
  @FunctionalInterface
  public interface Saver {
    /** Saves it, with these further tags on the snapshot. */
    void save(List<String> tags);
  }

  /**
   * Carries out a plan of which a component is restored in place: all others are staged first, and
   * swapped just before it is committed. Consent has been given.
   *
   * @param lock the environment's
   * @param saver saves the live state at a moment from which on nobody else changes the component
   *     until it is restored
   * @throws StetException if anything could not be staged, built, verified or committed; the live
   *     state is then as before
   */
  public Result runInPlace(Plan plan, EnvironmentLock lock, Saver saver) {
    Set<String> names = new LinkedHashSet<>();
    for (Step step : plan.steps) {
      if (!step.inPlace) {
        names.add(step.entry.name());
      }
    }
    Step within = plan.steps.stream().filter(Step::inPlace).findFirst().orElseThrow();
    try (Targets all = Targets.all(environment, operation);
        InPlace inPlace = open(plan, within)) {
      PendingRestore.refuse(all);
      Targets targets = all.only(names);
      inPlace.check();
      for (Step step : plan.steps) {
        if (!step.inPlace) {
          targets.get(step.entry.name()).check(context(plan, step));
        }
      }
      PendingRestore.dropDebris(targets, operation);
      Map<String, Beside> staged = new HashMap<>();
      List<Finding> findings;
      LastStep last;
      try {
        for (Step step : plan.steps) {
          if (!step.inPlace) {
            stage(plan, step, targets, staged);
          }
        }
        List<String> replaced =
            targets.names().stream()
                .filter(name -> targets.get(name).live().identity() != null)
                .toList();
        last = build(within, inPlace, saver, replaced);
        findings = checkRules(plan, targets, staged, inPlace);
      } catch (RuntimeException e) {
        Shielded.run(() -> dropAll(targets, staged, e));
        throw e;
      }
      return swap(plan, lock, targets, staged, findings, last);
    }
  }

  private void stage(Plan plan, Step step, Targets targets, Map<String, Beside> staged) {
    String name = step.entry.name();
    operation.progress().phase("restoring " + name);
    staged.put(name, targets.get(name).stage(context(plan, step)));
    operation.checkStop();
  }

  private List<Finding> checkRules(
      Plan plan, Targets targets, Map<String, Beside> staged, @Nullable InPlace inPlace) {
    Map<String, Node> restored = new HashMap<>();
    plan.steps.forEach(step -> restored.put(step.entry.name(), step.node));
    return new RuleCheck(
            environment, source, operation.progress(), restored, plan.manifest.findings())
        .run(
            (component, rules) -> {
              Beside state = staged.get(component.name());
              return state == null
                  ? Objects.requireNonNull(inPlace).evaluate(rules)
                  : targets
                      .get(component.name())
                      .evaluate(state, details(plan.manifest, component), rules);
            },
            plan.manner.allowViolations);
  }

  private static JsonObject details(Manifest manifest, Component component) {
    return Objects.requireNonNull(manifest.component(component.name())).details();
  }

  private Result swap(
      Plan plan,
      EnvironmentLock lock,
      Targets targets,
      Map<String, Beside> staged,
      List<Finding> findings,
      @Nullable LastStep last) {
    operation.progress().phase("swapping");
    RestoreJournal journal =
        Swap.run(
            environment,
            lock,
            operation,
            targets,
            staged.entrySet().stream().map(e -> new Swap.Change(e.getKey(), e.getValue())).toList(),
            plan.snapshot.requireId().toString(),
            last);
    return new Result(journal, findings, Instant.now());
  }

  private InPlace open(Plan plan, Step step) {
    return component(step.entry.name()).inPlace(context(plan, step));
  }

  /**
   * @param replaced the components of which a state will be kept beside the live one
   */
  private LastStep build(Step step, InPlace inPlace, Saver saver, List<String> replaced) {
    Component component = component(step.entry.name());
    String transaction = inPlace.begin();
    saver.save(
        List.of(new InPlaceTag(component.name(), transaction, operation.id(), replaced).text()));
    operation.checkStop();
    inPlace.build();
    operation.checkStop();
    return new LastStep(component, inPlace, transaction);
  }

  /**
   * Undoes a restore in place by another: the component becomes what the snapshot has, and what was
   * swapped with it is swapped back.
   *
   * @param plan of that component alone, from the snapshot that was taken before
   * @param undone the tag of that snapshot
   * @throws StetException with {@code NOT_FOUND} if what was replaced of another component is no
   *     longer kept
   */
  public RestoreJournal rollbackInPlace(
      Plan plan, InPlaceTag undone, EnvironmentLock lock, Saver saver) {
    Step within = plan.steps.stream().filter(Step::inPlace).findFirst().orElseThrow();
    try (Targets targets = Targets.all(environment, operation);
        InPlace inPlace = open(plan, within)) {
      PendingRestore.refuse(targets);
      List<Swap.Change> changes =
          PreviousStates.changes(targets, undone, plan.snapshot.requireId().shortText());
      inPlace.check();
      for (Step step : plan.steps) {
        if (!step.inPlace) {
          targets.get(step.entry.name()).check(context(plan, step));
        }
      }
      List<String> replaced =
          changes.stream()
              .map(Swap.Change::component)
              .filter(name -> targets.get(name).live().identity() != null)
              .toList();
      LastStep last = build(within, inPlace, saver, replaced);
      return Swap.run(environment, lock, operation, targets, changes, undone.operation(), last);
    }
  }

  private static void dropAll(
      Targets targets, Map<String, Beside> staged, RuntimeException failure) {
    for (Map.Entry<String, Beside> entry : staged.entrySet()) {
      try {
        targets.get(entry.getKey()).drop(entry.getValue());
      } catch (RuntimeException e) {
        failure.addSuppressed(e);
      }
    }
  }
}
