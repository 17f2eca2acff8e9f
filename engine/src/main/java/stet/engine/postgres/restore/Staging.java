package stet.engine.postgres.restore;

import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.postgres.archive.ArchiveContents;
import stet.engine.postgres.archive.Definitions;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.FairShare;
import stet.engine.postgres.rows.Parallel;
import stet.engine.process.ChildProcess;
import stet.engine.process.PrivateFiles;
import stet.repository.RepositoryException;
import stet.repository.json.JsonException;
import stet.repository.tree.Node;

/**
 * Builds a captured database under another name and verifies it. What it creates is removed again
 * if anything fails.
 */
final class Staging {
  /** What the restoring sessions of pg_restore run with, whatever the role's own settings are. */
  private static final String RESTORE_OPTIONS =
      "-c synchronous_commit=off -c default_transaction_read_only=off -c statement_timeout=0";

  /** What pg_restore from 17 on adds to the error of a server that is older. */
  private static final String UNKNOWN_SETTING = "Command was: SET transaction_timeout = 0;";

  private final PostgresPlace place;
  private final RestoreContext context;
  private final Maintenance maintenance;
  private final Operation operation;
  private final String name;
  private final CapturedFiles files;
  private final @Nullable PageCheck pages;
  private final RoleCreation roles;
  private @Nullable ArchiveContents contents;

  /**
   * Prepares the building of a database that must not exist yet.
   *
   * @param maintenance a session on the server, which stays open
   */
  Staging(PostgresPlace place, RestoreContext context, String name, Maintenance maintenance) {
    this(place, context, name, maintenance, null);
  }

  /**
   * Prepares the building of a database that must not exist yet.
   *
   * @param maintenance a session on the server, which stays open
   * @param pages for a trial: checks pages of what is restored; and each segment is compared with
   *     its own hash too, rather than each table alone; and roles that are missing are not made to
   *     stay
   */
  Staging(
      PostgresPlace place,
      RestoreContext context,
      String name,
      Maintenance maintenance,
      @Nullable PageCheck pages) {
    this.place = place;
    this.pages = pages;
    this.maintenance = maintenance;
    this.context = context;
    this.operation = context.operation();
    this.name = name;
    this.files = new CapturedFiles(context.source(), context.node());
    this.roles = pages == null ? RoleCreation.lasting() : RoleCreation.forTrial(name);
  }

  /** Drops the roles that were created, once the database is gone. */
  void dropRoles(Session session) throws SQLException {
    roles.undo(session);
  }

  /** Whether it is for this. */
  boolean isOf(RestoreContext other) {
    return context.equals(other);
  }

  /** Finds out whether the server can take the database. */
  void check() {
    prepared(this::prepare);
  }

  /**
   * Builds and verifies the database.
   *
   * @return its OID
   */
  String build() {
    return prepared(this::build);
  }

  /** What to do with a place for files. */
  @FunctionalInterface
  private interface Prepared<T> {
    T with(PrivateFiles privateFiles) throws SQLException;
  }

