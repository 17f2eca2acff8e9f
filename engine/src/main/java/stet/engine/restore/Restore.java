package stet.engine.restore;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Live;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.BlobSource;
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
   * What a restore would do.
   *
   * @param snapshot the snapshot
   * @param manifest its manifest
   * @param steps what would take the place of what
   */
  public record Plan(Snapshot snapshot, Manifest manifest, List<Step> steps) {
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
   */
  public record Step(Manifest.Entry entry, Node node, Live live) {}

  /**
   * What a restore has done.
   *
   * @param journal what was swapped
   * @param finished when the last component was live
   */
  public record Result(RestoreJournal journal, Instant finished) {}

  /**
   * Plans the restore of a snapshot without changing anything.
   *
   * @param only names of the components to restore; empty means all
   * @throws StetException if a component is not in the snapshot or not in the environment, naming
   *     what there is
   */
  public Plan plan(Snapshot snapshot, Set<String> only) {
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
    // Also one that concerns other components: its journal may count on those restored now.
    PendingRestore.refuse(environment, operation);
    List<Step> steps = new ArrayList<>();
    try (Targets targets = new Targets(environment, operation, wanted)) {
      for (String name : targets.names()) {
        Manifest.Entry entry = java.util.Objects.requireNonNull(manifest.component(name));
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
        steps.add(new Step(entry, node, targets.get(name).live()));
      }
    }
    return new Plan(snapshot, manifest, steps);
  }

  private void refuseMissing(Manifest manifest, Set<String> wanted) {
    for (String name : wanted) {
      Manifest.Entry entry = java.util.Objects.requireNonNull(manifest.component(name));
      Component own =
          environment.components().stream()
              .filter(c -> c.name().equals(name))
              .findFirst()
              .orElse(null);
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
    PendingRestore.refuse(environment, operation);
    try (Targets targets = new Targets(environment, operation, names)) {
      for (Step step : plan.steps) {
        targets.get(step.entry.name()).check(context(plan, step));
      }
      PendingRestore.dropDebris(targets, operation);
      Map<String, Beside> staged = new HashMap<>();
      try {
        for (Step step : plan.steps) {
          String name = step.entry.name();
          operation.progress().phase("restoring " + name);
          Target target = targets.get(name);
          staged.put(name, target.stage(context(plan, step)));
          operation.checkStop();
        }
      } catch (RuntimeException e) {
        Shielded.run(() -> dropAll(targets, staged, e));
        throw e;
      }
      operation.progress().phase("swapping");
      RestoreJournal journal =
          Swap.run(
              environment,
              lock,
              operation,
              targets,
              staged.entrySet().stream()
                  .map(e -> new Swap.Change(e.getKey(), e.getValue()))
                  .toList(),
              plan.snapshot.requireId().toString());
      return new Result(journal, Instant.now());
    }
  }

  private RestoreContext context(Plan plan, Step step) {
    return new RestoreContext(
        operation, source, step.node, step.entry.details(), plan.manifest.hashKey());
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
