package stet.engine.postgres.inplace;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.Session;

/**
 * All objects that users have made in a database, found by their identity in the catalogs. Members
 * of extensions and parts of other objects, such as row types, go with those.
 */
final class LiveObjects {
  static final String SCHEMA = "schema";
  static final String EXTENSION = "extension";
  static final String PUBLIC = "public";

  /** What there may be outside of schemas that a host has put there and that can stay. */
  private static final Set<String> OUTSIDE =
      Set.of(
          EXTENSION,
          "event trigger",
          "publication",
          "language",
          "foreign-data wrapper",
          "server",
          "access method",
          "cast");

  private static final String QUERY =
      """
      WITH owned (classid, objid, schema, owner) AS (
        SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, oid, 0::oid, nspowner
          FROM pg_catalog.pg_namespace
          WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, oid, relnamespace, relowner
          FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, typnamespace, typowner
          FROM pg_catalog.pg_type
        UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, pronamespace, proowner
          FROM pg_catalog.pg_proc
        UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, oid, oprnamespace, oprowner
          FROM pg_catalog.pg_operator
        UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, oid, opcnamespace, opcowner
          FROM pg_catalog.pg_opclass
        UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, oid, opfnamespace, opfowner
          FROM pg_catalog.pg_opfamily
        UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, oid, collnamespace,
            collowner
          FROM pg_catalog.pg_collation
        UNION ALL SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, oid, connamespace, conowner
          FROM pg_catalog.pg_conversion
        UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, oid, stxnamespace,
            stxowner
          FROM pg_catalog.pg_statistic_ext
        UNION ALL SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, oid, dictnamespace, dictowner
          FROM pg_catalog.pg_ts_dict
        UNION ALL SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, oid, cfgnamespace, cfgowner
          FROM pg_catalog.pg_ts_config
        UNION ALL SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, oid, prsnamespace, 10
          FROM pg_catalog.pg_ts_parser
        UNION ALL SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, oid, tmplnamespace, 10
          FROM pg_catalog.pg_ts_template
        UNION ALL SELECT 'pg_catalog.pg_cast'::pg_catalog.regclass, c.oid, 0, t.typowner
          FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid =
            CASE WHEN c.castsource >= 16384 THEN c.castsource ELSE c.casttarget END
        UNION ALL SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, oid, 0, lanowner
          FROM pg_catalog.pg_language
        UNION ALL SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid, 0, fdwowner
          FROM pg_catalog.pg_foreign_data_wrapper
        UNION ALL SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid, 0, srvowner
          FROM pg_catalog.pg_foreign_server
        UNION ALL SELECT 'pg_catalog.pg_am'::pg_catalog.regclass, oid, 0, 10 FROM pg_catalog.pg_am
        UNION ALL SELECT 'pg_catalog.pg_extension'::pg_catalog.regclass, oid, 0, extowner
          FROM pg_catalog.pg_extension
        UNION ALL SELECT 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, oid, 0, evtowner
          FROM pg_catalog.pg_event_trigger
        UNION ALL SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, oid, 0, pubowner
          FROM pg_catalog.pg_publication)
      SELECT i.type, i.identity, coalesce(n.nspname::text, ''),
        pg_catalog.pg_get_userbyid(o.owner)::text, pg_catalog.pg_has_role(o.owner, 'USAGE'),
        coalesce(ns.nspname::text, e.extname::text, i.name, i.identity),
        coalesce((SELECT nspname::text FROM pg_catalog.pg_namespace WHERE oid = e.extnamespace), ''),
        o.classid || '.' || o.objid
      FROM owned o
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.schema
        LEFT JOIN pg_catalog.pg_namespace ns ON ns.oid = o.objid
          AND o.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
        LEFT JOIN pg_catalog.pg_extension e ON e.oid = o.objid
          AND o.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass,
        LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) i
      WHERE (o.objid >= 16384 OR ns.nspname = 'public')
        AND (n.nspname IS NULL OR (n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = o.classid AND d.objid = o.objid AND d.objsubid = 0
            AND d.deptype IN ('e', 'i', 'P', 'S'))
      ORDER BY o.classid, o.objid
      """;

  /**
   * One of them.
   *
   * @param type as the server calls it, such as {@code materialized view}
   * @param identity as it stands in DROP
   * @param schema the schema it lies in, or empty
   * @param ours whether this role has the owner's rights
   * @param name its bare name, for those that have one of their own
   * @param home the schema that an extension's members lie in, else empty
   * @param id its class and OID, which no other object gets that is made while it is there
   */
  record LiveObject(
      String type,
      String identity,
      String schema,
      String owner,
      boolean ours,
      String name,
      String home,
      String id) {
    boolean is(String wanted) {
      return type.equals(wanted);
    }

    String text() {
      return type + " " + identity + " of \"" + owner + "\"";
    }
  }

