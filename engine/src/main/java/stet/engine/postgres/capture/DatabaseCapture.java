package stet.engine.postgres.capture;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.CatalogReader;
import stet.engine.postgres.catalog.CatalogReader.LargeObjectProperties;
import stet.engine.postgres.catalog.CatalogReader.Position;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.Server;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.ObjectCounts;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.rows.FloatShapes;
import stet.engine.postgres.rows.Parallel;
import stet.engine.postgres.rules.SearchPath;
import stet.engine.rules.Evaluation;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.RepositoryException;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/**
 * Captures one database whole, as of one moment: definitions through pg_dump, rows, sequences and
 * large objects by itself.
 *
 * <p>The component's directory then holds what {@link CapturedFiles} names: the definitions, the
 * server's roles, the {@link DatabaseDescription}, the script that loads it all, the rows of every
 * table ({@link stet.engine.postgres.rows.SegmentGeometry}), and large objects, a file by OID for
 * each. The last two are left out if there is nothing in them.
 */
public final class DatabaseCapture {
  /** After which time everything is read unless the configuration says otherwise. */
  public static final Duration FULL_INTERVAL = Duration.ofDays(30);

  /** How long to wait for each lock. */
  public static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Which part of what counts as unchanged is read nevertheless, from 0 to 1. */
  public static final double CONTROL = 0.01;

  /** How often a capture is begun before changes of definitions make it give up. */
  private static final int MOST_CHANGES = 2;

  /** The same for a standby's conflicts with recovery, which come by chance. */
  private static final int MOST_CONFLICTS = 5;

  private final ConnectionSettings settings;
  private final @Nullable Path toolsDirectory;
  private final String name;
  private final Duration fullInterval;
  private final Duration patience;
  private final double control;

  /**
   * Prepares a capture.
   *
   * @param settings the way to the database
   * @param toolsDirectory the configured directory of pg_dump, or null
   * @param name the component's name
   */
  public DatabaseCapture(ConnectionSettings settings, @Nullable Path toolsDirectory, String name) {
    this(settings, toolsDirectory, name, PATIENCE);
  }

  DatabaseCapture(
      ConnectionSettings settings, @Nullable Path toolsDirectory, String name, Duration patience) {
    this(settings, toolsDirectory, name, FULL_INTERVAL, patience, CONTROL);
  }

  /**
   * Prepares a capture.
   *
   * @param fullInterval after which time everything is read, whether or not it has changed
   * @param patience how long to wait for each lock
   * @param control the part of what counts as unchanged that is read nevertheless, and compared
   */
  public DatabaseCapture(
      ConnectionSettings settings,
      @Nullable Path toolsDirectory,
      String name,
      Duration fullInterval,
      Duration patience,
      double control) {
    this.settings = settings;
    this.toolsDirectory = toolsDirectory;
    this.name = name;
    this.fullInterval = fullInterval;
    this.patience = patience;
    this.control = control;
  }

  /**
   * Captures the database.
   *
   * @throws StetException if anything could not be read; nothing then refers to what was saved
   */
  public Captured capture(CaptureContext context) {
    ConnectionSettings pinned = settings.pinned();
    try {
      int changes = 0;
      int conflicts = 0;
      String refuted = null;
      while (true) {
        try {
          return attempt(pinned, context, refuted);
        } catch (ReuseRefutedException e) {
          context.operation().progress().warn(e.getMessage() + "; everything is read again");
          refuted = "rows had changed that should not have";
        } catch (SourceChangedException e) {
          boolean last =
              e.isByRecovery() ? ++conflicts == MOST_CONFLICTS : ++changes == MOST_CHANGES;
          if (last) {
            throw e.asFailure();
          }
          context.operation().progress().detail("starting again: " + e.getMessage());
        }
      }
    } catch (RepositoryException e) {
      throw StetException.of(e);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot read " + pinned.describe(), e);
    }
  }

