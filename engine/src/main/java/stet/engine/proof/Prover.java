package stet.engine.proof;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.Component.Scratch;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.component.Trial;
import stet.engine.process.ChildProcess;
import stet.engine.process.PrivateFiles;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Finding;
import stet.engine.rules.Rule;
import stet.engine.rules.Unevaluated;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotCatalog;
import stet.engine.snapshot.SnapshotFiles;
import stet.engine.snapshot.TreePaths;
import stet.repository.BlobSource;
import stet.repository.RepositoryException;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;

/**
 * Restores a snapshot into scratch and says whether it is what was captured. Nothing live is
 * touched, and nothing of the scratch is left.
 */
public final class Prover {
  /** What says something about the snapshot, rather than about this machine. */
  private static final Set<ErrorCode> SAYS_SOMETHING =
      Set.of(
          ErrorCode.VERIFICATION_FAILED,
          ErrorCode.REPOSITORY_DAMAGED,
          ErrorCode.NOT_FOUND,
          ErrorCode.SOURCE,
          ErrorCode.FAILED);

  /** Stands for all components together. */
  private static final String APPLICATION = "application";

  private final BlobSource source;
  private final Environment environment;
  private final Operation operation;
  private final Scratch scratch;
  private final List<Assertion> assertions;

  /**
   * Prepares.
   *
   * @param scratch where to restore
   * @param assertions what must hold besides
   */
  public Prover(
      BlobSource source,
      Environment environment,
      Operation operation,
      Scratch scratch,
      List<Assertion> assertions) {
    this.source = source;
    this.environment = environment;
    this.operation = operation;
    this.scratch = scratch;
    this.assertions = List.copyOf(assertions);
  }

  /**
   * Restores a snapshot.
   *
   * @return what came of it
   * @throws StetException if nothing can be said, such as for want of a server
   */
  public Proof run(Snapshot snapshot) {
    PrivateFiles.removeLeftovers();
    Instant started = Instant.now();
    List<String> failures = new ArrayList<>();
    List<Proof.ComponentLevel> levels = new ArrayList<>();
    List<Finding> findings = new ArrayList<>();
    Map<String, Trial> trials = new LinkedHashMap<>();
    Map<String, Node> nodes = new HashMap<>();
    Duration restored;
    try {
      Manifest manifest = restoreAll(snapshot, trials, nodes, failures);
      restored = Duration.between(started, Instant.now());
      trials.forEach((name, trial) -> {
        for (Trial.Level level : trial.levels()) {
          levels.add(new Proof.ComponentLevel(name, level.name(), level.ran(), level.detail()));
        }
        trial.differences().forEach(difference -> failures.add(name + ": " + difference));
      });
      if (manifest != null && trials.size() == nodes.size() && !nodes.isEmpty()) {
        levels.addAll(evaluate(trials, nodes, manifest.findings(), findings, failures));
        levels.addAll(assertAll(trials, failures));
      } else {
        levels.add(
            new Proof.ComponentLevel(
                APPLICATION, "rules", false, "not all components could be restored"));
      }
    } finally {
      close(trials);
    }
    return new Proof(
        snapshot.tree(),
        snapshot.requireId().toString(),
        Objects.requireNonNullElse(SnapshotCatalog.environment(snapshot), environment.name()),
        started,
        Instant.now(),
        restored,
        levels,
        findings,
        failures);
  }

  /** Restores all components; the manifest, or null if that cannot be read. */
  private @Nullable Manifest restoreAll(
      Snapshot snapshot,
      Map<String, Trial> trials,
      Map<String, Node> nodes,
      List<String> failures) {
    Manifest manifest;
    List<Node> root;
    try {
      SnapshotFiles files = new SnapshotFiles(source, snapshot);
      manifest = files.manifest();
      root = files.root();
    } catch (RepositoryException e) {
      failures.add(e.getMessage());
      return null;
    } catch (StetException e) {
      fail("the manifest", e, failures);
      return null;
    }
    for (Manifest.Entry entry : manifest.components()) {
      requireComponent(entry);
    }
    for (Manifest.Entry entry : manifest.components()) {
      Node node = SnapshotFiles.child(root, entry.name()).orElse(null);
      if (node == null) {
        failures.add(entry.name() + ": its directory is not in the snapshot");
        continue;
      }
      nodes.put(entry.name(), node);
      operation.progress().phase("restoring " + entry.name() + " into scratch");
      try {
        trials.put(
            entry.name(),
            requireComponent(entry)
                .trial(
                    new RestoreContext(
                        operation, source, node, entry.details(), manifest.hashKey()),
                    scratch));
      } catch (StetException e) {
        fail(entry.name(), e, failures);
      } catch (RepositoryException e) {
        failures.add(entry.name() + ": " + e.getMessage());
      }
      operation.checkStop();
    }
    return manifest;
  }

