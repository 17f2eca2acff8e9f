package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Progress;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.catalog.AccessRights;
import stet.engine.postgres.catalog.CatalogReader;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.LocaleProvider;
import stet.engine.postgres.catalog.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.catalog.DatabaseDescription.Setting;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/** What belongs to a database as a whole: at its creation, and when it is complete. */
public final class DatabaseProperties {
  /**
   * The connection limit of a database that is being made, "stet" in ASCII: the only mark that a
   * database can be created with. Whoever dies between creating it and marking it by a comment
   * leaves a database that is still known. It limits nothing.
   */
  public static final int NEWBORN = 0x73746574;

  /** Parameters whose stored value is a list of quoted names, which SET takes as it is. */
  private static final Set<String> LISTS =
      Set.of(
          "local_preload_libraries",
          "search_path",
          "session_preload_libraries",
          "shared_preload_libraries",
          "temp_tablespaces",
          "unix_socket_directories");

  private DatabaseProperties() {}

  /** The statement that creates an empty database of the captured kind. */
  public static String creation(String name, Database database, int version) {
    StringBuilder sql =
        new StringBuilder("CREATE DATABASE ")
            .append(SqlText.name(name))
            .append(" TEMPLATE template0 ENCODING ")
            .append(SqlText.literal(database.encoding()))
            .append(" LC_COLLATE ")
            .append(SqlText.literal(database.collate()))
            .append(" LC_CTYPE ")
            .append(SqlText.literal(database.ctype()));
    if (version >= 150000) {
      sql.append(" LOCALE_PROVIDER ").append(database.localeProvider().text());
    }
    String locale = database.locale();
    if (locale != null && database.localeProvider() != LocaleProvider.LIBC) {
      sql.append(
              version >= 170000 && database.localeProvider() == LocaleProvider.BUILTIN
                  ? " BUILTIN_LOCALE "
                  : " ICU_LOCALE ")
          .append(SqlText.literal(locale));
    }
    if (database.icuRules() != null) {
      sql.append(" ICU_RULES ").append(SqlText.literal(database.icuRules()));
    }
    if (!database.tablespace().equals("pg_default")) {
      sql.append(" TABLESPACE ").append(SqlText.name(database.tablespace()));
    }
    return sql.append(" CONNECTION LIMIT ").append(NEWBORN).toString();
  }

  /**
   * Gives a complete database its owner, privileges, settings, comment (in that of a database
   * beside the live one), labels and limit.
   */
  public static void apply(Session session, String name, String oid, Database database)
      throws SQLException {
    String quoted = SqlText.name(name);
    for (Setting setting : database.settings()) {
      session.execute(alter(quoted, setting) + assignment(setting));
    }
    session.execute(
        DatabaseComment.statement(name, new DatabaseComment(oid, null, database.comment()).text()));
    for (SecurityLabel label : database.labels()) {
      session.execute(
          "SECURITY LABEL FOR "
              + SqlText.name(label.provider())
              + " ON DATABASE "
              + quoted
              + " IS "
              + SqlText.literal(label.label()));
    }
    session.execute("ALTER DATABASE " + quoted + " CONNECTION LIMIT " + database.connectionLimit());
    // Privileges are granted by the owner, so it comes first; both come last, since a role that is
    // not a superuser may have given up its rights by then.
    session.execute("ALTER DATABASE " + quoted + " OWNER TO " + SqlText.name(database.owner()));
    for (String statement :
        AccessRights.statements(
            "DATABASE " + quoted, database.owner(), List.of("PUBLIC"), database.acl())) {
      session.execute(statement);
    }
  }

