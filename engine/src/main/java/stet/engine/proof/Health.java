package stet.engine.proof;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.StetException;
import stet.engine.rules.Finding;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotCatalog;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.backend.Backend;
import stet.repository.backend.FileType;
import stet.repository.pack.PackReader;
import stet.repository.snapshot.Snapshot;
import stet.repository.snapshot.SnapshotSummary;

/**
 * Whether an environment could be restored right now, as far as the repository tells.
 *
 * @param state the worst of the aspects
 * @param aspects what was looked at
 * @param snapshot the newest snapshot's id, or null
 * @param proof the newest proof, or null
 * @param error what a check ends with, or null if all is well enough
 * @param summary the state in a sentence
 * @param next what to do, or null if nothing
 */
public record Health(
    String environment,
    State state,
    List<Aspect> aspects,
    @Nullable String snapshot,
    @Nullable Proof proof,
    @Nullable ErrorCode error,
    String summary,
    @Nullable String next) {
  public Health {
    aspects = List.copyOf(aspects);
  }

  /** From good to bad. What is not known is never green. */
  public enum State {
    GREEN,
    AMBER,
    RED;

    /** In lower case, all of one length. */
    public String text() {
      return "%-5s".formatted(name().toLowerCase(java.util.Locale.ROOT));
    }
  }

  /** One thing that was looked at. */
  public record Aspect(String name, State state, String text) {}

  /**
   * What the state is held against.
   *
   * @param rpo how old the newest snapshot may be, or null
   * @param rto how long a restore may take, or null
   * @param proofAge how old the newest proof may be, or null
   */
  public record Objectives(
      @Nullable Duration rpo, @Nullable Duration rto, @Nullable Duration proofAge) {}

  /**
   * Looks at a repository, whose index it loads.
   *
   * @param unusable takes what could not be read
   */
  public static Health of(
      Repository repository,
      String app,
      String environment,
      Objectives objectives,
      Instant now,
      Consumer<String> unusable) {
    return new Inspection(repository, app, environment, objectives, now, unusable).run();
  }

  private static final class Inspection {
    private final String environment;
    private final Objectives objectives;
    private final Instant now;
    private final SnapshotCatalog catalog;
    private final PackReader reader;
    private final Backend backend;
    private final Consumer<String> unusable;
    private final List<Aspect> aspects = new ArrayList<>();
    private @Nullable ErrorCode error;
    private @Nullable String next;

    Inspection(
        Repository repository,
        String app,
        String environment,
        Objectives objectives,
        Instant now,
        Consumer<String> unusable) {
      this.environment = environment;
      this.objectives = objectives;
      this.now = now;
      this.unusable = unusable;
      this.catalog =
          new SnapshotCatalog(
              app,
              repository.snapshots(e -> {
                unusable.accept(e.getMessage());
                aspects.add(new Aspect("repository", State.RED, e.getMessage()));
              }));
      // After the snapshots are listed, so that it tells of all that they hold.
      repository.loadIndex();
      this.reader = repository.reader();
      this.backend = repository.backend();
    }

    private void add(String name, State state, String text) {
      aspects.add(new Aspect(name, state, text));
    }

    /** The first that is found counts: what is worse is looked at first. */
    private void require(ErrorCode code, String todo) {
      if (error == null) {
        error = code;
        next = todo;
      }
    }

    private void suggest(String todo) {
      if (next == null) {
        next = todo;
      }
    }

    Health run() {
      List<Snapshot> snapshots = catalog.of(environment);
      Snapshot newest = snapshots.isEmpty() ? null : snapshots.getLast();
      Proof last = Proofs.newest(catalog, environment, reader, unusable);
      if (newest == null) {
        add("snapshot", State.RED, "there is none");
        require(ErrorCode.RPO_MISSED, "Run `stet backup`.");
      } else {
        proof(newest, last);
        snapshot(newest);
        content(newest, snapshots.size() < 2 ? null : snapshots.get(snapshots.size() - 2));
      }
      State worst =
          aspects.stream()
              .map(Aspect::state)
              .max(java.util.Comparator.naturalOrder())
              .orElseThrow();
      return new Health(
          environment,
          worst,
          aspects,
          newest == null ? null : newest.requireId().toString(),
          last,
          error,
          summary(worst, newest, last),
          next);
    }

    private String summary(State worst, @Nullable Snapshot newest, @Nullable Proof last) {
      String prefix = "environment " + environment + " ";
      if (newest == null) {
        return prefix + "has no snapshot";
      }
      if (last == null) {
        return prefix + "is backed up, unproven";
      }
      if (!last.passed()) {
        return prefix + "may not be restorable: the newest proof failed";
      }
      return switch (worst) {
        case GREEN -> prefix + "is backed up and proven";
        case AMBER -> prefix + "is backed up, but not all is known to be well";
        case RED -> prefix + "needs attention";
      };
    }

    private void proof(Snapshot newest, @Nullable Proof last) {
      if (last == null) {
        add("proof", State.AMBER, "no snapshot was ever proven");
        require(ErrorCode.PROOF_STALE, "Run `stet prove`.");
        add("restore time", State.AMBER, "unknown, nothing was ever restored for a proof");
        return;
      }
      String what = "snapshot " + last.snapshot().substring(0, 8) + " " + age(last.finished());
      if (!last.passed()) {
        add("proof", State.RED, what + " failed: " + String.join("; ", last.failures()));
        require(
            ErrorCode.NOT_RESTORABLE,
            "Run `stet check --read-data`, then `stet backup` and `stet prove`.");
        return;
      }
      List<String> open =
          last.levels().stream()
              .filter(level -> !level.ran())
              .map(level -> level.component() + " " + level.level())
              .toList();
      String proven = what + (open.isEmpty() ? "" : "; not looked at: " + list(open));
      Duration age = Duration.between(last.finished(), now);
      Duration limit = objectives.proofAge();
      if (limit == null) {
        add("proof", State.AMBER, proven + "; no objective says how old it may be");
        suggest("Set objectives.proof_age.");
      } else if (age.compareTo(limit) > 0) {
        add("proof", State.RED, proven + ", older than " + Human.duration(limit));
        require(ErrorCode.PROOF_STALE, "Run `stet prove`.");
      } else if (!last.tree().equals(newest.tree())) {
        add("proof", State.GREEN, proven + ", an earlier one than the newest");
      } else {
        add("proof", State.GREEN, proven);
      }
      Duration rto = objectives.rto();
      String took = "a restore took " + Human.duration(last.restored());
      if (rto == null) {
        add("restore time", State.AMBER, took + "; no objective says how long it may");
        suggest("Set objectives.rto.");
      } else if (last.restored().compareTo(rto) > 0) {
        add("restore time", State.RED, took + ", longer than " + Human.duration(rto));
        suggest("Use a faster server, or allow more time.");
      } else {
        add("restore time", State.GREEN, took);
      }
    }

    private static String list(List<String> names) {
      return String.join(", ", names);
    }

    private void snapshot(Snapshot newest) {
      Instant time = newest.time().toInstant();
      String what = newest.requireId().shortText() + " of " + age(time);
      Duration rpo = objectives.rpo();
      if (rpo == null) {
        add("snapshot", State.AMBER, what + "; no objective says how old it may be");
        suggest("Set objectives.rpo.");
      } else if (Duration.between(time, now).compareTo(rpo) > 0) {
        add("snapshot", State.RED, what + ", older than " + Human.duration(rpo));
        // A snapshot that is too old is worse than a proof that is.
        if (error != ErrorCode.NOT_RESTORABLE) {
          error = ErrorCode.RPO_MISSED;
          next = "Run `stet backup`.";
        }
      } else {
        add("snapshot", State.GREEN, what);
      }
    }

    private void content(Snapshot newest, @Nullable Snapshot before) {
      Manifest manifest;
      try {
        manifest = new SnapshotFiles(reader, newest).manifest();
      } catch (StetException | RepositoryException e) {
        add("content", State.RED, String.valueOf(e.getMessage()));
        require(ErrorCode.NOT_RESTORABLE, "Run `stet check --read-data` and `stet backup`.");
        return;
      }
      List<Finding> violated =
          manifest.findings().stream().filter(finding -> finding.violations() > 0).toList();
      if (manifest.findings().isEmpty()) {
        add("coherence", State.AMBER, "unknown, there are no rules");
      } else if (violated.isEmpty()) {
        add("coherence", State.GREEN, "all " + manifest.findings().size() + " rules hold");
      } else {
        add("coherence", State.AMBER, list(violated.stream().map(Finding::describe).toList()));
        suggest("Mend the rows or files that violate rules.");
      }
      if (!manifest.skipped().isEmpty()) {
        add("completeness", State.AMBER, "left out: " + list(manifest.skipped()));
      }
      long bytes = bytes(manifest);
      String growth = "";
      if (before != null) {
        try {
          long change = bytes - bytes(new SnapshotFiles(reader, before).manifest());
          growth =
              ", "
                  + (change >= 0 ? "+" : "-")
                  + Human.size(Math.abs(change))
                  + " since the one before";
        } catch (StetException | RepositoryException e) {
          unusable.accept(String.valueOf(e.getMessage()));
        }
      }
      add("size", State.GREEN, Human.size(bytes) + growth);
      long[] stored = {0};
      backend.list(FileType.PACK, (id, length) -> stored[0] += length);
      SnapshotSummary summary = newest.summary();
      add(
          "repository",
          State.GREEN,
          Human.size(stored[0])
              + " of packs"
              + (summary == null
                  ? ""
                  : "; the newest snapshot added " + Human.size(summary.dataAddedPacked())));
    }

    private static long bytes(Manifest manifest) {
      return manifest.components().stream()
          .mapToLong(entry -> entry.details().integer("bytes", 0))
          .sum();
    }

    private String age(Instant time) {
      return Human.age(time, now);
    }
  }
}
