package stet.cli.config;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * The keys of the configuration file. Everything that knows a key takes it from here: reading,
 * messages, "did you mean". To add a key, declare it and name it in its section.
 */
final class Definition {
  static final long FORMAT = 1;

  static final Key<Long> VERSION =
      Key.required(
          "version",
          new Scalar<>(
              "the format's version",
              Scalar.Type.INTEGER,
              null,
              List.of(FORMAT),
              (text, node, place) -> {
                if (!text.equals(String.valueOf(FORMAT))) {
                  throw new Unusable(
                      "version " + text + " of the format is not supported, only " + FORMAT,
                      "Write `version: "
                          + FORMAT
                          + "`, or use a version of stet made for this file.");
                }
                return FORMAT;
              }),
          "The version of the file's format: `version: " + FORMAT + "`.");

  static final Key<String> APP =
      Key.required("app", Shapes.name("application"), "The application's name.");

  static final Key<String> LOCATION =
      Key.optional("location", Shapes.LOCATION, "The directory of the repository.");

  static final Key<Secret> PASSWORD =
      Key.optional("password", new SecretShape(), "The repository's password.");

  static final Section REPOSITORY_SECTION = Section.of(LOCATION, PASSWORD).later("copies");

  static final Key<Values> REPOSITORY =
      Key.optional("repository", REPOSITORY_SECTION, "Where snapshots are kept.");

  static final Key<Boolean> PROTECTED =
      Key.optional(
          "protected",
          Shapes.BOOLEAN,
          false,
          "Whether a restore onto the environment needs its name typed.");

  static final Key<List<ComponentSettings>> STATE =
      Key.required(
          "state", new StateShape(), "The components of the environment in the order of capture.");

  static final Key<Map<String, Values>> ENVIRONMENTS =
      Key.required(
          "environments",
          new Named<>("environment", Section.of(PROTECTED, STATE)),
          "The places where the application runs.");

  static final Key<Duration> KEEP_PREVIOUS =
      Key.optional(
          "keep_previous",
          Shapes.DURATION,
          Duration.ofDays(7),
          "How long the state that a restore replaced is kept.");

  static final Key<Values> RESTORE =
      Key.optional("restore", Section.of(KEEP_PREVIOUS).later("after"), "How restores are done.");

  static final Key<List<RulesShape.Given>> RULES =
      Key.optional(
          "rules", new RulesShape(), List.of(), "What holds in every coherent state, by names.");

  static final Key<String> DANGLING =
      Key.optional(
          "dangling",
          Shapes.word(List.of("warn", "fail")),
          "warn",
          "What a backup does about rules that are violated: warn, or fail with exit status 22. The"
              + " snapshot is kept either way.");

  static final Section ROOT =
      Section.of(VERSION, APP, REPOSITORY, ENVIRONMENTS, RULES, DANGLING, RESTORE)
          .later(
              "objectives",
              "retention",
              "schedules",
              "replicas",
              "masks",
              "subsets",
              "migrate",
              "fixtures",
              "hooks",
              "notify",
              "serve");

  private Definition() {}
}
