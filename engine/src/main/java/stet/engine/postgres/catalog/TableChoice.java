package stet.engine.postgres.catalog;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.catalog.DatabaseDescription.Table;

/** Finds the captured table that a person means. */
public final class TableChoice {
  private static final int SHOWN = 20;

  /**
   * What a table may be called, the surest first: as in SQL, as listed, with and without schema.
   */
  private static final List<Function<Table, String>> NAMES =
      List.of(
          Table::quoted,
          table -> ObjectNames.directory(table.schema(), table.name()),
          table -> table.schema() + "." + table.name(),
          Table::name);

  private TableChoice() {}

  /**
   * The table of exactly that name.
   *
   * @param component the component's name, for messages
   * @throws StetException with {@code NOT_FOUND} if there is none or more than one
   */
  public static Table choose(String component, List<Table> tables, String name) {
    for (Function<Table, String> form : NAMES) {
      List<Table> found = tables.stream().filter(t -> form.apply(t).equals(name)).toList();
      if (found.size() == 1) {
        return found.getFirst();
      }
      if (!found.isEmpty()) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            "component " + component + " has " + found.size() + " tables \"" + name + "\"",
            "Name it with its schema: " + listed(found) + ".");
      }
    }
    throw new StetException(
        ErrorCode.NOT_FOUND,
        "component " + component + " has no table \"" + name + "\" with rows of its own",
        tables.isEmpty() ? null : "There is: " + listed(tables) + ".");
  }

  private static String listed(List<Table> tables) {
    return tables.stream()
            .limit(SHOWN)
            .map(table -> ObjectNames.directory(table.schema(), table.name()))
            .collect(Collectors.joining(", "))
        + (tables.size() > SHOWN ? ", …" : "");
  }
}
