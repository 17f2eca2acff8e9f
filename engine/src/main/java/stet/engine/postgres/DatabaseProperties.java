package stet.engine.postgres;

import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import stet.engine.postgres.DatabaseDescription.Database;
import stet.engine.postgres.DatabaseDescription.LocaleProvider;
import stet.engine.postgres.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.DatabaseDescription.Setting;

/** What belongs to a database as a whole: at its creation, and when it is complete. */
final class DatabaseProperties {
  /**
   * The connection limit of a database that is being made, "stet" in ASCII: the only mark that a
   * database can be created with. Whoever dies between creating it and marking it by a comment
   * leaves a database that is still known. It limits nothing.
   */
  static final int NEWBORN = 0x73746574;

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
  static String creation(String name, Database database, int version) {
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
  static void apply(Session session, String name, String oid, Database database)
      throws SQLException {
    String quoted = SqlText.name(name);
    for (Setting setting : database.settings()) {
      session.execute(
          setting.role() == null
              ? "ALTER DATABASE " + quoted + assignment(setting)
              : "ALTER ROLE "
                  + SqlText.name(setting.role())
                  + " IN DATABASE "
                  + quoted
                  + assignment(setting));
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

  /** {@code SET name TO value} with the value as the catalog has it. */
  static String assignment(Setting setting) {
    // A parameter of an extension has a name of two parts.
    String name =
        String.join(
            ".", List.of(setting.name().split("\\.", -1)).stream().map(SqlText::name).toList());
    boolean list =
        LISTS.contains(setting.name().toLowerCase(Locale.ROOT)) && !setting.value().isEmpty();
    return " SET " + name + " TO " + (list ? setting.value() : SqlText.literal(setting.value()));
  }
}
