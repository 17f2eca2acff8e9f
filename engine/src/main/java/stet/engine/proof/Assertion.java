package stet.engine.proof;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Something of the user's own that must hold in a restored state. */
public sealed interface Assertion {
  /**
   * The first value of a query is a number within bounds; without bounds, there is a row.
   *
   * @param component the database, or null for the only one
   * @param least null for any
   * @param most null for any
   */
  record Query(@Nullable String component, String sql, @Nullable Long least, @Nullable Long most)
      implements Assertion {}

  /**
   * A program ends with 0. It finds what was restored by libpq's variables ({@code PGHOST} and so
   * on) where there is one database, and by {@code STET_FILES_<NAME>}.
   */
  record Program(List<String> command) implements Assertion {}
}
