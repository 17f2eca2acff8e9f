package stet.engine.restore;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Role;

/** The states that restores have replaced and kept. */
public final class PreviousStates {
  private PreviousStates() {}

  /**
   * What one operation replaced.
   *
   * @param operation the restore's or rollback's id
   * @param time when it was replaced
   * @param snapshot what took its place
   * @param components the components whose replaced state is still there
   * @param missing components that were replaced too, but whose state is gone
   * @param inPlace the component that it restored in place, or null; what that replaced is not kept
   *     beside the live state
   * @param undone whether it is what the restore of that id had made live until it was undone, kept
   *     for what was written to it meanwhile
   */
  public record Previous(
      String operation,
      Instant time,
      String snapshot,
      List<String> components,
      List<String> missing,
      @Nullable String inPlace,
      boolean undone) {}

  /**
   * What one operation replaced, with its size.
   *
   * @param bytes what all its states take, or -1 if that of one cannot be told
   */
  public record Measured(Previous previous, long bytes) {}

  /** A state with its component. */
  private record Kept(String component, Beside state, RestoreJournal journal) {}

  /** What is kept, oldest first. */
  public static List<Previous> list(Environment environment, Operation operation) {
    try (Targets targets = Targets.all(environment, operation)) {
      return list(kept(targets));
    }
  }

  /** What is kept, oldest first, with sizes, which takes a look at every file of it. */
  public static List<Measured> measure(Environment environment, Operation operation) {
    try (Targets targets = Targets.all(environment, operation)) {
      Map<String, List<Kept>> groups = kept(targets);
      List<Measured> result = new ArrayList<>();
      for (Previous previous : list(groups)) {
        long bytes = 0;
        for (Kept kept : groups.getOrDefault(previous.operation(), List.of())) {
          operation.checkStop();
          long size = targets.get(kept.component).size(kept.state);
          bytes = bytes < 0 || size < 0 ? -1 : bytes + size;
        }
        result.add(new Measured(previous, bytes));
      }
      return result;
    }
  }

  private static List<Previous> list(Map<String, List<Kept>> groups) {
    List<Previous> result = new ArrayList<>();
    for (List<Kept> group : groups.values()) {
      RestoreJournal journal = group.getFirst().journal;
      List<String> components = group.stream().map(Kept::component).toList();
      List<String> missing =
          journal.components().stream()
              .filter(p -> p.live() != null && !components.contains(p.name()))
              .map(RestoreJournal.Part::name)
              .toList();
      result.add(
          new Previous(
              journal.operation(),
              journal.time(),
              journal.snapshot(),
              components,
              missing,
              journal.decision() == null ? null : journal.decision().component(),
              group.stream().anyMatch(kept -> kept.journal.undone())));
    }
    result.sort(Comparator.comparing(Previous::time));
    return result;
  }

  private static Map<String, List<Kept>> kept(Targets targets) {
    Map<String, List<Kept>> groups = new LinkedHashMap<>();
    for (String name : targets.names()) {
      for (Beside state : targets.get(name).beside()) {
        RestoreJournal journal = RestoreJournal.parse(state.note());
        if (state.role() == Role.PREVIOUS
            && journal != null
            && PendingRestore.isPrevious(name, state)) {
          groups
              .computeIfAbsent(journal.operation(), _ -> new ArrayList<>())
              .add(new Kept(name, state, journal));
        }
      }
    }
    return groups;
  }

  /**
   * Removes for good what an operation replaced.
   *
   * @throws StetException with {@code REFUSED} while a restore is half-way through its swap, which
   *     may have to be undone
   */
  public static void drop(Environment environment, Operation operation, String replacedBy) {
    try (Targets targets = Targets.all(environment, operation)) {
      PendingRestore.refuse(targets);
      Map<String, List<Kept>> groups = kept(targets);
      List<Kept> group = groups.get(replacedBy);
      if (group == null) {
        throw unknown(list(groups), replacedBy);
      }
      for (Kept kept : group) {
        drop(targets, kept, operation);
      }
    }
  }

  private static void drop(Targets targets, Kept kept, Operation operation) {
    LeftBehind.drop(kept.component, targets.get(kept.component), kept.state, operation.progress());
  }

  private static StetException unknown(List<Previous> all, String operation) {
    return new StetException(
        ErrorCode.NOT_FOUND,
        "no previous state of operation \"" + operation + "\" is kept",
        all.isEmpty()
            ? "None is kept at all."
            : "Kept are those of: "
                + String.join(", ", all.stream().map(Previous::operation).toList())
                + ".");
  }

