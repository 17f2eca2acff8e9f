package stet.cli.command;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import stet.cli.config.Configuration;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.session.Configured;
import stet.cli.session.Session;
import stet.engine.Environment;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.StetException;
import stet.engine.proof.Proof;
import stet.engine.proof.Proofs;
import stet.engine.proof.Prover;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.repository.snapshot.Snapshot;

/** {@code prove}: restores a snapshot into scratch and keeps what came of it. */
@Command(
    name = "prove",
    description = {
      "Restore a snapshot into scratch, compare it with what was captured, and keep the proof.",
      "Nothing live is touched, and nothing of the scratch is left."
    },
    footer = {
      "",
      "JSON: {message_type: \"summary\", proof_id, snapshot_id, passed, restored_seconds, levels:"
          + " [{component, level, ran, detail}], rules: [{rule, text, violations, hash, examples,"
          + " orphans?, orphan_examples?}], failures}"
    })
public final class ProveCommand implements Callable<Integer> {
  private final Session session;

  @Mixin private SnapshotChoice snapshot = new SnapshotChoice();

  public ProveCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Configuration configuration = session.configuration();
    Environment environment = Configured.environment(configuration, session.environment());
    Output output = session.output();
    Proof proof;
    Id id;
    try (Repository repository = session.openRepository();
        RepositoryLock lock = repository.announceLock()) {
      Snapshot chosen =
          lock.whileSettling(() -> {
            Snapshot found = snapshot.resolve(session, repository);
            repository.loadIndex();
            return found;
          });
      try (ProgressBar progress = session.progress()) {
        proof =
            new Prover(
                    repository.reader(),
                    environment,
                    session.operation(progress),
                    configuration.proof().scratch(),
                    configuration.proof().assertions())
                .run(chosen);
      }
      lock.check();
      id = Proofs.save(repository, configuration.app(), proof);
    }
    String name = proof.snapshot().substring(0, 8);
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("proof_id", id.toString())
              .put("snapshot_id", proof.snapshot())
              .putAll(
                  proof
                      .toJson()
                      .without(
                          java.util.Set.of(
                              "format",
                              "tree",
                              "snapshot",
                              "environment",
                              "started",
                              "finished"))));
    } else {
      for (Proof.ComponentLevel level : proof.levels()) {
        output.message(
            (level.ran() ? "" : "not looked at: ")
                + level.component()
                + ", "
                + level.level()
                + ": "
                + level.detail());
      }
    }
    if (!proof.passed()) {
      throw failed(name, proof);
    }
    if (!output.json()) {
      output.message(
          "snapshot "
              + name
              + " is proven: it was restored in "
              + Human.duration(proof.restored())
              + " and equals what was captured");
    }
    return 0;
  }

  private static StetException failed(String name, Proof proof) {
    if (proof.failedAssertionsAlone()) {
      return new StetException(
          ErrorCode.PROOF_FAILED,
          "snapshot "
              + name
              + " came back as it was captured, but not all holds that is asserted of it: "
              + String.join("; ", proof.failures()),
          "Mend what the assertions found and back up again, or change proof.assert; an earlier"
              + " snapshot may hold it.");
    }
    return new StetException(
        ErrorCode.PROOF_FAILED,
        "snapshot "
            + name
            + " did not come back as it was captured: "
            + String.join("; ", proof.failures()),
        "Run `stet check --read-data`; an earlier snapshot may be whole, and a new backup stores what"
            + " is damaged again.");
  }
}
