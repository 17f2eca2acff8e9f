package stet.cli.demo;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import stet.cli.demo.Evidence.Comparison;
import stet.cli.output.Output;
import stet.cli.output.Output.Level;
import stet.cli.output.Table;
import stet.cli.output.Terminal;
import stet.cli.session.CommandLines;
import stet.cli.session.Session;
import stet.cli.session.Session.Surroundings;
import stet.cli.session.Signals.Registration;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.StetException;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.process.ServerData;
import stet.repository.json.JsonObject;

/**
 * The demonstration: makes a web shop, backs it up, damages it, restores it and compares. Each step
 * that is Stet's runs the command that a user would type.
 */
public final class Demo {
  private static final String CONFIGURATION = "stet.yaml";
  private static final String MEDIA = "media";
  private static final String CLIENT = "pg";
  private static final String SERVICE_FILE = "pg_service.conf";
  private static final String SERVICE = "shop";
  private static final String REPOSITORY = "repository";
  private static final String DOWNLOADS = "downloads";

  private final Session session;
  private final CommandLines commands;
  private final Path wanted;
  private final Output output;
  private final Story story;

  /**
   * A demo that nothing was done of yet.
   *
   * @param commands runs the steps
   * @param directory an absolute path
   */
  public Demo(Session session, CommandLines commands, Path directory) {
    this.session = session;
    this.commands = commands;
    this.wanted = directory;
    this.output = session.output();
    this.story = new Story(output);
  }

  /**
   * Runs it. Whatever the end, no process stays behind.
   *
   * @throws StetException if a step fails, or with {@code VERIFICATION_FAILED} if what was restored
   *     differs
   */
  public void run() throws Exception {
    if (!System.getProperty("sun.jnu.encoding", "").equals("UTF-8")) {
      throw new StetException(
          ErrorCode.FAILED,
          "the demo's files have names that the locale's encoding, "
              + System.getProperty("sun.jnu.encoding")
              + ", cannot hold",
          "Set LC_ALL=C.UTF-8.");
    }
    PostgresTools tools = PostgresTools.find(null, ServerPrograms.oldestMajor());
    ServerPrograms programs = ServerPrograms.readableBy(tools.major());
    try (DemoDirectory demo = DemoDirectory.claim(wanted)) {
      output.message(
          "Stet puts back what was there. This demo shows it in " + shown(demo, "") + ".");
      try (DemoServer server = startServer(demo, tools, programs)) {
        run(demo, programs, server);
      }
    } catch (IOException e) {
      throw DemoDirectory.failed("the demo failed", e);
    }
  }

