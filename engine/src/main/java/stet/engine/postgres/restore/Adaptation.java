package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.RestoreContext;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.DumpArchive.Entry;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.Membership;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.catalog.DatabaseDescription.Setting;
import stet.engine.postgres.connection.Session;

/**
 * Makes of a captured database what is to be restored of it: with other names of roles and
 * tablespaces, other owners, or without privileges. Names are replaced where they are known to be
 * names, never in texts.
 */
public final class Adaptation {
  /** Only superusers may own these, so they stay with the session that makes them. */
  private static final Set<String> OF_SUPERUSERS = Set.of("EVENT TRIGGER", "FOREIGN DATA WRAPPER");

  private static final Set<String> PRIVILEGES = Set.of("ACL", "ACL LANGUAGE", "DEFAULT ACL");

  private final Renames renames;
  private final @Nullable String owner;
  private final boolean privileges;

  /** The roles that what is restored refers to, by their new names. */
  private final Set<String> needed = new TreeSet<>();

  private final Set<String> owners = new TreeSet<>();

  /**
   * @param user whose everything is to be if owners are not kept
   */
  public Adaptation(Renames renames, RestoreContext context, String user) {
    this.renames = renames;
    this.owner = context.noOwner() ? user : null;
    this.privileges = !context.noPrivileges();
  }

  /** Whether everything is restored as it was captured. */
  boolean changesNothing() {
    return renames.equals(Renames.NONE) && keepsAll();
  }

  private boolean keepsAll() {
    return owner == null && privileges;
  }

  /** Who definitions are to belong to; known once the archive was adapted. */
  public Set<String> owners() {
    return owners;
  }

  /**
   * Adapts an archive.
   *
   * @throws StetException with {@code FAILED} if a name cannot be replaced for certain
   */
  public void apply(DumpArchive archive) {
    archive.change(entry -> {
      if (!privileges && PRIVILEGES.contains(entry.kind())) {
        return null;
      }
      return apply(entry);
    });
  }

  private Entry apply(Entry entry) {
    String definition = entry.definition();
    if (RoleText.concerns(entry.kind())) {
      definition = rename(entry);
    }
    String newOwner = entry.owner();
    if (newOwner != null && !newOwner.isEmpty()) {
      newOwner = OF_SUPERUSERS.contains(entry.kind()) && owner != null ? "" : owner(newOwner);
      if (!newOwner.isEmpty()) {
        owners.add(newOwner);
        needed.add(newOwner);
      }
    }
    return entry.with(definition, renames.tablespace(entry.tablespace()), newOwner);
  }

  private String rename(Entry entry) {
    try {
      return RoleText.rename(
          entry.kind(),
          entry.definition(),
          entry.kind().toLowerCase(Locale.ROOT) + " " + entry.tag(),
          role -> {
            String renamed = renames.role(role);
            needed.add(renamed);
            return renamed;
          });
    } catch (StetException e) {
      if (!renames.roles().isEmpty()) {
        throw e;
      }
      // Nothing is to be replaced; whether all its roles are there the server will tell.
      return entry.definition();
    }
  }

  private String owner(String captured) {
    return owner == null ? renames.role(captured) : owner;
  }

  /**
   * Adapts a description, after its archive.
   *
   * @param whole whether the database's own owner, privileges and settings are restored, too
   * @throws StetException with {@code CONFIGURATION} if two roles would become one
   */
  public DatabaseDescription apply(DatabaseDescription description, boolean whole) {
    requireDistinct(description);
    Database database = apply(description.database());
    List<LargeObject> objects = description.largeObjects().stream().map(this::apply).toList();
    for (LargeObject object : objects) {
      owners.add(object.owner());
      needed.add(object.owner());
      need(object.acl());
    }
    if (whole) {
      needed.add(database.owner());
      need(database.acl());
    }
    for (Setting setting : database.settings()) {
      if (whole && setting.role() != null) {
        needed.add(setting.role());
      }
    }
    Set<String> tablespaces = new LinkedHashSet<>();
    for (String tablespace : description.tablespaces()) {
      tablespaces.add(renames.tablespace(tablespace));
    }
    tablespaces.remove("pg_default");
    return new DatabaseDescription(
        description.server(),
        database,
        roles(description.roles(), whole),
        List.copyOf(tablespaces),
        description.extensions(),
        description.tables(),
        description.sequences(),
        objects,
        counts(description.objectCounts()));
  }

  private Map<String, Long> counts(Map<String, Long> captured) {
    Map<String, Long> counts = new LinkedHashMap<>(captured);
    if (!privileges) {
      counts.remove("default_privileges");
    }
    return counts;
  }

  private void requireDistinct(DatabaseDescription description) {
    Map<String, String> taken = new HashMap<>();
    for (Role role : description.roles()) {
      String other = taken.put(renames.role(role.name()), role.name());
      if (other != null) {
        throw new StetException(
            ErrorCode.CONFIGURATION,
            "roles \""
                + other
                + "\" and \""
                + role.name()
                + "\" of the snapshot would both become \""
                + renames.role(role.name())
                + "\", and their privileges with them",
            "Name two roles with the setting \"roles\", or give --no-owner and --no-privileges.");
      }
    }
  }

  private void need(@Nullable List<Grant> acl) {
    if (acl != null) {
      for (Grant grant : acl) {
        needed.add(grant.grantor());
        if (grant.grantee() != null) {
          needed.add(grant.grantee());
        }
      }
    }
  }

