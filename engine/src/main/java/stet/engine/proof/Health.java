package stet.engine.proof;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.StetException;
import stet.engine.rules.Finding;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotCatalog;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.backend.Backend;
import stet.repository.backend.FileType;
import stet.repository.index.BlobIndex;
import stet.repository.pack.PackReader;
import stet.repository.snapshot.Snapshot;
import stet.repository.snapshot.SnapshotSummary;

/**
 * Whether an environment could be restored right now, as far as the repository tells.
 *
 * @param state the worst of the aspects
 * @param aspects what was looked at, each name once
 * @param snapshot the newest backup's id, or null
 * @param proof the newest proof of the newest snapshot that has one, or null
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
    /** What a check may end with: the last of those that are found. */
    private static final List<ErrorCode> FROM_MILD_TO_GRAVE =
        List.of(
            ErrorCode.RTO_MISSED,
            ErrorCode.PROOF_STALE,
            ErrorCode.RPO_MISSED,
            ErrorCode.NOT_RESTORABLE);

    private static final String PROVE = "Run `stet prove`.";
    private static final String MEND =
        "Run `stet check --read-data`, then `stet backup` and `stet prove`.";
    private static final String REVIEW =
        "Mend what the assertions found, or proof.assert; then run `stet backup` and `stet prove`.";

    private final String environment;
    private final Objectives objectives;
    private final Instant now;
    private final SnapshotCatalog catalog;
    private final BlobIndex index;
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
      this.catalog = new SnapshotCatalog(app, repository.snapshots(this::unreadable));
      // After the snapshots are listed, so that it tells of all that they hold.
      repository.loadIndex();
      this.index = repository.index();
      this.reader = repository.reader();
      this.backend = repository.backend();
    }

    /** Adds to what is known of an aspect: the worst counts, and is said first. */
    private void add(String name, State state, String text) {
      for (int i = 0; i < aspects.size(); i++) {
        Aspect known = aspects.get(i);
        if (known.name().equals(name)) {
          boolean worse = state.compareTo(known.state()) > 0;
          aspects.set(
              i,
              new Aspect(
                  name,
                  worse ? state : known.state(),
                  worse ? text + "; " + known.text() : known.text() + "; " + text));
          return;
        }
      }
      aspects.add(new Aspect(name, state, text));
    }

    /** Has a check fail, unless it fails for something that is as grave already. */
    private void require(ErrorCode code, String todo) {
      if (error == null || FROM_MILD_TO_GRAVE.indexOf(code) > FROM_MILD_TO_GRAVE.indexOf(error)) {
        error = code;
        next = todo;
      }
    }

    private void suggest(String todo) {
      if (next == null) {
        next = todo;
      }
    }

    private void unreadable(RepositoryException e) {
      unusable.accept(e.getMessage());
      add("repository", State.RED, e.getMessage());
      require(
          ErrorCode.NOT_RESTORABLE,
          "Put the file back from a copy of the repository or, if there is none, remove it; then run"
              + " `stet backup` and `stet prove`.");
    }

    Health run() {
      List<Snapshot> snapshots = catalog.backups(environment);
      Snapshot newest = snapshots.isEmpty() ? null : snapshots.getLast();
      Proofs.Standing standing = Proofs.standing(catalog, environment, reader, now, unusable);
      if (newest == null) {
        add("snapshot", State.RED, "there is none");
        require(ErrorCode.RPO_MISSED, "Run `stet backup`.");
      } else {
        proof(newest, standing);
        snapshot(snapshots);
        content(newest, snapshots.size() < 2 ? null : snapshots.get(snapshots.size() - 2));
      }
      // Last, as reading the others may have found damage.
      repository(newest);
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
          standing.proof(),
          error,
          summary(worst, newest, standing),
          next);
    }

    private String summary(State worst, @Nullable Snapshot newest, Proofs.Standing standing) {
      String prefix = "environment " + environment + " ";
      Proof proof = standing.proof();
      if (newest == null) {
        return prefix + "has no snapshot";
      }
      if (proof != null && !proof.passed()) {
        return prefix + "may not be restorable: the newest proof failed";
      }
      return switch (worst) {
        case GREEN -> prefix + "is backed up and proven";
        case AMBER ->
            standing.snapshot() == newest
                ? prefix + "is backed up, but not all is known to be well"
                : prefix
                    + (proof == null
                        ? "is backed up, unproven"
                        : "is backed up, the newest snapshot unproven");
        case RED ->
            prefix
                + "needs attention: "
                + list(
                    aspects.stream()
                        .filter(aspect -> aspect.state() == State.RED)
                        .map(Aspect::name)
                        .toList());
      };
    }

    private void proof(Snapshot newest, Proofs.Standing standing) {
      Proof proof = standing.proof();
      Snapshot proven = standing.snapshot();
      if (proof == null || proven == null) {
        String what =
            catalog.proofs(environment).isEmpty()
                ? "no snapshot was ever proven"
                : "no snapshot that is there is proven";
        add("proof", State.AMBER, what + unreadable(standing));
        require(ErrorCode.PROOF_STALE, PROVE);
        add("restore time", State.AMBER, "unknown, nothing was ever restored for a proof");
        return;
      }
      String what = "snapshot " + proven.requireId().shortText() + " " + age(proof.finished());
      if (proven != newest) {
        what = "the newest snapshot is not proven; the newest proof is of " + what;
      }
      if (!proof.passed()) {
        add("proof", State.RED, what + " failed: " + String.join("; ", proof.failures()));
        require(ErrorCode.NOT_RESTORABLE, proof.failedAssertionsAlone() ? REVIEW : MEND);
        return;
      }
      passed(proof, proven == newest, what, standing);
      restoreTime(proof);
    }

    private void passed(Proof proof, boolean ofNewest, String what, Proofs.Standing standing) {
      State state = State.GREEN;
      StringBuilder text = new StringBuilder(what);
      List<String> open =
          proof.levels().stream()
              .filter(level -> !level.ran())
              .map(level -> level.component() + " " + level.level())
              .toList();
      if (!open.isEmpty()) {
        text.append("; not looked at: ").append(list(open));
      }
      if (!ofNewest) {
        state = State.AMBER;
      }
      for (Proof other : standing.others()) {
        if (!other.passed() && other.finished().isAfter(proof.finished())) {
          state = State.AMBER;
          text.append("; older snapshot ")
              .append(other.snapshot(), 0, 8)
              .append(" failed later: ")
              .append(String.join("; ", other.failures()));
        }
      }
      if (standing.unreadable() > 0) {
        state = State.AMBER;
        text.append(unreadable(standing));
      }
      if (Proofs.isOfTheFuture(proof.finished(), now)) {
        state = State.AMBER;
        text.append("; that is of the future, so a clock was or is wrong");
      }
      Duration limit = objectives.proofAge();
      if (limit == null) {
        state = State.AMBER;
        text.append("; no objective says how old it may be");
      } else if (!isWithin(limit, proof)) {
        // Any snapshot's passed proof shows that restores were tried in time.
        boolean stale =
            standing.others().stream().noneMatch(other -> other.passed() && isWithin(limit, other));
        boolean known = !Proofs.isOfTheFuture(proof.finished(), now);
        state = stale && known ? State.RED : State.AMBER;
        if (known) {
          text.append(", older than ").append(Human.duration(limit));
        }
        if (stale) {
          require(ErrorCode.PROOF_STALE, PROVE);
        }
      }
      add("proof", state, text.toString());
      if (!ofNewest || standing.unreadable() > 0) {
        suggest(PROVE);
      } else if (limit == null) {
        suggest("Set objectives.proof_age.");
      } else if (state != State.GREEN) {
        suggest(PROVE);
      }
    }

    private boolean isWithin(Duration limit, Proof proof) {
      return !Proofs.isOfTheFuture(proof.finished(), now)
          && Duration.between(proof.finished(), now).compareTo(limit) <= 0;
    }

    private static String unreadable(Proofs.Standing standing) {
      return standing.unreadable() == 0
          ? ""
          : "; " + Human.count(standing.unreadable(), "proof") + " cannot be read";
    }

    private void restoreTime(Proof proof) {
      Duration rto = objectives.rto();
      String took = "a restore took " + Human.duration(proof.restored());
      if (rto == null) {
        add("restore time", State.AMBER, took + "; no objective says how long it may");
        suggest("Set objectives.rto.");
      } else if (proof.restored().compareTo(rto) > 0) {
        add("restore time", State.RED, took + ", longer than " + Human.duration(rto));
        require(
            ErrorCode.RTO_MISSED,
            "Use a faster server and run `stet prove`, or allow more time in objectives.rto.");
      } else {
        add("restore time", State.GREEN, took);
      }
    }

    private static String list(List<String> names) {
      return String.join(", ", names);
    }

    private void snapshot(List<Snapshot> snapshots) {
      Snapshot newest = snapshots.getLast();
      // By those whose age is known.
      Snapshot last =
          snapshots.reversed().stream()
              .filter(snapshot -> !Proofs.isOfTheFuture(snapshot.time().toInstant(), now))
              .findFirst()
              .orElse(null);
      State state = State.GREEN;
      String what = last == null ? "there is no other" : named(last);
      if (last != newest) {
        state = State.AMBER;
        what =
            newest.requireId().shortText()
                + " is of the future ("
                + age(newest.time().toInstant())
                + "), so a clock was or is wrong; "
                + (last == null ? what : "before it " + what);
      }
      Duration rpo = objectives.rpo();
      if (rpo == null) {
        state = State.AMBER;
        what += "; no objective says how old it may be";
        suggest("Set objectives.rpo.");
      } else if (last == null
          || Duration.between(last.time().toInstant(), now).compareTo(rpo) > 0) {
        if (last != null) {
          what += ", older than " + Human.duration(rpo);
        }
        // One of the future may be young enough: that is not known.
        state = last == newest ? State.RED : State.AMBER;
        require(ErrorCode.RPO_MISSED, "Run `stet backup`.");
      }
      add("snapshot", state, what);
      if (last != newest) {
        suggest(
            "Set the clock right, run `stet backup`, and remove the snapshot: `restic forget "
                + newest.requireId().shortText()
                + "`.");
      }
    }

    private String named(Snapshot snapshot) {
      return snapshot.requireId().shortText() + " of " + age(snapshot.time().toInstant());
    }

    private void content(Snapshot newest, @Nullable Snapshot before) {
      Manifest manifest;
      try {
        manifest = new SnapshotFiles(reader, newest).manifest();
      } catch (StetException | RepositoryException e) {
        add("content", State.RED, String.valueOf(e.getMessage()));
        require(ErrorCode.NOT_RESTORABLE, MEND);
        return;
      }
      List<Finding> violated =
          manifest.findings().stream().filter(finding -> finding.violations() > 0).toList();
      if (manifest.findings().isEmpty()) {
        add("coherence", State.AMBER, "unknown, there are no rules");
      } else if (violated.isEmpty()) {
        add(
            "coherence",
            State.GREEN,
            manifest.findings().size() == 1
                ? "the rule holds"
                : "all " + manifest.findings().size() + " rules hold");
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
    }

    private void repository(@Nullable Snapshot newest) {
      Map<Id, Long> stored = new HashMap<>();
      backend.list(FileType.PACK, stored::put);
      long bytes = stored.values().stream().mapToLong(Long::longValue).sum();
      SnapshotSummary summary = newest == null ? null : newest.summary();
      add(
          "repository",
          State.GREEN,
          Human.size(bytes)
              + " of packs"
              + (summary == null
                  ? ""
                  : "; the newest snapshot added " + Human.size(summary.dataAddedPacked())));
      unusablePacks("damaged", index.damagedPacks().stream().filter(index::hasPack).toList());
      unusablePacks("missing or cut", index.notWhole(stored));
    }

    private void unusablePacks(String how, List<Id> packs) {
      if (packs.isEmpty()) {
        return;
      }
      String names = list(packs.stream().sorted().limit(3).map(Id::shortText).toList());
      add(
          "repository",
          State.RED,
          Human.count(packs.size(), how + " pack")
              + ": "
              + names
              + (packs.size() > 3 ? ", …" : "")
              + "; what they hold may not come back");
      require(ErrorCode.NOT_RESTORABLE, MEND);
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
