package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SessionEnder;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.restore.DatabaseSwap.Rename;
import stet.engine.postgres.restore.Maintenance.Entry;
import stet.engine.postgres.rules.RuleQueries;
import stet.engine.postgres.rules.SearchPath;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;
import stet.repository.json.JsonObject;

/**
 * A database as the place of a restore. States beside it are databases on the same server that have
 * such a name and bear our mark; they are told apart by their OIDs.
 */
public final class PostgresTarget implements Target {
  /** How long the server may still work for a client that is gone. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** How often a database that is in use is to be dropped. */
  private static final int ATTEMPTS = 3;

  /** The same while a slot of it is read by somebody who was told to end; some seconds. */
  private static final int ATTEMPTS_WHILE_READ = 150;

  private final PostgresPlace place;
  private final BesideNames names;
  private @Nullable Maintenance maintenance;

  /** The last that was checked, over {@link #maintenance}. */
  private @Nullable Staging checked;

  public PostgresTarget(PostgresPlace place) {
    this.place = place;
    this.names = new BesideNames(place.database());
  }

  /** Connects when first needed, and again after the connection was lost. */
  private Maintenance maintenance() {
    Maintenance open = maintenance;
    if (open == null) {
      open = Maintenance.open(place.adminSettings(), place.database());
      maintenance = open;
    }
    return open;
  }

  private void disconnect() {
    if (maintenance != null) {
      maintenance.close();
      maintenance = null;
    }
    checked = null;
  }

  /** Something to ask or tell the server. */
  @FunctionalInterface
  private interface Work<T extends @Nullable Object> {
    T with(Maintenance maintenance) throws SQLException;
  }

  private <T extends @Nullable Object> T ask(String what, Work<T> work) {
    try {
      return work.with(maintenance());
    } catch (SQLException e) {
      disconnect();
      throw PostgresErrors.failed(what + " of " + place.settings().describe(), e);
    }
  }

  @Override
  public Live live() {
    Entry entry = ask("cannot look up the live state", m -> m.named(place.database()));
    String description = place.settings().describe();
    if (entry == null) {
      return new Live(null, true, description);
    }
    return new Live(entry.oid(), isEmpty(entry), description);
  }

  private boolean isEmpty(Entry entry) {
    if (!entry.allowsConnections()) {
      return false;
    }
    try (Session session = Session.open(place.settings())) {
      return "t"
          .equals(
              session.value(
                  """
                  SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class c
                      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                            AND d.objid = c.oid AND d.deptype = 'e'))
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc p
                      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                      WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                          WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                            AND d.objid = p.oid AND d.deptype = 'e'))
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
                  """));
    } catch (SQLException e) {
      // What has cut this session may have cut the other one, too, which an undo will need.
      disconnect();
      throw PostgresErrors.failed("cannot look into " + place.settings().describe(), e);
    }
  }

  @Override
  public void check(RestoreContext context) {
    staging(() -> {
      Staging staging = prepared(context);
      staging.check();
      checked = staging;
      return staging;
    });
  }

  /** A staging that knows what was found out when it was checked, if it was. */
  private Staging prepared(RestoreContext context) {
    Staging last = checked;
    return last != null && last.isOf(context)
        ? last
        : new Staging(
            place, context, names.of(Role.STAGING, context.operation().id()), maintenance());
  }

  @Override
  public Beside stage(RestoreContext context) {
    Operation operation = context.operation();
    String name = names.of(Role.STAGING, operation.id());
    if (ask("cannot look up the staging state", m -> m.named(name)) != null) {
      throw new StetException(
          ErrorCode.FAILED,
          "database \"" + name + "\" exists already on " + place.settings().describeServer(),
          "Rename or drop it.");
    }
    String oid = staging(() -> prepared(context).build());
    return new Beside(Role.STAGING, operation.id(), name, oid, null);
  }

  @Override
  public void note(Beside state, String note) {
    ask(
        "cannot store a note beside the live state",
        m -> {
          Entry entry = require(m, state);
          m.session()
              .execute(
                  DatabaseComment.statement(
                      entry.name(), entry.comment().marked(entry.oid(), note).text()));
          return entry;
        });
  }