  /** Only what is certain to be the snapshot's fault is a failure of it. */
  private static void fail(String name, StetException e, List<String> failures) {
    if (!SAYS_SOMETHING.contains(e.code())) {
      throw e;
    }
    failures.add(name + ": " + e.getMessage());
  }

  private Component requireComponent(Manifest.Entry entry) {
    Component found = environment.component(entry.name());
    if (found == null || !found.kind().equals(entry.kind())) {
      throw new StetException(
          ErrorCode.CONFIGURATION,
          "the snapshot has a component "
              + entry.name()
              + " of kind "
              + entry.kind()
              + ", which environment "
              + environment.name()
              + " has not",
          "Its components are "
              + String.join(", ", environment.components().stream().map(Component::name).toList())
              + ". Add it to the configuration.");
    }
    return found;
  }

  /** Holds the rules against what they found at capture. */
  private List<Proof.ComponentLevel> evaluate(
      Map<String, Trial> trials,
      Map<String, Node> nodes,
      List<Finding> captured,
      List<Finding> findings,
      List<String> failures) {
    List<String> missed = new ArrayList<>();
    List<Finding> untold = new ArrayList<>(captured);
    trials.forEach((name, trial) -> {
      List<Rule> rules = new ArrayList<>();
      for (Rule rule : environment.rules().of(name)) {
        untold.removeIf(finding -> finding.isOf(rule));
        if (rule.body() instanceof Rule.Exists exists
            && !nodes.containsKey(exists.files().text())) {
          missed.add(
              new Unevaluated(rule, "the snapshot has no component " + exists.files()).describe());
        } else {
          rules.add(rule);
        }
      }
      if (rules.isEmpty()) {
        return;
      }
      operation.progress().phase("checking the rules about " + name);
      try (Evaluation evaluation = trial.evaluate(rules)) {
        findings.addAll(
            evaluation.complete(references ->
                references.compare(
                    new TreePaths(
                        source, Objects.requireNonNull(nodes.get(references.component()))))));
        for (Unevaluated each : evaluation.unevaluated()) {
          if (each.isAmong(captured)) {
            failures.add(each.describe() + ", but it was when it was captured");
          }
          missed.add(each.describe());
        }
      } catch (StetException e) {
        fail(name, e, failures);
      }
    });
    for (Component component : environment.components()) {
      if (!nodes.containsKey(component.name())) {
        for (Rule rule : environment.rules().of(component.name())) {
          missed.add(
              new Unevaluated(rule, "the snapshot has no component " + component.name())
                  .describe());
        }
      }
    }
    int compared = 0;
    for (Finding finding : findings) {
      Finding before = Finding.of(finding, captured);
      if (before == null) {
        if (finding.violations() > 0) {
          operation
              .progress()
              .warn(finding.describe() + "; it was not evaluated when the snapshot was made");
        }
        continue;
      }
      compared++;
      if (!finding.isSame(before)) {
        failures.add(finding.describe() + ", but " + before.violations() + " when it was captured");
      }
    }
    for (Finding finding : untold) {
      missed.add(
          "rule \""
              + finding.rule()
              + "\" of the snapshot is not in the configuration, or not with the same text");
    }
    int fresh = findings.size() - compared;
    List<String> ran = new ArrayList<>();
    if (compared > 0) {
      ran.add(count(compared, "rule") + ", compared with what was found at capture");
    }
    if (fresh > 0) {
      ran.add(count(fresh, "rule") + " that came after the snapshot");
    }
    return levels("rules", ran, missed);
  }

