package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.snapshot.ReservedTags;
import stet.repository.json.JsonObject;

class MainTest {
  private static final String CONFIGURATION =
      """
      version: 1
      app: shop
      repository: { location: backups, password: "correct horse" }
      environments:
        production:
          protected: true
          state:
            - box: first
              path: live/first
              token: s3cret
              label: "postgresql://shop:hidden@db.example.org/shop"
            - set: uploads
              state: [ { box: media, path: live/media, exclude: [ "*.tmp" ] } ]
        preprod:
          state: [ { box: first, path: "${PREPROD_PATH}" } ]
      """;

  @TempDir Path directory;

  private Stet stet;

  @BeforeEach
  void prepare() throws Exception {
    directory = directory.toRealPath();
    stet = new Stet(directory);
  }

  private void configure(String text) throws Exception {
    Path file = Files.writeString(directory.resolve("stet.yaml"), text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void showsHelpAndFailsWithoutArguments() throws Exception {
    Stet.Result result = stet.run();

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.output()).isEmpty();
    assertThat(result.error()).startsWith("Usage: stet [OPTIONS] VERB");
  }

  @Test
  void aRestoreThatIsFinishedOrUndoneTakesNoChoice() throws Exception {
    configure(CONFIGURATION);
    for (String option : List.of("--resume", "--abort")) {
      for (List<String> choice :
          List.of(
              List.of("--only", "first"),
              List.of("--replace"),
              List.of("--confirm", "production"),
              List.of("--at", "2026-11-20"),
              List.of("latest"))) {
        Stet.Result result =
            stet.run(
                Stream.concat(Stream.of("--env", "production", "restore", option), choice.stream())
                    .toArray(String[]::new));
        assertThat(result.status()).as("%s %s", option, choice).isEqualTo(2);
        assertThat(result.error()).contains(option, " interrupted restore; ", "\nhint: Leave them");
      }
    }
  }

  @Test
  void filesThatAreOnlyWrittenTakeNoConsentAndNoEmptyPath() throws Exception {
    for (List<String> consent : List.of(List.of("--replace"), List.of("--confirm", "production"))) {
      Stet.Result result =
          stet.run(
              Stream.concat(Stream.of("restore", "--to-dir", "out"), consent.stream())
                  .toArray(String[]::new));
      assertThat(result.status()).as("%s", consent).isEqualTo(2);
      assertThat(result.error()).contains("--to-dir replaces nothing", "\nhint: Leave them out");
    }

    Stet.Result empty = stet.run("restore", "--to-dir", "out", "--path", "");

    assertThat(empty.status()).isEqualTo(2);
    assertThat(empty.error()).contains("--path is empty", "\nhint: ");
  }

  @Test
  void anEnvironmentThatNobodyKnowsIsNoEmptyList() throws Exception {
    configure(
        """
        version: 1
        app: shop
        repository: { location: backups, password: "correct horse" }
        environments:
          production:
            state: [ { files: media, path: live } ]
        """);
    stet.run("init").ok();

    Stet.Result unknown = stet.run("snapshots", "--env", "producton");

    assertThat(unknown.status()).isEqualTo(2);
    assertThat(unknown.error())
        .startsWith("stet: error: stet.yaml has no environment \"producton\"\nhint: Did you mean");
    assertThat(stet.run("snapshots", "--env", "production").status()).isZero();
  }

  @Test
  void makesNoRepositoryInsideAComponentOfAnyEnvironment() throws Exception {
    configure(
        """
        version: 1
        app: shop
        repository: { location: live/backups, password: "correct horse" }
        environments:
          staging:
            state: [ { files: media, path: "${NOT_SET_ON_THIS_MACHINE}" } ]
          production:
            state: [ { files: media, path: live } ]
        """);

    Stet.Result refused = stet.run("init");

    assertThat(refused.status()).isEqualTo(20);
    assertThat(refused.error())
        .startsWith("stet: error: stet.yaml:8:")
        .contains("/live overlaps with ", "\nhint: Give each its own directory");
    assertThat(directory.resolve("live")).doesNotExist();
    configure(
        """
        version: 1
        app: shop
        repository: { location: backups, password: "correct horse" }
        environments:
          staging:
            state: [ { files: media, path: "${NOT_SET_ON_THIS_MACHINE}" } ]
        """);
    stet.run("init").ok();
  }

  @Test
  void optionsThatExcludeEachOtherAreOneError() throws Exception {
    Stet.Result result = stet.run("rollback", "--last", "--to", "latest");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error()).startsWith("stet: error: --last, --to=SNAP are mutually exclusive");
  }

