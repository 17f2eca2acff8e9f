package stet.cli.config;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/** Makes the model from a configuration's text, or tells everything that is wrong with it. */
final class ConfigurationReader {
  private static final int MAX_DEPTH = 100;

  private static final Comparator<Problem> IN_ORDER =
      Comparator.<Problem>comparingInt(problem -> problem.position().line())
          .thenComparingInt(problem -> problem.position().column());

  private final Reading reading;
  private final String source;
  private final Map<String, String> variables;

  private ConfigurationReader(Reading reading, String source, Map<String, String> variables) {
    this.reading = reading;
    this.source = source;
    this.variables = variables;
  }

  /**
   * A text to read.
   *
   * @param source what the user knows it as
   * @param bytes the text in UTF-8
   * @param directory where its relative paths begin
   * @param readableByAll whether every user of the machine can read it
   */
  record Text(String source, byte[] bytes, Path directory, boolean readableByAll) {}

  /**
   * Reads a text.
   *
   * @param environment the environment that will be used, or null for the only one
   * @throws ConfigurationException if anything is wrong with it, other environments' dependence on
   *     this machine aside
   */
  static Configuration read(
      Text text,
      Map<String, String> variables,
      Path workingDirectory,
      Kinds kinds,
      @Nullable String environment) {
    Reading reading =
        new Reading(
            text.source(),
            text.directory(),
            workingDirectory,
            new Variables(variables),
            kinds,
            text.readableByAll());
    Node root = compose(decode(text), text.source());
    return new ConfigurationReader(reading, text.source(), variables).model(root, environment);
  }

  /** Reads what environment variables alone declare. */
  static Configuration readVariables(
      Map<String, String> variables, Path workingDirectory, Kinds kinds) {
    String source = "environment variables";
    Reading reading =
        new Reading(
            source, workingDirectory, workingDirectory, new Variables(variables), kinds, false);
    Node root = VariablesText.compose(variables, kinds, reading);
    return new ConfigurationReader(reading, source, variables).model(root, null);
  }

  private static String decode(Text text) {
    byte[] bytes = text.bytes();
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    CharBuffer characters = CharBuffer.allocate(bytes.length + 1);
    ByteBuffer input = ByteBuffer.wrap(bytes);
    CoderResult result = decoder.decode(input, characters, true);
    characters.flip();
    String decoded = characters.toString();
    if (result.isError()) {
      throw faulty(
          at(text.source(), decoded, decoded.length()),
          "not UTF-8 text",
          "Save the file in UTF-8.");
    }
    return decoded.startsWith("\ufeff") ? decoded.substring(1) : decoded;
  }

  private static Position at(String source, String text, int end) {
    int line = 1 + (int) text.chars().limit(end).filter(c -> c == '\n').count();
    int lineStart = end == 0 ? 0 : text.lastIndexOf('\n', end - 1) + 1;
    return new Position(source, line, text.codePointCount(lineStart, end) + 1);
  }

  private static Node compose(String text, String source) {
    LoadSettings settings =
        LoadSettings.builder()
            .setLabel(source)
            .setSchema(new CoreSchema())
            .setAllowDuplicateKeys(true) // reported with the other problems instead
            .build();
    try {
      checkDepth(text, source, settings);
      Optional<Node> root = new Compose(settings).composeString(text);
      return root.orElseThrow(() ->
          faulty(
              new Position(source, 1, 1),
              "the configuration is empty",
              "docs/configuration.md shows one."));
    } catch (MarkedYamlEngineException e) {
      Position position =
          e.getProblemMark()
              .or(e::getContextMark)
              .map(mark -> position(source, mark))
              .orElse(new Position(source, 1, 1));
      throw faulty(position, "not valid YAML: " + describe(e), null);
    } catch (ReaderException e) {
      int count = Math.min(e.getPosition(), text.codePointCount(0, text.length()));
      throw faulty(
          at(source, text, text.offsetByCodePoints(0, count)),
          "not valid YAML: the character U+"
              + HexFormat.of().withUpperCase().toHexDigits(e.getCodePoint(), 6)
              + " is not allowed",
          "Remove it, or write it as an escape in double quotes.");
    } catch (YamlEngineException e) {
      throw faulty(new Position(source, 1, 1), "not valid YAML: " + e.getMessage(), null);
    }
  }