  private Captured attempt(
      ConnectionSettings pinned, CaptureContext context, @Nullable String refuted)
      throws SQLException, SourceChangedException {
    try (SnapshotHolder holder = SnapshotHolder.take(pinned, patience, context.operation())) {
      try {
        return read(pinned, context, holder, refuted);
      } catch (SQLException | StetException e) {
        SourceChangedException conflict = holder.endedByRecovery(e);
        if (conflict != null) {
          throw conflict;
        }
        throw e;
      }
    }
  }

  private Captured read(
      ConnectionSettings pinned,
      CaptureContext context,
      SnapshotHolder holder,
      @Nullable String refuted)
      throws SQLException, SourceChangedException {
    AtomicReference<Evaluation> evaluation = new AtomicReference<>(Evaluation.NONE);
    boolean done = false;
    try {
      Captured captured = read(pinned, context, holder, refuted, evaluation);
      done = true;
      return captured;
    } finally {
      if (!done) {
        evaluation.get().close();
      }
    }
  }

  private Captured read(
      ConnectionSettings pinned,
      CaptureContext context,
      SnapshotHolder holder,
      @Nullable String refuted,
      AtomicReference<Evaluation> evaluation)
      throws SQLException, SourceChangedException {
    Operation operation = context.operation();
    BlobSink sink = context.sink();
    Instant time = Instant.now();
    operation.progress().phase("reading " + name);
    CatalogReader catalog = new CatalogReader(holder.session());
    Server server = catalog.server();
    Database database = catalog.database();
    List<String> searchPath = SearchPath.read(holder.session());
    FileBlobs files = new FileBlobs(sink, context.polynomial(), time);
    PostgresTools tools = PostgresTools.find(toolsDirectory, server.major());
    SchemaDump dump = new SchemaDump(pinned, tools, files, operation.progress());
    AtomicReference<Node> schema = new AtomicReference<>();
    AtomicReference<Node> roles = new AtomicReference<>();
    AtomicReference<@Nullable Reading> begun = new AtomicReference<>();
    List<Parallel.Task> tasks = new ArrayList<>();
    tasks.add(
        new Parallel.Task(
            "definitions",
            () -> {
              schema.set(
                  dump.definitions(
                      CapturedFiles.SCHEMA, holder.snapshot(), database.encoding(), patience));
              roles.set(dump.globals(CapturedFiles.ROLES));
            }));
    tasks.add(
        new Parallel.Task(
            "rows",
            () -> {
              Reading reading =
                  plan(pinned, context, holder, catalog, server, database, time, refuted);
              begun.set(reading);
              reading.increment().tell(name, operation.progress());
              Parallel.run(reading.rows().workers(), reading.rows()::abort);
            }));
    RuleReader rules = new RuleReader(pinned, holder, patience);
    if (!context.rules().isEmpty()) {
      tasks.add(new Parallel.Task("rules", () -> evaluation.set(rules.evaluate(context.rules()))));
    }
    run(
        tasks,
        () -> {
          rules.abort();
          Reading reading = begun.get();
          if (reading != null) {
            reading.rows().abort();
          }
        });
    Reading reading = Objects.requireNonNull(begun.get());
    DataReader reader = reading.rows();
    holder.verifyUnchanged();
    JsonObject base = reading.increment().asBase(holder, time, operation);

    DatabaseDescription description =
        new DatabaseDescription(
            server,
            database,
            catalog.roles(),
            catalog.tablespaces(),
            catalog.extensions(),
            reader.tables().stream().map(work -> work.readable().table()).toList(),
            reading.sequences(),
            largeObjects(reading.largeObjects(), reader.largeObjects()),
            ObjectCounts.read(holder.session().connection()));
    List<Node> entries = new ArrayList<>();
    entries.add(Objects.requireNonNull(schema.get()));
    entries.add(Objects.requireNonNull(roles.get()));
    entries.add(
        files.save(
            CapturedFiles.DESCRIPTION,
            (description.toJson().toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8)));
    addData(entries, reader, sink, time);
    Map<Table, List<String>> copyFiles = copyFiles(reader);
    entries.add(files.save(CapturedFiles.LOAD, LoadScript.write(description, copyFiles)));
    entries.sort(Tree.BY_NAME);
    Node node = Node.directory(name, time, sink.save(BlobType.TREE, Tree.encode(entries)));
    return new Captured(
        node,
        manifest(
            description,
            searchPath,
            reading.position(),
            reader,
            context.hashKey(),
            reading.increment(),
            base),
        evaluation.get());
  }

