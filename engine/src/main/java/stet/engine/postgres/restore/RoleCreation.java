package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import stet.engine.component.Progress;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Membership;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.catalog.DatabaseProperties;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/** Creates roles as they were captured, without passwords, and takes them away again. */
final class RoleCreation {
  private final List<String> created = new ArrayList<>();

  /** Creates all roles or none. */
  void create(Session session, List<Role> roles, Progress progress) throws SQLException {
    for (Role role : roles) {
      session.execute("CREATE ROLE " + SqlText.name(role.name()) + attributes(role));
      created.add(role.name());
      if (role.comment() != null) {
        session.execute(
            "COMMENT ON ROLE "
                + SqlText.name(role.name())
                + " IS "
                + SqlText.literal(role.comment()));
      }
      for (DatabaseDescription.Setting setting : role.settings()) {
        session.execute(
            "ALTER ROLE " + SqlText.name(role.name()) + DatabaseProperties.assignment(setting));
      }
    }
    for (Role role : roles) {
      for (Membership membership : role.memberOf()) {
        session.execute(
            "GRANT "
                + SqlText.name(membership.role())
                + " TO "
                + SqlText.name(role.name())
                + options(membership, session.version()));
      }
    }
    if (!created.isEmpty()) {
      progress.warn(
          "created missing roles without passwords: "
              + created.stream().map(name -> '"' + name + '"').collect(Collectors.joining(", ")));
    }
  }

  private static String attributes(Role role) {
    StringBuilder sql = new StringBuilder(" WITH");
    sql.append(role.superuser() ? " SUPERUSER" : " NOSUPERUSER");
    sql.append(role.inherit() ? " INHERIT" : " NOINHERIT");
    sql.append(role.createRole() ? " CREATEROLE" : " NOCREATEROLE");
    sql.append(role.createDatabase() ? " CREATEDB" : " NOCREATEDB");
    sql.append(role.login() ? " LOGIN" : " NOLOGIN");
    // Unlike the others these may only be named by a superuser, even to say no.
    sql.append(role.replication() ? " REPLICATION" : "");
    sql.append(role.bypassRls() ? " BYPASSRLS" : "");
    if (role.connectionLimit() >= 0) {
      sql.append(" CONNECTION LIMIT ").append(role.connectionLimit());
    }
    if (role.validUntil() != null) {
      sql.append(" VALID UNTIL ").append(SqlText.literal(role.validUntil()));
    }
    return sql.toString();
  }

  private static String options(Membership membership, int version) {
    List<String> options = new ArrayList<>();
    if (version < 160000) {
      return membership.admin() ? " WITH ADMIN OPTION" : "";
    }
    options.add("ADMIN " + (membership.admin() ? "TRUE" : "FALSE"));
    if (membership.inherit() != null) {
      options.add("INHERIT " + (membership.inherit() ? "TRUE" : "FALSE"));
    }
    if (membership.set() != null) {
      options.add("SET " + (membership.set() ? "TRUE" : "FALSE"));
    }
    return " WITH " + String.join(", ", options);
  }

  /** Drops what was created, once nothing refers to it any more. */
  void undo(Session session) throws SQLException {
    List<String> reversed = new ArrayList<>(created);
    Collections.reverse(reversed);
    for (String role : reversed) {
      session.execute("DROP ROLE IF EXISTS " + SqlText.name(role));
    }
    created.clear();
  }
}