  /** Connects anew after what failed, which may have lost the connection. */
  private <T> T staging(Supplier<T> work) {
    boolean done = false;
    try {
      T result = work.get();
      done = true;
      return result;
    } finally {
      if (!done) {
        disconnect();
      }
    }
  }

  private Entry require(Maintenance maintenance, Beside state) throws SQLException {
    Entry entry = maintenance.identified(state.identity());
    if (entry == null) {
      throw new StetException(
          ErrorCode.NOT_FOUND,
          "database \""
              + state.name()
              + "\" with OID "
              + state.identity()
              + " is no longer on "
              + place.settings().describeServer(),
          null);
    }
    return entry;
  }

  /** The renames of a swap; none if it is done. */
  private List<Rename> swap(
      Maintenance m, @Nullable Beside state, String previousName, @Nullable String note)
      throws SQLException {
    Entry entry = state == null ? null : require(m, state);
    if (entry != null && entry.name().equals(place.database())) {
      return List.of();
    }
    List<Rename> renames = new ArrayList<>();
    Entry live = m.named(place.database());
    if (live != null) {
      String comment = live.comment().marked(live.oid(), note).text();
      renames.add(new Rename(live.oid(), live.name(), previousName, comment));
    }
    if (entry != null) {
      renames.add(new Rename(entry.oid(), entry.name(), place.database(), entry.comment().own()));
    }
    return renames;
  }

  @Override
  public void checkSwap(@Nullable Beside state, String operation) {
    String previousName = names.of(Role.PREVIOUS, operation);
    List<Rename> renames =
        ask("cannot plan the swap of the live state", m -> swap(m, state, previousName, null));
    boolean done = false;
    try {
      if (!renames.isEmpty()) {
        new DatabaseSwap(maintenance()).check(renames);
      }
      done = true;
    } finally {
      if (!done) {
        disconnect();
      }
    }
  }

  @Override
  public Beside keep(Beside state, String note) {
    String previousName = names.of(Role.PREVIOUS, state.operation());
    return rename(
        "keep what was",
        m -> {
          Entry entry = require(m, state);
          return entry.name().equals(previousName)
              ? List.of()
              : List.of(
                  new Rename(
                      entry.oid(),
                      entry.name(),
                      previousName,
                      entry.comment().marked(entry.oid(), note).text()));
        },
        m -> beside(require(m, state)));
  }

  @Override
  public @Nullable Beside swap(@Nullable Beside state, String operation, String note) {
    String previousName = names.of(Role.PREVIOUS, operation);
    return rename(
        "swap",
        m -> swap(m, state, previousName, note),
        m -> {
          Entry previous = m.named(previousName);
          return previous == null || !isOurs(previous) ? null : beside(previous);
        });
  }

  @Override
  public void swapBack(@Nullable Beside state, String operation) {
    String previousName = names.of(Role.PREVIOUS, operation);
    rename(
        "swap back",
        m -> {
          Entry live = m.named(place.database());
          String expected = state == null ? null : state.identity();
          if (!Objects.equals(expected, live == null ? null : live.oid())) {
            return List.of();
          }
          List<Rename> renames = new ArrayList<>();
          if (live != null && state != null) {
            String aside = live.comment().marked(live.oid(), state.note()).text();
            renames.add(new Rename(live.oid(), live.name(), state.name(), aside));
          }
          Entry previous = m.named(previousName);
          if (previous != null && isOurs(previous)) {
            renames.add(
                new Rename(
                    previous.oid(), previousName, place.database(), previous.comment().own()));
          }
          return renames;
        },
        m -> null);
  }

  /**
   * Plans renames from what is there, does them, and looks again. If the connection was lost the
   * plan is made anew: it is empty if the server had committed.
   */
  private <T extends @Nullable Object> T rename(
      String what, Work<List<Rename>> plan, Work<T> result) {
    String failure = "cannot " + what + " the live state";
    for (int attempt = 1; ; attempt++) {
      List<Rename> renames = ask(failure, plan);
      if (renames.isEmpty()) {
        return ask(failure, result);
      }
      try {
        new DatabaseSwap(maintenance()).rename(renames);
      } catch (StetException e) {
        disconnect();
        if (!DatabaseSwap.lostConnection(e) || attempt == 3) {
          throw e;
        }
      }
    }
  }

