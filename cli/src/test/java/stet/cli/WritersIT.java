package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.backend.LocalBackend;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * Backs up while a writer inserts, changes and deletes rows with their files, in good and in bad
 * order, and compares what the manifest says about references with what is in the snapshot.
 *
 * <p>{@code -Dstet.rounds=200} sets how many backups there are, {@code -Dstet.seed=…} repeats the
 * writer's choices, {@code -Dstet.rounds.log=FILE} appends a line for each backup to a file.
 */
class WritersIT {
  private static final int ROUNDS = Integer.getInteger("stet.rounds", 20);
  private static final long SEED = Long.getLong("stet.seed", System.nanoTime() & 0xffff_ffffL);
  private static final int DIRECTORIES = 8;
  private static final int LIVING = 300;

  @TempDir Path directory;

  private Path media;
  private Path incoming;

  /** What an application does that keeps files beside rows. */
  private final class Writer {
    private final Random random = new Random(SEED);
    private final TreeMap<Integer, String> living = new TreeMap<>();
    private final Connection connection;
    private int last;
    private int done;

    Writer(Connection connection) {
      this.connection = connection;
    }

    private void row(String sql, int id, String... file) throws SQLException {
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        statement.setInt(1, id);
        if (file.length > 0) {
          statement.setString(2, file[0]);
        }
        statement.executeUpdate();
      }
    }

    private void insert(int id, String file) throws SQLException {
      row("insert into documents values (?, ?)", id, file);
    }

    private void delete(int id) throws SQLException {
      row("delete from documents where id = ?", id);
    }

    private void write(String file) throws IOException {
      Path whole =
          Files.writeString(incoming.resolve("new"), file.repeat(20 + random.nextInt(200)));
      Files.move(whole, media.resolve(file), StandardCopyOption.ATOMIC_MOVE);
    }

    private void remove(String file) throws IOException {
      Files.deleteIfExists(media.resolve(file));
    }

    private void pause() throws InterruptedException {
      if (random.nextInt(4) == 0) {
        Thread.sleep(random.nextInt(40));
      }
    }

    private String name() {
      return "d" + random.nextInt(DIRECTORIES) + "/" + ++last + ".txt";
    }

