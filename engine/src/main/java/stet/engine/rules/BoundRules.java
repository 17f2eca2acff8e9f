package stet.engine.rules;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.rules.Rule.Name;

/** The rules that concern an environment, by the component whose tables they are about. */
public final class BoundRules {
  /** No rules. */
  public static final BoundRules NONE = new BoundRules(Map.of());

  private final Map<String, List<Rule>> byComponent;

  private BoundRules(Map<String, List<Rule>> byComponent) {
    this.byComponent = byComponent;
  }

  /**
   * A component of an environment.
   *
   * @param hasTables whether rules can speak of its tables
   * @param hasFiles whether rules can speak of its files
   */
  public record Part(String name, boolean hasTables, boolean hasFiles) {}

  /** Binds rules that have been {@linkplain #component found} to fit. */
  public static BoundRules of(List<Rule> rules, List<Part> parts) {
    Map<String, List<Rule>> map = new LinkedHashMap<>();
    for (Rule rule : rules) {
      try {
        String component = component(rule, parts);
        if (component != null) {
          map.computeIfAbsent(component, name -> new ArrayList<>()).add(rule);
        }
      } catch (RuleException e) {
        throw new IllegalArgumentException(rule.places().apply(e.offset()) + ": " + e.getMessage());
      }
    }
    return new BoundRules(map);
  }

  /** All but some. */
  public BoundRules without(Set<Rule> left) {
    Map<String, List<Rule>> map = new LinkedHashMap<>();
    byComponent.forEach((component, rules) ->
        map.put(component, rules.stream().filter(rule -> !left.contains(rule)).toList()));
    return new BoundRules(map);
  }

  /** The rules about the tables of a component. */
  public List<Rule> of(String component) {
    return List.copyOf(byComponent.getOrDefault(component, List.of()));
  }

  /**
   * The component whose tables a rule is about.
   *
   * @return its name, or null if the environment lacks a component that the rule names
   * @throws RuleException if the rule fits no environment that has such components
   */
  public static @Nullable String component(Rule rule, List<Part> parts) throws RuleException {
    String component = tables(rule.component(), parts, rule);
    switch (rule.body()) {
      case Rule.Has has -> requireSame(has.counted().component(), component);
      case Rule.Refers refers -> requireSame(refers.target().component(), component);
      case Rule.Exists exists -> {
        Part files = find(exists.files().text(), parts);
        if (files == null) {
          return null;
        }
        if (!files.hasFiles()) {
          throw new RuleException(
              exists.files().offset(),
              "component " + files.name() + " has no files",
              "Name a component of kind files.");
        }
      }
      default -> {}
    }
    return component;
  }

  /**
   * Why a rule fits no environment.
   *
   * @param all the components of all environments
   */
  public static RuleException missing(Rule rule, List<Part> all) {
    Name named = rule.component();
    if (named == null || find(named.text(), all) != null) {
      named = rule.body() instanceof Rule.Exists exists ? exists.files() : null;
    }
    if (named == null) {
      return new RuleException(
          0, "no environment has a database", "Add a component that is a database.");
    }
    List<String> names = all.stream().map(Part::name).distinct().toList();
    return new RuleException(
        named.offset(),
        find(named.text(), all) == null
            ? "there is no component " + named
            : "no environment has all the components of the rule",
        "The components are " + String.join(", ", names) + ".");
  }

  private static @Nullable Part find(String name, Collection<Part> parts) {
    return parts.stream().filter(part -> part.name().equals(name)).findFirst().orElse(null);
  }

  private static @Nullable String tables(@Nullable Name named, List<Part> parts, Rule rule)
      throws RuleException {
    if (named != null) {
      Part part = find(named.text(), parts);
      if (part != null && !part.hasTables()) {
        throw new RuleException(
            named.offset(),
            "component " + named + " has no tables",
            "Name a component that is a database.");
      }
      return part == null ? null : part.name();
    }
    List<String> databases = parts.stream().filter(Part::hasTables).map(Part::name).toList();
    if (databases.size() > 1) {
      throw new RuleException(
          rule.body().table().name().offset(),
          "there is more than one database",
          "Name the component before the table: "
              + databases.getFirst()
              + ":"
              + rule.body().table()
              + ".");
    }
    return databases.isEmpty() ? null : databases.getFirst();
  }

  private static void requireSame(@Nullable Name other, @Nullable String component)
      throws RuleException {
    if (other != null && component != null && !Objects.equals(other.text(), component)) {
      throw new RuleException(
          other.offset(),
          "the tables are in two databases",
          "Both tables of a rule must be of one component.");
    }
  }
}