  @Test
  void showsHelpWhenAsked() throws Exception {
    Stet.Result result = stet.run("--help");

    assertThat(result.status()).isZero();
    assertThat(result.error()).isEmpty();
    assertThat(result.output()).contains("About stet:\n  config ").contains("--no-input");
  }

  @Test
  void showsAVerbsHelpWithoutTheGlobalOptions() throws Exception {
    Stet.Result result = stet.run("config", "validate", "--help");

    assertThat(result.status()).isZero();
    assertThat(result.output())
        .startsWith("Usage: stet config validate [OPTIONS]")
        .doesNotContain("--no-input");
  }

  @Test
  void tellsItsVersion() throws Exception {
    JsonObject version = stet.run("version", "--json").document();

    assertThat(version.string("version")).matches("\\d+\\.\\d+\\.\\d+.*");
    assertThat(version.string("built")).matches("\\d{4}-\\d\\d-\\d\\dT.*Z");
    assertThat(version.object("java").string("version")).startsWith("25");
    assertThat(stet.run("version").output())
        .startsWith("stet " + version.string("version") + " of ");
  }

  @Test
  void takesGlobalOptionsBeforeAndAfterTheVerb() throws Exception {
    configure(CONFIGURATION);

    Stet.Result before = stet.run("--json", "--env", "production", "config", "validate");
    Stet.Result between = stet.run("config", "--json", "validate", "--env=production");

    assertThat(before.status()).isZero();
    assertThat(between).isEqualTo(before);
  }

  @Test
  void printsTheSchemaWithoutAConfiguration() throws Exception {
    Stet.Result result = stet.run("config", "schema");

    assertThat(result.status()).isZero();
    assertThat(result.error()).isEmpty();
    assertThat(JsonObject.parse(result.output()).string("$schema")).contains("json-schema.org");
    assertThat(result.output()).as("kinds of a third party too").contains("\"box\": {");
    assertThat(stet.run("config", "schema", "--json").document())
        .isEqualTo(JsonObject.parse(result.output()));
  }