  private final List<LiveObject> all;
  private final Set<String> keptSchemas = new HashSet<>();

  private LiveObjects(List<LiveObject> all) {
    this.all = all;
    for (LiveObject object : all) {
      boolean stays = object.is(SCHEMA) && !object.ours;
      if (stays || (object.is(SCHEMA) && object.name.equals(PUBLIC))) {
        keptSchemas.add(object.name);
      }
    }
    keptSchemas.addAll(homes());
  }

  /** Lists what there is now. */
  static LiveObjects read(Session session) throws SQLException {
    return new LiveObjects(
        session.rows(
            QUERY,
            row ->
                new LiveObject(
                    row.getString(1),
                    row.getString(2),
                    row.getString(3),
                    row.getString(4),
                    row.getBoolean(5),
                    row.getString(6),
                    row.getString(7),
                    row.getString(8))));
  }

  /** What is ours here and was not there yet when {@code before} was read. */
  List<LiveObject> since(LiveObjects before) {
    Set<String> known = new HashSet<>();
    before.all.forEach(object -> known.add(object.id));
    return all.stream().filter(object -> object.ours && !known.contains(object.id)).toList();
  }

  /** What stands in the way because this role may neither drop nor keep it. */
  List<LiveObject> foreign() {
    Set<String> homes = homes();
    return all.stream()
        .filter(object -> !object.ours && !OUTSIDE.contains(object.type))
        .filter(object ->
            !object.is(SCHEMA) || !(object.name.equals(PUBLIC) || homes.contains(object.name)))
        .toList();
  }

  /** The schemas that the members of extensions of others lie in. */
  private Set<String> homes() {
    Set<String> homes = new HashSet<>();
    for (LiveObject object : all) {
      if (object.is(EXTENSION) && !object.ours) {
        homes.add(object.home);
      }
    }
    return homes;
  }

  /** What stays as it is because it belongs to somebody else, such as the host's extensions. */
  List<LiveObject> kept() {
    return all.stream().filter(object -> !object.ours).toList();
  }

  /** Whether a schema stays, emptied of what is ours. */
  boolean keepsSchema(String name) {
    return keptSchemas.contains(name);
  }

  /** Whether a schema of that name is this role's to change, or would be. */
  boolean mayChange(String name) {
    return all.stream().noneMatch(o -> o.is(SCHEMA) && !o.ours && o.name.equals(name));
  }

  private boolean ownsSchema(String name) {
    return all.stream().anyMatch(o -> o.is(SCHEMA) && o.ours && o.name.equals(name));
  }

  /** Tables that can be locked, quoted. */
  List<String> tables() {
    return all.stream()
        .filter(object -> object.is("table") && object.ours)
        .map(LiveObject::identity)
        .toList();
  }

  /**
   * Drops all that is ours, with large objects and default privileges.
   *
   * @param withPublic whether there is to be a schema {@code public} afterwards
   * @throws StetException if something cannot be dropped or more would go than is ours
   */
  void drop(Session session, boolean withPublic) throws SQLException {
    boolean hadPublic = all.stream().anyMatch(o -> o.is(SCHEMA) && o.name.equals(PUBLIC));
    if (!withPublic && ownsSchema(PUBLIC) && !homes().contains(PUBLIC)) {
      keptSchemas.remove(PUBLIC);
    }
    revokeDefaults(session);
    List<LiveObject> rest = new ArrayList<>();
    List<String> schemas = new ArrayList<>();
    for (LiveObject object : all) {
      if (object.is(SCHEMA)) {
        if (!keptSchemas.contains(object.name)) {
          schemas.add(object.identity);
        }
      } else if (object.ours && (object.schema.isEmpty() || keptSchemas.contains(object.schema))) {
        rest.add(object);
      }
    }
    if (!schemas.isEmpty()) {
      session.execute("DROP SCHEMA " + String.join(", ", schemas) + " CASCADE");
    }
    for (LiveObject object : rest) {
      // One that goes with another is gone by then.
      session.execute("DROP " + word(object) + " IF EXISTS " + object.identity + " CASCADE");
    }
    if (withPublic && !hadPublic) {
      session.execute("CREATE SCHEMA public");
    }
    resetSchemas(session);
    session.value(
        "SELECT count(pg_catalog.lo_unlink(oid)) FROM pg_catalog.pg_largeobject_metadata");
    requireDropped(read(session));
  }

