package stet.cli.config;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** A configuration that cannot be used, with everything that is wrong with it. */
public final class ConfigurationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<Problem> problems;

  /**
   * Carries the problems.
   *
   * @throws IllegalArgumentException if {@code problems} is empty
   */
  public ConfigurationException(List<Problem> problems) {
    super(problems.stream().map(Problem::text).collect(Collectors.joining("\n")));
    if (problems.isEmpty()) {
      throw new IllegalArgumentException("a configuration without problems can be used");
    }
    this.problems = List.copyOf(problems);
  }

  /** The problems in the order of the file; at least one. */
  public List<Problem> problems() {
    return problems;
  }

  /** The problems' texts, a line each. */
  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }
}
