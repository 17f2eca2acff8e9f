package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Trial.Level;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/**
 * Checks the pages of tables and b-tree indexes in scratch, by the server's extension amcheck. It
 * is used between {@link #begin} and {@link #end}, by any number of sessions in that database.
 */
final class PageCheck {
  /** Heap blocks checked at a time, so that several sessions can check one table: 128 MiB. */
  private static final long BLOCKS_PER_UNIT = 16_384;

  /** How many faults of a table are told: one more is no news. */
  private static final int MOST_TOLD = 5;

  /**
   * Checks an index, with memory for the filter by which amcheck finds rows that the index lacks: 6
   * to 12 bits a row, as it takes a power of two, and no more than the server allows. So it
   * overlooks one row in 20 that is lacking by itself, at worst. The 16 bits that it takes if it
   * may are beyond the processor's caches: ten million rows took 6.3 s with them, and 3.6 s with
   * 6.7. What is set ends with the statement.
   */
  private static final String CHECK_INDEX =
      """
      WITH allowed AS (
        SELECT pg_catalog.set_config('maintenance_work_mem', least(
          pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')),
          greatest(1048576, ? * 3 / 2)) / 1024 || 'kB', true) AS memory)
      SELECT SCHEMA.bt_index_check(?::bigint::pg_catalog.oid::pg_catalog.regclass, ?)
      FROM allowed WHERE memory IS NOT NULL
      """;

  private static final String RELATIONS =
      """
      SELECT c.oid::bigint, c.oid::pg_catalog.regclass::text, c.relkind = 'i', i.indisunique,
        greatest(c.reltuples, pg_catalog.pg_relation_size(c.oid) / 20)::bigint,
        pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint
      FROM pg_catalog.pg_class c
        LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
        LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = coalesce(i.indrelid, c.oid)
        JOIN pg_catalog.pg_am a ON a.oid = c.relam
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'
        AND c.relpersistence <> 't'
        AND ((c.relkind = 'i' AND a.amname = 'btree' AND i.indisvalid)
          OR (c.relkind IN ('r', 'm', 't') AND a.amname = 'heap'))
      """;

  private static final String OF_TABLE =
      "AND coalesce(o.oid, i.indrelid, c.oid) = ?::pg_catalog.regclass";

  private final Queue<Unit> queue =
      new PriorityQueue<>(
          Comparator.comparing(Unit::filtered).thenComparingLong(Unit::blocks).reversed());

  private final Queue<String> differences = new ConcurrentLinkedQueue<>();

  /** How many faults of each relation were found. */
  private final Map<Relation, Integer> faults = new ConcurrentHashMap<>();

  /** All that were queued, by OID. */
  private final Set<Long> relations = new HashSet<>();

  private String schema = "";
  private boolean heaps;

  /** Whether amcheck can look for rows that an index lacks. */
  private boolean rows;

  private boolean ours;
  private @Nullable String impossible;

  /**
   * A table or index.
   *
   * @param unique whether it is an index that must lack no row
   * @param rows about how many it has, or more: where that is not known, or keys are long and so
   *     amcheck makes less of its filter, as many as 20 bytes for each leave room for
   * @param blocks how many it has
   */
  private record Relation(
      long oid, String name, boolean index, boolean unique, long rows, long blocks) {
    @Override
    public String toString() {
      return (index ? "index " : "table ") + name;
    }
  }

  /**
   * What one session checks at a time.
   *
   * @param first the first block, of a table
   * @param blocks how many blocks
   */
  private record Unit(Relation relation, long first, long blocks) {
    /** Nothing takes as long as a check that no row is lacking, and nobody can share it. */
    boolean filtered() {
      return relation.unique;
    }
  }

  /**
   * Makes the extension if it is not there.
   *
   * @return false if that cannot be, and nothing can be checked
   */
  boolean begin(Session session) throws SQLException {
    if (!isPossible(session)) {
      return false;
    }
    schema =
        SqlText.name(
            String.valueOf(
                session.value(
                    "SELECT n.nspname FROM pg_catalog.pg_extension e"
                        + " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
                        + " WHERE e.extname = 'amcheck'")));
    heaps = session.version() >= 140000;
    rows = session.version() >= 110000;
    return true;
  }

  /** Once it was impossible it stays so: what was given up then is not checked later. */
  private synchronized boolean isPossible(Session session) throws SQLException {
    if (impossible == null) {
      impossible = create(session);
    }
    return impossible == null;
  }

  private synchronized void giveUp(String reason) {
    impossible = reason;
    queue.clear();
  }

