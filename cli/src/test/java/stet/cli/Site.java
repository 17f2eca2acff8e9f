package stet.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.backend.LocalBackend;
import stet.repository.json.JsonObject;
import stet.testkit.LightRepository;
import stet.testkit.PostgresServer;
import stet.testkit.Restic;

/**
 * An application of one test: databases on a real server, directories, a repository, a
 * configuration, and the real program that works with them.
 */
final class Site implements AutoCloseable {
  /** The repository's password, with whatever a file format or a shell might stumble over. */
  static final String PASSWORD = "correct horse $1 'battery' \"staple\" \\ é";

  private final Path directory;
  private final @Nullable PostgresServer server;
  private final String suffix = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
  private final List<String> databases = new ArrayList<>();
  private final Stet stet;

  /**
   * @param directory where everything lies; empty
   * @param server where the databases lie; null for an application that has none
   */
  Site(Path directory, @Nullable PostgresServer server) throws IOException {
    this.directory = directory.toRealPath();
    this.server = server;
    this.stet = new Stet(this.directory).with("STATE_DIRECTORY", this.directory + "/state");
    Files.createDirectory(this.directory.resolve("live"));
    secret("password", PASSWORD + "\n");
  }

  /** An application that has no databases. */
  Site(Path directory) throws IOException {
    this(directory, null);
  }

  /** Writes a file that only its owner may read. */
  Path secret(String name, String text) throws IOException {
    Path file = directory.resolve(name);
    Files.deleteIfExists(file);
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    return Files.writeString(file, text);
  }

  Path directory() {
    return directory;
  }

  PostgresServer server() {
    return Objects.requireNonNull(server, "an application without databases");
  }

  Path repository() {
    return directory.resolve("repository");
  }

  /** The path of a component's directory, which lies where all of them lie. */
  Path live(String name) {
    return directory.resolve("live").resolve(name);
  }

  /** Makes an empty database with a name of its own that begins with {@code name}. */
  String createDatabase(String name) {
    String unique = name + "_" + suffix;
    server().createDatabase(unique);
    return adopt(unique);
  }

  /** Has a database dropped in the end, with all that lies beside it. */
  String adopt(String database) {
    databases.add(database);
    return database;
  }

  /** The YAML of a PostgreSQL component. */
  String postgres(String component, String database) {
    return "{ postgres: " + component + ", url: \"" + server().url(database) + "\" }";
  }

  /** The YAML of a PostgreSQL component with programs of the test's choice. */
  String postgres(String component, String database, Tools tools) {
    return "{ postgres: "
        + component
        + ", url: \""
        + server().url(database)
        + "\", tools: \""
        + tools.directory()
        + "\" }";
  }

  /** The YAML of a files component in {@link #live}. */
  String files(String component) {
    return "{ files: " + component + ", path: \"" + live(component) + "\" }";
  }

  /** Writes a configuration with one environment {@code production} of these components. */
  Site configure(String... components) throws IOException {
    return configureEnvironments(
        "  production:\n    state:\n" + "      - " + String.join("\n      - ", components) + "\n");
  }

  /** Writes a configuration with one protected environment {@code production}. */
  Site configureProtected(String... components) throws IOException {
    return configureEnvironments(
        "  production:\n    protected: true\n    state:\n"
            + "      - "
            + String.join("\n      - ", components)
            + "\n");
  }

  /** Writes a configuration with environments given as YAML. */
  Site configureEnvironments(String environments) throws IOException {
    secret(
        "stet.yaml",
        """
        version: 1
        app: shop
        repository: { location: repository, password_file: password }
        environments:
        """
            + environments);
    return this;
  }

  Stet stet() {
    return stet;
  }

  /** Runs the program. */
  Stet.Result run(String... arguments) throws Exception {
    return stet.run(arguments);
  }

  /** Runs the program, which must end well. */
  Stet.Result ok(String... arguments) throws Exception {
    return stet.run(arguments).ok();
  }

  /** Runs the program with {@code --json}, which must end well with one document. */
  JsonObject json(String... arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--json");
    return ok(all.toArray(String[]::new)).document();
  }

  /** Creates the repository, with a key that takes no time to open. */
  void init() {
    LightRepository.create(
            new LocalBackend(repository()), PASSWORD.getBytes(StandardCharsets.UTF_8))
        .close();
  }

  /** Backs up and gives the snapshot's id. */
  String backup(String... arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of("backup"));
    all.addAll(List.of(arguments));
    return json(all.toArray(String[]::new)).string("snapshot_id");
  }

  /** The ids of all snapshot files in the repository, whoever wrote them. */
  List<String> snapshotFiles() throws IOException {
    Path snapshots = repository().resolve("snapshots");
    if (!Files.isDirectory(snapshots)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(snapshots)) {
      return files.map(file -> file.getFileName().toString()).filter(Id::isId).sorted().toList();
    }
  }

  /** The ids of the snapshots that the program lists, oldest first. */
  List<String> snapshots() throws Exception {
    return json("snapshots").objects("snapshots").stream().map(s -> s.string("id")).toList();
  }

  /** The names of what lies beside the live databases and directories, sorted. */
  List<String> beside() throws IOException {
    List<String> names = new ArrayList<>();
    for (String database : databases) {
      names.addAll(
          server()
              .query(
                  "postgres",
                  "select datname from pg_database where starts_with(datname, '"
                      + database
                      + ".')"));
    }
    try (Stream<Path> entries = Files.list(directory.resolve("live"))) {
      entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> name.matches(".*\\.(staging|previous|dropped)-.*"))
          .forEach(names::add);
    }
    names.sort(null);
    return names;
  }

  /** The names beside the live ones that should not outlive an operation. */
  List<String> unfinished() throws IOException {
    return beside().stream().filter(name -> !name.contains(".previous-")).toList();
  }

  /** Waits until the server has given back the lock of a program that was killed or cut off. */
  void awaitUnlocked() throws InterruptedException {
    while (!server()
        .query("postgres", "select 1 from pg_locks where locktype = 'advisory'")
        .isEmpty()) {
      Thread.sleep(5);
    }
  }

  /** An image of the repository: every file with size, time and content. */
  FilesImage repositoryImage() {
    return FilesImage.of(repository());
  }

  /** Runs a stock restic on the repository, which must end well. */
  Restic.Result restic(Restic restic, String... arguments) {
    return restic.run(repository(), PASSWORD, arguments).orThrow();
  }

  @Override
  public void close() {
    stet.close();
    for (String database : databases) {
      for (String name :
          server()
              .query(
                  "postgres",
                  "select datname from pg_database where datname = '"
                      + database.replace("'", "''")
                      + "' or starts_with(datname, '"
                      + database.replace("'", "''")
                      + ".')")) {
        server().dropDatabase(name);
      }
    }
  }
}
