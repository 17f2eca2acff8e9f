package stet.engine.rules;

import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Something that holds in every coherent state of the application. See {@link RuleParser} for the
 * grammar.
 *
 * @param name what the configuration calls it
 * @param text the rule as it is written
 * @param body what it says
 * @param places where in the configuration a character of the text stands, as {@code
 *     file:line:column}
 */
public record Rule(String name, String text, Body body, IntFunction<String> places) {
  /** The place of the rule's first character. */
  public String place() {
    return places.apply(0);
  }

  /** The component whose tables it speaks of first, or null for the only one with tables. */
  public @Nullable Name component() {
    return body.table().component();
  }

  /** What a rule says. */
  public sealed interface Body {
    /** The table whose rows can violate it. */
    Table table();
  }

  /**
   * {@code each T has COUNT T}: joined over the only foreign key between the tables, or the one
   * with the column {@code via}.
   *
   * @param where what the counted rows must fulfil, or null
   */
  public record Has(
      Table table, Count count, Table counted, @Nullable Sql where, @Nullable Name via)
      implements Body {}

  /** {@code each T.col refers to T.col}: the value is null or there is such a row. */
  public record Refers(Table table, Name column, Table target, Name targetColumn) implements Body {}

  /** {@code each T.col exists in COMPONENT}: the value is null, empty, or the path of a file. */
  public record Exists(Table table, Name column, Name files) implements Body {}

  /** {@code unique EXPRESSION in T}: of all rows, or of those that fulfil {@code where}. */
  public record Unique(Sql expression, Table table, @Nullable Sql where) implements Body {}

  /** {@code none in T where CONDITION}. */
  public record None(Table table, Sql where) implements Body {}

  /**
   * How many there may be.
   *
   * @param most {@link Long#MAX_VALUE} for any number
   */
  public record Count(long least, long most) {}

  /**
   * A name, without quotes.
   *
   * @param offset where it begins in the rule's text
   */
  public record Name(String text, int offset) {
    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * A table as a rule names it.
   *
   * @param component null if left out
   * @param schema null if left out
   */
  public record Table(@Nullable Name component, @Nullable Name schema, Name name) {
    @Override
    public String toString() {
      return (component == null ? "" : component + ":")
          + (schema == null ? "" : schema + ".")
          + name;
    }
  }

  /** A piece of SQL as it is written, see {@link Name}. */
  public record Sql(String text, int offset) {}
}
