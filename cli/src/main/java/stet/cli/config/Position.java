package stet.cli.config;

/**
 * A place in the configuration.
 *
 * @param source the file as the user named it, or the environment variable that holds the value
 * @param line counted from 1, or 0 if the source is an environment variable
 * @param column counted from 1 in characters, or 0
 */
public record Position(String source, int line, int column) {

  /** A value that an environment variable holds. */
  static Position variable(String name) {
    return new Position(name, 0, 0);
  }

  /** {@code file:line:column}, or the variable's name. */
  @Override
  public String toString() {
    return line == 0 ? source : source + ":" + line + ":" + column;
  }
}
