package stet.cli.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.engine.rules.BoundRules.Part;

/** Looks whether each assertion in SQL has a database in the environments. */
final class AssertionBinding {
  private final Reading reading;
  private final List<List<Part>> environments = new ArrayList<>();

  AssertionBinding(Reading reading, Map<String, Values> declared) {
    this.reading = reading;
    for (Values values : declared.values()) {
      List<ComponentSettings> components = values.get(Definition.STATE);
      if (components != null) {
        environments.add(RuleBinding.parts(components));
      }
    }
  }

  /**
   * Reports an assertion that fits no environment.
   *
   * @param path the keys that lead to it
   */
  void check(Values assertion, String path) {
    if (environments.isEmpty()) {
      return;
    }
    String component = assertion.get(Definition.ASSERT_COMPONENT);
    Position position =
        assertion.position(component == null ? Definition.ASSERT_SQL : Definition.ASSERT_COMPONENT);
    if (component == null) {
      checkUnnamed(Objects.requireNonNull(position), path + ".sql");
    } else {
      checkNamed(component, Objects.requireNonNull(position), path + ".component");
    }
  }

  private void checkUnnamed(Position position, String path) {
    long most =
        environments.stream()
            .mapToLong(parts -> parts.stream().filter(Part::hasTables).count())
            .max()
            .orElse(0);
    if (most == 0) {
      report(position, path, "no environment has a database", "Add one, or use `command`.");
    } else if (most > 1) {
      report(
          position,
          path,
          "there is more than one database",
          "Name one: `{ component: " + databases().getFirst() + ", sql: … }`.");
    }
  }

  private void checkNamed(String component, Position position, String path) {
    List<Part> found =
        environments.stream()
            .flatMap(List::stream)
            .filter(part -> part.name().equals(component))
            .toList();
    if (found.isEmpty()) {
      String near = EditDistance.nearest(component, databases());
      report(
          position,
          path,
          "there is no component " + component,
          (near == null ? "" : "Did you mean " + near + "? ") + hint());
    } else if (!found.stream().allMatch(Part::hasTables)) {
      report(position, path, "component " + component + " has no tables", hint());
    }
  }

  private String hint() {
    return databases().isEmpty()
        ? "No environment has a database."
        : "The databases are " + String.join(", ", databases()) + ".";
  }

  private List<String> databases() {
    return environments.stream()
        .flatMap(List::stream)
        .filter(Part::hasTables)
        .map(Part::name)
        .distinct()
        .toList();
  }

  private void report(Position position, String path, String message, @Nullable String hint) {
    reading.problem(new Problem(position, path, message, hint), null, false);
  }
}
