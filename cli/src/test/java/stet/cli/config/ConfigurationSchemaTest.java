package stet.cli.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.files.FilesKind;
import stet.engine.postgres.PostgresKind;
import stet.repository.json.JsonObject;

/** What editors are told of the configuration is what the program reads. */
class ConfigurationSchemaTest {
  private static final String WHOLE =
      """
      version: 1
      app: shop
      repository:
        location: backups
        password_command: [ pass, show, stet/shop ]
      environments:
        production:
          protected: true
          state:
            - postgres: default
              url: postgresql://shop@db.example.org/shop
              tools: /opt/postgres/bin
            - set: uploads
              state:
                - files: media
                  path: live/media
                  exclude: [ "*.tmp", 12 ]
                  on_change: warn
                - set: deep
                  state: [ { files: media2, path: live/media2, on_unreadable: skip } ]
        preprod:
          protected: ${PROTECTED:-false}
          state: [ { postgres: default, url: "${URL}" } ]
      restore: { keep_previous: 1d12h }
      """;

  private static final Kinds KINDS = Kinds.of(List.of(new FilesKind(), new PostgresKind()));
  private static final JsonObject SCHEMA = ConfigurationSchema.of(KINDS);
  private static final SchemaRegistry REGISTRY =
      SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_7);
  private static final Schema VALIDATOR = REGISTRY.getSchema(SCHEMA.toString());

  @TempDir Path directory;

  private static List<String> complaints(String yaml) {
    return VALIDATOR.validate(yaml, InputFormat.YAML).stream()
        .map(error -> error.getInstanceLocation() + " " + error.getKeyword())
        .toList();
  }

  private Configuration read(String yaml) {
    return ConfigurationReader.read(
        new ConfigurationReader.Text(
            "stet.yaml", yaml.getBytes(StandardCharsets.UTF_8), directory, false),
        Map.of("URL", "service=shop", "PROTECTED", "true"),
        directory,
        KINDS,
        "production");
  }

  @Test
  void isASchema() {
    assertThat(
            REGISTRY
                .getSchema(SchemaLocation.of("http://json-schema.org/draft-07/schema"))
                .validate(SCHEMA.toString(), InputFormat.JSON))
        .isEmpty();
    assertThat(JsonObject.parse(SCHEMA.toPrettyString())).isEqualTo(SCHEMA);
  }

  @Test
  void acceptsWhatTheProgramAccepts() {
    assertThat(read(WHOLE).environments()).hasSize(2);
    assertThat(complaints(WHOLE)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "app: 12",
        "app: ${APP:-shop}",
        "app: 'shop'",
        "version: \"${NUMBER:-1}\"",
        "location: local:/var/backups",
        "location: ~shop",
        "keep_previous: 0s",
      })
  void acceptsOtherWaysToWriteIt(String line) {
    String text = replaced(line);

    assertThat(read(text).app()).isNotEmpty();
    assertThat(complaints(text)).isEmpty();
  }

  /** The file with another value for a key. */
  private static String replaced(String line) {
    String key = line.substring(0, line.indexOf(':')).replace("tols", "tools");
    String text = WHOLE.replaceFirst("\\b" + key + ": .*?(?=\n| })", "\0");
    assertThat(text).isNotEqualTo(WHOLE);
    return text.replace("\0", line);
  }

  /** A value that cannot be used, and where the schema says so. */
  static List<Arguments> mistakes() {
    return List.of(
        Arguments.of("version: 2", "/version"),
        Arguments.of("version: \"1\"", "/version"),
        Arguments.of("version: 1\nap: shop", " additionalProperties"),
        Arguments.of("app: a/b", "/app"),
        Arguments.of("app: true", "/app"),
        Arguments.of("app:", "/app"),
        Arguments.of("location: s3:bucket", "/repository/location"),
        Arguments.of("location: ~/backups", "/repository/location"),
        Arguments.of("password_command: []", "/repository/password_command"),
        Arguments.of("password_command: pass", "/repository/password_command"),
        Arguments.of("password_command: [ x ]\n  password_file: y", "/repository"),
        Arguments.of("password_command: [ x ]\n  copies: []", "/repository"),
        Arguments.of("protected: perhaps", "/environments/production/protected"),
        Arguments.of("set: up/loads", "/environments/production/state/1"),
        Arguments.of("on_change: explode", "/environments/production/state/1"),
        Arguments.of("exclude: '*.tmp'", "/environments/production/state/1"),
        Arguments.of("tools: ''", "/environments/production/state/0"),
        Arguments.of("tols: x", "/environments/production/state/0"),
        Arguments.of("keep_previous: 7m", "/restore/keep_previous"),
        Arguments.of("keep_previous: '7'", "/restore/keep_previous"),
        Arguments.of("keep_previous: 7d, after: [ x ]", "/restore"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void refusesWhatTheProgramRefuses(String line, String at) {
    String text = replaced(line);

    assertThat(catchProblems(text)).as(text).isNotEmpty();
    assertThat(complaints(text)).as(text).anyMatch(complaint -> complaint.startsWith(at));
  }

  private List<Problem> catchProblems(String text) {
    try {
      read(text);
      return List.of();
    } catch (ConfigurationException e) {
      return e.problems();
    }
  }

  @Test
  void refusesNothingThatTheProgramAccepts() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    String[] words = {
      "", "\n", " ", ":", "- ", "[", "]", "{", "}", "\"", "'", "${URL}", "1", "true", "null", "~",
      "0x1f", "1e2", ".5", "state", "set", "files", "s", "d", "min", "-", "_", ".", "é", "#", "m"
    };
    int accepted = 0;
    for (int round = 0; round < 3000; round++) {
      StringBuilder text = new StringBuilder(WHOLE);
      int at = random.nextInt(text.length());
      int end = Math.min(text.length(), at + random.nextInt(6));
      text.replace(at, end, words[random.nextInt(words.length)]);
      String yaml = text.toString();
      if (catchProblems(yaml).isEmpty()) {
        accepted++;
        assertThat(complaints(yaml)).as("seed %d, round %d:\n%s", seed, round, yaml).isEmpty();
      }
    }
    assertThat(accepted).as("seed %d", seed).isPositive();
  }

  @Test
  void hasTheKeysOfTheManualAndNoOthers() throws IOException {
    Path manual = Path.of("../docs/configuration.md");
    String page = Files.readString(manual);
    Set<String> documented = new TreeSet<>();
    Pattern.compile("(?m)^\\| `([a-zA-Z_.]+)` \\|")
        .matcher(page.substring(page.indexOf("## Keys"), page.indexOf("### Components")))
        .results()
        .forEach(row -> documented.add(row.group(1)));
    String kind = "";
    for (String row :
        page.substring(page.indexOf("### Components"), page.indexOf("## Values"))
            .lines()
            .toList()) {
      String[] cells = row.split("\\|", -1);
      if (cells.length > 3 && cells[2].contains("`")) {
        kind = cells[1].isBlank() ? kind : cells[1].strip().replace("`", "");
        documented.add(kind + "/" + cells[2].strip().replace("`", ""));
      }
    }

    Set<String> known = new TreeSet<>();
    collect(SCHEMA, "", known);
    for (JsonObject item :
        SCHEMA.object("definitions").object(StateShape.COMPONENT).objects("anyOf")) {
      Set<String> names = item.object("properties").keys();
      String first = names.iterator().next();
      names.stream()
          .skip(1)
          .filter(name -> !name.matches(".*_(file|command)"))
          .forEach(name -> known.add(first + "/" + name));
    }
    assertThat(known).isEqualTo(documented);
  }

  /** The keys that a schema knows, a user's own names as {@code NAME}. */
  private static void collect(JsonObject schema, String path, Set<String> keys) {
    JsonObject properties = schema.optionalObject("properties");
    if (properties != null) {
      for (String key : properties.keys()) {
        JsonObject property = properties.object(key);
        boolean section =
            property.has("properties")
                || property.get("additionalProperties") instanceof JsonObject;
        if (key.matches(".*_(file|command)") && properties.has(key.replaceFirst("_[a-z]+$", ""))) {
          continue;
        }
        if (!section) {
          keys.add(path + key);
        }
        collect(property, path + key + ".", keys);
      }
    }
    if (schema.get("additionalProperties") instanceof JsonObject named) {
      keys.add(path + "NAME");
      collect(named, path + "NAME.", keys);
    }
  }
}