  /**
   * Gives a live database, in the transaction that its content is restored in, the captured
   * settings, comment, limit and privileges, as far as this role may. What it may not change is
   * warned of.
   */
  public static void applyInPlace(Session session, Database captured, Progress progress)
      throws SQLException {
    Database live = new CatalogReader(session).database();
    String quoted = SqlText.name(live.name());
    List<String> statements = new ArrayList<>();
    List<Setting> gone = new ArrayList<>(live.settings());
    gone.removeIf(setting ->
        captured.settings().stream()
            .anyMatch(other ->
                other.name().equals(setting.name())
                    && Objects.equals(other.role(), setting.role())));
    for (Setting setting : gone) {
      statements.add(alter(quoted, setting) + " RESET " + parameter(setting));
    }
    for (Setting setting : captured.settings()) {
      if (!live.settings().contains(setting)) {
        statements.add(alter(quoted, setting) + assignment(setting));
      }
    }
    if (!Objects.equals(live.comment(), captured.comment())) {
      statements.add(DatabaseComment.statement(live.name(), captured.comment()));
    }
    if (live.connectionLimit() != captured.connectionLimit()) {
      statements.add(
          "ALTER DATABASE " + quoted + " CONNECTION LIMIT " + captured.connectionLimit());
    }
    if (!live.owner().equals(captured.owner())) {
      progress.warn(
          "database "
              + quoted
              + " stays with its owner \""
              + live.owner()
              + "\" and its privileges, where the snapshot has owner \""
              + captured.owner()
              + "\"");
    } else if (!sameGrants(live.acl(), captured.acl())) {
      statements.addAll(grants(quoted, live, captured));
    }
    for (String statement : statements) {
      Savepoint before = session.connection().setSavepoint();
      try {
        session.execute(statement);
        session.connection().releaseSavepoint(before);
      } catch (SQLException e) {
        session.connection().rollback(before);
        progress.warn(
            "the database's own properties are not all as captured: "
                + statement
                + ": "
                + PostgresErrors.text(e));
      }
    }
  }

  private static boolean sameGrants(@Nullable List<Grant> one, @Nullable List<Grant> other) {
    @Nullable Set<Grant> first = one == null ? null : Set.copyOf(one);
    @Nullable Set<Grant> second = other == null ? null : Set.copyOf(other);
    return Objects.equals(first, second);
  }

  private static List<String> grants(String quoted, Database live, Database captured) {
    List<String> statements = new ArrayList<>();
    for (Grant grant : live.acl() == null ? List.<Grant>of() : live.acl()) {
      String grantee = grant.grantee();
      if (grantee != null) {
        statements.add(
            "REVOKE ALL ON DATABASE " + quoted + " FROM " + SqlText.name(grantee) + " CASCADE");
      }
    }
    String owner = captured.owner();
    List<Grant> wanted = captured.acl();
    if (wanted == null) {
      wanted =
          List.of(
              new Grant(owner, null, "CONNECT", false),
              new Grant(owner, null, "TEMPORARY", false),
              new Grant(owner, owner, "ALL", false));
    }
    AccessRights.statements("DATABASE " + quoted, owner, List.of("PUBLIC"), wanted)
        .forEach(statement -> statements.add(AccessRights.asMember(statement)));
    return statements;
  }

  private static String alter(String quoted, Setting setting) {
    return setting.role() == null
        ? "ALTER DATABASE " + quoted
        : "ALTER ROLE " + SqlText.name(setting.role()) + " IN DATABASE " + quoted;
  }

  /** {@code SET name TO value} with the value as the catalog has it. */
  public static String assignment(Setting setting) {
    boolean list =
        LISTS.contains(setting.name().toLowerCase(Locale.ROOT)) && !setting.value().isEmpty();
    return " SET "
        + parameter(setting)
        + " TO "
        + (list ? setting.value() : SqlText.literal(setting.value()));
  }

  /** A parameter of an extension has a name of two parts. */
  private static String parameter(Setting setting) {
    return String.join(
        ".", List.of(setting.name().split("\\.", -1)).stream().map(SqlText::name).toList());
  }

  /** Whether a captured database had a schema {@code public}. */
  public static boolean hasPublic(DumpArchive archive, DatabaseDescription description) {
    long others =
        archive.entries().stream()
            .filter(e -> e.kind().equals("SCHEMA") && !e.tag().equals("public"))
            .count();
    return description.objectCounts().getOrDefault("schemas", 0L) > others;
  }
}
