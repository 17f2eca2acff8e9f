package stet.engine.postgres;

import java.util.Map;

/**
 * What roles and tablespaces of captured databases are called where they are restored.
 *
 * @param roles names by captured name
 * @param tablespaces names by captured name
 */
record Renames(Map<String, String> roles, Map<String, String> tablespaces) {
  static final Renames NONE = new Renames(Map.of(), Map.of());

  Renames {
    roles = Map.copyOf(roles);
    tablespaces = Map.copyOf(tablespaces);
  }

  String role(String name) {
    return roles.getOrDefault(name, name);
  }

  String tablespace(String name) {
    return tablespaces.getOrDefault(name, name);
  }
}
