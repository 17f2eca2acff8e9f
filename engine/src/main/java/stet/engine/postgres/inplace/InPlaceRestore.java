package stet.engine.postgres.inplace;

import java.sql.SQLException;
import java.sql.Savepoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.InPlace;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.postgres.archive.Definitions;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.restore.Adaptation;
import stet.engine.postgres.restore.DatabaseProperties;
import stet.engine.postgres.restore.LargeObjectLoader;
import stet.engine.postgres.restore.PostgresPlace;
import stet.engine.postgres.restore.RowLoader;
import stet.engine.postgres.restore.StagingVerifier;
import stet.engine.postgres.rules.RuleQueries;
import stet.engine.postgres.rules.SearchPath;
import stet.engine.process.PrivateFiles;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;
import stet.repository.RepositoryException;
import stet.repository.json.JsonException;

/**
 * Restores a database within itself, on one connection and in one transaction: drops all that the
 * role owns, makes the captured objects, loads their rows, and reads everything back.
 */
public final class InPlaceRestore implements InPlace {
  private static final int TABLES_PER_LOCK = 100;

  /** How many objects a message names. */
  private static final int MOST_NAMED = 10;

  /**
   * Those made no earlier than the oldest transaction that was open at a snapshot; all of them may
   * be very many. A row tells the lower half of its transaction's number; the upper half is that of
   * the newest there may be below the next one.
   */
  private static final String YOUNG_LARGE_OBJECTS =
      """
      SELECT oid FROM (
        SELECT m.oid, now.next - 1
          - (((now.next - 1 - m.xmin::text::bigint) % 4294967296 + 4294967296) % 4294967296) AS xid
        FROM pg_catalog.pg_largeobject_metadata m,
          (SELECT pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) AS next) now) o
      WHERE xid >= pg_catalog.txid_snapshot_xmin(?::pg_catalog.txid_snapshot)
      ORDER BY oid
      """;

  private final PostgresPlace place;
  private final RestoreContext context;
  private final Operation operation;
  private final Duration patience;
  private final CapturedFiles files;
  private @Nullable Session open;
  private @Nullable PrivateFiles privateFiles;
  private @Nullable Plan plan;
  private @Nullable Saved saved;

  /** What {@link #check} has found. */
  private record Plan(
      DatabaseDescription description,
      DumpArchive archive,
      boolean withPublic,
      Adaptation adaptation,
      PostgresTools tools) {}

  /**
   * What there was just before the live state was saved.
   *
   * @param snapshot which transactions were open, in the server's words
   * @param young the youngest large objects
   */
  private record Saved(LiveObjects objects, String snapshot, Set<String> young) {}

  /**
   * @param patience how long to wait for each lock
   */
  public InPlaceRestore(PostgresPlace place, RestoreContext context, Duration patience) {
    this.place = place;
    this.context = context;
    this.operation = context.operation();
    this.patience = patience;
    this.files = new CapturedFiles(context.source(), context.node());
  }

  /** Work whose failures are told as the restore's. */
  @FunctionalInterface
  private interface Work<T extends @Nullable Object> {
    T run() throws SQLException;
  }

  private <T extends @Nullable Object> T attempt(Work<T> work) {
    try {
      return work.run();
    } catch (RepositoryException e) {
      throw StetException.of(e);
    } catch (JsonException e) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          "the manifest of " + place.component() + " is unusable: " + e.getMessage(),
          "The snapshot was changed, or was not made by Stet; try another snapshot.",
          e);
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  private StetException failed(SQLException e) {
    String what = "cannot restore " + place.settings().describe() + " in place";
    if (PostgresErrors.is(e, "55P03") || PostgresErrors.is(e, "40P01")) {
      String holders = LockHolders.of(place.settings(), pid());
      return new StetException(
          ErrorCode.SOURCE,
          what + ": " + PostgresErrors.text(e) + (holders.isEmpty() ? "" : "; " + holders),
          "Wait until the other session has ended, or end it, and try again.",
          e);
    }
    return PostgresErrors.failed(what, e);
  }

  private int pid() {
    try {
      return open == null ? 0 : open.pid();
    } catch (SQLException e) {
      return 0;
    }
  }

