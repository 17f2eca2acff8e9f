package stet.cli.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.ComponentKind;
import stet.engine.component.Setting;
import stet.engine.files.FilesKind;
import stet.engine.postgres.PostgresKind;

class ConfigurationTest {
  private static final String WHOLE =
      """
      version: 1
      app: shop
      repository:
        location: backups
        password: "correct horse"
      environments:
        production:
          protected: true
          state:
            - box: first
              path: live/first
              token: s3cret
              size: 12
              sealed: true
              colour: red
              exclude: [ "*.tmp", cache ]
            - set: uploads
              state:
                - box: media
                  path: live/media
                - set: deep
                  state:
                    - box: media2
                      path: live/media2
        preprod:
          state: [ { box: first, path: "${PREPROD_PATH}" } ]
      restore: { keep_previous: 1d12h }
      """;

  /** An environment more, of the kinds that there really are. */
  private static final String REAL =
      """
        real:
          state:
            - postgres: default
              url: "postgresql://shop:s3cret@db.example.org:5432/shop?sslmode=require"
              admin_url: host=db.example.org dbname='shop' connect_timeout=5
            - files: media
              path: /srv/shop/media
              exclude: [ "*.tmp", "/cache/**", "[a-z]?" ]
              on_change: warn
              on_unreadable: skip
      """;

  @TempDir Path directory;

  private final Map<String, String> variables = new HashMap<>();
  private final Kinds kinds = Kinds.of(List.of(new BoxKind()));

  @BeforeEach
  void resolve() throws IOException {
    directory = directory.toRealPath();
  }

  private Configuration read(String text, String environment) throws IOException {
    Path file = directory.resolve("stet.yaml");
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    return configurations().load(null, environment);
  }

  private Configurations configurations() {
    return new Configurations(variables, directory, directory.resolve("etc.yaml"), kinds);
  }

  @Test
  void anAssertionSaysOneThing() throws IOException {
    assertThat(
            problems(
                WHOLE
                    + "proof: { assert: [ { min: 1 }, { sql: a, command: [ b ] },"
                    + " { command: [ b ], max: 2 }, { command: [ b ] }, { sql: [ a ] } ] }\n"))
        .extracting(problem -> problem.replaceAll("^stet.yaml:[0-9]+:", ""))
        .containsExactlyInAnyOrder(
            "18: proof.assert[0]: one of sql and command is needed",
            "18: proof.assert[1]: one of sql and command is needed",
            "18: proof.assert[2]: component, min and max go with sql",
            "115: proof.assert[4].sql: expected text but found a list");
  }

  /**
   * What is wrong with assertions where these components of the real kinds are.
   *
   * @param assertions each begins in the third column of a line, from line 7 on
   */
  private List<String> problemsOfAssertions(String state, String... assertions) throws IOException {
    Path file = directory.resolve("stet.yaml");
    Files.writeString(
        file,
        """
        version: 1
        app: shop
        repository: { location: backups, password: x }
        environments: { production: { state: [ %s ] } }
        proof:
          assert:
          - %s
        """
            .formatted(state, String.join("\n  - ", assertions)));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    Configurations configurations =
        new Configurations(
            variables, directory, directory.resolve("etc.yaml"), Kinds.onClassPath());
    try {
      configurations.load(null, "production");
      return List.of();
    } catch (ConfigurationException e) {
      return e.problems().stream().map(problem -> problem.text() + " | " + problem.hint()).toList();
    }
  }

  @Test
  void anAssertionSpeaksOfADatabaseThatThereIs() throws IOException {
    String first = "{ postgres: default, url: \"dbname=a\" }";
    String media = "{ files: media, path: /srv/media }";
    assertThat(
            problemsOfAssertions(
                first + ", " + media,
                "{ component: defualt, sql: select 1 }",
                "{ component: media, sql: select 1 }",
                "{ sql: select 1, component: default }",
                "{ sql: select 1 }",
                "{ command: [ smoke-test ] }"))
        .containsExactly(
            "stet.yaml:7:18: proof.assert[0].component: there is no component defualt"
                + " | Did you mean default? The databases are default.",
            "stet.yaml:8:18: proof.assert[1].component: component media has no tables"
                + " | The databases are default.");
    assertThat(
            problemsOfAssertions(
                first + ", { postgres: audit, url: \"dbname=b\" }",
                "{ sql: select 1 }",
                "{ component: audit, sql: select 1 }"))
        .containsExactly(
            "stet.yaml:7:12: proof.assert[0].sql: there is more than one database"
                + " | Name one: `{ component: default, sql: … }`.");
    assertThat(problemsOfAssertions(media, "{ sql: select 1 }"))
        .containsExactly(
            "stet.yaml:7:12: proof.assert[0].sql: no environment has a database"
                + " | Add one, or use `command`.");
  }

