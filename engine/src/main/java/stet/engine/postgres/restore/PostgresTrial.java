package stet.engine.postgres.restore;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component.Scratch;
import stet.engine.component.RestoreContext;
import stet.engine.component.Trial;
import stet.engine.postgres.archive.DefinitionTexts;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rows.Parallel;
import stet.engine.postgres.rules.RuleQueries;
import stet.engine.postgres.rules.SearchPath;
import stet.engine.process.PrivateFiles;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;

/**
 * A captured database, restored under another name on a server that is scratch, or beside others.
 */
public final class PostgresTrial implements Trial {
  /** What its databases are called, before the operation's id and a number of the component. */
  private static final String PREFIX = "stet_scratch_";

  private static final int LONGEST_SHOWN = 200;

  private final RestoreContext context;
  private final @Nullable ScratchServer server;
  private final PostgresPlace place;
  private final Maintenance maintenance;

  /** The scratch database, without triggers that fire at a login. */
  private final ConnectionSettings settings;

  private final PrivateFiles privateFiles = PrivateFiles.create();
  private final List<Level> levels = new ArrayList<>();
  private final List<String> differences = new ArrayList<>();
  private final PageCheck pages = new PageCheck();
  private final Staging staging;

  private PostgresTrial(
      RestoreContext context,
      @Nullable ScratchServer server,
      PostgresPlace place,
      Maintenance maintenance)
      throws SQLException {
    this.context = context;
    this.server = server;
    this.place = place;
    this.maintenance = maintenance;
    this.settings = PostgresTarget.withoutLoginTriggers(maintenance.session(), place.settings());
    this.staging = new Staging(place, context, place.database(), maintenance, pages);
  }

  /**
   * Restores a database and compares it.
   *
   * @param own the component's place
   */
  public static PostgresTrial run(RestoreContext context, Scratch scratch, PostgresPlace own) {
    CapturedFiles files = new CapturedFiles(context.source(), context.node());
    DatabaseDescription description =
        DatabaseDescription.parse(
            own.component() + "/" + CapturedFiles.DESCRIPTION,
            files.read(files.require(CapturedFiles.DESCRIPTION)));
    PostgresTrial trial = open(context, scratch, own, description);
    boolean done = false;
    try {
      trial.dropLeftovers();
      try {
        trial.staging.check();
      } catch (StetException e) {
        if (e.code() == ErrorCode.SOURCE) {
          throw ofScratch(e);
        }
        throw e;
      }
      trial.staging.build();
      for (String unread : List.of(CapturedFiles.ROLES, CapturedFiles.LOAD)) {
        files.read(files.require(unread));
      }
      trial.compare(description, files);
      done = true;
      return trial;
    } catch (SQLException e) {
      throw unlessTrouble(
          PostgresErrors.failed("cannot restore " + own.component() + " into scratch", e));
    } catch (StetException e) {
      throw unlessTrouble(e);
    } finally {
      if (!done) {
        trial.close();
      }
    }
  }

  /** What a server could not do for reasons of its own says nothing about the snapshot. */
  private static StetException unlessTrouble(StetException e) {
    return PostgresErrors.isTrouble(e) ? ofScratch(e) : e;
  }

  /** What is wrong with the configuration, or an end that was asked for, is told as that. */
  private static StetException ofScratch(StetException e) {
    return switch (e.code()) {
      case CONFIGURATION, INTERRUPTED -> e;
      default -> e.as(ErrorCode.SCRATCH);
    };
  }

  /** Finds or makes the server. */
  private static PostgresTrial open(
      RestoreContext context, Scratch scratch, PostgresPlace own, DatabaseDescription description) {
    // One operation tries all components of an environment, which may lie on one server.
    int number = (int) EnvironmentLock.key("component", own.component());
    String database = PREFIX + context.operation().id() + "_" + HexFormat.of().toHexDigits(number);
    Map<String, String> tablespaces = new HashMap<>();
    description.tablespaces().forEach(name -> tablespaces.put(name, "pg_default"));
    ScratchServer server = null;
    boolean done = false;
    try {
      ConnectionSettings settings;
      if (scratch.server() == null) {
        context.operation().progress().phase("making a scratch server for " + own.component());
        int major = description.server().major();
        server = ScratchServer.start(PostgresTools.findServer(own.tools(), major));
        settings = server.settings(database);
      } else if (scratch.server().equals(Scratch.SAME)) {
        settings = own.adminSettings().withDatabase(database);
        tablespaces.clear();
      } else {
        settings = ConnectionSettings.parse(scratch.server()).pinned().withDatabase(database);
      }
      PostgresPlace place =
          new PostgresPlace(
              own.component(), settings, null, own.tools(), new Renames(Map.of(), tablespaces));
      PostgresTrial trial =
          new PostgresTrial(context, server, place, Maintenance.open(settings, database));
      done = true;
      return trial;
    } catch (SQLException e) {
      throw ofScratch(
          PostgresErrors.failed("cannot ask the scratch server of " + own.component(), e));
    } catch (StetException e) {
      throw ofScratch(e);
    } finally {
      if (!done && server != null) {
        server.close();
      }
    }
  }