  /** Makes the extension; why that cannot be, or null. */
  private @Nullable String create(Session session) throws SQLException {
    List<Boolean> installed =
        session.rows(
            "SELECT installed_version IS NOT NULL FROM pg_catalog.pg_available_extensions"
                + " WHERE name = 'amcheck'",
            row -> row.getBoolean(1));
    if (installed.isEmpty()) {
      return "the extension amcheck is not installed on the server's machine";
    }
    if (!installed.getFirst()) {
      PostgresTarget.keepEventTriggersFromFiring(session);
      try {
        session.execute("CREATE EXTENSION amcheck SCHEMA pg_catalog");
      } catch (SQLException e) {
        if (!session.connection().isValid(5)) {
          throw e;
        }
        return PostgresErrors.is(e, "42501")
            ? "the role may not create the extension amcheck"
            : "the extension amcheck cannot be created: " + PostgresErrors.text(e);
      }
      ours = true;
    }
    return "t"
            .equals(
                session.value(
                    """
                    SELECT bool_and(pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))
                    FROM pg_catalog.pg_proc p
                      JOIN pg_catalog.pg_depend d ON d.objid = p.oid
                        AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
                      JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                    WHERE e.extname = 'amcheck' AND p.proname IN ('bt_index_check', 'verify_heapam')
                    """))
        ? null
        : "the role may not use the extension amcheck";
  }

  /** Removes the extension unless the captured database has it; nothing is being checked. */
  void end(Session session) throws SQLException {
    if (ours) {
      session.execute("DROP EXTENSION amcheck");
      ours = false;
    }
  }

  /** Has a table checked, given by its quoted name, and all that belongs to it. */
  void add(Session session, String table) throws SQLException {
    add(relations(session, RELATIONS + OF_TABLE, table));
  }

  /** Has everything checked that has not been. */
  void addAll(Session session) throws SQLException {
    add(relations(session, RELATIONS));
  }

  private static List<Relation> relations(Session session, String query, Object... parameters)
      throws SQLException {
    return session.rows(
        query,
        row ->
            new Relation(
                row.getLong(1),
                row.getString(2),
                row.getBoolean(3),
                row.getBoolean(4),
                row.getLong(5),
                row.getLong(6)),
        parameters);
  }

  private synchronized void add(Collection<Relation> some) {
    if (impossible != null) {
      return;
    }
    for (Relation relation : some) {
      if ((relation.index || heaps) && relations.add(relation.oid)) {
        queue.addAll(units(relation));
      }
    }
  }

  private static List<Unit> units(Relation relation) {
    if (relation.index) {
      return List.of(new Unit(relation, 0, relation.blocks));
    }
    List<Unit> units = new ArrayList<>();
    for (long first = 0; first < relation.blocks; first += BLOCKS_PER_UNIT) {
      units.add(new Unit(relation, first, Math.min(BLOCKS_PER_UNIT, relation.blocks - first)));
    }
    return units;
  }

  private synchronized @Nullable Unit poll() {
    return queue.poll();
  }

  /**
   * Checks something of what was added; what is wrong is a {@linkplain #differences difference}. A
   * server that cannot check says nothing about what is restored: then nothing more is checked, and
   * the {@linkplain #level level} tells why.
   *
   * @return false if all is done, or others are at it
   */
  boolean work(Session session) throws SQLException {
    Unit unit = poll();
    if (unit == null) {
      return false;
    }
    Relation relation = unit.relation;
    try {
      if (relation.index) {
        checkIndex(session, relation);
      } else {
        session
            .rows(
                "SELECT msg FROM "
                    + schema
                    + ".verify_heapam(?::bigint::pg_catalog.oid::pg_catalog.regclass,"
                    + " startblock => ?, endblock => ?) LIMIT "
                    + MOST_TOLD,
                row -> row.getString(1),
                relation.oid,
                unit.first,
                unit.first + unit.blocks - 1)
            .forEach(message -> differ(relation, message));
      }
    } catch (SQLException e) {
      if (!session.connection().isValid(5)) {
        throw e;
      }
      if (PostgresErrors.isTrouble(e)) {
        giveUp("the server could not check " + relation + ": " + PostgresErrors.text(e));
        return false;
      }
      differ(relation, PostgresErrors.text(e));
    }
    return true;
  }

  private void differ(Relation relation, String fault) {
    if (faults.merge(relation, 1, Integer::sum) <= MOST_TOLD) {
      differences.add(relation + ": " + fault);
    }
  }

  private void checkIndex(Session session, Relation index) throws SQLException {
    if (rows) {
      session.value(CHECK_INDEX.replace("SCHEMA", schema), index.rows, index.oid, index.unique);
    } else {
      session.value(
          "SELECT " + schema + ".bt_index_check(?::bigint::pg_catalog.oid::pg_catalog.regclass)",
          index.oid);
    }
  }

  /** What is wrong with the pages. */
  Collection<String> differences() {
    return differences;
  }

  /** What was checked. */
  synchronized Level level() {
    return impossible != null
        ? new Level("physical", false, impossible)
        : new Level(
            "physical",
            true,
            relations.size()
                + (heaps
                    ? " tables and b-tree indexes by amcheck"
                    : " b-tree indexes by amcheck, which has no check of tables before version 14"
                        + (rows ? "" : ", and none of lacking rows before 11")));
  }
}
