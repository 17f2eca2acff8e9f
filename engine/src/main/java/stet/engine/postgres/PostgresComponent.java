package stet.engine.postgres;

import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.InPlace;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Trial;
import stet.engine.postgres.archive.DefinitionTexts;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.capture.DatabaseCapture;
import stet.engine.postgres.capture.SourceCheck;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.inplace.InPlaceRestore;
import stet.engine.postgres.restore.EnvironmentLock;
import stet.engine.postgres.restore.Maintenance;
import stet.engine.postgres.restore.PostgresPlace;
import stet.engine.postgres.restore.PostgresTarget;
import stet.engine.postgres.restore.PostgresTrial;
import stet.engine.postgres.restore.TableRestore;
import stet.engine.postgres.rules.RuleQueries;
import stet.engine.postgres.rules.SearchPath;
import stet.engine.process.PrivateFiles;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;

/** A PostgreSQL database. */
final class PostgresComponent implements Component {
  /** How long a restore in place waits for each lock. */
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(10);

  private final String name;
  private final ConnectionSettings settings;
  private final @Nullable ConnectionSettings admin;
  private final @Nullable Path tools;
  private final Renames renames;
  private final Duration fullInterval;

  PostgresComponent(
      String name,
      ConnectionSettings settings,
      @Nullable ConnectionSettings admin,
      @Nullable Path tools,
      Renames renames) {
    this(name, settings, admin, tools, renames, DatabaseCapture.FULL_INTERVAL);
  }

  PostgresComponent(
      String name,
      ConnectionSettings settings,
      @Nullable ConnectionSettings admin,
      @Nullable Path tools,
      Renames renames,
      Duration fullInterval) {
    this.fullInterval = fullInterval;
    this.name = name;
    this.settings = settings;
    this.admin = admin;
    this.tools = tools;
    this.renames = renames;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String kind() {
    return "postgres";
  }

  @Override
  public void check(Operation operation) {
    ConnectionSettings pinned = settings.pinned();
    try (Session session = Session.open(pinned)) {
      PostgresTools.find(tools, Session.major(session.version()));
      new SourceCheck(session, pinned, operation).run();
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot check " + pinned.describe(), e);
    }
  }

  /**
   * A session that gives up waiting for a lock. Whoever waits for one may stand behind somebody who
   * waits for one of ours, which no server knows to be a deadlock.
   */
  private Session openToAsk() throws SQLException {
    Session session = Session.open(settings.pinned());
    session.execute("SET lock_timeout = " + DatabaseCapture.PATIENCE.toMillis());
    return session;
  }

  @Override
  public void checkRules(List<Rule> rules) {
    try (Session session = openToAsk()) {
      new RuleQueries(session, SearchPath.OWN).check(rules);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot check the rules about " + settings.describe(), e);
    }
  }

  @Override
  public Evaluation evaluate(List<Rule> rules) {
    try (Session session = openToAsk()) {
      return RuleQueries.evaluateAtOneMoment(session, SearchPath.OWN, rules);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot evaluate the rules in " + settings.describe(), e);
    }
  }

  @Override
  public Map<String, String> definitions() {
    ConnectionSettings pinned = settings.pinned();
    try (Session session = Session.open(pinned);
        PrivateFiles files = PrivateFiles.create()) {
      Map<String, String> texts =
          DefinitionTexts.joined(
              DefinitionTexts.of(
                  DefinitionTexts.dump(
                      pinned,
                      PostgresTools.find(tools, Session.major(session.version())),
                      String.valueOf(session.value("SHOW server_encoding")),
                      files),
                  Renames.NONE));
      texts.putAll(DatabaseTexts.live(session));
      return texts;
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot read the definitions of " + pinned.describe(), e);
    }
  }

  @Override
  public Captured capture(CaptureContext context) {
    return new DatabaseCapture(
            settings, tools, name, fullInterval, DatabaseCapture.PATIENCE, DatabaseCapture.CONTROL)
        .capture(context);
  }

  @Override
  public Held lock(String app, String environment) {
    return EnvironmentLock.acquire(settings, app, environment);
  }

  @Override
  public RestoredTable restoreTable(RestoreContext context, TableWish wish) {
    return new TableRestore(settings.pinned(), name, context).run(wish);
  }

  @Override
  public Trial trial(RestoreContext context, Scratch scratch) {
    return PostgresTrial.run(
        context, scratch, new PostgresPlace(name, settings.pinned(), admin, tools, renames));
  }

  @Override
  public Target target(Operation operation) {
    // The database need not exist yet, so the server is found through another one.
    ConnectionSettings pinned = settings.pinned();
    return new PostgresTarget(
        new PostgresPlace(
            name, pinned, admin == null ? null : sameServer(pinned, admin), tools, renames));
  }

  @Override
  public boolean canBeInPlace() {
    return true;
  }

  @Override
  public InPlace inPlace(RestoreContext context) {
    return new InPlaceRestore(
        new PostgresPlace(name, settings.pinned(), null, tools, renames), context, LOCK_PATIENCE);
  }

  @Override
  public InPlace.Outcome outcome(String transaction) {
    try (Session session = Session.open(settings.pinned())) {
      return InPlaceRestore.outcome(session, transaction);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot ask " + settings.describe() + " for a transaction", e);
    }
  }

  /** A mistake here would create databases on one server and rename them on another. */
  private static ConnectionSettings sameServer(
      ConnectionSettings settings, ConnectionSettings admin) {
    ConnectionSettings pinned = admin.pinned();
    String started = "SELECT pg_catalog.pg_postmaster_start_time()";
    try (Maintenance one = Maintenance.open(settings, settings.database());
        Maintenance other = Maintenance.open(pinned, settings.database())) {
      String first = one.session().value(started);
      String second = other.session().value(started);
      if (first == null || !first.equals(second)) {
        throw new StetException(
            ErrorCode.CONFIGURATION,
            "admin_url reaches another server ("
                + pinned.describeServer()
                + ") than url ("
                + settings.describeServer()
                + ")",
            "Both must name the same server.");
      }
      return pinned;
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot compare the servers of url and admin_url", e);
    }
  }
}
