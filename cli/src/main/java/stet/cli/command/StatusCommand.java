package stet.cli.command;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import stet.cli.config.Configuration;
import stet.cli.config.EnvironmentSettings;
import stet.cli.config.Objectives;
import stet.cli.output.Output;
import stet.cli.session.Session;
import stet.engine.StetException;
import stet.engine.proof.Health;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;

/** {@code status}: whether the application could be restored right now. */
@Command(
    name = "status",
    description = {
      "Tell whether the environment could be restored right now, and what to do next.",
      "The repository alone is asked; nothing live is touched."
    },
    footer = {
      "",
      "JSON: {message_type: \"status\", environment, state, aspects: [{name, state, text}],"
          + " snapshot_id?, proof?: {snapshot, finished, restored_seconds, passed, failures}, next?}"
    })
public final class StatusCommand implements Callable<Integer> {
  /** What is left out of a proof. */
  private static final String[] OMITTED = {
    "format", "tree", "environment", "started", "levels", "rules"
  };

  private final Session session;

  @Option(
      names = "--check",
      description =
          "End with status 30 where the newest snapshot is too old or missing, 31 where every proof"
              + " that passed is, 32 where the newest failed, took too long, or the repository is"
              + " damaged.")
  private boolean check;

  @Mixin private ReadLock readLock = new ReadLock();

  public StatusCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Configuration configuration = session.configuration();
    EnvironmentSettings environment = session.environment();
    Objectives objectives = configuration.objectives();
    Output output = session.output();
    Health health;
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.announce(repository)) {
      List<String> warnings = new ArrayList<>();
      health =
          ReadLock.whileSettling(
              lock,
              () ->
                  Health.of(
                      repository,
                      configuration.app(),
                      environment.name(),
                      new Health.Objectives(
                          objectives.rpo(), objectives.rto(), objectives.proofAge()),
                      Instant.now(),
                      warnings::add));
      warnings.forEach(message -> output.warn(message, null));
    }
    if (output.json()) {
      output.document(document(health));
    } else {
      for (Health.Aspect aspect : health.aspects()) {
        output.print(aspect.state().text() + "  " + aspect.name() + ": " + aspect.text());
      }
      output.print(health.state().text() + "  " + health.summary());
      if (health.next() != null) {
        output.message("next: " + health.next());
      }
    }
    if (check && health.error() != null) {
      throw new StetException(health.error(), health.summary(), health.next());
    }
    return 0;
  }

  private static JsonObject document(Health health) {
    return new JsonObject()
        .put("message_type", "status")
        .put("environment", health.environment())
        .put("state", health.state().text().strip())
        .put(
            "aspects",
            health.aspects().stream()
                .map(aspect ->
                    new JsonObject()
                        .put("name", aspect.name())
                        .put("state", aspect.state().text().strip())
                        .put("text", aspect.text()))
                .toList())
        .putIfPresent("snapshot_id", health.snapshot())
        .putIfPresent(
            "proof",
            health.proof() == null ? null : health.proof().toJson().without(Set.of(OMITTED)))
        .putIfPresent("next", health.next());
  }
}
