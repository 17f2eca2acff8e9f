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

  static final Key<Long> MAX_WORKERS =
      Key.optional(
          "max_workers",
          Shapes.COUNT,
          (long) Integer.MAX_VALUE,
          "How many connections to a database, and threads, may work at once, at most.");

  static final Key<Map<String, Values>> ENVIRONMENTS =
      Key.required(
          "environments",
          new Named<>("environment", Section.of(PROTECTED, MAX_WORKERS, STATE)),
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

  static final Key<Secret> PROOF_SERVER =
      Key.optional(
          "server",
          new SecretShape(),
          "A PostgreSQL server for trial restores, as a connection string of a role that may create"
              + " databases; `same` for each component's own server. Default: a temporary server"
              + " made of installed programs.");

  static final Key<String> PROOF_FILES =
      Key.optional(
          "files",
          Shapes.word(List.of("restore", "read")),
          "restore",
          "Whether a trial writes files to a temporary directory, or only reads them from the"
              + " repository.");

  static final Key<String> ASSERT_COMPONENT =
      Key.optional(
          "component", Shapes.name("component"), "The database of `sql`; default: the only one.");

  static final Key<String> ASSERT_SQL =
      Key.optional("sql", Shapes.TEXT, "A query whose first value must be there.");

  static final Key<Long> ASSERT_MIN =
      Key.optional("min", Shapes.INTEGER, "The least that the value of `sql` may be.");

  static final Key<Long> ASSERT_MAX =
      Key.optional("max", Shapes.INTEGER, "The most that the value of `sql` may be.");

  static final Key<List<String>> ASSERT_COMMAND =
      Key.optional(
          "command",
          new Listing<>(Shapes.TEXT, true),
          "A program with its arguments that must end with 0; it finds what was restored by"
              + " variables.");

  static final Key<List<Values>> PROOF_ASSERT =
      Key.optional(
          "assert",
          new Listing<>(
              Section.of(ASSERT_COMPONENT, ASSERT_SQL, ASSERT_MIN, ASSERT_MAX, ASSERT_COMMAND),
              false),
          "What must hold in a restored state besides the rules.");

  static final Key<Values> PROOF =
      Key.optional(
          "proof",
          Section.of(PROOF_SERVER, PROOF_FILES, PROOF_ASSERT),
          "How snapshots are proven.");

  static final Key<Duration> RPO =
      Key.optional("rpo", Shapes.POSITIVE_DURATION, "How old the newest snapshot may be.");

  static final Key<Duration> RTO =
      Key.optional("rto", Shapes.POSITIVE_DURATION, "How long a restore may take.");

  static final Key<Duration> PROOF_AGE =
      Key.optional("proof_age", Shapes.POSITIVE_DURATION, "How old the newest proof may be.");

  static final Key<Values> OBJECTIVES =
      Key.optional(
          "objectives", Section.of(RPO, RTO, PROOF_AGE), "What `status` holds the state against.");

  static final Section ROOT =
      Section.of(
              VERSION, APP, REPOSITORY, ENVIRONMENTS, RULES, DANGLING, PROOF, OBJECTIVES, RESTORE)
          .later(
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