  /** What is read, as it was planned. */
  private record Reading(
      Position position,
      Map<Long, LargeObjectProperties> largeObjects,
      List<DatabaseDescription.Sequence> sequences,
      Increment increment,
      DataReader rows) {}

  /** Finds out what there is to read, in the session that exported the snapshot. */
  private Reading plan(
      ConnectionSettings pinned,
      CaptureContext context,
      SnapshotHolder holder,
      CatalogReader catalog,
      Server server,
      Database database,
      Instant time,
      @Nullable String refuted)
      throws SQLException, SourceChangedException {
    Operation operation = context.operation();
    Position position = catalog.position();
    Map<Long, LargeObjectProperties> objects = catalog.largeObjectProperties();
    List<DatabaseDescription.Sequence> sequences = sequences(pinned, catalog);
    for (String sequence : catalog.unreadableSequences()) {
      operation
          .progress()
          .warn(
              "sequence "
                  + sequence
                  + " is unlogged: a standby server does not have its value, so it is captured as"
                  + " new");
    }
    Map<Long, CatalogReader.Size> sizes = holder.sizes();
    List<CatalogReader.ReadableTable> readables =
        withoutUnreadable(catalog.readables(sizes), position, operation);
    int blockSize = catalog.blockSize();
    Increment increment =
        Increment.plan(
            context,
            pinned,
            holder,
            server,
            position,
            readables,
            sizes,
            blockSize,
            fullInterval,
            refuted);
    DataReader reader =
        new DataReader(
            pinned,
            holder,
            operation,
            context.sink(),
            context.hashKey(),
            time,
            database.encoding(),
            blockSize,
            catalog.sharedBuffers(),
            readables,
            List.copyOf(objects.keySet()),
            catalog.largeObjectBytes(),
            increment.reuse(control));
    return new Reading(position, objects, sequences, increment, reader);
  }

  private static List<DatabaseDescription.Sequence> sequences(
      ConnectionSettings pinned, CatalogReader catalog)
      throws SQLException, SourceChangedException {
    try {
      return catalog.sequences();
    } catch (SQLException e) {
      throw SnapshotHolder.failure(pinned, "cannot read the sequences of " + pinned.describe(), e);
    }
  }

  /** On a standby unlogged tables have no rows, and reading them is an error. */
  private static List<CatalogReader.ReadableTable> withoutUnreadable(
      List<CatalogReader.ReadableTable> readables, Position position, Operation operation) {
    if (!position.standby()) {
      return readables;
    }
    List<CatalogReader.ReadableTable> result = new ArrayList<>();
    for (CatalogReader.ReadableTable readable : readables) {
      if (readable.table().unlogged()) {
        operation
            .progress()
            .warn(
                "table "
                    + readable.table().quoted()
                    + " is unlogged: a standby server has none of its rows");
        result.add(readable.withoutRows());
      } else {
        result.add(readable);
      }
    }
    return result;
  }

  private static void run(List<Parallel.Task> tasks, Runnable stop)
      throws SQLException, SourceChangedException {
    try {
      Parallel.run(tasks, stop);
    } catch (SQLException | SourceChangedException | RuntimeException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    } catch (Exception e) {
      throw new StetException(
          ErrorCode.FAILED, "reading the database failed: " + e.getMessage(), null, e);
    }
  }