  private List<String> problems(String text) throws IOException {
    ConfigurationException e =
        catchThrowableOfType(
            ConfigurationException.class,
            () -> {
              Configuration configuration = read(text, null);
              configuration.environment(configuration.environments().keySet().iterator().next());
            });
    assertThat(e).as("expected problems in:\n%s", text).isNotNull();
    return e.problems().stream().map(Problem::text).toList();
  }

  private static String with(String line, String replacement) {
    assertThat(WHOLE).contains(line);
    return WHOLE.replace(line, replacement);
  }

  @Test
  void readsAWholeFile() throws IOException {
    Configuration configuration = read(WHOLE, "production");

    assertThat(configuration.source()).isEqualTo("stet.yaml");
    assertThat(configuration.app()).isEqualTo("shop");
    assertThat(configuration.repository().location())
        .isEqualTo(directory.resolve("backups").toString());
    assertThat(configuration.repository().password().reveal()).isEqualTo("correct horse");
    assertThat(configuration.repository().locationOrigin()).isEqualTo("stet.yaml:4:13");
    assertThat(configuration.restore().keepPrevious()).isEqualTo(Duration.ofHours(36));
    assertThat(configuration.environments().keySet()).containsExactly("production", "preprod");
    EnvironmentSettings production = configuration.environment("production");
    assertThat(production.isProtected()).isTrue();
    assertThat(production.components())
        .extracting(ComponentSettings::name)
        .containsExactly("first", "media", "media2");
    assertThat(production.components())
        .extracting(ComponentSettings::sets)
        .containsExactly(List.of(), List.of("uploads"), List.of("uploads", "deep"));
    assertThat(production.components().getFirst().origin()).hasToString("stet.yaml:10:9");
  }

  @Test
  void givesAKindItsSettings() throws IOException {
    ComponentSettings first =
        read(WHOLE, "production").environment("production").components().getFirst();

    BoxKind.Box box = (BoxKind.Box) first.create();

    assertThat(box.definition().settings())
        .isEqualTo(
            Map.of(
                "path",
                directory.resolve("live/first").toString(),
                "token",
                "s3cret",
                "size",
                12L,
                "sealed",
                true,
                "colour",
                "red",
                "exclude",
                List.of("*.tmp", "cache")));
  }

  @Test
  void tellsAllProblemsAtOnceInTheOrderOfTheFile() throws IOException {
    String text =
        """
        version: 1
        ap: shop
        repository: { location: backups, password_fil: x }
        environments:
          production:
            state:
              - box: first
                path: [ a ]
                sealed: perhaps
            protectd: true
        restore:
          keep_previous: 7m
        """;

    assertThat(problems(text))
        .containsExactly(
            "stet.yaml:1:1: app: missing",
            "stet.yaml:2:1: ap: unknown key; did you mean app?",
            "stet.yaml:3:34: repository.password_fil: unknown key; did you mean password_file?",
            "stet.yaml:8:15: environments.production.state[0].path: expected a path but found a list",
            "stet.yaml:9:17: environments.production.state[0].sealed: expected true or false but found"
                + " \"perhaps\"",
            "stet.yaml:10:5: environments.production.protectd: unknown key; did you mean protected?",
            "stet.yaml:12:18: restore.keep_previous: \"7m\" could mean minutes or months");
  }

  @Test
  void namesAKeyThatIsNotSupportedYet() throws IOException {
    assertThat(problems(WHOLE + "retention: { keep_daily: 7 }\n"))
        .containsExactly("stet.yaml:28:1: retention: not supported by this version of stet");
  }

  @Test
  void refusesADuplicateKey() throws IOException {
    assertThat(problems(WHOLE + "app: other\n"))
        .containsExactly("stet.yaml:28:1: app: duplicate key, already given in line 2");
  }

