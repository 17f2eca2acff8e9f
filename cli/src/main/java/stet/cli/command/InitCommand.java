package stet.cli.command;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import stet.cli.config.Configuration;
import stet.cli.config.ConfigurationException;
import stet.cli.config.Problem;
import stet.cli.session.Configured;
import stet.cli.session.Session;
import stet.repository.Repository;
import stet.repository.json.JsonObject;

/** {@code init}: creates the repository. */
@Command(
    name = "init",
    description = "Create the repository that the configuration names.",
    footer = {"", "JSON: {message_type: \"initialized\", id, repository}"})
public final class InitCommand implements Callable<Integer> {
  private final Session session;

  public InitCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Configuration configuration = session.configuration();
    refuseMisplaced(configuration);
    try (Repository repository =
        Repository.create(session.backend(), Configured.password(configuration))) {
      String id = repository.config().id();
      if (session.output().json()) {
        session
            .output()
            .document(
                new JsonObject()
                    .put("message_type", "initialized")
                    .put("id", id)
                    .put("repository", repository.location()));
      } else {
        session
            .output()
            .message(
                "created repository "
                    + id.substring(0, 10)
                    + " in "
                    + repository.location()
                    + "\nKeep its password in a second place: without it, nothing in the repository can be"
                    + " read.");
      }
    }
    return 0;
  }

  /** What is made inside a component's directory could never be used, and would lie there. */
  private static void refuseMisplaced(Configuration configuration) {
    List<Problem> problems =
        configuration.environments().values().stream()
            .flatMap(environment -> environment.misplaced().stream())
            .distinct()
            .toList();
    if (!problems.isEmpty()) {
      throw new ConfigurationException(problems);
    }
  }
}