  private static Position position(String source, Mark mark) {
    return new Position(source, mark.getLine() + 1, mark.getColumn() + 1);
  }

  /** The composer works by recursion, so what could exhaust the stack is refused before. */
  private static void checkDepth(String text, String source, LoadSettings settings) {
    int depth = 0;
    for (Event event : new Parse(settings).parseString(text)) {
      if (event instanceof CollectionStartEvent && ++depth > MAX_DEPTH) {
        throw faulty(
            event
                .getStartMark()
                .map(mark -> position(source, mark))
                .orElse(new Position(source, 1, 1)),
            "values are nested more than " + MAX_DEPTH + " levels deep",
            null);
      }
      if (event instanceof CollectionEndEvent) {
        depth--;
      }
    }
  }

  /** What the parser says, without the words of the file that it may quote: they may be secret. */
  private static String describe(MarkedYamlEngineException e) {
    String problem = Objects.requireNonNullElse(e.getProblem(), "unreadable");
    String context = e.getContext();
    if (problem.contains("alias")) {
      return "an alias (*name) without an anchor (&name); quote text that begins with *";
    }
    if (problem.contains("tag handle")) {
      return "an unknown tag; quote text that begins with !";
    }
    return context == null || context.isEmpty() ? problem : context + ", " + problem;
  }

  private static ConfigurationException faulty(
      Position position, String message, @Nullable String hint) {
    return new ConfigurationException(List.of(new Problem(position, "", message, hint)));
  }

  private Configuration model(Node node, @Nullable String chosen) {
    Place top = new Place(reading, "", null);
    Values root = reading.within(node, top, Definition.ROOT);
    if (root == null) {
      throw new ConfigurationException(problems(finding -> true));
    }
    RepositorySettings repository = repository(root.get(Definition.REPOSITORY), node, top);
    Map<String, Values> declared =
        Objects.requireNonNullElse(root.get(Definition.ENVIRONMENTS), Map.of());
    declared.keySet().forEach(environment -> OwnPaths.check(reading, environment));
    List<RulesShape.Given> rules =
        Objects.requireNonNullElse(root.get(Definition.RULES), List.of());
    new RuleBinding(reading, declared).check(rules);
    ProofSettings.check(root.get(Definition.PROOF), declared, reading);

    String used =
        chosen == null && declared.size() == 1 ? declared.keySet().iterator().next() : chosen;
    List<Problem> faults = problems(finding -> !finding.here() || finding.environment() == null);
    String app = root.get(Definition.APP);
    if (!faults.isEmpty() || app == null || repository == null) {
      throw new ConfigurationException(
          problems(finding ->
              !finding.here()
                  || finding.environment() == null
                  || finding.environment().equals(used)));
    }
    Map<String, EnvironmentSettings> environments = new LinkedHashMap<>();
    declared.forEach((name, values) -> environments.put(name, environment(name, values)));
    Values restore = root.get(Definition.RESTORE);
    return new Configuration(
        source,
        app,
        repository,
        new RestoreSettings(
            Objects.requireNonNull(
                restore == null
                    ? Definition.KEEP_PREVIOUS.otherwise()
                    : restore.get(Definition.KEEP_PREVIOUS))),
        rules.stream().map(RulesShape.Given::rule).toList(),
        "fail".equals(root.get(Definition.DANGLING)),
        ProofSettings.of(root.get(Definition.PROOF)),
        Objectives.of(root.get(Definition.OBJECTIVES)),
        environments,
        reading.warnings().stream()
            .filter(finding -> finding.environment() == null || finding.environment().equals(used))
            .map(Reading.Finding::problem)
            .toList());
  }