  /**
   * What to say of the application as a whole.
   *
   * @param ran what was looked at
   * @param missed what was not, and why
   */
  private static List<Proof.ComponentLevel> levels(
      String name, List<String> ran, List<String> missed) {
    List<Proof.ComponentLevel> levels = new ArrayList<>();
    if (!ran.isEmpty() || missed.isEmpty()) {
      levels.add(
          new Proof.ComponentLevel(
              APPLICATION, name, true, ran.isEmpty() ? "no " + name : String.join("; ", ran)));
    }
    if (!missed.isEmpty()) {
      levels.add(new Proof.ComponentLevel(APPLICATION, name, false, String.join("; ", missed)));
    }
    return levels;
  }

  private static String count(int n, String what) {
    return n + " " + what + (n == 1 ? "" : "s");
  }

  private List<Proof.ComponentLevel> assertAll(Map<String, Trial> trials, List<String> failures) {
    List<String> missed = new ArrayList<>();
    for (Assertion assertion : assertions) {
      switch (assertion) {
        case Assertion.Query query -> {
          Trial trial = database(query, trials);
          if (trial == null) {
            missed.add(
                "assertion \""
                    + query.sql()
                    + "\" was not run: the snapshot has no "
                    + (query.component() == null ? "database" : "database " + query.component()));
          } else {
            query(query, trial, failures);
          }
        }
        case Assertion.Program program -> run(program, trials, failures);
      }
    }
    int ran = assertions.size() - missed.size();
    return levels(
        "assertions",
        ran == 0 ? List.of() : List.of(count(ran, "assertion") + " of the configuration"),
        missed);
  }

  /** The database to run a query in, which the configuration's reading has made sure is one. */
  private static @Nullable Trial database(Assertion.Query query, Map<String, Trial> trials) {
    return trials.entrySet().stream()
        .filter(entry -> query.component() == null || entry.getKey().equals(query.component()))
        .map(Map.Entry::getValue)
        .filter(Trial::hasTables)
        .findFirst()
        .orElse(null);
  }

  private void query(Assertion.Query query, Trial trial, List<String> failures) {
    operation.progress().phase("running " + query.sql());
    String what = Proof.ASSERTION + "\"" + query.sql() + "\": ";
    String value;
    try {
      value = trial.query(query.sql());
    } catch (StetException e) {
      if (!SAYS_SOMETHING.contains(e.code())) {
        throw e;
      }
      failures.add(what + e.getMessage());
      return;
    }
    if (value == null) {
      failures.add(what + "it gives no value");
      return;
    }
    if (query.least() == null && query.most() == null) {
      return;
    }
    BigDecimal number;
    try {
      number = new BigDecimal(value);
    } catch (NumberFormatException e) {
      failures.add(what + "\"" + value + "\" is no number");
      return;
    }
    if (query.least() != null && number.compareTo(BigDecimal.valueOf(query.least())) < 0) {
      failures.add(what + "it gives " + value + ", less than " + query.least());
    }
    if (query.most() != null && number.compareTo(BigDecimal.valueOf(query.most())) > 0) {
      failures.add(what + "it gives " + value + ", more than " + query.most());
    }
  }

  private void run(Assertion.Program program, Map<String, Trial> trials, List<String> failures) {
    operation.progress().phase("running " + program.command().getFirst());
    Map<String, String> variables = new HashMap<>();
    trials.values().forEach(trial -> variables.putAll(trial.variables()));
    try {
      ChildProcess.of(Path.of(program.command().getFirst()))
          .arguments(program.command().subList(1, program.command().size()))
          .without(name -> name.startsWith("PG"))
          .environment(variables)
          .run();
    } catch (StetException e) {
      if (e.code() == ErrorCode.INTERRUPTED) {
        throw e;
      }
      requireDatabases(trials);
      failures.add(
          Proof.ASSERTION + "`" + String.join(" ", program.command()) + "`: " + e.getMessage());
    }
  }

  /** A program cannot tell why it failed, and may have lost the scratch. */
  private static void requireDatabases(Map<String, Trial> trials) {
    trials.values().stream().filter(Trial::hasTables).forEach(trial -> trial.query("SELECT 1"));
  }

  /** What was found holds whatever becomes of the scratch. */
  private void close(Map<String, Trial> trials) {
    trials.forEach((name, trial) -> {
      try {
        trial.close();
      } catch (StetException e) {
        operation
            .progress()
            .warn("the scratch of " + name + " could not be removed: " + e.getMessage());
      }
    });
  }
}