  /**
   * Removes what was replaced longer ago than {@code keep}; returns the operations whose states
   * were removed.
   *
   * @throws StetException as {@link #drop}
   */
  public static List<String> expire(Environment environment, Operation operation, Duration keep) {
    try (Targets targets = Targets.all(environment, operation)) {
      PendingRestore.refuse(targets);
      Instant limit = Instant.now().minus(keep);
      List<String> dropped = new ArrayList<>();
      for (Map.Entry<String, List<Kept>> group : kept(targets).entrySet()) {
        if (group.getValue().getFirst().journal.time().isBefore(limit)) {
          try {
            for (Kept kept : group.getValue()) {
              drop(targets, kept, operation);
            }
            dropped.add(group.getKey());
          } catch (StetException e) {
            // Space that is not freed is no reason to go without a backup.
            operation
                .progress()
                .warn(
                    "what operation "
                        + group.getKey()
                        + " replaced has expired but cannot be dropped: "
                        + e.getMessage());
          }
        }
      }
      return dropped;
    }
  }

  /**
   * Makes the state live again that the newest restore replaced; where it replaced nothing, nothing
   * is live then. What is live now becomes previous in its turn, so a rollback can be rolled back.
   * What was kept when a restore was undone is passed over: it is only a part of a state.
   *
   * @param lock the environment's
   * @return the journal of the rollback
   * @throws StetException with {@code NOT_FOUND} if nothing is kept, or not of every component that
   *     was replaced
   */
  public static RestoreJournal rollback(
      Environment environment, EnvironmentLock lock, Operation operation) {
    try (Targets targets = Targets.all(environment, operation)) {
      PendingRestore.refuse(targets);
      Map<String, List<Kept>> groups = kept(targets);
      List<Previous> all = list(groups).stream().filter(each -> !each.undone()).toList();
      if (all.isEmpty()) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            "there is no previous state of environment " + environment.name() + " to go back to",
            "Restore a snapshot with `stet restore`; `stet snapshots` lists them.");
      }
      Previous last = all.getLast();
      Set<String> missing = new TreeSet<>(last.missing());
      if (last.inPlace() != null) {
        missing.add(last.inPlace());
      }
      if (!missing.isEmpty()) {
        throw notWhole(
            last.operation(),
            missing,
            last.inPlace() == null
                ? "Restore a snapshot with `stet restore` instead."
                : "Component "
                    + last.inPlace()
                    + " was restored in place: what that replaced is in the repository only, in a"
                    + " snapshot whose tag names the operation. Restore that with `stet restore`.");
      }
      return Swap.run(
          environment, lock, operation, targets, changes(targets, groups, last), last.operation());
    }
  }

  /**
   * What is to be swapped to undo a restore in place, besides what it restored in place.
   *
   * @param snapshot the snapshot that was taken before it
   * @throws StetException with {@code NOT_FOUND} if a part of it is gone
   */
  static List<Swap.Change> changes(Targets targets, InPlaceTag undone, String snapshot) {
    Map<String, List<Kept>> groups = kept(targets);
    Previous found = null;
    for (Previous previous : list(groups)) {
      if (previous.operation().equals(undone.operation())) {
        found = previous;
      }
    }
    Set<String> missing = new TreeSet<>(undone.beside());
    if (found != null) {
      missing.addAll(found.missing());
      found.components().forEach(missing::remove);
    }
    if (!missing.isEmpty()) {
      throw notWhole(
          undone.operation(),
          missing,
          "Nothing was put back. `stet restore "
              + snapshot
              + "` restores all of it as it was before that operation.");
    }
    return found == null ? List.of() : changes(targets, groups, found);
  }

  private static StetException notWhole(String operation, Collection<String> missing, String hint) {
    return new StetException(
        ErrorCode.NOT_FOUND,
        "the previous state of operation "
            + operation
            + " is no longer whole: it lacks "
            + String.join(", ", missing),
        hint);
  }

  private static List<Swap.Change> changes(
      Targets targets, Map<String, List<Kept>> groups, Previous last) {
    List<Kept> group = groups.getOrDefault(last.operation(), List.of());
    List<Swap.Change> changes = new ArrayList<>();
    for (Kept kept : group) {
      changes.add(new Swap.Change(kept.component, kept.state));
    }
    RestoreJournal journal = group.getFirst().journal;
    PendingRestore.requireTargets(journal, targets);
    for (RestoreJournal.Part part : journal.components()) {
      boolean vacate = part.live() == null && targets.get(part.name()).live().identity() != null;
      if (vacate) {
        changes.add(new Swap.Change(part.name(), null));
      }
    }
    return changes;
  }
}