  private @Nullable List<Grant> grants(@Nullable List<Grant> acl, UnaryOperator<String> rename) {
    if (acl == null || !privileges) {
      return null;
    }
    List<Grant> result = new ArrayList<>();
    for (Grant grant : acl) {
      String grantee = grant.grantee();
      result.add(
          new Grant(
              rename.apply(grant.grantor()),
              grantee == null ? null : rename.apply(grantee),
              grant.privilege(),
              grant.grantable()));
    }
    return result;
  }

  /** With another owner, what the owner has and has granted becomes that one's. */
  private UnaryOperator<String> names(String capturedOwner) {
    return name -> name.equals(capturedOwner) ? owner(capturedOwner) : renames.role(name);
  }

  private Database apply(Database d) {
    List<Setting> settings = new ArrayList<>();
    for (Setting setting : d.settings()) {
      String role = setting.role();
      settings.add(
          new Setting(
              role == null ? null : renames.role(role),
              setting.name(),
              value(setting),
              setting.sensitive()));
    }
    return new Database(
        d.name(),
        d.encoding(),
        d.localeProvider(),
        d.collate(),
        d.ctype(),
        d.locale(),
        d.icuRules(),
        d.collationVersion(),
        d.monetary(),
        owner(d.owner()),
        grants(d.acl(), names(d.owner())),
        d.connectionLimit(),
        renames.tablespace(d.tablespace()),
        d.comment(),
        settings,
        d.labels());
  }

  /** The value of a setting that is a single name. */
  private String value(Setting setting) {
    return switch (setting.name()) {
      case "role", "session_authorization" -> renames.role(setting.value());
      case "default_tablespace" -> renames.tablespace(setting.value());
      case "temp_tablespaces" -> {
        for (String name : renames.tablespaces().keySet()) {
          if (setting.value().contains(name)) {
            throw new StetException(
                ErrorCode.CONFIGURATION,
                "the database's setting temp_tablespaces is "
                    + setting.value()
                    + ", in which \""
                    + name
                    + "\" cannot be replaced for certain",
                "Create the tablespace and leave it out of the setting \"tablespaces\".");
          }
        }
        yield setting.value();
      }
      default -> setting.value();
    };
  }

  private LargeObject apply(LargeObject object) {
    return new LargeObject(
        object.oid(),
        owner(object.owner()),
        grants(object.acl(), names(object.owner())),
        object.comment(),
        object.labels(),
        object.size(),
        object.hash());
  }

  /** Roles that must be there already, because the configuration names them. */
  Set<String> named() {
    return Set.copyOf(renames.roles().values());
  }

  /**
   * Refuses functions that set a role or tablespace which has another name here: their definitions
   * are texts in which nothing is replaced.
   */
  public void refuseSettingsOfFunctions(Session session) throws SQLException {
    record Found(String function, String setting, String value) {}
    for (Found found :
        session.rows(
            "SELECT p.oid::pg_catalog.regprocedure::text, pg_catalog.split_part(c, '=', 1),"
                + " pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1)"
                + " FROM pg_catalog.pg_proc p, pg_catalog.unnest(p.proconfig) c"
                + " WHERE pg_catalog.split_part(c, '=', 1)"
                + " IN ('role', 'session_authorization', 'default_tablespace')",
            row -> new Found(row.getString(1), row.getString(2), row.getString(3)))) {
      boolean tablespace = found.setting().equals("default_tablespace");
      if ((tablespace ? renames.tablespaces() : renames.roles()).containsKey(found.value())) {
        throw new StetException(
            ErrorCode.FAILED,
            "function "
                + found.function()
                + " sets "
                + found.setting()
                + " to \""
                + found.value()
                + "\", which cannot be replaced in its definition",
            "Create that "
                + (tablespace ? "tablespace" : "role")
                + " and leave it out of the configuration.");
      }
    }
  }

  /** The roles that are still referred to, with those that they are members of. */
  private List<Role> roles(List<Role> captured, boolean whole) {
    Map<String, Role> renamed = new HashMap<>();
    List<Role> all = new ArrayList<>();
    for (Role role : captured) {
      Role other = apply(role);
      renamed.put(other.name(), other);
      all.add(other);
    }
    if (keepsAll() && whole) {
      return all;
    }
    Set<String> wanted = new LinkedHashSet<>();
    List<String> pending = new ArrayList<>(needed);
    while (!pending.isEmpty()) {
      String name = pending.removeLast();
      if (wanted.add(name) && whole && renamed.containsKey(name)) {
        renamed.get(name).memberOf().forEach(membership -> pending.add(membership.role()));
      }
    }
    return all.stream().filter(role -> wanted.contains(role.name())).toList();
  }

  private Role apply(Role role) {
    List<Membership> memberOf = new ArrayList<>();
    for (Membership membership : role.memberOf()) {
      memberOf.add(
          new Membership(
              renames.role(membership.role()),
              renames.role(membership.grantor()),
              membership.admin(),
              membership.inherit(),
              membership.set()));
    }
    return new Role(
        renames.role(role.name()),
        role.superuser(),
        role.inherit(),
        role.createRole(),
        role.createDatabase(),
        role.login(),
        role.replication(),
        role.bypassRls(),
        role.connectionLimit(),
        role.validUntil(),
        role.comment(),
        role.settings(),
        memberOf);
  }
}
