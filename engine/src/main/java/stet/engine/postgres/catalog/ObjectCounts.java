package stet.engine.postgres.catalog;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Counts a database's objects by class, so that what was restored can be compared with what was
 * captured. Members of extensions do not count, because another version of an extension may have
 * other members; nor do system objects, temporary ones, and what a server has made by itself for
 * partitions, which versions do differently.
 */
public final class ObjectCounts {
  /**
   * The indexes that pg_dump dumps, as a condition on {@code i} of {@code pg_index} and {@code r},
   * its table.
   */
  public static final String DUMPED_INDEX = "(i.indisvalid OR r.relkind = 'p') AND i.indisready";

  private static final String QUERY =
      """
      WITH member AS (
        SELECT classid, objid FROM pg_catalog.pg_depend
        WHERE deptype = 'e' AND refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass),
      space AS (
        SELECT oid FROM pg_catalog.pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
      relation AS (
        SELECT oid, relkind FROM pg_catalog.pg_class c
        WHERE relnamespace IN (SELECT oid FROM space)
          AND NOT EXISTS (SELECT FROM member m
            WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND m.objid = c.oid)
          AND NOT EXISTS (SELECT FROM member m
            WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND m.objid = c.reltype)),
      counted (class, n) AS (
        SELECT 'schemas', count(*) FROM space s
          WHERE NOT EXISTS (SELECT FROM member m
            WHERE m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND m.objid = s.oid)
        UNION ALL
        SELECT CASE relkind WHEN 'r' THEN 'tables' WHEN 'p' THEN 'partitioned_tables'
            WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialized_views' WHEN 'S' THEN 'sequences'
            WHEN 'f' THEN 'foreign_tables' WHEN 'c' THEN 'composite_types' END, count(*)
          FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') GROUP BY 1
        UNION ALL
        SELECT 'indexes', count(*) FROM pg_catalog.pg_index i JOIN relation r ON r.oid = i.indrelid
          WHERE $dumped_index
        UNION ALL
        SELECT CASE contype WHEN 'c' THEN 'check_constraints' WHEN 'f' THEN 'foreign_keys'
            WHEN 'p' THEN 'primary_keys' WHEN 'u' THEN 'unique_constraints'
            ELSE 'exclusion_constraints' END, count(*)
          FROM pg_catalog.pg_constraint
          WHERE conrelid IN (SELECT oid FROM relation) AND contype IN ('c', 'f', 'p', 'u', 'x')
            AND $own_constraint
          GROUP BY 1
        UNION ALL
        SELECT 'triggers', count(*) FROM pg_catalog.pg_trigger
          WHERE NOT tgisinternal AND $own_trigger AND tgrelid IN (SELECT oid FROM relation)
        UNION ALL
        SELECT 'rules', count(*) FROM pg_catalog.pg_rewrite
          WHERE rulename <> '_RETURN' AND ev_class IN (SELECT oid FROM relation)
        UNION ALL
        SELECT 'policies', count(*) FROM pg_catalog.pg_policy
          WHERE polrelid IN (SELECT oid FROM relation)
        UNION ALL
        SELECT 'column_defaults', count(*) FROM pg_catalog.pg_attrdef
          WHERE adrelid IN (SELECT oid FROM relation)
        UNION ALL
        SELECT 'functions', count(*) FROM pg_catalog.pg_proc p
          WHERE pronamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND m.objid = p.oid)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
                AND d.deptype = 'i')
        UNION ALL
        SELECT CASE typtype WHEN 'd' THEN 'domains' WHEN 'e' THEN 'enums' WHEN 'r' THEN 'ranges'
            ELSE 'base_types' END, count(*)
          FROM pg_catalog.pg_type t
          WHERE typnamespace IN (SELECT oid FROM space) AND typtype IN ('b', 'd', 'e', 'r')
            AND NOT (typtype = 'b' AND typelem <> 0 AND typlen = -1)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND m.objid = t.oid)
          GROUP BY 1
        UNION ALL
        SELECT 'operators', count(*) FROM pg_catalog.pg_operator o
          WHERE oprnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'collations', count(*) FROM pg_catalog.pg_collation c
          WHERE collnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass AND m.objid = c.oid)
        UNION ALL
        SELECT 'conversions', count(*) FROM pg_catalog.pg_conversion o
          WHERE connamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_conversion'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'operator_classes', count(*) FROM pg_catalog.pg_opclass o
          WHERE opcnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'operator_families', count(*) FROM pg_catalog.pg_opfamily o
          WHERE opfnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'text_search_parsers', count(*) FROM pg_catalog.pg_ts_parser o
          WHERE prsnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_ts_parser'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'text_search_templates', count(*) FROM pg_catalog.pg_ts_template o
          WHERE tmplnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_ts_template'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'text_search_dictionaries', count(*) FROM pg_catalog.pg_ts_dict o
          WHERE dictnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_ts_dict'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'text_search_configurations', count(*) FROM pg_catalog.pg_ts_config o
          WHERE cfgnamespace IN (SELECT oid FROM space)
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_ts_config'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'casts', count(*) FROM pg_catalog.pg_cast o
          WHERE oid >= 16384
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND m.objid = o.oid)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid = o.oid
                AND d.deptype = 'i')
        UNION ALL
        SELECT 'languages', count(*) FROM pg_catalog.pg_language o
          WHERE oid >= 16384
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_language'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'access_methods', count(*) FROM pg_catalog.pg_am o
          WHERE oid >= 16384
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_am'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'transforms', count(*) FROM pg_catalog.pg_transform o
          WHERE oid >= 16384
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_transform'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'foreign_data_wrappers', count(*) FROM pg_catalog.pg_foreign_data_wrapper o
          WHERE oid >= 16384
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'foreign_servers', count(*) FROM pg_catalog.pg_foreign_server o
          WHERE oid >= 16384
            AND NOT EXISTS (SELECT FROM member m
              WHERE m.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass AND m.objid = o.oid)
        UNION ALL
        SELECT 'user_mappings', count(*) FROM pg_catalog.pg_user_mappings
        UNION ALL
        SELECT 'default_privileges', count(*) FROM pg_catalog.pg_default_acl
        UNION ALL
        SELECT 'event_triggers', count(*) FROM pg_catalog.pg_event_trigger e
          WHERE NOT EXISTS (SELECT FROM member m
            WHERE m.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass
              AND m.objid = e.oid)
        UNION ALL
        SELECT 'extensions', count(*) FROM pg_catalog.pg_extension
        UNION ALL
        SELECT 'large_objects', count(*) FROM pg_catalog.pg_largeobject_metadata
      """;

  private static final String SINCE_10 =
      """
        UNION ALL
        SELECT 'statistics', count(*) FROM pg_catalog.pg_statistic_ext
          WHERE stxrelid IN (SELECT oid FROM relation)
        UNION ALL
        SELECT 'publications', count(*) FROM pg_catalog.pg_publication
      """;

  private static final String END = ") SELECT class, n FROM counted WHERE n > 0 ORDER BY class";

  private ObjectCounts() {}

  /**
   * Counts in the database that {@code connection} is connected to, as its current snapshot sees
   * it.
   *
   * @return positive numbers by class in alphabetical order
   */
  public static Map<String, Long> read(Connection connection) throws SQLException {
    int major = connection.getMetaData().getDatabaseMajorVersion();
    String query =
        (QUERY + (major >= 10 ? SINCE_10 : "") + END)
            .replace("$dumped_index", DUMPED_INDEX)
            .replace("$own_constraint", major >= 11 ? "conparentid = 0" : "true")
            .replace("$own_trigger", major >= 13 ? "tgparentid = 0" : "true");
    Map<String, Long> counts = new LinkedHashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(query)) {
      while (rows.next()) {
        counts.put(rows.getString(1), rows.getLong(2));
      }
    }
    return counts;
  }
}
