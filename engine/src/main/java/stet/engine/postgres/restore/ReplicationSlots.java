package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.Human;
import stet.engine.component.Target.Fate;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;

/**
 * The logical replication slots of a database. A slot belongs to a database by its OID, so it stays
 * with one that is replaced, and goes with one that is dropped.
 */
final class ReplicationSlots {
  private static final String SINCE_10 =
      "pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::bigint"
          + " FROM pg_catalog.pg_replication_slots s WHERE NOT s.temporary";

  private static final String BEFORE_10 =
      "pg_catalog.pg_xlog_location_diff(pg_catalog.pg_current_xlog_location(), s.restart_lsn)::bigint"
          + " FROM pg_catalog.pg_replication_slots s WHERE true";

  private ReplicationSlots() {}

  /**
   * A slot that outlives sessions.
   *
   * @param reader the process number of what reads it now, or null
   * @param bytes how much of its log the server keeps for it, or null if that cannot be told
   */
  record Slot(String name, @Nullable Integer reader, @Nullable Long bytes) {}

  /** The slots of a database, by name. */
  static List<Slot> of(Session session, String oid) throws SQLException {
    return session.rows(
        "SELECT s.slot_name::text, s.active_pid, "
            + (session.version() >= 100000 ? SINCE_10 : BEFORE_10)
            + " AND s.datoid::text = ? ORDER BY 1",
        row ->
            new Slot(
                row.getString(1), row.getObject(2, Integer.class), row.getObject(3, Long.class)),
        oid);
  }

  /** A slot that is being read, or null. */
  static @Nullable Slot read(Session session, String oid) throws SQLException {
    for (Slot slot : of(session, oid)) {
      if (slot.reader() != null) {
        return slot;
      }
    }
    return null;
  }

  /**
   * What a person should know of a slot.
   *
   * @param database the name of the slot's database
   * @param live the name of what takes, or took, its place
   */
  static String tell(Slot slot, Fate fate, String database, String live) {
    String name = "replication slot " + SqlText.name(slot.name());
    return switch (fate) {
      case TO_BE_REPLACED ->
          name
              + " belongs to database \""
              + database
              + "\" and stays with it when it is replaced: what reads the slot cannot go on, and"
              + " the server keeps its log for it without limit; after the restore, drop it and"
              + " make it anew in the restored database";
      case REPLACED ->
          name
              + " has stayed with database \""
              + database
              + "\""
              + (slot.bytes() == null
                  ? ""
                  : ", and the server keeps "
                      + Human.size(slot.bytes())
                      + " of its log for it and ever more")
              + ": run "
              + drop(slot)
              + " there, and make it anew in database \""
              + live
              + "\"";
      case DROPPED -> name + " was dropped with database \"" + database + "\"";
    };
  }

  /** The statement that drops a slot, to be run in its database. */
  static String drop(Slot slot) {
    // Names of slots have letters, digits and underscores only.
    return "SELECT pg_drop_replication_slot('" + slot.name() + "')";
  }
}
