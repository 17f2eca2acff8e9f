package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.LocaleProvider;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/** Finds out, before anything is created, whether a server can take a captured database. */
public final class TargetCheck {
  private final Session session;
  private final DatabaseDescription description;
  private final ConnectionSettings settings;

  public TargetCheck(
      Session session, DatabaseDescription description, ConnectionSettings settings) {
    this.session = session;
    this.description = description;
    this.settings = settings;
  }

  /**
   * Checks what a restore within an existing database needs of the server: no role is created
   * there.
   *
   * @param present extensions that are there and stay
   * @throws StetException with {@code SOURCE} naming what is missing and how to get it
   */
  public void runInPlace(Set<String> present) throws SQLException {
    boolean superuser = flag("rolsuper");
    checkVersion();
    checkTablespaces();
    checkExtensions(
        superuser, present, "Have a superuser create them in the database, where they then stay.");
    List<String> missing =
        missing(
                description.roles(),
                Role::name,
                names("SELECT rolname::text FROM pg_catalog.pg_roles"))
            .stream()
            .map(Role::name)
            .toList();
    if (!missing.isEmpty()) {
      throw error(
          "the database refers to roles that are missing: " + quoted(missing),
          "Run CREATE ROLE "
              + SqlText.name(missing.getFirst())
              + "; as a role that may, name another with the setting \"roles\", or leave them out"
              + " with --no-owner and --no-privileges.");
    }
  }

  /**
   * Checks everything.
   *
   * @param named roles that must be there and are not created
   * @return the roles that have to be created
   * @throws StetException with {@code SOURCE} naming what is missing and how to get it
   */
  List<Role> run(Set<String> named) throws SQLException {
    checkVersion();
    boolean superuser = flag("rolsuper");
    if (!superuser && !flag("rolcreatedb")) {
      throw error(
          "role \"" + settings.user() + "\" may not create databases",
          "As a superuser run ALTER ROLE "
              + SqlText.name(settings.user())
              + " CREATEDB; or give a role that may as admin_url; or restore with --in-place.");
    }
    checkLocale();
    checkTablespaces();
    checkExtensions(superuser, Set.of(), "Give a superuser as admin_url.");
    return missingRoles(superuser, named);
  }

  private StetException error(String what, String hint) {
    return new StetException(ErrorCode.SOURCE, what + " on " + settings.describeServer(), hint);
  }

  private void checkVersion() {
    int from = description.server().major();
    int to = Session.major(session.version());
    if (to < from) {
      throw error(
          "the database was captured from PostgreSQL "
              + description.server().versionText()
              + ", but the server is PostgreSQL "
              + to,
          "Restore onto a server of version " + from + " or newer.");
    }
  }

  private boolean flag(String column) throws SQLException {
    return "t"
        .equals(
            session.value(
                "SELECT " + column + " FROM pg_catalog.pg_roles WHERE rolname = current_user"));
  }

  private Set<String> names(String sql) throws SQLException {
    return new TreeSet<>(session.rows(sql, row -> row.getString(1)));
  }

  private <T> List<T> missing(List<T> wanted, Function<T, String> name, Set<String> present) {
    return wanted.stream().filter(one -> !present.contains(name.apply(one))).toList();
  }

  private static String quoted(List<String> names) {
    return "\"" + String.join("\", \"", names) + "\"";
  }

  /** A locale's name is tried out on the one setting that any role may change. */
  private void checkLocale() throws SQLException {
    Database database = description.database();
    if ("-1"
        .equals(session.value("SELECT pg_catalog.pg_char_to_encoding(?)", database.encoding()))) {
      throw error(
          "the database has the encoding \"" + database.encoding() + "\", which is unknown",
          "Restore onto a server that knows it.");
    }
    Set<String> locales = new TreeSet<>(List.of(database.collate(), database.ctype()));
    if (description.tables().stream()
        .anyMatch(table -> table.types().stream().anyMatch(type -> type.startsWith("money")))) {
      locales.add(database.monetary());
    }
    for (String locale : locales) {
      try {
        session.value("SELECT pg_catalog.set_config('lc_monetary', ?, true)", locale);
      } catch (SQLException e) {
        if (!PostgresErrors.is(e, "22023")) {
          throw e;
        }
        throw error(
            "the database uses the locale \"" + locale + "\", which is missing",
            "Install the locale on the server's machine (locale-gen) and restart the server.");
      }
    }
    if (database.localeProvider() == LocaleProvider.ICU
        && "f"
            .equals(
                session.value(
                    "SELECT EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collprovider = 'i')"))) {
      throw error(
          "the database uses locales of ICU, which is missing",
          "Restore onto a server that was built with ICU.");
    }
  }

