package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Progress;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Membership;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/** Creates roles as they were captured, without passwords, and takes them away again. */
final class RoleCreation {
  /** Begins the comment on a role that was made for a trial, whose database's name follows. */
  private static final String TRIAL = "stet: made to prove a snapshot in ";

  private final List<String> created = new ArrayList<>();
  private final @Nullable String trial;

  private RoleCreation(@Nullable String trial) {
    this.trial = trial;
  }

  /** Creates roles that stay. */
  static RoleCreation lasting() {
    return new RoleCreation(null);
  }

  /**
   * Creates roles for a trial: nobody can log in as one, and its comment tells which trial it is
   * of, so that {@link #leftovers} finds it should nobody be there to {@linkplain #undo undo} it.
   *
   * @param database the trial's database
   */
  static RoleCreation forTrial(String database) {
    return new RoleCreation(database);
  }

  /** Roles of trials: each one's name, with the database that it was made for. */
  static Map<String, String> leftovers(Session session) throws SQLException {
    Map<String, String> found = new LinkedHashMap<>();
    session
        .rows(
            """
            SELECT r.rolname, d.description
            FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_shdescription d
              ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
            WHERE d.description LIKE ?
            """,
            row -> List.of(row.getString(1), row.getString(2)),
            TRIAL + "%")
        .forEach(row -> found.put(row.getFirst(), row.getLast().substring(TRIAL.length())));
    return found;
  }

  /**
   * Drops a role of a trial, unless another trial found it there and has objects of it, or another
   * administrator made it.
   */
  static void dropUnlessUsed(Session session, String role) throws SQLException {
    try {
      session.execute("DROP ROLE IF EXISTS " + SqlText.name(role));
    } catch (SQLException e) {
      if (!PostgresErrors.is(e, "2BP01") && !PostgresErrors.is(e, "42501")) {
        throw e;
      }
    }
  }

  /**
   * Creates all roles or none. One that a trial has made is there only for the trial, so it is made
   * what it should be.
   */
  void create(Session session, List<Role> roles, Progress progress) throws SQLException {
    Set<String> ofTrials = leftovers(session).keySet();
    for (Role role : roles) {
      boolean there = ofTrials.contains(role.name());
      if (there && trial != null) {
        continue;
      }
      session.execute(
          (there ? "ALTER ROLE " : "CREATE ROLE ") + SqlText.name(role.name()) + attributes(role));
      created.add(role.name());
      if (there) {
        session.execute("ALTER ROLE " + SqlText.name(role.name()) + " RESET ALL");
      }
      String comment = trial == null ? role.comment() : TRIAL + trial;
      if (there || comment != null) {
        // With the trial's comment the next trial would drop it.
        session.execute(
            "COMMENT ON ROLE "
                + SqlText.name(role.name())
                + " IS "
                + (comment == null ? "NULL" : SqlText.literal(comment)));
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
    if (!created.isEmpty() && trial == null) {
      progress.warn(
          "created missing roles without passwords: "
              + created.stream().map(name -> '"' + name + '"').collect(Collectors.joining(", ")));
    }
  }

  private String attributes(Role role) {
    StringBuilder sql = new StringBuilder(" WITH");
    sql.append(role.superuser() ? " SUPERUSER" : " NOSUPERUSER");
    sql.append(role.inherit() ? " INHERIT" : " NOINHERIT");
    sql.append(role.createRole() ? " CREATEROLE" : " NOCREATEROLE");
    sql.append(role.createDatabase() ? " CREATEDB" : " NOCREATEDB");
    sql.append(role.login() && trial == null ? " LOGIN" : " NOLOGIN");
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
      if (trial == null) {
        session.execute("DROP ROLE IF EXISTS " + SqlText.name(role));
      } else {
        dropUnlessUsed(session, role);
      }
    }
    created.clear();
  }
}