  @Test
  void refusesAnUnknownVerb() throws Exception {
    Stet.Result result = stet.run("versio");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.output()).isEmpty();
    assertThat(result.error())
        .isEqualTo(
            """
            stet: error: unknown verb "versio"
            hint: Did you mean version? `stet --help` shows what it takes.
            """);
  }

  @Test
  void refusesAnUnknownOption() throws Exception {
    Stet.Result result = stet.run("version", "--jsn");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error()).startsWith("stet: error: unknown option: '--jsn'\nhint: ");
  }

  @Test
  void refusesALimitThatIsNone() throws Exception {
    Stet.Result result = stet.run("backup", "--limit-upload", "4M");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error()).contains("--limit-upload").contains("'4M' is not a number of KiB a");
  }

  @Test
  void refusesAnArgumentThatNobodyTakes() throws Exception {
    Stet.Result result = stet.run("version", "@x");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error()).startsWith("stet: error: unexpected argument \"@x\"\n");
  }

  @Test
  void refusesAVerbThatNeedsAnother() throws Exception {
    Stet.Result result = stet.run("config");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error())
        .startsWith("stet: error: missing verb; one of validate, show, schema\n");
  }

  @Test
  void knowsAllVerbsWhenItSuggestsOne() throws Exception {
    Stet.Result result = stet.run("restor", "backup");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error())
        .contains("unknown verb \"restor\"")
        .contains("Did you mean restore?");
  }

  @Test
  void writesUsageErrorsAsDocumentsToo() throws Exception {
    Stet.Result result = stet.run("--json", "versio");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.output()).isEmpty();
    JsonObject error = result.errorDocument();
    assertThat(error.string("code")).isEqualTo("usage");
    assertThat(error.string("message")).isEqualTo("unknown verb \"versio\"");
    assertThat(error.integer("exit")).isEqualTo(2);
  }

  @Test
  void tellsThatThereIsNoConfiguration() throws Exception {
    Stet.Result result = stet.run("config", "validate", "-c", "gone.yaml");

    assertThat(result.status()).isEqualTo(20);
    assertThat(result.error())
        .isEqualTo(
            """
            stet: error: the configuration file gone.yaml does not exist
            hint: docs/configuration.md shows one.
            """);
  }

  @Test
  void tellsAllConfigurationErrorsAndEachHintOnce() throws Exception {
    configure(
        CONFIGURATION.replace("protected: true", "protectd: true")
            + "restore: { keep_previous: 7m }\nreplicas: {}\nretention: {}\n");

    Stet.Result result = stet.run("config", "validate", "--env", "production");

    assertThat(result.status()).isEqualTo(20);
    assertThat(result.output()).isEmpty();
    assertThat(result.error())
        .isEqualTo(
            """
            stet: error: stet.yaml:6:5: environments.production.protectd: unknown key; did you mean protected?
            stet: error: stet.yaml:16:27: restore.keep_previous: "7m" could mean minutes or months
            stet: error: stet.yaml:17:1: replicas: not supported by this version of stet
            stet: error: stet.yaml:18:1: retention: not supported by this version of stet
            hint: Write 7min for minutes, or days for months: one month is about 30d.
            hint: Remove replicas, or use a version of stet that supports it.
            hint: Remove retention, or use a version of stet that supports it.
            """);
  }

  @Test
  void writesConfigurationErrorsAsADocument() throws Exception {
    configure(CONFIGURATION + "replicas: {}\nmasks: {}\n");

    Stet.Result result = stet.run("config", "validate", "--json");

    assertThat(result.status()).isEqualTo(20);
    JsonObject error = result.errorDocument();
    assertThat(error.string("message")).isEqualTo("the configuration has 2 errors");
    JsonObject first = error.objects("problems").getFirst();
    assertThat(first.string("source")).isEqualTo("stet.yaml");
    assertThat(first.integer("line")).isEqualTo(16);
    assertThat(first.integer("column")).isEqualTo(1);
    assertThat(first.string("path")).isEqualTo("replicas");
    assertThat(first.string("message")).isEqualTo("not supported by this version of stet");
  }

  @Test
  void validatesTheChosenEnvironmentOrAll() throws Exception {
    configure(CONFIGURATION);

    Stet.Result one = stet.run("config", "validate", "--env", "production");
    Stet.Result all = stet.run("config", "validate");

    assertThat(one.status()).isZero();
    assertThat(one.output()).isEqualTo("stet.yaml: production is valid, with 2 components\n");
    assertThat(all.status()).isEqualTo(20);
    assertThat(all.error()).contains("the environment variable PREPROD_PATH is not set");
    assertThat(stet.with("PREPROD_PATH", "/srv/pre").run("config", "validate").output())
        .isEqualTo(
            """
            stet.yaml: production is valid, with 2 components
            stet.yaml: preprod is valid, with 1 component
            """);
  }

  @Test
  void validatesWhatTheKindChecks() throws Exception {
    configure(CONFIGURATION.replace("token: s3cret", "colour: blue"));

    Stet.Result result = stet.run("config", "validate", "--env", "production");

    assertThat(result.status()).isEqualTo(20);
    assertThat(result.error())
        .isEqualTo(
            """
            stet: error: stet.yaml:8:9: a box is red or green, not "blue"
            hint: Paint it.
            """);
  }

  @Test
  void refusesObjectivesThatCanNeverBeMet() throws Exception {
    configure(CONFIGURATION + "objectives: { rpo: 0s }\n");

    Stet.Result result = stet.run("config", "validate", "--env", "production");

    assertThat(result.status()).isEqualTo(20);
    assertThat(result.error()).contains("objectives.rpo: \"0s\" can never be met");
  }

  @Test
  void saysThatTheNameOfTheConfigurationFileIsEmpty() throws Exception {
    Stet.Result result = stet.run("-c", "", "config", "validate");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.error())
        .isEqualTo(
            """
            stet: error: the name of the configuration file that -c gives is empty
            hint: Name a file, or leave out -c.
            """);
  }

  @Test
  void refusesTagsThatStetItselfGives() throws Exception {
    configure(CONFIGURATION);
    for (String tag : List.of("in-place:1:2:3", "before-restore", "env:production", "proof", "")) {
      Stet.Result result = stet.run("backup", "--env", "production", "--tag", tag);
      assertThat(result.status()).as("%s", result).isEqualTo(2);
    }
    assertThat(stet.run("backup", "--help").output().replaceAll("\\s+", " "))
        .contains(ReservedTags.all());
  }

  @Test
  void showsTheConfigurationWithoutSecrets() throws Exception {
    configure(CONFIGURATION);

    Stet.Result result = stet.run("config", "show", "--env", "production");

    assertThat(result.status()).isZero();
    assertThat(result.output())
        .isEqualTo(
            """
            # stet.yaml
            version: 1
            app: shop
            repository:
              location: %1$s/backups
              password: '***'
            environments:
              production:
                protected: true
                state:
                - box: first
                  path: %1$s/live/first
                  token: '***'
                  label: postgresql://shop:***@db.example.org/shop
                - set: uploads
                  state:
                  - box: media
                    path: %1$s/live/media
                    exclude:
                    - '*.tmp'
            dangling: warn
            proof:
              files: restore
            restore:
              keep_previous: 7d
            """
                .formatted(directory));
  }

  @Test
  void showsRulesObjectivesAndAllElseThatIsSet() throws Exception {
    configure(
        """
        version: 1
        app: shop
        repository: { location: backups, password: "correct horse" }
        environments:
          production:
            max_workers: 2
            state: [ { files: media, path: live }, { postgres: default, url: "dbname=shop" } ]
        rules:
          no negative total: none in orders where total < 0
        dangling: fail
        proof:
          server: same
          files: read
          assert:
            - { component: default, sql: select count(*) from orders, min: 1, max: 9 }
            - { command: [ smoke-test, "postgresql://shop:hidden@db/shop" ] }
        objectives: { rpo: 24h, rto: 90min }
        """);

    Stet.Result result = stet.run("config", "show");

    assertThat(result.output())
        .contains("    max_workers: 2\n")
        .endsWith(
            """
            rules:
              no negative total: none in orders where total < 0
            dangling: fail
            proof:
              server: same
              files: read
              assert:
              - component: default
                sql: select count(*) from orders
                min: 1
                max: 9
              - command:
                - smoke-test
                - postgresql://shop:***@db/shop
            objectives:
              rpo: 1d
              rto: 90min
            restore:
              keep_previous: 7d
            """);
  }

  @Test
  void showsTheConfigurationAsADocument() throws Exception {
    configure(CONFIGURATION);

    Stet.Result result = stet.run("config", "show", "--json");

    assertThat(result.output()).doesNotContain("s3cret", "horse", "hidden");
    JsonObject environments = result.document().object("environments");
    assertThat(environments.keys()).containsExactly("production", "preprod");
    assertThat(environments.object("production").flag("protected", false)).isTrue();
    assertThat(environments.object("preprod").strings("unusable")).hasSize(1);
  }

  @Test
  void worksFromEnvironmentVariablesAlone() throws Exception {
    Stet.Result result =
        stet.with("STET_APP", "shop")
            .with("STET_BOX_MEDIA", "/srv/media")
            .with("RESTIC_REPOSITORY", "/var/backups/shop")
            .with("RESTIC_PASSWORD", "s3cret")
            .run("config", "show", "--json");

    assertThat(result.status()).isZero();
    assertThat(result.error()).isEmpty();
    assertThat(result.output()).doesNotContain("s3cret");
    assertThat(result.document().object("environments").object("default").objects("state"))
        .extracting(component -> component.string("path"))
        .containsExactly("/srv/media");
  }

  @Test
  void tellsWarningsOnStandardError() throws Exception {
    configure(CONFIGURATION);
    Files.setPosixFilePermissions(
        directory.resolve("stet.yaml"), PosixFilePermissions.fromString("rw-r--r--"));

    Stet.Result text = stet.run("-q", "config", "validate", "--env", "production");
    Stet.Result json = stet.run("--json", "config", "validate", "--env", "production");

    assertThat(text.status()).isZero();
    assertThat(text.error())
        .contains(
            "stet: warning: stet.yaml:3:44: repository.password: a secret stands in a file that"
                + " every user of this machine can read\nhint: Use repository.password_file, or run"
                + " `chmod 600 stet.yaml`.\n");
    assertThat(json.error().lines().map(JsonObject::parse))
        .allSatisfy(warning -> assertThat(warning.object("warning").has("message")).isTrue())
        .hasSize(2);
  }

  @Test
  void showsWhereAFailureComesFromWhenAsked() throws Exception {
    Stet.Result brief = stet.run("config", "show");
    Stet.Result verbose = stet.run("config", "show", "-v");

    assertThat(brief.error()).doesNotContain("\tat ");
    assertThat(verbose.error()).contains("\tat stet.cli.Main.main(");
    assertThat(verbose.status()).isEqualTo(20);
  }

  @Test
  void endsQuietlyWhenNobodyReads() throws Exception {
    Process process = stet.start("stet.cli.Main", "version");
    process.getInputStream().close();

    Stet.Result result = Stet.endWithoutOutput(process);

    assertThat(result.status()).isEqualTo(1);
    assertThat(result.error()).isEmpty();
  }

  @Test
  void tellsThatStandardOutputIsFull() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "stet.cli.Main",
                "version")
            .redirectOutput(Path.of("/dev/full").toFile())
            .start();

    Stet.Result result = Stet.end(process);

    assertThat(result.status()).isEqualTo(1);
    assertThat(result.error())
        .isEqualTo("stet: error: cannot write standard output: No space left on device\n");
  }
}