  private void checkTablespaces() throws SQLException {
    List<String> missing =
        missing(
            description.tablespaces(),
            Function.identity(),
            names("SELECT spcname::text FROM pg_catalog.pg_tablespace"));
    if (!missing.isEmpty()) {
      throw error(
          "the database uses tablespaces that are missing: " + quoted(missing),
          "As a superuser run CREATE TABLESPACE "
              + SqlText.name(missing.getFirst())
              + " LOCATION '/an/empty/directory'; or name another with the setting"
              + " \"tablespaces\".");
    }
  }

  private void checkExtensions(boolean superuser, Set<String> present, String help)
      throws SQLException {
    List<String> wanted =
        description.extensions().stream()
            .map(DatabaseDescription.Extension::name)
            .filter(name -> !present.contains(name))
            .toList();
    List<String> missing =
        missing(
            wanted,
            Function.identity(),
            names("SELECT name::text FROM pg_catalog.pg_available_extensions"));
    if (!missing.isEmpty()) {
      throw error(
          "the database uses extensions that are not available: " + quoted(missing),
          "Install their packages on the server's machine, for example postgresql-"
              + Session.major(session.version())
              + "-"
              + missing.getFirst().replace('_', '-')
              + " or postgresql-contrib.");
    }
    if (superuser) {
      return;
    }
    String may =
        session.version() >= 130000
            ? "SELECT name::text FROM pg_catalog.pg_available_extension_versions"
                + " WHERE trusted OR NOT superuser"
            : "SELECT name::text FROM pg_catalog.pg_available_extension_versions"
                + " WHERE NOT superuser";
    Set<String> creatable = names(may);
    // Every new database has this one.
    creatable.add("plpgsql");
    List<String> refused = missing(wanted, Function.identity(), creatable);
    if (!refused.isEmpty()) {
      throw error(
          "role \""
              + settings.user()
              + "\" may not create the extensions that the database uses: "
              + quoted(refused),
          help);
    }
  }

  private Set<String> rolesThatStay() throws SQLException {
    Set<String> roles = new HashSet<>(names("SELECT rolname::text FROM pg_catalog.pg_roles"));
    roles.removeAll(RoleCreation.leftovers(session).keySet());
    return roles;
  }

  private List<Role> missingRoles(boolean superuser, Set<String> named) throws SQLException {
    List<Role> missing = missing(description.roles(), Role::name, rolesThatStay());
    List<String> notAllowed = new ArrayList<>();
    boolean mayCreate = superuser || flag("rolcreaterole");
    for (Role role : missing) {
      if (named.contains(role.name())) {
        throw error(
            "role \"" + role.name() + "\", which the setting \"roles\" names, is missing",
            "Run CREATE ROLE " + SqlText.name(role.name()) + "; or name another role.");
      }
      boolean privileged = role.superuser() || role.replication() || role.bypassRls();
      if (!mayCreate || (privileged && !superuser)) {
        notAllowed.add(role.name());
      }
    }
    if (!notAllowed.isEmpty()) {
      throw error(
          "the database refers to roles that are missing and that role \""
              + settings.user()
              + "\" may not create: "
              + quoted(notAllowed),
          "As a superuser run CREATE ROLE "
              + SqlText.name(notAllowed.getFirst())
              + "; or run roles.sql of the snapshot, or give a superuser as admin_url.");
    }
    return missing;
  }
}