  /**
   * Whoever creates, renames or drops a database has the catalog of databases locked until the end.
   */
  @Override
  public void settle() {
    ask(
        "cannot see whether an earlier operation is still at work on the databases",
        m -> {
          List<Integer> atWork = List.of();
          long deadline = System.nanoTime() + PATIENCE.toNanos();
          do {
            List<Integer> before = atWork;
            atWork =
                m.session()
                    .rows(
                        """
                        SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l
                          JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
                          JOIN pg_catalog.pg_stat_activity me
                            ON me.pid = pg_catalog.pg_backend_pid() AND me.usesysid = a.usesysid
                        WHERE l.relation = 'pg_catalog.pg_database'::pg_catalog.regclass
                          AND l.mode = 'RowExclusiveLock' AND l.pid <> me.pid
                        """,
                        row -> row.getInt(1));
            if (!before.isEmpty()) {
              // Those that come later belong to nobody who was killed.
              atWork = atWork.stream().filter(before::contains).toList();
            }
          } while (!atWork.isEmpty() && System.nanoTime() < deadline && pause());
          return atWork;
        });
  }

  private static boolean pause() {
    try {
      Thread.sleep(20);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(
          ErrorCode.INTERRUPTED, "interrupted while waiting for an earlier operation to end", null);
    }
  }

  @Override
  public List<Beside> beside() {
    return ask(
        "cannot list the states beside the live state",
        m -> {
          List<Beside> result = new ArrayList<>();
          for (Entry entry : m.all()) {
            if (isOurs(entry)) {
              result.add(beside(entry));
            }
          }
          return result;
        });
  }

  /** Whether a database is a state beside the live one, by its name and by its mark. */
  private boolean isOurs(Entry entry) {
    BesideNames.Parsed parsed = names.parse(entry.name());
    return parsed != null
        && (entry.isMarked() || (parsed.role() == Role.STAGING && entry.isNewborn()));
  }

  private Beside beside(Entry entry) {
    BesideNames.Parsed parsed = Objects.requireNonNull(names.parse(entry.name()));
    return new Beside(
        parsed.role(), parsed.operation(), entry.name(), entry.oid(), entry.comment().note());
  }

  @Override
  public Evaluation evaluate(Beside state, JsonObject manifest, List<Rule> rules) {
    ConnectionSettings quiet =
        ask(
            "cannot evaluate the rules",
            m -> withoutLoginTriggers(m.session(), place.adminSettings()));
    try (Session session = Session.open(quiet, state.name())) {
      return RuleQueries.evaluateAtOneMoment(session, SearchPath.of(manifest), rules);
    } catch (SQLException e) {
      throw PostgresErrors.failed(
          "cannot evaluate the rules in database \"" + state.name() + "\"", e);
    }
  }

  @Override
  public long size(Beside state) {
    return ask(
        "cannot measure a database",
        m -> {
          List<Long> found =
              m.session()
                  .rows(
                      "SELECT CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')"
                          + " THEN pg_catalog.pg_database_size(d.oid) ELSE -1 END"
                          + " FROM pg_catalog.pg_database d WHERE d.oid::text = ?",
                      row -> row.getLong(1),
                      state.identity());
          return found.isEmpty() ? 0 : found.getFirst();
        });
  }

  @Override
  public List<String> leftBehind(Fate fate, @Nullable Beside state) {
    return ask(
        "cannot list the replication slots",
        m -> {
          Entry entry = state == null ? m.named(place.database()) : m.identified(state.identity());
          List<String> result = new ArrayList<>();
          if (entry != null) {
            for (ReplicationSlots.Slot slot : ReplicationSlots.of(m.session(), entry.oid())) {
              result.add(ReplicationSlots.tell(slot, fate, entry.name(), place.database()));
            }
          }
          return result;
        });
  }

  @Override
  public void drop(Beside state) {
    ask(
        "cannot drop a state beside the live state",
        m -> {
          Entry entry = m.identified(state.identity());
          if (entry == null) {
            return state;
          }
          if (!isOurs(entry)) {
            throw new StetException(
                ErrorCode.REFUSED,
                "database \"" + entry.name() + "\" was not put there by Stet and is not dropped",
                null);
          }
          drop(m, entry);
          return state;
        });
  }

