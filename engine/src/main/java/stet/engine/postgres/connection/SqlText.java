package stet.engine.postgres.connection;

import java.util.List;
import java.util.stream.Collectors;

/** Quotes names and values for SQL. */
public final class SqlText {
  private SqlText() {}

  /** A quoted identifier. */
  public static String name(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  /** A quoted identifier with its schema. */
  public static String name(String schema, String name) {
    return name(schema) + "." + name(name);
  }

  /** Quoted identifiers separated by commas. */
  public static String names(List<String> names) {
    return names.stream().map(SqlText::name).collect(Collectors.joining(", "));
  }

  /**
   * A literal, in the form that {@code quote_literal} gives: correct whatever {@code
   * standard_conforming_strings} is.
   */
  public static String literal(String value) {
    String quoted = '\'' + value.replace("'", "''").replace("\\", "\\\\") + '\'';
    return value.indexOf('\\') < 0 ? quoted : "E" + quoted;
  }
}
