package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.FileType;
import stet.repository.backend.LocalBackend;
import stet.repository.check.Checker;
import stet.repository.check.Checker.Subset;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackWriter;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.testkit.RepositoryBuilder;
import stet.testkit.Restic;

/** Stock restic reads what we write, and we read what it writes. */
class ResticIT {
  private static final String PASSWORD = "correct horse";

  private static List<Restic> programs = List.of();

  @TempDir Path directory;

  @BeforeAll
  static void find() {
    programs = Restic.installed();
    assumeFalse(programs.isEmpty(), "no restic is installed");
    System.out.println("interoperation with " + programs);
  }

  private Path repository() {
    return directory.resolve("repository");
  }

  private Repository create() {
    return Repository.create(
        new LocalBackend(repository()), PASSWORD.getBytes(StandardCharsets.UTF_8));
  }

  private Repository open() {
    return Repository.open(
        new LocalBackend(repository()), PASSWORD.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void resticChecksListsDumpsAndRestoresWhatWeWrite() throws Exception {
    Map<String, byte[]> files = RepositoryBuilder.files(11, 40);
    try (Repository repository = create()) {
      RepositoryBuilder.backUp(repository, files);
    }
    for (Restic restic : programs) {
      assertThat(restic.run(repository(), PASSWORD, "check", "--read-data").orThrow().text())
          .contains("no errors were found");
      assertThat(restic.run(repository(), PASSWORD, "ls", "latest").orThrow().text())
          .contains("/directory/file-7");
      assertThat(
              restic
                  .run(repository(), PASSWORD, "dump", "latest", "/directory/file-7")
                  .orThrow()
                  .output())
          .isEqualTo(files.get("file-7"));
      Path target = directory.resolve(restic.version());
      restic
          .run(repository(), PASSWORD, "restore", "latest", "--target", target.toString())
          .orThrow();
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        assertThat(Files.readAllBytes(target.resolve("directory").resolve(file.getKey())))
            .isEqualTo(file.getValue());
      }
    }
  }

  @Test
  void weCheckAndReadWhatResticWrites() throws Exception {
    for (Restic restic : programs) {
      Path source = directory.resolve("source " + restic.version());
      Files.createDirectories(source.resolve("deep/er"));
      Random random = new Random(5);
      byte[] large = new byte[5_000_000];
      random.nextBytes(large);
      Files.write(source.resolve("deep/er/large"), large);
      Files.writeString(source.resolve("é \"quoted\" \\ & <name>"), "text");
      Files.createSymbolicLink(source.resolve("link"), Path.of("nowhere"));
      Path repository = directory.resolve("by " + restic.version());
      restic.run(repository, PASSWORD, "init").orThrow();
      restic.run(repository, PASSWORD, "backup", source.toString()).orThrow();
      try (Repository opened =
          Repository.open(
              new LocalBackend(repository), PASSWORD.getBytes(StandardCharsets.UTF_8))) {
        assertThat(new Checker(opened, _ -> {}).check(Subset.ALL).findings()).isEmpty();
        opened.loadIndex();
        Snapshot snapshot = opened.snapshots().getFirst();
        List<Node> nodes = opened.tree(snapshot.tree());
        for (Path part : source) {
          Node node =
              nodes.stream()
                  .filter(n -> n.name().equals(part.toString()))
                  .findFirst()
                  .orElseThrow();
          nodes = opened.tree(node.requireSubtree());
        }
        assertThat(nodes.stream().map(Node::name))
            .containsExactlyInAnyOrder("deep", "link", "é \"quoted\" \\ & <name>");
        Node deep = nodes.stream().filter(n -> n.name().equals("deep")).findFirst().orElseThrow();
        Node file =
            opened.tree(opened.tree(deep.requireSubtree()).getFirst().requireSubtree()).getFirst();
        byte[] read = new byte[large.length];
        int[] at = {0};
        opened
            .reader()
            .<RuntimeException>read(
                file.content(),
                piece -> {
                  System.arraycopy(piece, 0, read, at[0], piece.length);
                  at[0] += piece.length;
                });
        assertThat(read).isEqualTo(large);
      }
    }
  }

  @Test
  void resticPrunesCopiesAndForgetsInOurRepository() {
    try (Repository repository = create()) {
      RepositoryBuilder.backUp(repository, RepositoryBuilder.files(12, 10));
      RepositoryBuilder.backUp(repository, RepositoryBuilder.files(13, 10));
    }
    for (Restic restic : programs) {
      restic.run(repository(), PASSWORD, "tag", "--add", "seen", "latest").orThrow();
      restic.run(repository(), PASSWORD, "prune", "--max-unused", "0").orThrow();
    }
    restic().run(repository(), PASSWORD, "forget", "--keep-last", "1", "--prune").orThrow();
    try (Repository repository = open()) {
      assertThat(new Checker(repository, _ -> {}).check(Subset.ALL).isClean()).isTrue();
      assertThat(repository.snapshots()).hasSize(1);
    }
  }

  private static Restic restic() {
    return programs.getLast();
  }

  @Test
  void locksOfBothSidesAreRespected() {
    try (Repository repository = create();
        RepositoryLock lock = repository.lock(false)) {
      lock.check();
      for (Restic restic : programs) {
        assertThat(restic.run(repository(), PASSWORD, "prune").status()).isNotZero();
        assertThat(restic.run(repository(), PASSWORD, "snapshots").status()).isZero();
        assertThat(restic.run(repository(), PASSWORD, "list", "locks").orThrow().text())
            .isNotEmpty();
      }
    }
  }

  @Test
  void unlockByResticDoesNotKillAHolder() {
    try (Repository repository = create();
        RepositoryLock lock = repository.lock(false)) {
      for (Restic restic : programs) {
        restic.run(repository(), PASSWORD, "unlock").orThrow();
      }
      lock.check();
      assertThat(repository.locks().locks()).hasSize(1);
    }
  }

  @Test
  void aWriterWhoseLockResticRemovedNamesNoPackThatResticPruned() {
    create().close();
    for (Restic restic : programs) {
      try (Repository repository = open();
          RepositoryLock lock = repository.lock(false)) {
        lock.check();
        repository.loadIndex();
        byte[] large = new byte[20 << 20];
        new Random(restic.version().hashCode()).nextBytes(large);
        try (PackWriter writer = repository.newWriter()) {
          writer.save(BlobType.DATA, large);
          restic.run(repository(), PASSWORD, "unlock", "--remove-all").orThrow();
          restic.run(repository(), PASSWORD, "prune").orThrow();
          assertThatThrownBy(writer::flush).hasMessageContaining("lock was lost");
        }
      }
      assertThat(restic.run(repository(), PASSWORD, "list", "index").orThrow().text()).isEmpty();
      assertThat(restic.run(repository(), PASSWORD, "check").orThrow().text())
          .contains("no errors were found");
    }
  }

  @Test
  void aRepositoryOfVersion1IsReadAndNotWrittenUntilItIsUpgraded() throws Exception {
    Path source = directory.resolve("source");
    Files.createDirectories(source);
    Files.writeString(source.resolve("file"), "text");
    for (Restic restic : programs) {
      Path old = directory.resolve("old " + restic.version());
      restic.run(old, PASSWORD, "init", "--repository-version", "1").orThrow();
      restic.run(old, PASSWORD, "backup", source.toString()).orThrow();
      try (Repository repository =
          Repository.open(new LocalBackend(old), PASSWORD.getBytes(StandardCharsets.UTF_8))) {
        for (Runnable writing :
            List.<Runnable>of(
                () -> repository.lock(false),
                () -> repository.lock(true),
                repository::announceLock,
                repository::newWriter)) {
          assertThatThrownBy(writing::run)
              .asInstanceOf(type(RepositoryException.class))
              .satisfies(e -> {
                assertThat(e.problem()).isEqualTo(Problem.UNSUPPORTED);
                assertThat(e.hint()).contains("`restic migrate upgrade_repo_v2`");
              });
        }
        assertThat(new Checker(repository, _ -> {}).check(Subset.ALL).findings()).isEmpty();
        assertThat(repository.snapshots()).hasSize(1);
      }
      assertThat(restic.run(old, PASSWORD, "check", "--read-data").orThrow().text())
          .contains("no errors were found");
      restic.run(old, PASSWORD, "migrate", "upgrade_repo_v2").orThrow();
      try (Repository repository =
          Repository.open(new LocalBackend(old), PASSWORD.getBytes(StandardCharsets.UTF_8))) {
        RepositoryBuilder.backUp(repository, RepositoryBuilder.files(15, 3));
      }
      assertThat(restic.run(old, PASSWORD, "check", "--read-data").orThrow().text())
          .contains("no errors were found");
    }
  }

  @Test
  void resticLivesWithARecordOfDamage() {
    Id snapshot;
    Map<String, byte[]> files = RepositoryBuilder.files(14, 10);
    try (Repository repository = create()) {
      snapshot = RepositoryBuilder.backUp(repository, files);
    }
    for (Restic restic : programs) {
      try (Repository repository = open();
          RepositoryLock lock = repository.lock(false)) {
        lock.check();
        Set<Id> packs = new HashSet<>();
        repository.backend().list(FileType.PACK, (id, _) -> packs.add(id));
        repository.recordDamage(packs);
      }
      assertThat(restic.run(repository(), PASSWORD, "check", "--read-data").orThrow().text())
          .contains("no errors were found");
      restic.run(repository(), PASSWORD, "prune").orThrow();
      boolean old = restic.version().matches("restic 0\\.1[0-5]\\..*");
      String[] repair = old ? new String[] {"rebuild-index"} : new String[] {"repair", "index"};
      restic.run(repository(), PASSWORD, repair).orThrow();
      try (Repository repository = open()) {
        assertThat(new Checker(repository, _ -> {}).check(Subset.ALL).findings()).isEmpty();
        repository.loadIndex();
        assertThat(RepositoryBuilder.read(repository, snapshot).keySet()).isEqualTo(files.keySet());
      }
    }
  }
}