  private Session session() {
    return Objects.requireNonNull(open);
  }

  private Plan plan() {
    return Objects.requireNonNull(plan);
  }

  @Override
  public void check() {
    attempt(() -> {
      operation.progress().phase("checking the target of " + place.component());
      Session session = Session.open(place.settings());
      open = session;
      DatabaseDescription description =
          DatabaseDescription.parse(
              place.component() + "/" + CapturedFiles.DESCRIPTION,
              files.read(files.require(CapturedFiles.DESCRIPTION)));
      DumpArchive archive =
          DumpArchive.read(
              place.component() + "/" + CapturedFiles.SCHEMA,
              files.read(files.require(CapturedFiles.SCHEMA)));
      PostgresTools tools =
          PostgresTools.find(
              place.tools(), Math.max(Session.major(session.version()), archive.oldestReader()));
      privateFiles = PrivateFiles.create();
      boolean withPublic = DatabaseProperties.hasPublic(archive, description);
      LiveObjects live = LiveObjects.read(session);
      KeptObjects kept = new KeptObjects(live);
      kept.leaveOut(archive);
      Adaptation adaptation = new Adaptation(place.renames(), context, place.settings().user());
      adaptation.apply(archive);
      DatabaseDescription adapted =
          adaptation.apply(
              description.withCounts(kept.expected(description.objectCounts())), false);
      plan = new Plan(adapted, archive, withPublic, adaptation, tools);
      new InPlaceCheck(session, adapted, live, place.settings()).run(adaptation.owners());
      for (String object : kept.beyond()) {
        operation.progress().detail("left as it is: " + object);
      }
      return null;
    });
  }

  @Override
  public String begin() {
    return attempt(() -> {
      Session session = session();
      session.connection().setAutoCommit(false);
      // Whatever the role's default: what others make meanwhile has to be seen.
      session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
      session.execute("SET lock_timeout = " + patience.toMillis());
      lock("SHARE");
      String snapshot =
          Objects.requireNonNull(session.value("SELECT pg_catalog.txid_current_snapshot()::text"));
      saved =
          new Saved(
              LiveObjects.read(session),
              snapshot,
              Set.copyOf(session.rows(YOUNG_LARGE_OBJECTS, row -> row.getString(1), snapshot)));
      return Objects.requireNonNull(
          session.value(
              "SELECT oid || '.' || pg_catalog.txid_current() FROM pg_catalog.pg_database"
                  + " WHERE datname = pg_catalog.current_database()"));
    });
  }

  /** Locks all tables, also those that came into being since they were first listed. */
  private void lock(String mode) throws SQLException {
    Set<String> locked = new HashSet<>();
    while (true) {
      List<String> tables =
          LiveObjects.read(session()).tables().stream().filter(locked::add).toList();
      if (tables.isEmpty()) {
        return;
      }
      for (int from = 0; from < tables.size(); from += TABLES_PER_LOCK) {
        operation.checkStop();
        List<String> some = tables.subList(from, Math.min(from + TABLES_PER_LOCK, tables.size()));
        session()
            .execute("LOCK TABLE ONLY " + String.join(", ONLY ", some) + " IN " + mode + " MODE");
      }
    }
  }

  @Override
  public void build() {
    attempt(() -> {
      Session session = session();
      DatabaseDescription description = plan().description();
      operation.progress().phase("restoring " + place.component() + " in place");
      lock("ACCESS EXCLUSIVE");
      LiveObjects live = LiveObjects.read(session);
      refuseUnsaved(session, live);
      live.drop(session, plan().withPublic());
      Definitions definitions =
          new Definitions(
              place.component(),
              plan().tools(),
              plan().archive(),
              List.of(),
              Objects.requireNonNull(privateFiles));
      definitions.run(session, "pre-data", operation);
      plan().adaptation().refuseSettingsOfFunctions(session);
      load(session, description, definitions);
      return null;
    });
  }