  @Test
  void refusesAnotherVersion() throws IOException {
    assertThat(problems(with("version: 1", "version: 2")))
        .containsExactly(
            "stet.yaml:1:10: version: version 2 of the format is not supported, only 1");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'app: [a'           | stet.yaml:2:1: not valid YAML: ",
        "'app: {'            | stet.yaml:2:1: not valid YAML: ",
        "'app: \"abc'        | stet.yaml:2:1: not valid YAML: ",
        "'a: b: c'           | stet.yaml:1:5: not valid YAML: ",
        "'app: @x'           | stet.yaml:1:6: not valid YAML: ",
        "'- 1'               | stet.yaml:1:1: expected a mapping but found a list",
        "'shop'              | stet.yaml:1:1: expected a mapping but found text",
        "''                  | stet.yaml:1:1: the configuration is empty",
        "'# nothing'         | stet.yaml:1:1: the configuration is empty",
        "'~'                 | stet.yaml:1:1: expected a mapping but found nothing"
      })
  void tellsWhereTheTextIsNotAConfiguration(String text, String message) throws IOException {
    assertThat(problems(text + "\n")).hasSize(1).first().asString().startsWith(message);
  }

  @Test
  void takesHowManyMayWorkInAnEnvironment() throws IOException {
    String limited =
        WHOLE.replace("    protected: true\n", "    protected: true\n    max_workers: 1\n");

    Configuration configuration = read(limited, "production");

    assertThat(configuration.environments().get("production").maxWorkers()).isOne();
    assertThat(configuration.environments().get("preprod").maxWorkers())
        .isEqualTo(Integer.MAX_VALUE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "1.5", "many", "9999999999"})
  void refusesAnythingElseAsNumberOfWorkers(String text) throws IOException {
    String wrong =
        WHOLE.replace(
            "    protected: true\n", "    protected: true\n    max_workers: " + text + "\n");

    assertThat(problems(wrong))
        .containsExactly(
            "stet.yaml:9:18: environments.production.max_workers: expected a positive integer but"
                + " found \""
                + text
                + "\"");
  }

  @Test
  void tellsWhereATabIndents() throws IOException {
    assertThat(problems("version: 1\nrepository:\n\tlocation: x\n"))
        .hasSize(1)
        .first()
        .asString()
        .startsWith("stet.yaml:3:1: not valid YAML: ");
  }

  @Test
  void tellsWhereTextIsNotUtf8() throws IOException {
    byte[] bytes = "version: 1\napp: sh\u00f6p\n".getBytes(StandardCharsets.ISO_8859_1);
    Files.write(directory.resolve("stet.yaml"), bytes);

    assertThatThrownBy(() -> configurations().load(null, null))
        .hasMessage("stet.yaml:2:8: not UTF-8 text");
  }

  @Test
  void tellsWhereACharacterIsNotAllowed() throws IOException {
    assertThat(problems("version: 1\napp: sh\u0001p\n"))
        .containsExactly("stet.yaml:2:8: not valid YAML: the character U+000001 is not allowed");
  }

  @Test
  void acceptsAByteOrderMarkAndCarriageReturns() throws IOException {
    Configuration configuration = read("\ufeff" + WHOLE.replace("\n", "\r\n"), "production");

    assertThat(configuration.app()).isEqualTo("shop");
  }

  @Test
  void refusesValuesNestedTooDeeply() throws IOException {
    assertThat(problems("app: " + "[".repeat(100_000)))
        .containsExactly("stet.yaml:1:105: values are nested more than 100 levels deep");
  }

  @Test
  void refusesAnAliasThatContainsItself() throws IOException {
    String text =
        """
        version: 1
        app: shop
        repository: { location: b, password: p }
        environments:
          one:
            state: &all
              - set: a
                state: *all
        """;

    assertThat(problems(text))
        .contains("stet.yaml:6:12: environments.one.state[0].state: the value contains itself");
  }

  @Test
  void givesUpOnAliasesThatMultiply() throws IOException {
    StringBuilder text =
        new StringBuilder("version: 1\napp: shop\nx:\n  - &a0 [ { box: a, path: p } ]\n");
    for (int level = 1; level < 20; level++) {
      String inner = "{ set: s%d, state: *a%d }".formatted(level, level - 1);
      text.append("  - &a%d [ %s, %s ]\n".formatted(level, inner, inner));
    }
    text.append("environments: { one: { state: *a19 } }\n");

    assertThat(problems(text.toString()))
        .anyMatch(problem -> problem.endsWith("the configuration has more than 100000 values"));
  }

  @ParameterizedTest
  @CsvSource({"90s,90", "15min,900", "24h,86400", "7d,604800", "1h30min,5400", "0s,0"})
  void readsDurations(String text, long seconds) throws Unusable {
    assertThat(Shapes.duration(text)).isEqualTo(Duration.ofSeconds(seconds));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "5m     | '\"5m\" could mean minutes or months'",
        "1h5m   | '\"1h5m\" could mean minutes or months'",
        "7      | '\"7\" has no unit'",
        "7w     | '\"w\" in \"7w\" is not a unit of time'",
        "7 d    | '\"7 d\" has no unit'",
        "-7d    | '\"-7d\" is not a duration'",
        "''     | '\"\" is not a duration'",
        "d      | '\"d\" is not a duration'",
        "7d!    | '\"7d!\" is not a duration'",
        "9999999999d | '\"9999999999d\" is too long'"
      })
  void refusesWhatIsNoDuration(String text, String message) {
    assertThatThrownBy(() -> Shapes.duration(text)).isInstanceOf(Unusable.class);
    assertThat(catchThrowableOfType(Unusable.class, () -> Shapes.duration(text)).getMessage())
        .isEqualTo(message);
  }

  @Test
  void replacesVariables() throws IOException {
    variables.put("NAME", "shop");
    variables.put("EMPTY", "");
    String text =
        with("app: shop", "app: ${NAME}${EMPTY:--}${NONE:-1}")
            .replace("\"correct horse\"", "\"$a $${b} ${NAME}\"");

    Configuration configuration = read(text, "production");

    assertThat(configuration.app()).isEqualTo("shop-1");
    assertThat(configuration.repository().password().reveal()).isEqualTo("$a ${b} shop");
  }

  @Test
  void namesAVariableThatIsNotSet() throws IOException {
    assertThat(problems(with("app: shop", "app: \"${APP}\"")))
        .containsExactly("stet.yaml:2:6: app: the environment variable APP is not set");
  }

  @ParameterizedTest
  @ValueSource(strings = {"${", "${}", "${1A}", "${A-b}", "${A:?b}", "${A:-${B}}", "x${A"})
  void refusesWhatOnlyLooksLikeAVariable(String text) throws IOException {
    assertThat(problems(with("app: shop", "app: '" + text + "'")))
        .contains("stet.yaml:2:6: app: \"${\" does not begin a variable's name");
  }

  @Test
  void needsAnotherEnvironmentsVariablesOnlyWhereItIsUsed() throws IOException {
    Configuration configuration = read(WHOLE, "production");

    assertThat(configuration.environment("production").components()).hasSize(3);
    assertThatThrownBy(() -> configuration.environment("preprod"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(
            "stet.yaml:26:34: environments.preprod.state[0].path: the environment variable"
                + " PREPROD_PATH is not set");
  }

  @Test
  void takesTheOnlyEnvironment() throws IOException {
    String text = WHOLE.replaceAll("(?m)^  preprod:\\n.*\\n", "");

    assertThat(read(text, null).environment(null).name()).isEqualTo("production");
  }

  @Test
  void asksWhichOfSeveralEnvironments() throws IOException {
    Configuration configuration = read(WHOLE, null);

    assertThatThrownBy(() -> configuration.environment(null))
        .isInstanceOf(StetException.class)
        .hasMessage("stet.yaml has 2 environments and none is chosen");
    StetException unknown =
        catchThrowableOfType(StetException.class, () -> configuration.environment("prepod"));
    assertThat(unknown.code()).isEqualTo(ErrorCode.USAGE);
    assertThat(unknown).hasMessage("stet.yaml has no environment \"prepod\"");
    assertThat(unknown.hint())
        .isEqualTo("Did you mean preprod? Its environments are production, preprod.");
  }

  @Test
  void readsSecretsFromFiles() throws IOException {
    Path file = Files.writeString(directory.resolve("password"), "\ufeff  from a file \n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));

    Configuration configuration =
        read(with("password: \"correct horse\"", "password_file: password"), "production");

    assertThat(configuration.repository().password().reveal()).isEqualTo("from a file");
    assertThat(configuration.repository().password().toString()).isEqualTo(file.toString());
    assertThat(configuration.warnings()).isEmpty();
  }

  @Test
  void warnsOfASecretThatEverybodyCanRead() throws IOException {
    Path file = Files.writeString(directory.resolve("password"), "x");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));

    Configuration configuration =
        read(with("password: \"correct horse\"", "password_file: password"), "production");

    assertThat(configuration.warnings())
        .extracting(Problem::text)
        .containsExactly(
            "stet.yaml:5:18: repository.password_file: the file "
                + file
                + " can be read by every user of this machine");
  }

  @Test
  void warnsOfASecretInAFileThatEverybodyCanRead() throws IOException {
    Path file = directory.resolve("open.yaml");
    Files.writeString(file, WHOLE);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));

    Configuration configuration = configurations().load(file.toString(), "production");

    assertThat(configuration.warnings())
        .extracting(Problem::path)
        .containsExactly("repository.password", "environments.production.state[0].token");
  }

  @Test
  void warnsOfAConnectionOnlyIfItHoldsAPassword() throws IOException {
    Path file = directory.resolve("open.yaml");
    for (String url : List.of("postgresql://shop@db/shop", "shop", "postgresql://shop:x@db/shop")) {
      Files.writeString(
          file,
          single("- { box: a, path: p, url: '" + url + "' }")
              .replace("password: p", "password: '${PASSWORD:-p}'"));
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));

      assertThat(configurations().load("open.yaml", null).warnings())
          .as(url)
          .hasSize(url.contains(":x@") ? 1 : 0);
    }
  }

  @Test
  void showsAConnectionWithoutItsPassword() {
    assertThat(Secret.text("postgresql://shop:x@db/shop").shown("url"))
        .isEqualTo("postgresql://shop:***@db/shop");
    assertThat(Secret.text("host=db password=x").shown("admin_url"))
        .isEqualTo("host=db password=***");
    assertThat(Secret.text("shop:x@db").shown("url")).isEqualTo("***");
    assertThat(Secret.text("postgresql://shop:x@db/shop").shown("token")).isEqualTo("***");
  }

  @Test
  void namesASecretFileThatIsMissing() throws IOException {
    assertThat(problems(with("password: \"correct horse\"", "password_file: gone")))
        .contains(
            "stet.yaml:5:18: repository.password_file: the file "
                + directory.resolve("gone")
                + " does not exist");
  }

  @Test
  void runsASecretsCommandWithoutAShell() throws IOException {
    Configuration configuration =
        read(
            with(
                "password: \"correct horse\"",
                "password_command: [ printf, \"%s\\n\", \"a; echo $HOME\" ]"),
            "production");

    Secret password = configuration.repository().password();
    assertThat(password.reveal()).isEqualTo("a; echo $HOME");
    assertThat(password.toString()).isEqualTo("printf …");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[ 'false' ]       | the program false ended with exit status 1",
        "[ 'true' ]        | the program true printed nothing",
        "[ no-such-thing ] | the program no-such-thing cannot be run: "
      })
  void tellsWhyASecretsCommandFailed(String command, String message) throws IOException {
    Secret password =
        read(with("password: \"correct horse\"", "password_command: " + command), "production")
            .repository()
            .password();

    assertThatThrownBy(password::reveal)
        .isInstanceOf(StetException.class)
        .hasMessageStartingWith("stet.yaml:5:21: repository.password_command: " + message);
  }

  @Test
  void refusesASecretGivenTwice() throws IOException {
    assertThat(problems(with("location: backups", "location: backups\n  password_file: x")))
        .contains("stet.yaml:5:3: repository.password_file: password is given too");
  }

  @Test
  void asksForRepositoryAndPassword() throws IOException {
    String text = WHOLE.replaceAll("(?m)^repository:\\n.*\\n.*\\n", "");

    assertThat(problems(text))
        .contains(
            "stet.yaml:1:1: repository.location: missing",
            "stet.yaml:1:1: repository.password: missing");
  }

  @Test
  void takesResticsVariablesBeforeTheFile() throws IOException {
    variables.put("RESTIC_REPOSITORY", "elsewhere");
    variables.put("RESTIC_PASSWORD", " verbatim ");

    RepositorySettings repository =
        read(
                with("password: \"correct horse\"", "password_file: not-on-this-machine"),
                "production")
            .repository();

    assertThat(repository.location()).isEqualTo(directory.resolve("elsewhere").toString());
    assertThat(repository.locationOrigin()).isEqualTo("RESTIC_REPOSITORY");
    assertThat(repository.password().reveal()).isEqualTo(" verbatim ");
  }

  @Test
  void takesResticsCommandAndFileVariables() throws IOException {
    variables.put("RESTIC_PASSWORD", "ignored");
    variables.put("RESTIC_PASSWORD_COMMAND", "printf 'a b'\\ c");
    Path location = Files.writeString(directory.resolve("where"), "elsewhere\n");
    variables.put("RESTIC_REPOSITORY_FILE", location.toString());

    RepositorySettings repository = read(WHOLE, "production").repository();

    assertThat(repository.password().reveal()).isEqualTo("a b");
    assertThat(repository.location()).isEqualTo(directory.resolve("elsewhere").toString());
  }

  @Test
  void readsEnvironmentVariablesAlone() {
    variables.put("STET_APP", "shop");
    variables.put("STET_BOX_MEDIA", "/srv/media");
    variables.put("STET_BOX_ART", "relative");
    variables.put("RESTIC_REPOSITORY", "/var/backups/shop");
    variables.put("RESTIC_PASSWORD", "x");

    Configuration configuration = configurations().load(null, null);

    EnvironmentSettings environment = configuration.environment(null);
    assertThat(configuration.source()).isEqualTo("environment variables");
    assertThat(environment.name()).isEqualTo("default");
    assertThat(environment.components())
        .extracting(ComponentSettings::name)
        .containsExactly("art", "media");
    assertThat(environment.components().getFirst().settings())
        .containsEntry("path", directory.resolve("relative").toString());
    assertThat(environment.components().getLast().origin()).hasToString("STET_BOX_MEDIA");
  }

  @Test
  void replacesNothingInTheValueOfAVariable() {
    variables.put("STET_APP", "shop");
    variables.put("STET_BOX_MEDIA", "/srv/${media}");
    variables.put("RESTIC_REPOSITORY", "/var/${backups}");
    variables.put("RESTIC_PASSWORD", "${x}");

    Configuration configuration = configurations().load(null, null);

    assertThat(configuration.repository().location()).isEqualTo("/var/${backups}");
    assertThat(configuration.repository().password().reveal()).isEqualTo("${x}");
    assertThat(configuration.environment(null).components().getFirst().settings())
        .containsEntry("path", "/srv/${media}");
  }

  @Test
  void tellsWhatIsWrongWithEnvironmentVariables() {
    variables.put("STET_APP", "my shop");
    variables.put("STET_BOXX_MEDIA", "/srv/media");
    variables.put("STET_BOX_", "/srv/media");
    variables.put("STET_PROTECTED", "yes");
    variables.put("RESTIC_REPOSITORY", "s3:https://s3.example.org/x");

    ConfigurationException e =
        catchThrowableOfType(ConfigurationException.class, () -> configurations().load(null, null));

    assertThat(e.problems())
        .extracting(Problem::text)
        .containsExactlyInAnyOrder(
            "STET_APP: app: \"my shop\" cannot be used as an application name",
            "STET_BOXX_MEDIA: unknown variable; did you mean STET_BOX_MEDIA?",
            "STET_BOX_: environments.default.state[0].box: \"\" cannot be used as a component"
                + " name",
            "STET_PROTECTED: environments.default.protected: expected true or false but found"
                + " \"yes\"",
            "RESTIC_REPOSITORY: repositories in s3 are not supported by this version of stet");
  }

  @Test
  void readsTheWholeTextFromAVariable() {
    variables.put("STET_CONFIG_YAML", WHOLE);

    Configuration configuration = configurations().load(null, "production");

    assertThat(configuration.source()).isEqualTo("STET_CONFIG_YAML");
    assertThat(configuration.environment("production").components().getFirst().origin())
        .hasToString("STET_CONFIG_YAML:10:9");
  }

  @Test
  void looksForTheFileInOrder() throws IOException {
    Files.writeString(directory.resolve("etc.yaml"), WHOLE);
    assertThat(configurations().load(null, "production").source())
        .isEqualTo(directory.resolve("etc.yaml").toString());
    read(WHOLE, "production");
    assertThat(configurations().load(null, "production").source()).isEqualTo("stet.yaml");
    Files.writeString(directory.resolve("named.yaml"), WHOLE);
    variables.put("STET_CONFIG", "named.yaml");
    assertThat(configurations().load(null, "production").source()).isEqualTo("named.yaml");
    assertThat(configurations().load("etc.yaml", "production").source()).isEqualTo("etc.yaml");
  }

  @Test
  void saysWhereItLookedForAFile() {
    assertThatThrownBy(() -> configurations().load(null, null))
        .hasMessage(
            "no configuration found: neither ./stet.yaml nor "
                + directory.resolve("etc.yaml")
                + " exists");
    assertThatThrownBy(() -> configurations().load("gone.yaml", null))
        .hasMessage("the configuration file gone.yaml does not exist");
    assertThatThrownBy(() -> configurations().load(".", null))
        .hasMessageStartingWith("the configuration file . cannot be read: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../x", "a/b", ".hidden", "", "-x", "a b", "é", "stet.json", "a\\nb", "..", "*"})
  void refusesNamesThatAreNoPathSegment(String name) throws IOException {
    assertThat(problems(with("box: first\n", "box: \"" + name + "\"\n")))
        .hasSize(1)
        .first()
        .asString()
        .startsWith("stet.yaml:10:14: environments.production.state[0].box: ")
        .contains("cannot be used as a component name");
  }

  @Test
  void refusesANameThatIsTaken() throws IOException {
    assertThat(problems(with("box: media2", "box: media")))
        .containsExactly(
            "stet.yaml:23:22: environments.production.state[1].state[1].state[0].box: the name"
                + " \"media\" is taken already at stet.yaml:19:18");
    assertThat(problems(with("set: deep", "set: first")))
        .containsExactly(
            "stet.yaml:21:18: environments.production.state[1].state[1].set: the name \"first\" is"
                + " taken already at stet.yaml:10:14");
  }

  @Test
  void neverQuotesThePasswordOfAUrlThatStandsInTheWrongPlace() throws IOException {
    assertThat(
            problems(
                with("box: first\n", "box: postgresql://shop:s3cret/@x@db.example.org/shop\n")))
        .containsExactly(
            "stet.yaml:10:14: environments.production.state[0].box:"
                + " \"postgresql://shop:***@db.example.org/shop\" cannot be used as a component"
                + " name");
  }

  @Test
  void neverQuotesTextThatLooksLikeAnAliasOrATag() throws IOException {
    assertThat(problems(with("password: \"correct horse\"", "password: *s3cret")).getFirst())
        .isEqualTo(
            "stet.yaml:5:13: not valid YAML: an alias (*name) without an anchor (&name); quote"
                + " text that begins with *");
    assertThat(problems(with("password: \"correct horse\"", "password: !s3!cret x")).getFirst())
        .doesNotContain("s3");
  }

  @Test
  void suggestsAKind() throws IOException {
    assertThat(problems(with("box: first\n", "bx: first\n")))
        .containsExactly(
            "stet.yaml:10:9: environments.production.state[0]: unknown kind of component bx; did"
                + " you mean box?");
    assertThat(problems(with("box: first\n", "sqlite: first\n")))
        .containsExactly(
            "stet.yaml:10:9: environments.production.state[0]: no kind of component among the"
                + " keys");
  }

  @Test
  void refusesPathsThatOverlap() throws IOException {
    assertThat(
            problems(
                single("- { box: a, path: live/media }", "- { box: b, path: live/media/inner }")))
        .containsExactly(
            "stet.yaml:8:25: environments.one.state[1].path: "
                + directory
                + "/live/media/inner overlaps with "
                + directory
                + "/live/media of stet.yaml:7:25: environments.one.state[0].path");
    assertThat(problems(single("- { box: a, path: backups/x }")))
        .containsExactly(
            "stet.yaml:7:25: environments.one.state[0].path: "
                + directory
                + "/backups/x overlaps with "
                + directory
                + "/backups of stet.yaml:3:25: repository.location");
    assertThat(
            read(single("- { box: a, path: media }", "- { box: b, path: media2 }"), null)
                .environment(null)
                .components())
        .hasSize(2);
  }

  @Test
  void seesThroughSymbolicLinks() throws IOException {
    Files.createDirectories(directory.resolve("real/media"));
    Files.createSymbolicLink(directory.resolve("link"), directory.resolve("real"));

    assertThat(
            problems(single("- { box: a, path: real/media }", "- { box: b, path: link/media/x }")))
        .hasSize(1)
        .first()
        .asString()
        .startsWith(
            "stet.yaml:8:25: environments.one.state[1].path: "
                + directory
                + "/link/media/x overlaps with ");
    assertThat(problems(single("- { box: a, path: link }")))
        .containsExactly(
            "stet.yaml:7:25: environments.one.state[0].path: "
                + directory
                + "/link is a symbolic link");
  }

  private static String single(String... components) {
    return """
    version: 1
    app: shop
    repository: { location: backups, password: p }
    environments:
      one:
        state:
          %s
    """
        .formatted(String.join("\n      ", components));
  }

  @Test
  void addsWhereAComponentIsDeclaredToItsKindsMessage() throws IOException {
    ComponentSettings first =
        read(with("colour: red", "colour: blue"), "production")
            .environment("production")
            .components()
            .getFirst();

    assertThatThrownBy(first::create)
        .isInstanceOf(StetException.class)
        .hasMessage("stet.yaml:10:9: a box is red or green, not \"blue\"");
  }

  @Test
  void tellsTheFaultsOfAllComponentsAtOnce() throws IOException {
    String text =
        with("colour: red", "colour: blue")
            .replace("path: live/media2", "path: live/media2, colour: grey")
            .replace("- box: media2\n", "- { box: media2,")
            .replace("colour: grey", "colour: grey }");
    List<ComponentSettings> components =
        read(text, "production").environment("production").components();

    assertThat(
            catchThrowableOfType(
                    ConfigurationException.class, () -> ComponentSettings.createAll(components))
                .problems())
        .extracting(Problem::text)
        .containsExactly(
            "stet.yaml:10:9: a box is red or green, not \"blue\"",
            "stet.yaml:23:17: a box is red or green, not \"grey\"");
  }

  @Test
  void quotesNoValueThatHasBecomeAPartOfItsKey() throws IOException {
    String text =
        WHOLE.replaceFirst(
            "(?s)repository:.*?environments",
            "repository: { location: b, password:s3cret }\nenvironments");

    assertThat(problems(text)).containsExactly("stet.yaml:3:28: repository.password…: unknown key");
    assertThat(Place.shown("password=s3cret")).isEqualTo("password…");
    assertThat(Place.shown("pass s3cret")).isEqualTo("pass…");
    assertThat(Place.shown(":name")).isEqualTo(":name");
  }

  @Test
  void tellsTheWordThatWasMeant() throws IOException {
    assertThat(problems(with("colour: red", "lid: hingd")))
        .containsExactly(
            "stet.yaml:15:14: environments.production.state[0].lid: unknown word \"hingd\"; did you"
                + " mean hinged?");
  }

  @Test
  void refusesTwoKindsOfOneKey() {
    List<ComponentKind> twice = List.of(new BoxKind(), new BoxKind());

    assertThatThrownBy(() -> Kinds.of(twice))
        .hasMessageStartingWith("the class path holds two component kinds \"box\"");
  }

  @Test
  void hasAShapeForEveryTypeOfSetting() throws IOException {
    assertThat(new BoxKind().settings()).extracting(Setting::type).contains(Setting.Type.values());
  }

  @Test
  void neverCrashesOnADamagedFile() throws IOException {
    long seed = Long.getLong("stet.seed", System.nanoTime());
    Random random = new Random(seed);
    String[] words = {
      "", "\n", "\t", " ", ":", "- ", "[", "]", "{", "}", "\"", "'", "${", "}", "&a ", "*a", "!x ",
      "|", ">", "%", "@", "#", "---\n", "...", "?", "<<: ", "\u0000", "\ud83d", "null", "~", "1",
      "true", "state", "set", "box", ",", "\\"
    };
    Kinds all = Kinds.of(List.of(new BoxKind(), new FilesKind(), new PostgresKind()));
    String whole = WHOLE.replace("restore:", REAL + "restore:");
    assertThat(faults(whole.getBytes(StandardCharsets.UTF_8), all))
        .containsExactly(
            "stet.yaml:26:34: environments.preprod.state[0].path: the environment variable"
                + " PREPROD_PATH is not set");
    for (int round = 0; round < 3000; round++) {
      StringBuilder text = new StringBuilder(whole);
      int changes = 1 + random.nextInt(4);
      for (int change = 0; change < changes; change++) {
        if (random.nextInt(4) == 0) {
          moveALine(text, random);
          continue;
        }
        int at = random.nextInt(text.length());
        int end = Math.min(text.length(), at + random.nextInt(6));
        text.replace(at, end, words[random.nextInt(words.length)]);
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
      if (random.nextInt(4) == 0) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      List<String> faults;
      try {
        faults = faults(bytes, all);
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + " round " + round + ":\n" + text, e);
      }
      assertThat(faults)
          .as("seed %d round %d", seed, round)
          .allMatch(told -> told.matches("(?s)stet\\.yaml:[1-9]\\d*:[1-9]\\d*: .+"))
          .noneMatch(told -> told.contains("correct horse") || told.contains("Exception"));
    }
  }

  /** Everything that is told of a text, as {@code config validate} does. */
  private List<String> faults(byte[] bytes, Kinds all) {
    List<Problem> problems = new ArrayList<>();
    try {
      Configuration configuration =
          ConfigurationReader.read(
              new ConfigurationReader.Text("stet.yaml", bytes, directory, false),
              variables,
              directory,
              all,
              "production");
      for (EnvironmentSettings environment : configuration.environments().values()) {
        problems.addAll(environment.problems());
        environment.components().stream()
            .map(ComponentSettings::check)
            .filter(Objects::nonNull)
            .forEach(problems::add);
      }
    } catch (ConfigurationException e) {
      problems.addAll(e.problems());
    }
    return problems.stream().map(Problem::text).toList();
  }

  /** Drops a line or repeats it elsewhere. */
  private static void moveALine(StringBuilder text, Random random) {
    List<String> lines = new ArrayList<>(text.toString().lines().toList());
    String line = random.nextBoolean() ? "" : lines.get(random.nextInt(lines.size()));
    int at = random.nextInt(lines.size());
    if (random.nextBoolean()) {
      lines.set(at, line);
    } else {
      lines.add(at, line);
    }
    text.setLength(0);
    text.append(String.join("\n", lines)).append('\n');
  }
}
