package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.engine.StetException;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.Session;

/**
 * A session on a server from which databases are created, renamed and dropped: in {@code postgres},
 * or in {@code template1} where that is not to be reached, never in the database concerned.
 */
public final class Maintenance implements AutoCloseable {
  private static final List<String> DATABASES = List.of("postgres", "template1");

  /** What the server says when another database may do: not there, not allowed, no access rule. */
  private static final List<String> TRY_ANOTHER = List.of("3D000", "42501", "28000");

  private final Session session;
  private final ConnectionSettings settings;
  private final String database;

  private Maintenance(Session session, ConnectionSettings settings, String database) {
    this.session = session;
    this.settings = settings;
    this.database = database;
  }

  /**
   * Connects.
   *
   * @param concerned the database that must not be in use by this session
   */
  public static Maintenance open(ConnectionSettings settings, String concerned) {
    StetException first = null;
    for (String database : DATABASES) {
      if (database.equals(concerned)) {
        continue;
      }
      try {
        return new Maintenance(Session.open(settings, database), settings, database);
      } catch (StetException e) {
        boolean other =
            e.getCause() instanceof SQLException sql && TRY_ANOTHER.contains(sql.getSQLState());
        if (!other) {
          throw e;
        }
        first = first == null ? e : first;
      }
    }
    throw Objects.requireNonNull(first);
  }

  public Session session() {
    return session;
  }

  /** The database that this session is in. */
  String database() {
    return database;
  }

  /** Another session in the same database. */
  Session another() {
    return Session.open(settings, database);
  }

  ConnectionSettings settings() {
    return settings;
  }

  /**
   * A database as the catalog has it.
   *
   * @param connectionLimit how many sessions may be in it, or -1
   */
  record Entry(
      String oid,
      String name,
      DatabaseComment comment,
      boolean allowsConnections,
      int connectionLimit) {
    /** Whether Stet put it beside a live one, however that looks by its name. */
    boolean isMarked() {
      return oid.equals(comment.mark());
    }

    /** Whether Stet made it and has not come to comment on it. */
    boolean isNewborn() {
      return connectionLimit == DatabaseProperties.NEWBORN && comment.text() == null;
    }
  }

  private static final String ENTRIES =
      "SELECT d.oid::text, d.datname::text, d.datallowconn, d.datconnlimit,"
          + " pg_catalog.shobj_description(d.oid, 'pg_database') FROM pg_catalog.pg_database d";

  /** The database of this name, or null. */
  @Nullable Entry named(String name) throws SQLException {
    // Compared as text: a parameter of type name would be cut to its length.
    List<Entry> found = entries(" WHERE d.datname::text = ?", name);
    return found.isEmpty() ? null : found.getFirst();
  }

  /** The database with this identity, or null. */
  @Nullable Entry identified(String oid) throws SQLException {
    List<Entry> found = entries(" WHERE d.oid::text = ?", oid);
    return found.isEmpty() ? null : found.getFirst();
  }

  /** All databases, oldest first. */
  List<Entry> all() throws SQLException {
    return entries(" ORDER BY d.oid");
  }

  private List<Entry> entries(String condition, Object... parameters) throws SQLException {
    return session.rows(
        ENTRIES + condition,
        row ->
            new Entry(
                row.getString(1),
                row.getString(2),
                DatabaseComment.read(row.getString(5)),
                row.getBoolean(3),
                row.getInt(4)),
        parameters);
  }

  @Override
  public void close() {
    session.close();
  }
}