  /**
   * What the text says, overridden and completed by restic's variables; null if a problem was
   * reported.
   */
  private @Nullable RepositorySettings repository(@Nullable Values given, Node root, Place top) {
    Given<String> location = locationOfVariables(top);
    if (location != null) {
      reading.forgive("repository.location");
    } else {
      location = given(given, Definition.LOCATION);
    }
    Given<Secret> password = passwordOfVariables(top);
    if (password != null) {
      reading.forgive("repository.password");
    } else {
      password = given(given, Definition.PASSWORD);
    }
    boolean faulty = reading.isFaulty("repository") || reading.isFaultyVariable("RESTIC_");
    if (location == null && !faulty) {
      top.key("repository")
          .key("location")
          .problem(root, "missing", "Give it in the file, or set RESTIC_REPOSITORY.");
    }
    if (password == null && !faulty) {
      top.key("repository")
          .key("password")
          .problem(
              root,
              "missing",
              "Give password_file or password_command, or set RESTIC_PASSWORD_FILE,"
                  + " RESTIC_PASSWORD_COMMAND or RESTIC_PASSWORD.");
    }
    return location == null || password == null
        ? null
        : new RepositorySettings(
            location.value(), password.value(), location.origin(), password.origin());
  }

  private record Given<T>(T value, String origin) {}

  private static <T> @Nullable Given<T> given(@Nullable Values values, Key<T> key) {
    T value = values == null ? null : values.get(key);
    Position position = values == null ? null : values.position(key);
    return value == null || position == null ? null : new Given<>(value, position.toString());
  }

  private @Nullable Given<String> locationOfVariables(Place top) {
    String file = variable("RESTIC_REPOSITORY_FILE");
    String name = "RESTIC_REPOSITORY";
    String text = variable(name);
    if (file != null) {
      if (text != null) {
        top.problem(
            node("RESTIC_REPOSITORY_FILE", file), name + " is set too", "Set only one of them.");
        return null;
      }
      name = "RESTIC_REPOSITORY_FILE";
      Path path = Shapes.PATH.read(node(name, file), top);
      if (path == null) {
        return null;
      }
      text = Secret.file(path, name).reveal();
    }
    if (text == null) {
      return null;
    }
    String location = Shapes.LOCATION.read(node(name, text), top);
    return location == null ? null : new Given<>(location, name);
  }

  private @Nullable Given<Secret> passwordOfVariables(Place top) {
    String command = variable("RESTIC_PASSWORD_COMMAND");
    String file = variable("RESTIC_PASSWORD_FILE");
    String text = variable("RESTIC_PASSWORD");
    if (command != null) {
      String name = "RESTIC_PASSWORD_COMMAND";
      Node node = node(name, command);
      if (file != null) {
        top.problem(node, "RESTIC_PASSWORD_FILE is set too", "Set only one of them.");
        return null;
      }
      try {
        return new Given<>(Secret.command(Restic.split(command), name), name);
      } catch (Unusable e) {
        top.problem(node, e.getMessage(), e.hint());
        return null;
      }
    }
    if (file != null) {
      String name = "RESTIC_PASSWORD_FILE";
      Secret secret = new SecretShape().read("password", "password_file", node(name, file), top);
      return secret == null ? null : new Given<>(secret, name);
    }
    return text == null ? null : new Given<>(Secret.text(text), "RESTIC_PASSWORD");
  }

  /** A variable's value; like restic, an empty one counts as not set. */
  private @Nullable String variable(String name) {
    String value = variables.get(name);
    return value == null || value.isEmpty() ? null : value;
  }

  private static Node node(String variable, String value) {
    return Reading.ofVariable(variable, new ScalarNode(Tag.STR, value, ScalarStyle.DOUBLE_QUOTED));
  }

  private EnvironmentSettings environment(String name, Values values) {
    return new EnvironmentSettings(
        name,
        Boolean.TRUE.equals(values.get(Definition.PROTECTED)),
        Objects.requireNonNull(values.get(Definition.MAX_WORKERS), "it has a default").intValue(),
        Objects.requireNonNullElse(values.get(Definition.STATE), List.of()),
        problems(finding -> name.equals(finding.environment())),
        problems(finding -> name.equals(finding.environment()) && finding.misplaced()));
  }

  private List<Problem> problems(Predicate<Reading.Finding> filter) {
    return reading.problems().stream()
        .filter(filter)
        .map(Reading.Finding::problem)
        .sorted(IN_ORDER)
        .distinct()
        .toList();
  }
}
