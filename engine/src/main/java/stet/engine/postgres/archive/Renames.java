package stet.engine.postgres.archive;

import java.util.Map;

/**
 * What roles and tablespaces of captured databases are called where they are restored.
 *
 * @param roles names by captured name
 * @param tablespaces names by captured name
 */
public record Renames(Map<String, String> roles, Map<String, String> tablespaces) {
  public static final Renames NONE = new Renames(Map.of(), Map.of());

  public Renames {
    roles = Map.copyOf(roles);
    tablespaces = Map.copyOf(tablespaces);
  }

  /** A role's name at the target; one that has no other there keeps its own. */
  public String role(String name) {
    return roles.getOrDefault(name, name);
  }

  /** A tablespace's name at the target; one that has no other there keeps its own. */
  public String tablespace(String name) {
    return tablespaces.getOrDefault(name, name);
  }
}