  /** Drops a database whoever is in it, with its replication slots. */
  static void drop(Maintenance maintenance, Entry entry) throws SQLException {
    Session session = maintenance.session();
    dropSubscriptions(maintenance, entry);
    String statement = "DROP DATABASE " + SqlText.name(entry.name());
    for (int attempt = 1; ; attempt++) {
      // FORCE stops at the first session that may not be ended, so ours come first anyway.
      List<SessionEnder.Other> left = SessionEnder.end(session, entry.oid());
      try {
        dropSlots(session, entry);
        session.execute(
            session.version() >= 130000 && left.isEmpty()
                ? statement + " WITH (FORCE)"
                : statement);
        return;
      } catch (SQLException e) {
        if (!PostgresErrors.is(e, "55006")) {
          throw e;
        }
        ReplicationSlots.Slot read = ReplicationSlots.read(session, entry.oid());
        // Who reads a slot lets go of it some time after it was told to end.
        boolean goes = read != null && left.isEmpty();
        if (attempt >= (goes ? ATTEMPTS_WHILE_READ : ATTEMPTS)) {
          if (read != null) {
            throw isRead(entry, read, e);
          }
          throw e;
        }
        if (goes) {
          pause();
        }
      }
    }
  }

  /** Only from version 10 on the slots that nobody reads go with the database. */
  private static void dropSlots(Session session, Entry entry) throws SQLException {
    if (session.version() < 100000) {
      for (ReplicationSlots.Slot slot : ReplicationSlots.of(session, entry.oid())) {
        session.value("SELECT pg_catalog.pg_drop_replication_slot(?)", slot.name());
      }
    }
  }

  private static StetException isRead(Entry entry, ReplicationSlots.Slot slot, SQLException cause) {
    return new StetException(
        ErrorCode.SOURCE,
        "database \""
            + entry.name()
            + "\" cannot be dropped: server process "
            + slot.reader()
            + " reads its replication slot "
            + SqlText.name(slot.name()),
        "Stop what reads the slot; then it goes with the database. Or, as a superuser, run SELECT"
            + " pg_terminate_backend("
            + slot.reader()
            + ").",
        cause);
  }

  /** The names of a database's subscriptions. */
  static List<String> subscriptions(Session session, String oid) throws SQLException {
    return session.version() < 100000
        ? List.of()
        : session.rows(
            "SELECT subname FROM pg_catalog.pg_subscription WHERE subdbid::text = ? ORDER BY 1",
            row -> row.getString(1),
            oid);
  }

  /**
   * Drops a database's subscriptions, which would keep it from being dropped. What they have at
   * their publishers stays, since the live database may have the same subscription.
   */
  private static void dropSubscriptions(Maintenance maintenance, Entry entry) throws SQLException {
    List<String> names = subscriptions(maintenance.session(), entry.oid());
    if (names.isEmpty()) {
      return;
    }
    try (Session inside = Session.open(maintenance.settings(), entry.name())) {
      keepEventTriggersFromFiring(inside);
      for (String subscription : names) {
        String name = SqlText.name(subscription);
        inside.execute("ALTER SUBSCRIPTION " + name + " DISABLE");
        inside.execute("ALTER SUBSCRIPTION " + name + " SET (slot_name = NONE)");
        inside.execute("DROP SUBSCRIPTION " + name);
      }
    }
  }

  /**
   * Settings for sessions in which no event trigger fires, as one may from 17 on already at the
   * login, if the role may say so.
   *
   * @param asked a session of the same role on the same server
   */
  static ConnectionSettings withoutLoginTriggers(Session asked, ConnectionSettings settings)
      throws SQLException {
    return asked.version() >= 170000 && "on".equals(asked.value("SHOW is_superuser"))
        ? settings.withOptions("-c event_triggers=off")
        : settings;
  }

  /** For as long as the session lives, and as far as its role may. */
  static void keepEventTriggersFromFiring(Session session) throws SQLException {
    try {
      session.execute("SET session_replication_role = replica");
      if (session.version() >= 170000) {
        // Those that are always enabled, too.
        session.execute("SET event_triggers = off");
      }
    } catch (SQLException e) {
      // Superusers alone may; since version 16 others may have subscriptions, too.
      if (!PostgresErrors.is(e, "42501")) {
        throw e;
      }
    }
  }

  @Override
  public boolean isCommitPoint() {
    return true;
  }

  @Override
  public void close() {
    disconnect();
  }
}