  private <T> T prepared(Prepared<T> work) {
    try (PrivateFiles privateFiles = PrivateFiles.create()) {
      return work.with(privateFiles);
    } catch (RepositoryException e) {
      throw StetException.of(e);
    } catch (JsonException e) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          "the manifest of " + place.component() + " is unusable: " + e.getMessage(),
          "The snapshot was changed, or was not made by Stet; try another snapshot.",
          e);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot restore " + place.settings().describe(), e);
    }
  }

  /**
   * What a database is built from, once it is known that it can be.
   *
   * @param missingRoles the roles that have to be created
   */
  private record Preparation(
      DatabaseDescription description,
      List<Role> missingRoles,
      PostgresTools tools,
      Path archive,
      @Nullable DumpArchive definitions,
      ArchiveContents contents,
      Adaptation adaptation) {}

  private Preparation prepare(PrivateFiles privateFiles) throws SQLException {
    operation.progress().phase("checking the target of " + place.component());
    Node descriptionFile = files.require(CapturedFiles.DESCRIPTION);
    DatabaseDescription description =
        DatabaseDescription.parse(
            place.component() + "/" + CapturedFiles.DESCRIPTION, files.read(descriptionFile));
    Session session = maintenance.session();
    Adaptation adaptation = new Adaptation(place.renames(), context, place.settings().user());
    byte[] bytes = files.read(files.require(CapturedFiles.SCHEMA));
    DumpArchive definitions = null;
    Path archive;
    if (adaptation.changesNothing()) {
      archive = privateFiles.write(CapturedFiles.SCHEMA, bytes);
      // pg_restore may be newer than what is known here, and then does all by itself.
      if (DumpArchive.isKnown(bytes)) {
        definitions = DumpArchive.read(place.component() + "/" + CapturedFiles.SCHEMA, bytes);
      }
    } else {
      definitions = DumpArchive.read(place.component() + "/" + CapturedFiles.SCHEMA, bytes);
      adaptation.apply(definitions);
      archive = Definitions.write(definitions, privateFiles);
    }
    description = adaptation.apply(description, true);
    List<Role> missing =
        new TargetCheck(session, description, place.adminSettings()).run(adaptation.named());
    PostgresTools tools = PostgresTools.find(place.tools(), Session.major(session.version()));
    ArchiveContents listed = contents;
    if (listed == null) {
      listed = contents(tools, archive, privateFiles);
      contents = listed;
    }
    return new Preparation(description, missing, tools, archive, definitions, listed, adaptation);
  }

  private String build(PrivateFiles privateFiles) throws SQLException {
    Preparation prepared = prepare(privateFiles);
    DatabaseDescription description = prepared.description();
    Session session = maintenance.session();
    RowLoader loader =
        new RowLoader(
            files,
            description,
            operation,
            pages != null && !StagingVerifier.hashedAsBits(context.manifest())
                ? context.hashKey()
                : null);
    loader.plan();
    LargeObjectLoader objects = new LargeObjectLoader(files, description, operation);

    boolean adminIsSuperuser =
        "t"
            .equals(
                session.value(
                    "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"));
    // Only a superuser can give objects to any owner; else the application's own role may do best.
    ConnectionSettings settings =
        (adminIsSuperuser
                ? PostgresTarget.withoutLoginTriggers(session, place.adminSettings())
                : place.settings())
            .withDatabase(name);
    try {
      String oid = create(description, settings.user());
      roles.create(session, prepared.missingRoles(), operation.progress());
      new Filling(prepared, settings, session.version(), privateFiles, loader, objects).run();
      DatabaseProperties.apply(session, name, oid, description.database());
      flush(session);
      tellOfSubscriptions(session, oid);
      return oid;
    } catch (SQLException | RuntimeException | Error e) {
      cleanUp(e);
      throw e;
    }
  }

  /** Reads the archive's table of contents, which shows whether the programs understand it. */
  private ArchiveContents contents(PostgresTools tools, Path archive, PrivateFiles privateFiles) {
    try {
      return ArchiveContents.parse(
          tools
              .program("pg_restore", place.adminSettings(), privateFiles)
              .arguments("--list", archive.toString())
              .run());
    } catch (StetException e) {
      if (e.code() != ErrorCode.SOURCE) {
        throw e;
      }
      throw new StetException(
          ErrorCode.SOURCE,
          "pg_restore "
              + tools.major()
              + " in "
              + tools.directory()
              + " cannot read "
              + place.component()
              + "/"
              + CapturedFiles.SCHEMA
              + ": "
              + e.getMessage(),
          "Install the client programs of the version that made the backup, or newer.",
          e);
    }
  }

  /** Creates the database, marked as ours, and gives its OID. */
  private String create(DatabaseDescription description, String owner) throws SQLException {
    Session session = maintenance.session();
    String sql = DatabaseProperties.creation(name, description.database(), session.version());
    String me = session.value("SELECT current_user");
    try {
      session.execute(owner.equals(me) ? sql : sql + " OWNER " + SqlText.name(owner));
    } catch (SQLException e) {
      StetException failure = PostgresErrors.failed("cannot create database \"" + name + "\"", e);
      boolean locale = List.of("22023", "42809", "0A000").contains(String.valueOf(e.getSQLState()));
      throw locale
          ? new StetException(
              failure.code(),
              failure.getMessage(),
              "Install the locale on the server's machine (locale-gen) and restart the server.",
              e)
          : failure;
    }
    String oid =
        Objects.requireNonNull(maintenance.named(name), "the database was just made").oid();
    session.execute(DatabaseComment.statement(name, new DatabaseComment(oid, null, null).text()));
    return oid;
  }

  /** pg_dump makes subscriptions that call nobody until they are enabled. */
  private void tellOfSubscriptions(Session session, String oid) throws SQLException {
    for (String subscription : PostgresTarget.subscriptions(session, oid)) {
      operation
          .progress()
          .warn(
              "subscription "
                  + SqlText.name(subscription)
                  + " of "
                  + place.component()
                  + " is disabled: see to its slot at the publisher, then enable it");
    }
  }

  /** Everything that goes into the created database. */
  private final class Filling {
    private final DatabaseDescription description;
    private final ConnectionSettings settings;
    private final int serverVersion;
    private final PostgresTools tools;
    private final Path archive;
    private final ArchiveContents contents;
    private final PrivateFiles privateFiles;
    private final RowLoader loader;
    private final LargeObjectLoader objects;
    private final Adaptation adaptation;
    private final @Nullable DumpArchive definitions;
    private final int sessions;

    /** The sessions of tasks that run. */
    private final Queue<Session> open = new ConcurrentLinkedQueue<>();

    /**
     * Sessions that wait for work: to begin one costs the server more than most of what it does.
     */
    private final Queue<Session> idle = new ConcurrentLinkedQueue<>();

    Filling(
        Preparation prepared,
        ConnectionSettings settings,
        int serverVersion,
        PrivateFiles privateFiles,
        RowLoader loader,
        LargeObjectLoader objects) {
      this.description = prepared.description();
      this.tools = prepared.tools();
      this.archive = prepared.archive();
      this.contents = prepared.contents();
      this.adaptation = prepared.adaptation();
      this.definitions = prepared.definitions();
      this.settings = settings;
      this.serverVersion = serverVersion;
      this.privateFiles = privateFiles;
      this.loader = loader;
      this.objects = objects;
      this.sessions =
          FairShare.sessions(
              loader.planned() + objects.bytes(), contents.others().size(), operation.workers());
    }

    void run() throws SQLException {
      try {
        fill();
      } finally {
        idle.forEach(Session::close);
      }
    }

    private void fill() throws SQLException {
      String component = place.component();
      operation.progress().phase("restoring " + component);
      ask(this::dropWhatTemplatesHave);
      restore("pre-data", 1, contents.others(), privateFiles);
      StagingVerifier verifier = new StagingVerifier(description, context, loader);
      EarlyWork early =
          ask(session -> {
            adaptation.refuseSettingsOfFunctions(session);
            loader.loadConfiguration(session);
            return early(session, verifier);
          });
      List<Parallel.Task> loading =
          new ArrayList<>(
              sessions(
                  "loader",
                  session -> {
                    loader.work(session, early);
                    objects.work(session);
                    early.work(session);
                  }));
      if (early.reads()) {
        loading.add(
            session(
                "flusher",
                session -> {
                  early.awaitWritten();
                  flush(session);
                }));
      }
      parallel(loading);
      if (pages != null) {
        ask(session -> {
          pages.end(session);
          return session;
        });
      }
      setSequences();
      operation.progress().phase("building indexes of " + component);
      restorePostData(early.restored());
      analyze(early.analyzed());
      operation.progress().phase("verifying " + component);
      ask(session -> {
        verifier.plan(session);
        return verifier;
      });
      List<Parallel.Task> tasks = new ArrayList<>(sessions("verifier", verifier::work));
      // Reading back changes next to nothing, so what is written meanwhile need not be at the end.
      tasks.add(session("flusher", Staging::flush));
      parallel(tasks);
      verifier.finish();
    }

    /** What every database begins with but the captured one did not have: nothing tells of it. */
    private Session dropWhatTemplatesHave(Session session) throws SQLException {
      if (definitions != null && !DatabaseProperties.hasPublic(definitions, description)) {
        session.execute("DROP SCHEMA IF EXISTS public");
      }
      if (description.extensions().stream().noneMatch(e -> e.name().equals("plpgsql"))) {
        session.execute("DROP EXTENSION IF EXISTS plpgsql");
      }
      return session;
    }

    private EarlyWork early(Session session, StagingVerifier verifier) throws SQLException {
      List<DatabaseDescription.Table> large = loader.large(EarlyWork.LEAST_BYTES);
      List<DatabaseDescription.Table> readable =
          large.isEmpty() || !verifier.mayReadEarly(session)
              ? List.of()
              : loader.largeShares(EarlyWork.LEAST_BYTES);
      boolean checks = pages != null && !readable.isEmpty() && pages.begin(session);
      return new EarlyWork(
          definitions == null ? List.of() : definitions.entries(),
          large,
          tablesWithoutChildren(session),
          readable,
          verifier.hasFunctions(session),
          new Apart(verifier, checks ? pages : null));
    }

    private Set<String> tablesWithoutChildren(Session session) throws SQLException {
      return new HashSet<>(
          session.rows(
              """
              SELECT n.nspname, c.relname
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind = 'r' AND NOT c.relhassubclass
              """,
              row -> SqlText.name(row.getString(1), row.getString(2))));
    }

    /** Does some things while others are done; each restoring needs files of its own. */
    private final class Apart implements EarlyWork.Doing {
      private final StagingVerifier verifier;
      private final @Nullable PageCheck checking;

      Apart(StagingVerifier verifier, @Nullable PageCheck checking) {
        this.verifier = verifier;
        this.checking = checking;
      }

      @Override
      public void restore(List<String> entries) {
        try (PrivateFiles own = PrivateFiles.create()) {
          Filling.this.restore("post-data", 1, entries, own);
        }
      }

      @Override
      public void analyze(Session session, String table) throws SQLException {
        Filling.this.analyze(session, table);
      }

      @Override
      public void read(Session session, DatabaseDescription.Table table)
          throws SQLException, InterruptedException {
        operation.checkStop();
        verifier.readEarly(session, table);
      }

      @Override
      public boolean checks() {
        return checking != null;
      }

      @Override
      public void check(Session session, DatabaseDescription.Table table) throws SQLException {
        PageCheck pageCheck = Objects.requireNonNull(checking, "it is not asked for");
        pageCheck.add(session, table.quoted());
        while (pageCheck.work(session)) {
          operation.checkStop();
        }
      }

      @Override
      public boolean help(Session session) throws SQLException, InterruptedException {
        return (checking != null && checking.work(session)) || verifier.help(session);
      }
    }

    /**
     * Event triggers come when everything else is there: several jobs would create one beside a
     * REFRESH MATERIALIZED VIEW, for which it then fires.
     */
    private void restorePostData(Set<String> restored) {
      List<String> rest =
          contents.others().stream().filter(entry -> !restored.contains(entry)).toList();
      restore("post-data", sessions, rest, privateFiles);
      if (!contents.eventTriggers().isEmpty()) {
        restore("post-data", 1, contents.eventTriggers(), privateFiles);
      }
    }

    private void restore(String section, int jobs, List<String> entries, PrivateFiles secrets) {
      operation.checkStop();
      // From 17 on it sets a parameter that older servers do not know; that error must not end it.
      boolean forgiving = tools.major() >= 17 && serverVersion < 170000;
      List<String> complaints = new ArrayList<>();
      AtomicInteger forgiven = new AtomicInteger();
      ChildProcess.Builder program =
          tools
              .program("pg_restore", settings.withOptions(RESTORE_OPTIONS), secrets)
              .arguments(forgiving ? List.of() : List.of("--exit-on-error"))
              .arguments(
                  "--section=" + section,
                  "--jobs=" + jobs,
                  "--no-password",
                  "--use-list=" + secrets.write("entries", String.join("\n", entries)),
                  "--dbname=" + ConnectionSettings.childDatabase(name))
              .arguments(archive.toString())
              .onErrorLine(line -> {
                operation.progress().detail(line);
                if (line.contains("error:")) {
                  synchronized (complaints) {
                    complaints.add(line);
                  }
                } else if (line.equals(UNKNOWN_SETTING)) {
                  forgiven.incrementAndGet();
                }
              });
      try {
        program.run();
      } catch (StetException e) {
        if (forgiving
            && e.code() == ErrorCode.SOURCE
            && e.getMessage().contains("errors ignored on restore: ")
            && complaints.size() == forgiven.get()) {
          return;
        }
        throw new StetException(
            e.code(),
            "cannot restore the definitions ("
                + section
                + ") of "
                + place.component()
                + ": "
                + e.getMessage(),
            e.hint() == null ? PostgresErrors.hint(String.valueOf(e.getMessage())) : e.hint(),
            e);
      }
      if (!complaints.isEmpty()) {
        throw new StetException(
            ErrorCode.SOURCE,
            "pg_restore reported success in spite of errors: " + String.join("; ", complaints),
            null);
      }
    }

    /** A session in the new database that loads and reads as fast as is safe. */
    private Session worker() {
      Session waiting = idle.poll();
      return waiting == null ? connect() : waiting;
    }

    /** Something to do in one session. */
    @FunctionalInterface
    private interface Question<T> {
      T in(Session session) throws SQLException;
    }

    private <T> T ask(Question<T> question) throws SQLException {
      Session session = worker();
      boolean done = false;
      try {
        T answer = question.in(session);
        done = true;
        return answer;
      } finally {
        release(session, done);
      }
    }

    private void release(Session session, boolean usable) {
      if (usable) {
        idle.add(session);
      } else {
        session.close();
      }
    }

    private Session connect() {
      Session session = Session.open(settings, name);
      try {
        session.execute("SET synchronous_commit = off");
        setMonetary(session);
        session.execute("SET session_replication_role = replica");
        return session;
      } catch (SQLException e) {
        if (PostgresErrors.is(e, "42501")) {
          // Superusers alone may; it only saves triggers of extensions' tables.
          return session;
        }
        session.close();
        throw PostgresErrors.failed("cannot prepare a session in " + settings.describe(), e);
      }
    }

    /** The text of money depends on the locale, which therefore must be there if money is. */
    private void setMonetary(Session session) throws SQLException {
      String monetary = description.database().monetary();
      try {
        session.execute("SET lc_monetary = " + SqlText.literal(monetary));
      } catch (SQLException e) {
        String column =
            session.value(
                "SELECT a.attrelid::pg_catalog.regclass || '.' || a.attname"
                    + " FROM pg_catalog.pg_attribute a"
                    + " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
                    + " WHERE a.atttypid IN (790, 791) AND c.relkind = 'r' AND c.oid >= 16384"
                    + " LIMIT 1");
        if (column != null) {
          throw new StetException(
              ErrorCode.SOURCE,
              "column "
                  + column
                  + " holds money captured with lc_monetary \""
                  + monetary
                  + "\", a locale that is missing on "
                  + settings.describeServer(),
              "Install the locale on the server's machine (locale-gen) and restart the server.",
              e);
        }
      }
    }

    private void setSequences() throws SQLException {
      ask(session -> {
        for (DatabaseDescription.Sequence sequence : description.sequences()) {
          session.value(
              "SELECT pg_catalog.setval(?::pg_catalog.regclass, ?, ?)",
              SqlText.name(sequence.schema(), sequence.name()),
              sequence.lastValue(),
              sequence.called());
        }
        return session;
      });
    }

    /**
     * Analyzes all tables but those with foreign tables below them, for which the server would call
     * other servers.
     */
    private void analyze(Set<String> analyzed) throws SQLException {
      Queue<String> tables =
          new ConcurrentLinkedQueue<>(
              ask(session ->
                  session.rows(
                      """
                      WITH RECURSIVE calling (oid) AS (
                        SELECT i.inhparent FROM pg_catalog.pg_inherits i
                          JOIN pg_catalog.pg_class f ON f.oid = i.inhrelid WHERE f.relkind = 'f'
                        UNION
                        SELECT i.inhparent FROM pg_catalog.pg_inherits i
                          JOIN calling ON calling.oid = i.inhrelid)
                      SELECT n.nspname, c.relname
                      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                        AND c.relkind IN ('r', 'm', 'p')
                        AND c.oid NOT IN (SELECT oid FROM calling)
                      ORDER BY pg_catalog.pg_relation_size(c.oid) DESC
                      """,
                      row -> SqlText.name(row.getString(1), row.getString(2)))));
      tables.removeAll(analyzed);
      parallel(
          sessions(
              "analyzer",
              session -> {
                for (String table = tables.poll(); table != null; table = tables.poll()) {
                  analyze(session, table);
                }
              }));
    }

    private void analyze(Session session, String table) throws SQLException {
      operation.checkStop();
      try {
        session.execute("ANALYZE " + table);
      } catch (SQLException e) {
        if (!session.connection().isValid(5)) {
          throw e;
        }
        operation.progress().warn("cannot analyze table " + table + ": " + PostgresErrors.text(e));
      }
    }

    /** What each of several sessions does. */
    @FunctionalInterface
    private interface Work {
      void with(Session session) throws SQLException, InterruptedException;
    }

    private static void with(Session session, Work work) throws SQLException, InterruptedException {
      try {
        work.with(session);
      } catch (OutOfMemoryError e) {
        // The driver lost its place in what the server sends, so an orderly end would never come.
        abort(session);
        throw e;
      }
    }

    private List<Parallel.Task> sessions(String role, Work work) {
      List<Parallel.Task> tasks = new ArrayList<>();
      for (int i = 1; i <= sessions; i++) {
        tasks.add(session(role + "-" + i, work));
      }
      return tasks;
    }

    private Parallel.Task session(String name, Work work) {
      return new Parallel.Task(
          name,
          () -> {
            Session session = worker();
            boolean done = false;
            try {
              open.add(session);
              with(session, work);
              open.remove(session);
              done = true;
            } finally {
              release(session, done);
            }
          });
    }

    private void parallel(List<Parallel.Task> tasks) throws SQLException {
      try {
        Parallel.run(tasks, () -> open.forEach(Staging::abort));
      } catch (SQLException | RuntimeException e) {
        throw e;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
      } catch (Exception e) {
        throw new StetException(
            ErrorCode.FAILED, "restoring the database failed: " + e.getMessage(), null, e);
      }
    }
  }

  private static void abort(Session session) {
    try {
      session.connection().abort(Runnable::run);
    } catch (SQLException e) {
      // Its connection is gone already, which is what was wanted.
      session.close();
    }
  }

  /** Makes sure that what was committed without waiting is on disk. */
  private static void flush(Session session) throws SQLException {
    try {
      session.execute("CHECKPOINT");
    } catch (SQLException e) {
      if (!PostgresErrors.is(e, "42501")) {
        throw e;
      }
      // A commit that waits for its own record waits for all before it. Only one that has written
      // something waits.
      session.execute("SET synchronous_commit = on");
      session.value("SELECT pg_catalog.pg_logical_emit_message(true, 'stet', '')");
    }
  }

  /** Removes what was created, also when this thread has been told to stop. */
  private void cleanUp(Throwable failure) {
    boolean interrupted = Thread.interrupted();
    try (Maintenance fresh = Maintenance.open(place.adminSettings(), place.database())) {
      Maintenance.@Nullable Entry entry = fresh.named(name);
      // Creating it may have failed because somebody else's has the name.
      if (entry != null && (entry.isMarked() || entry.isNewborn())) {
        PostgresTarget.drop(fresh, entry);
      }
      roles.undo(fresh.session());
    } catch (SQLException | RuntimeException e) {
      failure.addSuppressed(e);
      operation
          .progress()
          .warn("database \"" + name + "\" could not be removed: " + e.getMessage());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