  private DemoServer startServer(DemoDirectory demo, PostgresTools tools, ServerPrograms programs)
      throws IOException {
    story.step("A PostgreSQL server of its own");
    Path jar = programs.fetch(demo.resolve(DOWNLOADS), session.variables());
    DemoServer server = DemoServer.create(demo, programs, jar);
    try {
      writeConfiguration(demo, server, tools);
      server.start();
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
    story.tell(
        "PostgreSQL "
            + programs.version().replaceFirst("\\.0$", "")
            + " from Maven Central, for the pg_dump "
            + tools.major()
            + " in "
            + tools.directory()
            + ";\nit listens on 127.0.0.1:"
            + server.port());
    return server;
  }

  private static void writeConfiguration(
      DemoDirectory demo, DemoServer server, PostgresTools tools) {
    demo.writePrivate("password", ServerData.newPassword() + "\n");
    demo.writePrivate("database-url", server.url() + "\n");
    demo.writePrivate(SERVICE_FILE, server.service(SERVICE));
    demo.write(
        CONFIGURATION,
        """
        version: 1
        app: shop
        repository:
          location: repository
          password_file: password
        environments:
          demo:
            state:
              - postgres: default
                url_file: database-url
              - files: media
                path: media
        """);
    demo.writeProgram(
        CLIENT,
        """
        #!/bin/sh
        # Runs a client program of PostgreSQL on the shop's database: pg psql, pg pg_dump
        here=$(CDPATH='' cd "$(dirname "$0")" && pwd -P)
        export PATH=%s:"$PATH" PGSERVICEFILE="$here/%s" PGSERVICE=%s PGCLIENTENCODING=UTF8
        unset PGOPTIONS PGPASSWORD PGPASSFILE PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE
        exec "$@"
        """
            .formatted(
                Shell.quote(tools.directory().toAbsolutePath().toString()), SERVICE_FILE, SERVICE));
  }

  private void run(DemoDirectory demo, ServerPrograms programs, DemoServer server)
      throws Exception {
    Path media = demo.resolve(MEDIA);
    Path client = demo.resolve(CLIENT);

    story.step("A web shop: a database and media files");
    Evidence before;
    long databaseBytes;
    try (Link link = new Link(server)) {
      Shop.fill(link.connection, Media.fill(media));
      before = Evidence.take(link.connection, client, media);
      databaseBytes = Shop.size(link.connection);
    }
    story.tell(
        Story.number(before.rows())
            + " rows in "
            + before.tables().size()
            + " tables, "
            + before.largeObjects().size()
            + " large objects: "
            + Human.size(databaseBytes)
            + ";\n"
            + before.files().size()
            + " files, links and directories: "
            + Human.size(before.fileBytes())
            + ";\n"
            + before.documents()
            + " rows name a file with its SHA-256, and "
            + before.intactDocuments()
            + " of these files are as recorded");

    story.step("A repository, encrypted, for its snapshots");
    stet(demo, "init");
    story.step("A backup of database and files, as one snapshot");
    stet(demo, "backup");

    story.step("A disaster");
    Evidence damaged;
    try (Link link = new Link(server)) {
      Damage.run(link.connection, media);
      Damage.description().forEach(line -> story.tell("- " + line));
      damaged = Evidence.take(link.connection, client, media);
    }
    List<Comparison> damage = before.compare(damaged);
    show(damage);

    story.step("The restore, all at once or not at all");
    stet(demo, "restore", "--replace");

    story.step("The proof, without Stet: pg_dump, SQL and sha256 now and before the disaster");
    Evidence restored;
    try (Link link = new Link(server)) {
      restored = Evidence.take(link.connection, client, media);
    }
    List<Comparison> comparison = before.compare(restored);
    show(comparison);
    story.tell(
        restored.intactDocuments()
            + " of "
            + restored.documents()
            + " files named by rows are as recorded");
    List<String> differences = comparison.stream().flatMap(c -> c.different().stream()).toList();
    if (!differences.isEmpty() || restored.intactDocuments() != before.intactDocuments()) {
      throw new StetException(
          ErrorCode.VERIFICATION_FAILED,
          "the restored shop differs from what was captured in "
              + String.join(", ", differences.subList(0, Math.min(10, differences.size()))),
          "This is a fault in stet. Please report it; all that was made is in " + wanted + ".");
    }

    story.step("The repository, every byte of it");
    stet(demo, "check", "--read-data");

    story.step("The server stops");
    server.close();
    story.end();
    List<ByHand.Part> parts = byHand(demo, server, before);
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("directory", demo.path().toString())
              .put(
                  "server",
                  new JsonObject()
                      .put("artifact", programs.coordinates())
                      .put("port", server.port()))
              .put(
                  "shop",
                  new JsonObject()
                      .put("rows", before.rows())
                      .put("tables", before.tables().size())
                      .put("large_objects", before.largeObjects().size())
                      .put("database_bytes", databaseBytes)
                      .put("files", before.files().size())
                      .put("file_bytes", before.fileBytes()))
              .put("damage", documents(damage))
              .put("after_restore", documents(comparison))
              .put("equal", true)
              .put("steps", story.steps())
              .put("commands", parts.stream().flatMap(part -> part.commands().stream()).toList())
              .put("total_duration", Story.seconds(story.sinceBegin().toNanos())));
      return;
    }
    output.message(
        "\nEverything is back: rows and files are equal to what was there. It took "
            + Human.duration(story.sinceBegin())
            + ", and nothing is running any more."
            + "\nEach step can be repeated by hand:\n");
    for (ByHand.Part part : parts) {
      output.print("# " + part.title());
      part.commands().forEach(output::print);
    }
  }

  /** A connection that a signal ends. */
  private final class Link implements AutoCloseable {
    private final Connection connection;
    private final Registration registration;

    Link(DemoServer server) throws SQLException {
      connection = server.connect();
      registration = session.signals().onStop(this::abort);
    }

    private void abort() {
      try {
        connection.abort(Runnable::run);
      } catch (SQLException e) {
        output.detail("cannot end a connection: " + e.getMessage());
      }
    }

    @Override
    public void close() throws SQLException {
      registration.close();
      connection.close();
    }
  }

  private void show(List<Comparison> comparisons) {
    Table table =
        new Table(
            Table.Column.text("COMPARED"), Table.Column.number("BEFORE"), Table.Column.text("NOW"));
    for (Comparison comparison : comparisons) {
      int count = comparison.different().size();
      table.row(
          comparison.name(),
          Story.number(comparison.compared()),
          count == 0 ? "equal" : (comparison.countsDifferences() ? count + " " : "") + "different");
    }
    table.lines().forEach(story::tell);
  }

  private static List<JsonObject> documents(List<Comparison> comparisons) {
    return comparisons.stream()
        .map(comparison ->
            new JsonObject()
                .put("compared", comparison.name())
                .put("things", comparison.compared())
                .put("different", comparison.different()))
        .toList();
  }

  /** Runs one of Stet's commands as a user would. */
  private void stet(DemoDirectory demo, String... verb) throws Exception {
    story.command(stetLine(demo, verb));
    List<String> arguments = new ArrayList<>(List.of("-c", demo.resolve(CONFIGURATION).toString()));
    if (output.json()) {
      arguments.add("--json");
    } else if (output.level() == Level.QUIET) {
      arguments.add("-q");
    } else if (output.level() == Level.VERBOSE) {
      arguments.add("-v");
    }
    arguments.addAll(List.of(verb));
    ByteArrayOutputStream documents = new ByteArrayOutputStream();
    OutputStream lines = story.lines();
    Surroundings surroundings =
        new Surroundings(
            ownVariables(),
            session.workingDirectory(),
            InputStream.nullInputStream(),
            output.json() ? documents : lines,
            output.json() ? OutputStream.nullOutputStream() : lines,
            new Terminal(false, false, false, false));
    int status = commands.run(session.within(surroundings), arguments.toArray(String[]::new));
    if (status != 0) {
      throw new StetException(
          ErrorCode.FAILED,
          "`" + stetLine(demo, verb) + "` ended with status " + status,
          "This is a fault in stet. Please report it; all that was made is in " + wanted + ".");
    }
    if (output.json()) {
      documents
          .toString(StandardCharsets.UTF_8)
          .lines()
          .reduce((first, last) -> last)
          .ifPresent(line -> story.result(JsonObject.parse(line)));
    }
  }

  /** The environment variables without those that would lead a command to other places. */
  private Map<String, String> ownVariables() {
    Map<String, String> variables = new TreeMap<>(session.variables());
    variables.keySet().removeIf(Demo::leadsElsewhere);
    return variables;
  }

  private static boolean leadsElsewhere(String variable) {
    return variable.startsWith("STET_") || variable.startsWith("RESTIC_");
  }

  private List<ByHand.Part> byHand(DemoDirectory demo, DemoServer server, Evidence before) {
    ByHand parts = new ByHand();
    List<String> unset =
        session.variables().keySet().stream()
            .filter(Demo::leadsElsewhere)
            .filter(name -> !name.startsWith("STET_JAVA_"))
            .sorted()
            .toList();
    if (!unset.isEmpty()) {
      parts.add(
          "these variables would lead stet elsewhere",
          "unset " + unset.stream().map(Shell::quote).collect(Collectors.joining(" ")));
    }
    String client = shown(demo, CLIENT);
    List<String> compare =
        List.of(
            Shell.line(client, "pg_dump") + " | " + Evidence.DUMP_FILTER,
            "tar -c --sort=name -C " + Shell.quote(shown(demo, "")) + " media | sha256sum");
    parts.add("start the server", Shell.line(shown(demo, "start")));
    parts.add(
        "make a repository and a snapshot",
        Shell.line("rm", "-rf", shown(demo, REPOSITORY)),
        stetLine(demo, "init"),
        stetLine(demo, "backup"));
    parts.add(
        "look into it",
        stetLine(demo, "snapshots"),
        stetLine(demo, "ls", "-l", "latest", "/media/invoices/2024/01"));
    parts.add(
        "what is there now: the first line is " + before.dump().substring(0, 16) + "...", compare);
    parts.add("the disaster", Damage.commands(client, shown(demo, MEDIA)));
    parts.add("the damage shows", compare);
    parts.add("put it back", stetLine(demo, "restore", "--replace"));
    parts.add("as before", compare);
    parts.add(
        "back to the damage, and forth again",
        stetLine(demo, "rollback"),
        stetLine(demo, "rollback"),
        stetLine(demo, "previous", "list"));
    parts.add("read every byte of the repository", stetLine(demo, "check", "--read-data"));
    parts.add("stop the server", Shell.line(shown(demo, "stop")));
    String elsewhere =
        server.directory().startsWith(demo.path())
            ? ""
            : " " + Shell.quote("" + server.directory());
    parts.add("at last: rm -rf " + Shell.quote(shown(demo, "")) + elsewhere);
    return parts.all();
  }

  private String stetLine(DemoDirectory demo, String... verb) {
    return launcher() + " " + Shell.line("-c", shown(demo, CONFIGURATION)) + " " + Shell.line(verb);
  }

  /** How the user started this program. */
  private static String launcher() {
    String launcher = System.getProperty("stet.launcher");
    if (launcher != null && !launcher.isEmpty()) {
      return Shell.quote(launcher.contains("/") ? launcher : "stet");
    }
    return Shell.line(
        Path.of(System.getProperty("java.home", ""), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        System.getProperty("java.class.path", ""),
        "stet.cli.Main");
  }

  private String shown(DemoDirectory demo, String name) {
    return demo.shown(session.workingDirectory(), name);
  }
}
