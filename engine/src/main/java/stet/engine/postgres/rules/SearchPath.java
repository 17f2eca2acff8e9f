package stet.engine.postgres.rules;

import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.repository.json.JsonObject;

/**
 * Where users' SQL finds what it names without a schema. A role, or a database, may have a path of
 * its own, so in a restored database another role would look elsewhere.
 */
public final class SearchPath {
  /** The schemas in the manifest of a captured database; snapshots of earlier versions lack it. */
  public static final String MANIFEST_KEY = "search_path";

  /** The path of the session's own role and database. */
  public static final SearchPath OWN = new SearchPath(null);

  private final @Nullable List<String> schemas;

  private SearchPath(@Nullable List<String> schemas) {
    this.schemas = schemas;
  }

  /** The path with which a database was captured, or else the session's own. */
  public static SearchPath of(JsonObject manifest) {
    return manifest.has(MANIFEST_KEY) ? new SearchPath(manifest.strings(MANIFEST_KEY)) : OWN;
  }

  /** The schemas that there are on the path of the session's own role and database. */
  public static List<String> read(Session session) throws SQLException {
    String before = OWN.use(session);
    List<String> schemas =
        session.rows(
            "SELECT pg_catalog.unnest(pg_catalog.current_schemas(false))", row -> row.getString(1));
    restore(session, before);
    return schemas;
  }

  /**
   * Has a session use this path.
   *
   * @return the path that it had, for {@link #restore}
   */
  public String use(Session session) throws SQLException {
    String before = Objects.requireNonNull(session.value("SHOW search_path"));
    if (schemas == null) {
      session.execute("SET search_path = DEFAULT");
    } else {
      restore(session, schemas.stream().map(SqlText::name).collect(Collectors.joining(", ")));
    }
    return before;
  }

  /** Has a session use a path that it had before. */
  static void restore(Session session, String path) throws SQLException {
    session.value("SELECT pg_catalog.set_config('search_path', ?, false)", path);
  }
}