  private static String word(LiveObject object) {
    return switch (object.type) {
      case "statistics object" -> "STATISTICS";
      case "foreign-data wrapper" -> "FOREIGN DATA WRAPPER";
      default -> object.type.toUpperCase(Locale.ROOT);
    };
  }

  private void requireDropped(LiveObjects now) {
    List<LiveObject> left =
        now.all.stream()
            .filter(o -> o.ours && !(o.is(SCHEMA) && now.keptSchemas.contains(o.name)))
            .toList();
    List<LiveObject> lost = new ArrayList<>(kept());
    lost.removeAll(now.kept());
    if (!left.isEmpty() || !lost.isEmpty()) {
      LiveObject first = left.isEmpty() ? lost.getFirst() : left.getFirst();
      throw new StetException(
          ErrorCode.SOURCE,
          left.isEmpty()
              ? first.text() + " would have been dropped with what it depends on"
              : first.text() + " cannot be dropped",
          "Drop it by hand, or restore where databases can be created.");
    }
  }

  /** A schema that stays gets the comment and privileges back that a dump takes for granted. */
  private void resetSchemas(Session session) throws SQLException {
    for (LiveObject schema : all) {
      if (!schema.is(SCHEMA) || !schema.ours || !keptSchemas.contains(schema.name)) {
        continue;
      }
      session.execute(
          "COMMENT ON SCHEMA "
              + schema.identity
              + " IS "
              + (schema.name.equals(PUBLIC) ? "'standard public schema'" : "NULL"));
      List<String> statements =
          session.rows(
              """
              WITH granted AS (
                SELECT coalesce(nspacl, pg_catalog.acldefault('n', nspowner)) AS now,
                  coalesce((SELECT initprivs FROM pg_catalog.pg_init_privs
                    WHERE classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                      AND objoid = s.oid AND privtype = 'i'),
                    pg_catalog.acldefault('n', nspowner)) AS first
                FROM pg_catalog.pg_namespace s WHERE nspname::text = ?)
              SELECT statement FROM (
                SELECT DISTINCT 1, 'REVOKE ALL ON SCHEMA $ FROM '
                  || CASE x.grantee WHEN 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
                  || ' CASCADE'
                FROM granted, pg_catalog.aclexplode(now) x
                UNION ALL
                SELECT 2, 'GRANT ' || x.privilege_type || ' ON SCHEMA $ TO '
                  || CASE x.grantee WHEN 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
                FROM granted, pg_catalog.aclexplode(first) x) s (n, statement)
              ORDER BY n
              """,
              row -> row.getString(1),
              schema.name);
      for (String statement : statements) {
        session.execute(statement.replace("ON SCHEMA $", "ON SCHEMA " + schema.identity));
      }
    }
  }

  /**
   * Default privileges are no objects to drop; granted back to what they are by default they go.
   */
  private static void revokeDefaults(Session session) throws SQLException {
    List<String> statements =
        session.rows(
            """
            WITH defaults AS (
              SELECT a.oid, defaclacl, defaclrole, defaclnamespace,
                'ALTER DEFAULT PRIVILEGES FOR ROLE '
                  || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(defaclrole))
                  || coalesce(' IN SCHEMA ' || pg_catalog.quote_ident(n.nspname), '') AS alter,
                CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                  WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS'
                  WHEN 'L' THEN 'LARGE OBJECTS' END AS kind,
                pg_catalog.acldefault(
                  CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END::"char", defaclrole)
                  AS acl
              FROM pg_catalog.pg_default_acl a
                LEFT JOIN pg_catalog.pg_namespace n ON n.oid = defaclnamespace
              WHERE pg_catalog.pg_has_role(defaclrole, 'USAGE'))
            SELECT statement FROM (
              SELECT DISTINCT oid, 1, alter || ' REVOKE ALL ON ' || kind || ' FROM '
                || CASE x.grantee WHEN 0 THEN 'PUBLIC'
                  ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
              FROM defaults, pg_catalog.aclexplode(defaclacl) x
              UNION ALL
              SELECT oid, 2, alter || ' GRANT ' || x.privilege_type || ' ON ' || kind || ' TO '
                || CASE x.grantee WHEN 0 THEN 'PUBLIC'
                  ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
              FROM defaults, pg_catalog.aclexplode(acl) x WHERE defaclnamespace = 0) s (oid, n, statement)
            ORDER BY oid, n
            """,
            row -> row.getString(1));
    for (String statement : statements) {
      session.execute(statement);
    }
  }
}