  /** Whoever restores into such a database holds a lock that dies with it. */
  private void dropLeftovers() throws SQLException {
    Session session = maintenance.session();
    for (Maintenance.Entry entry : maintenance.all()) {
      if (entry.name().matches(PREFIX + "[0-9a-f]{8}_[0-9a-f]{8}")
          && (entry.isMarked() || entry.isNewborn())
          && lock(session, entry.name())) {
        context
            .operation()
            .progress()
            .detail("dropping " + entry.name() + ", left by a trial that was killed");
        PostgresTarget.drop(maintenance, entry);
      }
    }
    for (Map.Entry<String, String> role : RoleCreation.leftovers(session).entrySet()) {
      if (lock(session, role.getValue())) {
        RoleCreation.dropUnlessUsed(session, role.getKey());
      }
    }
    lock(session, place.database());
  }

  private static boolean lock(Session session, String name) throws SQLException {
    long key = EnvironmentLock.key("scratch", name);
    return "t".equals(session.value("SELECT pg_catalog.pg_try_advisory_lock(?)", key));
  }

  private void compare(DatabaseDescription description, CapturedFiles files) throws SQLException {
    levels.add(
        new Level(
            "transport",
            true,
            "every blob by its hash, every program by its end"
                + (StagingVerifier.hashedAsBits(context.manifest())
                    ? ""
                    : ", every segment in its place")));
    levels.add(
        new Level("rows", true, "the rows of " + count(description.tables().size(), "table")));
    levels.add(
        new Level(
            "content",
            true,
            "a hash of all rows of each table, "
                + count(description.sequences().size(), "sequence")
                + ", "
                + count(description.largeObjects().size(), "large object")));
    try (Session session = Session.open(settings)) {
      context.operation().progress().phase("comparing definitions of " + place.component());
      requireValidIndexes(session);
      levels.add(compareDefinitions(session, description, files));
      context.operation().progress().phase("checking pages of " + place.component());
      checkPages(session);
      levels.add(pages.level());
    }
    levels.add(
        server == null
            ? new Level("durability", true, "all was flushed to the server's disk")
            : new Level("durability", false, "a scratch server does not wait for its disk"));
  }

  private static String count(long n, String what) {
    return n + " " + what + (n == 1 ? "" : "s");
  }

  private void requireValidIndexes(Session session) throws SQLException {
    for (String index :
        session.rows(
            "SELECT i.indexrelid::pg_catalog.regclass::text FROM pg_catalog.pg_index i"
                + " JOIN pg_catalog.pg_class c ON c.oid = i.indrelid"
                + " WHERE NOT i.indisvalid AND c.relkind IN ('r', 'm', 't')",
            row -> row.getString(1))) {
      differences.add("index " + index + " is not valid");
    }
  }

  /**
   * Dumps the definitions once more. Programs and servers of other versions may word them
   * otherwise, so then only the objects are counted, which the restore has done, and which proves
   * too little.
   */
  private Level compareDefinitions(
      Session session, DatabaseDescription description, CapturedFiles files) {
    int captured = description.server().major();
    int restored = Session.major(session.version());
    DumpArchive before =
        DumpArchive.read(
            place.component() + "/" + CapturedFiles.SCHEMA,
            files.read(files.require(CapturedFiles.SCHEMA)));
    PostgresTools tools = PostgresTools.find(place.tools(), restored);
    if (captured != restored || !before.dumpVersion().matches(tools.major() + "([^0-9].*)?")) {
      return new Level(
          "objects",
          false,
          "only the number of objects of each class was compared, not each definition: they were"
              + " dumped from server "
              + captured
              + " by pg_dump "
              + before.dumpVersion()
              + ", and are on server "
              + restored
              + " with pg_dump "
              + tools.major());
    }
    DumpArchive after =
        DefinitionTexts.dump(settings, tools, description.database().encoding(), privateFiles);
    compare(
        DefinitionTexts.of(before, place.renames()), DefinitionTexts.of(after, place.renames()));
    return new Level(
        "objects", true, count(before.entries().size(), "definition") + ", word by word");
  }

