package stet.engine.postgres.restore;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.connection.ConnectionSettings;

/**
 * A database and how to work with it.
 *
 * @param component the component's name
 * @param settings reach the database, pinned to one server
 * @param admin reach the same server as a role that may create databases, or null if the first may
 * @param tools the configured directory of PostgreSQL's programs, or null
 * @param renames other names of roles and tablespaces
 */
public record PostgresPlace(
    String component,
    ConnectionSettings settings,
    @Nullable ConnectionSettings admin,
    @Nullable Path tools,
    Renames renames) {

  /** One with the captured names of roles and tablespaces. */
  public PostgresPlace(
      String component,
      ConnectionSettings settings,
      @Nullable ConnectionSettings admin,
      @Nullable Path tools) {
    this(component, settings, admin, tools, Renames.NONE);
  }

  /** The database's name. */
  String database() {
    return settings.database();
  }

  /** The settings for creating, renaming and dropping databases. */
  ConnectionSettings adminSettings() {
    return admin == null ? settings : admin;
  }
}
