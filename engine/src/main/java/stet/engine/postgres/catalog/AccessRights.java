package stet.engine.postgres.catalog;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.connection.SqlText;

/** Statements that give an object exactly the captured privileges. */
public final class AccessRights {
  private AccessRights() {}

  /**
   * The statements, in an order in which every grantor may grant.
   *
   * @param object as it stands in GRANT, such as {@code LARGE OBJECT 17}
   * @param defaultGrantees who has privileges by default, besides the owner
   * @param acl the captured privileges, or null for the default ones, which a new object has
   */
  public static List<String> statements(
      String object, String owner, List<String> defaultGrantees, @Nullable List<Grant> acl) {
    List<String> statements = new ArrayList<>();
    if (acl == null) {
      return statements;
    }
    for (String grantee : defaultGrantees) {
      statements.add("REVOKE ALL ON " + object + " FROM " + grantee);
    }
    statements.add("REVOKE ALL ON " + object + " FROM " + SqlText.name(owner));
    Set<String> mayGrant = new HashSet<>(Set.of(owner));
    List<Grant> left = new ArrayList<>(acl);
    while (!left.isEmpty()) {
      List<Grant> now = left.stream().filter(grant -> mayGrant.contains(grant.grantor())).toList();
      if (now.isEmpty()) {
        // No chain leads from the owner to these; the server then says what it thinks of them.
        now = List.copyOf(left);
      }
      for (Grant grant : now) {
        grant(statements, object, owner, grant);
        if (grant.grantable() && grant.grantee() != null) {
          mayGrant.add(grant.grantee());
        }
      }
      left.removeAll(now);
    }
    return statements;
  }

  /**
   * The same statement for a session of a role that is no superuser, but may be a member of the
   * grantor. A superuser's session does the same with it.
   */
  public static String asMember(String statement) {
    String set = "SET SESSION AUTHORIZATION ";
    if (statement.startsWith(set)) {
      return "SET ROLE " + statement.substring(set.length());
    }
    return statement.equals("RESET SESSION AUTHORIZATION") ? "RESET ROLE" : statement;
  }

  private static void grant(List<String> statements, String object, String owner, Grant grant) {
    boolean byOwner = grant.grantor().equals(owner);
    if (!byOwner) {
      statements.add("SET SESSION AUTHORIZATION " + SqlText.name(grant.grantor()));
    }
    statements.add(
        "GRANT "
            + grant.privilege()
            + " ON "
            + object
            + " TO "
            + (grant.grantee() == null ? "PUBLIC" : SqlText.name(grant.grantee()))
            + (grant.grantable() ? " WITH GRANT OPTION" : ""));
    if (!byOwner) {
      statements.add("RESET SESSION AUTHORIZATION");
    }
  }
}