  private static List<LargeObject> largeObjects(
      Map<Long, LargeObjectProperties> properties, LargeObjectReader reader) {
    List<LargeObject> objects = new ArrayList<>();
    properties.forEach((oid, known) -> {
      LargeObjectReader.Content content =
          Objects.requireNonNull(reader.contents().get(oid), "every large object was read");
      objects.add(
          new LargeObject(
              oid,
              known.owner(),
              known.acl(),
              known.comment(),
              known.labels(),
              content.size(),
              content.hash()));
    });
    return objects;
  }

  /** Adds rows and large objects. */
  private static void addData(List<Node> entries, DataReader reader, BlobSink sink, Instant time) {
    List<Node> directories = new ArrayList<>();
    for (DataReader.TableWork work : reader.tables()) {
      Table table = work.readable().table();
      Node directory =
          work.tree().finish(table.directory().substring(CapturedFiles.DATA.length() + 1));
      if (directory != null) {
        directories.add(directory);
      }
    }
    if (!directories.isEmpty()) {
      directories.sort(Tree.BY_NAME);
      entries.add(
          Node.directory(
              CapturedFiles.DATA, time, sink.save(BlobType.TREE, Tree.encode(directories))));
    }
    Node objects = reader.largeObjects().finish(CapturedFiles.LARGE_OBJECTS);
    if (objects != null) {
      entries.add(objects);
    }
  }

  private static Map<Table, List<String>> copyFiles(DataReader reader) {
    Map<Table, List<String>> files = new LinkedHashMap<>();
    for (DataReader.TableWork work : reader.tables()) {
      Table table = work.readable().table();
      files.put(
          table,
          work.tree().copyFiles().stream().map(file -> table.directory() + "/" + file).toList());
    }
    return files;
  }

  private static JsonObject manifest(
      DatabaseDescription description,
      List<String> searchPath,
      Position position,
      DataReader reader,
      RowHash.Key key,
      Increment increment,
      @Nullable JsonObject base) {
    List<JsonObject> tables = new ArrayList<>();
    long bytes = 0;
    long blocks = 0;
    for (DataReader.TableWork work : reader.tables()) {
      Table table = work.readable().table();
      bytes += work.tree().bytes();
      blocks += work.readable().blocks();
      JsonObject entry =
          new JsonObject()
              .put("schema", table.schema())
              .put("name", table.name())
              .put("directory", table.directory())
              .put("rows", work.tree().rows())
              .put("bytes", work.tree().bytes())
              .put("hash", work.tree().hash())
              .put("blocks", work.readable().blocks());
      increment.describe(work, base != null, entry);
      tables.add(entry);
    }
    long objectBytes = description.largeObjects().stream().mapToLong(LargeObject::size).sum();
    return new JsonObject()
        .put("kind", "postgres")
        .put("server_version", description.server().version())
        .put("server_version_text", description.server().versionText())
        .putIfPresent("system_identifier", description.server().systemIdentifier())
        .put("database", description.database().name())
        .put("encoding", description.database().encoding())
        .put(SearchPath.MANIFEST_KEY, searchPath)
        .put(
            "snapshot",
            new JsonObject()
                .put("xmin", position.xmin())
                .put("lsn", position.lsn())
                .putIfPresent("timeline", position.timeline())
                .put("standby", position.standby()))
        .putIfPresent(CaptureBase.KEY, base)
        .put("tables", tables)
        .put("sequences", description.sequences().size())
        .put(
            "large_objects",
            new JsonObject()
                .put("count", description.largeObjects().size())
                .put("bytes", objectBytes)
                .put("hash", LargeObjectReader.hash(description.largeObjects(), key)))
        .put("bytes", bytes + objectBytes)
        .put("blocks", blocks)
        .putIfPresent(
            FloatShapes.MANIFEST_KEY,
            description.server().version() < FloatShapes.SHORTEST_SINCE ? FloatShapes.BITS : null);
  }
}
