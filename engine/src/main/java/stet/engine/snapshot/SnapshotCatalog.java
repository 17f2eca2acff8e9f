package stet.engine.snapshot;

import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.repository.snapshot.Snapshot;

/**
 * An application's snapshots: those in the repository whose host is the application and that carry
 * the tag {@value #TAG}.
 */
public final class SnapshotCatalog {
  /** The tag of every snapshot that Stet writes. */
  public static final String TAG = "stet";

  /** The further tag of a proof. */
  public static final String PROOF_TAG = "proof";

  /** As much as clocks of different machines may differ unnoticed. */
  public static final Duration CLOCKS_DIFFER = Duration.ofMinutes(5);

  private static final String PROOF = ".proof";

  /** How the tag begins that names the environment of a snapshot. */
  static final String ENVIRONMENT_TAG = "env:";

  private final String app;
  private final List<Snapshot> snapshots;
  private final List<Snapshot> proofs;

  /**
   * @param app the application
   * @param all all snapshots of the repository, oldest first
   */
  public SnapshotCatalog(String app, List<Snapshot> all) {
    this.app = app;
    List<Snapshot> own =
        all.stream().filter(s -> s.hostname().equals(app) && s.tags().contains(TAG)).toList();
    this.proofs = own.stream().filter(SnapshotCatalog::isProof).toList();
    this.snapshots = own.stream().filter(s -> !isProof(s)).toList();
  }

  /** What tells a proof from a snapshot, by its path and so for every client. */
  private static boolean isProof(Snapshot snapshot) {
    return snapshot.paths().size() == 1 && snapshot.paths().getFirst().endsWith("/" + PROOF);
  }

  /** The paths of a proof of an environment. */
  public static List<String> proofPaths(String environment) {
    return List.of("/" + environment + "/" + PROOF);
  }

  /** The proofs of an environment, oldest first; they are none of the snapshots. */
  public List<Snapshot> proofs(String environment) {
    return proofs.stream().filter(s -> s.paths().equals(proofPaths(environment))).toList();
  }

  /** The tags of a snapshot of an environment. */
  public static List<String> tags(String environment, List<String> more) {
    List<String> tags = new ArrayList<>();
    tags.add(TAG);
    tags.add(ENVIRONMENT_TAG + environment);
    tags.addAll(more);
    return tags;
  }

  /** The paths of a snapshot of an environment. */
  public static List<String> paths(String environment) {
    return List.of("/" + environment);
  }

  /** The environment a snapshot was taken of, or null if it does not say. */
  public static @Nullable String environment(Snapshot snapshot) {
    for (String tag : snapshot.tags()) {
      if (tag.startsWith(ENVIRONMENT_TAG)) {
        return tag.substring(ENVIRONMENT_TAG.length());
      }
    }
    return null;
  }

  /** All snapshots of the application, oldest first. */
  public List<Snapshot> all() {
    return snapshots;
  }

  /** The snapshots of an environment, oldest first. */
  public List<Snapshot> of(String environment) {
    return snapshots.stream()
        .filter(s -> s.paths().equals(paths(environment)) && environment.equals(environment(s)))
        .toList();
  }

  /**
   * Those that backups made, oldest first: without what restores replaced, which may be the damage
   * that they were to undo.
   */
  public List<Snapshot> backups(String environment) {
    return of(environment).stream().filter(s -> !isSaved(s)).toList();
  }

  /** Whether a snapshot is what was live before a restore. */
  public static boolean isSaved(Snapshot snapshot) {
    return snapshot.tags().contains(ReservedTags.BEFORE_RESTORE);
  }

  /** The newest snapshot of an environment, whatever made it. */
  public Optional<Snapshot> latest(String environment) {
    List<Snapshot> own = of(environment);
    return own.isEmpty() ? Optional.empty() : Optional.of(own.getLast());
  }

  /**
   * Finds the snapshot that a person means.
   *
   * @param name {@code latest}, {@code latest@ENVIRONMENT}, or the beginning of an id
   * @param environment the environment that {@code latest} is about
   * @param at if not null, {@code latest} is the newest backup that is not younger than this
   * @throws StetException with {@code NOT_FOUND} saying what there is
   */
  public Snapshot resolve(String name, String environment, @Nullable OffsetDateTime at) {
    if (name.equals("latest") || name.startsWith("latest@")) {
      String wanted = name.equals("latest") ? environment : name.substring("latest@".length());
      List<Snapshot> candidates =
          backups(wanted).stream()
              .filter(s -> at == null || !s.time().toInstant().isAfter(at.toInstant()))
              .toList();
      if (candidates.isEmpty()) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            "there is no backup of environment "
                + wanted
                + " of "
                + app
                + (at == null ? "" : " at or before " + at),
            hint());
      }
      return candidates.getLast();
    }
    if (at != null) {
      throw new StetException(
          ErrorCode.USAGE,
          "--at chooses among snapshots, but " + name + " names one",
          "Leave out the snapshot or --at.");
    }
    List<Snapshot> matches =
        snapshots.stream().filter(s -> s.requireId().toString().startsWith(name)).toList();
    if (matches.size() == 1 && !name.isEmpty()) {
      return matches.getFirst();
    }
    if (matches.isEmpty() || name.isEmpty()) {
      throw new StetException(
          ErrorCode.NOT_FOUND, "there is no snapshot \"" + name + "\" of " + app, hint());
    }
    throw new StetException(
        ErrorCode.NOT_FOUND,
        "snapshot id \"" + name + "\" is ambiguous: it begins " + matches.size() + " ids",
        "Give more digits; `stet snapshots` lists them.");
  }

  private String hint() {
    if (snapshots.isEmpty()) {
      return "The repository has no snapshot of " + app + " yet; `stet backup` makes one.";
    }
    TreeSet<String> environments = new TreeSet<>();
    for (Snapshot snapshot : snapshots) {
      String environment = environment(snapshot);
      if (environment != null) {
        environments.add(environment);
      }
    }
    return (snapshots.size() == 1
            ? "There is 1 snapshot"
            : "There are " + snapshots.size() + " snapshots")
        + (environments.size() == 1 ? " of environment " : " of the environments ")
        + String.join(", ", environments)
        + ", the newest of "
        + snapshots.getLast().time().truncatedTo(ChronoUnit.SECONDS)
        + "; `stet snapshots` lists them.";
  }
}