  /**
   * What was made while the live state was saved may be in no snapshot: no lock keeps others from
   * making it.
   */
  private void refuseUnsaved(Session session, LiveObjects live) throws SQLException {
    Saved before = Objects.requireNonNull(saved);
    List<String> made = new ArrayList<>();
    live.since(before.objects).forEach(object -> made.add(object.text()));
    session.rows(YOUNG_LARGE_OBJECTS, row -> row.getString(1), before.snapshot).stream()
        .filter(oid -> !before.young.contains(oid))
        .forEach(oid -> made.add("large object " + oid));
    if (!made.isEmpty()) {
      List<String> named = made.subList(0, Math.min(MOST_NAMED, made.size()));
      throw new StetException(
          ErrorCode.REFUSED,
          "while the live state was saved, somebody made "
              + String.join(", ", named)
              + (made.size() > named.size() ? " and " + (made.size() - named.size()) + " more" : "")
              + " in "
              + place.settings().describe()
              + "; the restore would drop what no snapshot has",
          "Nothing was changed. Stop what makes new objects there and restore again; that saves them"
              + " first.");
    }
  }

  private void load(Session session, DatabaseDescription description, Definitions definitions)
      throws SQLException {
    RowLoader loader = new RowLoader(files, description, operation);
    loader.plan();
    loader.loadConfiguration(session);
    loader.workInTransaction(session);
    new LargeObjectLoader(files, description, operation).workWithin(session);
    for (DatabaseDescription.Sequence sequence : description.sequences()) {
      session.value(
          "SELECT pg_catalog.setval(?::pg_catalog.regclass, ?, ?)",
          SqlText.name(sequence.schema(), sequence.name()),
          sequence.lastValue(),
          sequence.called());
    }
    operation.progress().phase("building indexes of " + place.component());
    definitions.run(session, "post-data", operation);
    analyze(session);
    operation.progress().phase("verifying " + place.component());
    StagingVerifier verifier = new StagingVerifier(description, context, loader);
    verifier.plan(session);
    try {
      verifier.work(session);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    }
    verifier.finish();
    DatabaseProperties.applyInPlace(session, description.database(), operation.progress());
  }

  /**
   * Without statistics the first queries would be slow; a table that cannot have them is no fault.
   */
  private void analyze(Session session) throws SQLException {
    for (String table : LiveObjects.read(session).tables()) {
      operation.checkStop();
      Savepoint before = session.connection().setSavepoint();
      try {
        session.execute("ANALYZE " + table);
        session.connection().releaseSavepoint(before);
      } catch (SQLException e) {
        session.connection().rollback(before);
        operation.progress().warn("cannot analyze table " + table + ": " + PostgresErrors.text(e));
      }
    }
  }

  /** What became of a transaction that {@link #begin} has named. */
  public static Outcome outcome(Session session, String transaction) throws SQLException {
    String[] parts = transaction.split("\\.", -1);
    if (!transaction.matches("[0-9]{1,10}\\.[0-9]{1,19}")
        || !parts[0].equals(
            session.value(
                "SELECT oid FROM pg_catalog.pg_database"
                    + " WHERE datname = pg_catalog.current_database()"))) {
      return Outcome.UNKNOWN;
    }
    try {
      String status = session.value("SELECT pg_catalog.txid_status(?::bigint)", parts[1]);
      return switch (status) {
        case "committed" -> Outcome.COMMITTED;
        case "aborted" -> Outcome.ROLLED_BACK;
        case "in progress" -> Outcome.OPEN;
        case null, default -> Outcome.UNKNOWN;
      };
    } catch (SQLException e) {
      if (PostgresErrors.is(e, "22023")) {
        // It lies in the future, so it was another server's.
        return Outcome.UNKNOWN;
      }
      throw e;
    }
  }

  @Override
  public Evaluation evaluate(List<Rule> rules) {
    return attempt(
        () -> new RuleQueries(session(), SearchPath.of(context.manifest())).evaluateFitting(rules));
  }

  @Override
  public void commit() {
    attempt(() -> {
      session().connection().commit();
      return null;
    });
  }

  @Override
  public void close() {
    if (privateFiles != null) {
      privateFiles.close();
    }
    if (open != null) {
      // The server rolls back what was not committed.
      open.close();
      open = null;
    }
  }
}