  private void compare(Map<String, List<String>> before, Map<String, List<String>> after) {
    before.forEach((name, texts) -> {
      List<String> others = after.remove(name);
      if (others == null) {
        differences.add(name + " is missing");
      } else if (!texts.equals(others)) {
        List<String> lost = new ArrayList<>(texts);
        lost.removeAll(others);
        List<String> other = new ArrayList<>(others);
        other.removeAll(texts);
        differences.add(name + " differs: captured " + brief(lost) + ", restored " + brief(other));
      }
    });
    after.keySet().forEach(name -> differences.add(name + " was not captured"));
  }

  private static String brief(List<String> texts) {
    String line = String.join("; ", texts).replaceAll("\\s+", " ").strip();
    return line.isEmpty()
        ? "none"
        : line.length() <= LONGEST_SHOWN ? line : line.substring(0, LONGEST_SHOWN) + "…";
  }

  /** Checks the pages of everything that was not checked while it was restored. */
  private void checkPages(Session session) throws SQLException {
    if (!pages.begin(session)) {
      return;
    }
    pages.addAll(session);
    List<Parallel.Task> tasks = new ArrayList<>();
    for (int i = 1; i <= context.operation().workers(); i++) {
      tasks.add(new Parallel.Task("checker-" + i, this::checkPages));
    }
    try {
      Parallel.run(tasks, () -> {});
    } catch (SQLException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new StetException(
          ErrorCode.FAILED, "checking the pages failed: " + e.getMessage(), null, e);
    }
  }

  private void checkPages() throws SQLException {
    try (Session session = Session.open(settings)) {
      do {
        context.operation().checkStop();
      } while (pages.work(session));
    }
  }

  @Override
  public List<Level> levels() {
    return List.copyOf(levels);
  }

  @Override
  public List<String> differences() {
    return Stream.concat(differences.stream(), pages.differences().stream()).sorted().toList();
  }

  @Override
  public boolean hasTables() {
    return true;
  }

  @Override
  public Evaluation evaluate(List<Rule> rules) {
    return ask(
        "cannot evaluate the rules in scratch",
        session ->
            RuleQueries.evaluateAtOneMoment(session, SearchPath.of(context.manifest()), rules));
  }

  @Override
  public @Nullable String query(String sql) {
    return ask(
        "the query fails",
        session -> {
          SearchPath.of(context.manifest()).use(session);
          return session.value(sql);
        });
  }

  @FunctionalInterface
  private interface Question<T extends @Nullable Object> {
    T ask(Session session) throws SQLException;
  }

  /** Asks what was restored; {@code SCRATCH} tells that the server could not answer. */
  private <T extends @Nullable Object> T ask(String what, Question<T> question) {
    try (Session session = Session.open(settings)) {
      return question.ask(session);
    } catch (SQLException e) {
      throw orTrouble(PostgresErrors.failed(what, e));
    } catch (StetException e) {
      throw orTrouble(e);
    }
  }

  private static StetException orTrouble(StetException e) {
    return e.code() != ErrorCode.INTERRUPTED && PostgresErrors.isTrouble(e)
        ? new StetException(ErrorCode.SCRATCH, e.getMessage(), e.hint(), e)
        : e;
  }

  @Override
  public Map<String, String> variables() {
    return settings.childEnvironment(privateFiles);
  }

  @Override
  public void close() {
    try (PrivateFiles _ = privateFiles;
        Maintenance _ = maintenance) {
      if (server == null) {
        Maintenance.Entry entry = maintenance.named(place.database());
        if (entry != null && (entry.isMarked() || entry.isNewborn())) {
          PostgresTarget.drop(maintenance, entry);
        }
        staging.dropRoles(maintenance.session());
      }
    } catch (SQLException e) {
      context
          .operation()
          .progress()
          .warn("database \"" + place.database() + "\" could not be removed: " + e.getMessage());
    } finally {
      if (server != null) {
        server.close();
      }
    }
  }
}
