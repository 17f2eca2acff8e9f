package stet.cli.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** One reading of a configuration: where it comes from, and what was found on the way. */
final class Reading {
  /** More than any hand-written file has; aliases could otherwise multiply a small file. */
  private static final int MAX_NODES = 100_000;

  private static final String VARIABLE = "variable";

  /**
   * A problem or warning.
   *
   * @param environment the environment it lies in, or null
   * @param here whether it is this machine that has it, so that it matters only where the
   *     environment is used
   * @param misplaced whether it is of where directories lie
   */
  record Finding(Problem problem, @Nullable String environment, boolean here, boolean misplaced) {}

  /** A path of this machine that belongs to something the configuration declares. */
  record OwnPath(Path path, Node node, Place place) {}

  private final String source;
  private final Path directory;
  private final Path workingDirectory;
  private final Variables variables;
  private final Kinds kinds;
  private final boolean readableByAll;
  private final List<Finding> problems = new ArrayList<>();
  private final List<Finding> warnings = new ArrayList<>();
  private final List<OwnPath> paths = new ArrayList<>();
  private final Map<String, Map<String, Position>> names = new HashMap<>();
  private final Set<Node> open = Collections.newSetFromMap(new IdentityHashMap<>());
  private int nodes;

  /**
   * Begins.
   *
   * @param source the file as the user named it
   * @param directory where relative paths of the text begin
   * @param workingDirectory where relative paths of environment variables begin
   * @param readableByAll whether every user of the machine can read the text
   */
  Reading(
      String source,
      Path directory,
      Path workingDirectory,
      Variables variables,
      Kinds kinds,
      boolean readableByAll) {
    this.source = source;
    this.directory = directory;
    this.workingDirectory = workingDirectory;
    this.variables = variables;
    this.kinds = kinds;
    this.readableByAll = readableByAll;
  }

  /** Where a relative path begins. */
  Path directory(Node node) {
    return isVariable(node) ? workingDirectory : directory;
  }

  Variables variables() {
    return variables;
  }

  Kinds kinds() {
    return kinds;
  }

  List<Finding> problems() {
    return problems;
  }

  List<Finding> warnings() {
    return warnings;
  }

  List<OwnPath> paths() {
    return paths;
  }

  void problem(Problem problem, @Nullable String environment, boolean here) {
    problems.add(new Finding(problem, environment, here, false));
  }

  /** Notes that directories of an environment cannot lie where they do on this machine. */
  void misplaced(Problem problem, String environment) {
    problems.add(new Finding(problem, environment, true, true));
  }

  void warning(Problem warning, @Nullable String environment) {
    warnings.add(new Finding(warning, environment, true, false));
  }

  /** Whether anything is wrong with what lies at a path or inside it. */
  boolean isFaulty(String path) {
    return problems.stream().anyMatch(finding -> finding.problem().path().startsWith(path));
  }

  /** Whether anything is wrong with an environment variable whose name begins so. */
  boolean isFaultyVariable(String prefix) {
    return problems.stream()
        .anyMatch(finding -> finding.problem().position().source().startsWith(prefix));
  }

  /** Drops what this machine has against values that are overridden. */
  void forgive(String path) {
    problems.removeIf(finding -> finding.here() && finding.problem().path().startsWith(path));
  }

  /** Notes that a secret stands in the text itself. */
  void secretInText(Node node, Place place) {
    if (readableByAll && !isVariable(node)) {
      place.warning(
          node,
          "a secret stands in a file that every user of this machine can read",
          "Use " + place.path() + "_file, or run `chmod 600 " + source + "`.");
    }
  }

  /** Notes a path of this machine, for the check that no two overlap. */
  void own(Path path, Node node, Place place) {
    paths.add(new OwnPath(path, node, place));
  }

  /**
   * Takes a name of a set or component for itself.
   *
   * @return where the name is taken already in that environment, or null if it was free
   */
  @Nullable Position take(String name, Node node, Place place) {
    String environment = place.environment() == null ? "" : place.environment();
    return names
        .computeIfAbsent(environment, e -> new HashMap<>())
        .putIfAbsent(name, position(node));
  }

  /** Reads a value inside another one, unless an alias makes it contain itself. */
  <T> @Nullable T within(Node node, Place place, Shape<T> shape) {
    if (++nodes > MAX_NODES) {
      if (nodes == MAX_NODES + 1) {
        place.problem(node, "the configuration has more than " + MAX_NODES + " values", null);
      }
      return null;
    }
    if (!open.add(node)) {
      place.problem(node, "the value contains itself", "Remove the alias.");
      return null;
    }
    try {
      return shape.read(node, place);
    } finally {
      open.remove(node);
    }
  }

  /** Where a value stands. */
  Position position(Node node) {
    if (node.getProperty(VARIABLE) instanceof String variable) {
      return Position.variable(variable);
    }
    return node.getStartMark()
        .map(mark -> new Position(source, mark.getLine() + 1, mark.getColumn() + 1))
        .orElseGet(() -> new Position(source, 0, 0));
  }

  /** Marks a value as held by an environment variable; nothing is replaced in it. */
  static <T extends Node> T ofVariable(String name, T node) {
    node.setProperty(VARIABLE, name);
    return node;
  }

  static boolean isVariable(Node node) {
    return node.getProperty(VARIABLE) != null;
  }

  /** The text of a single value as it stands, empty for anything else. */
  static String rawText(Node node) {
    return node instanceof ScalarNode scalar ? scalar.getValue() : "";
  }

  /** What a value is, for messages. */
  static String describe(Node node) {
    return switch (node) {
      case MappingNode ignored -> "a mapping";
      case SequenceNode ignored -> "a list";
      case ScalarNode scalar when Tag.NULL.equals(scalar.getTag()) -> "nothing";
      case ScalarNode scalar when Tag.BOOL.equals(scalar.getTag()) -> "a boolean";
      case ScalarNode scalar
          when Tag.INT.equals(scalar.getTag()) || Tag.FLOAT.equals(scalar.getTag()) ->
          "a number";
      case ScalarNode ignored -> "text";
      default -> "something else";
    };
  }
}