    void step() throws SQLException, IOException, InterruptedException {
      done++;
      if (living.size() < LIVING || random.nextBoolean()) {
        String file = name();
        boolean well = random.nextInt(3) > 0;
        if (well) {
          write(file);
          pause();
        }
        insert(last, file);
        if (!well) {
          pause();
          write(file);
        }
        living.put(last, file);
        return;
      }
      Map.Entry<Integer, String> victim = living.ceilingEntry(random.nextInt(living.lastKey() + 1));
      String file = victim.getValue();
      switch (random.nextInt(5)) {
        case 0 -> {
          remove(file);
          pause();
          delete(victim.getKey());
          living.remove(victim.getKey());
        }
        case 1, 2 -> {
          delete(victim.getKey());
          pause();
          remove(file);
          living.remove(victim.getKey());
        }
        case 3 -> {
          String other = name();
          write(other);
          pause();
          row(
              "with new (id, file) as (values (?, ?))"
                  + " update documents d set file = new.file from new where d.id = new.id",
              victim.getKey(),
              other);
          pause();
          remove(file);
          living.put(victim.getKey(), other);
        }
        default -> remove(file); // lost for good, until the row goes too
      }
    }
  }

  private void log(String format, Object... arguments) throws IOException {
    String line = String.format(Locale.ROOT, format, arguments);
    System.out.println(line);
    String file = System.getProperty("stet.rounds.log");
    if (file != null) {
      Files.writeString(
          Path.of(file), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }

  @Test
  void noDanglingReferenceGoesUnnoticed() throws Exception {
    PostgresServer server = PostgresServers.installed();
    try (Site site = new Site(directory, server);
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      String database = site.createDatabase("shop");
      server.execute(database, "create table documents (id int primary key, file text not null)");
      media = site.live("media");
      incoming = Files.createDirectory(site.directory().resolve("incoming"));
      for (int i = 0; i < DIRECTORIES; i++) {
        Files.createDirectories(media.resolve("d" + i));
      }
      site.configure(site.postgres("default", database), site.files("media"));
      Files.writeString(
          site.directory().resolve("stet.yaml"),
          "rules: { no dangling document: each documents.file exists in media }\n",
          StandardOpenOption.APPEND);
      site.init();
      log("seed %d, %d backups", SEED, ROUNDS);
      AtomicBoolean stopped = new AtomicBoolean();
      try (Connection connection = server.connect(database)) {
        Writer writer = new Writer(connection);
        for (int i = 0; i < LIVING; i++) {
          writer.step();
        }
        Future<?> writing =
            threads.submit(() -> {
              while (!stopped.get()) {
                writer.step();
              }
              return null;
            });
        try {
          for (int round = 1; round <= ROUNDS; round++) {
            compare(site, round, site.backup());
            assertThat(writing.isDone()).as("the writer ended, seed %s", SEED).isFalse();
          }
        } finally {
          stopped.set(true);
          writing.get();
        }
        log("the writer did %d things", writer.done);
      }
      assertThat(site.json("check", "--read-data").integer("num_errors")).isZero();
    }
  }

  private void compare(Site site, int round, String snapshot) throws IOException {
    Set<String> files = new TreeSet<>();
    List<String> rows = new ArrayList<>();
    JsonObject manifest;
    try (Repository repository =
        Repository.open(
            new LocalBackend(site.repository()), Site.PASSWORD.getBytes(StandardCharsets.UTF_8))) {
      repository.loadIndex();
      Id root = repository.snapshot(Id.parse(snapshot)).tree();
      manifest = JsonObject.parse(text(repository, child(repository, root, "stet.json")));
      Id tree = child(repository, root, "media").requireSubtree();
      for (Node folder : repository.tree(tree)) {
        repository
            .tree(folder.requireSubtree())
            .forEach(file -> files.add(folder.name() + "/" + file.name()));
      }
      Id data =
          child(
                  repository,
                  child(repository, child(repository, root, "default").requireSubtree(), "data")
                      .requireSubtree(),
                  "public.documents")
              .requireSubtree();
      for (Node part : repository.tree(data)) {
        for (Node file : repository.tree(part.requireSubtree())) {
          if (file.name().endsWith(".copy")) {
            text(repository, file).lines().forEach(row -> rows.add(row.split("\t")[1]));
          }
        }
      }
    }
    long dangling = rows.stream().filter(file -> !files.contains(file)).count();
    JsonObject finding = manifest.objects("rules").getFirst();
    Set<String> orphans = new TreeSet<>(files);
    rows.forEach(orphans::remove);
    int rescued = manifest.objects("components").get(1).object("details").strings("rescued").size();
    log(
        "backup %d, %s: %d rows, %d files, %d dangling, %d rescued, %d orphans",
        round,
        snapshot.substring(0, 8),
        rows.size(),
        files.size(),
        dangling,
        rescued,
        orphans.size());
    assertThat(rows).as("seed %s, backup %s", SEED, round).hasSizeGreaterThan(LIVING / 2);
    assertThat(finding.integer("violations"))
        .as("seed %s, backup %s", SEED, round)
        .isEqualTo(dangling);
    assertThat(finding.integer("orphans"))
        .as("seed %s, backup %s", SEED, round)
        .isEqualTo(orphans.size());
  }

  private static Node child(Repository repository, Id tree, String name) {
    return repository.tree(tree).stream()
        .filter(node -> node.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static String text(Repository repository, Node file) {
    StringBuilder text = new StringBuilder();
    repository
        .reader()
        .<RuntimeException>read(
            file.content(), piece -> text.append(new String(piece, StandardCharsets.UTF_8)));
    return text.toString();
  }
}
