package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.FileType;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.check.Checker;
import stet.repository.check.Checker.Finding;
import stet.repository.check.Checker.Severity;
import stet.repository.check.Checker.Subset;
import stet.repository.check.IndexRepair;
import stet.repository.check.PackRepair;
import stet.repository.lock.RepositoryLock;
import stet.testkit.FaultyBackend;
import stet.testkit.LightRepository;
import stet.testkit.RepositoryBuilder;

/** Packs tell what they hold, so an index can be lost without loss. */
class IndexRepairTest {
  private static final byte[] PASSWORD = "secret".getBytes(StandardCharsets.UTF_8);

  @TempDir Path directory;

  private final Map<String, byte[]> files = RepositoryBuilder.files(31, 12);
  private Path root;
  private Id snapshot;

  @BeforeEach
  void backUp() {
    root = directory.resolve("r");
    LightRepository.create(new LocalBackend(root), PASSWORD).close();
    snapshot = backUp(files);
  }

  private Repository open() {
    return Repository.open(new LocalBackend(root), PASSWORD);
  }

  private Id backUp(Map<String, byte[]> content) {
    try (Repository repository = open()) {
      return RepositoryBuilder.backUp(repository, content);
    }
  }

  private Set<Id> stored(FileType type) {
    Set<Id> ids = new TreeSet<>();
    new LocalBackend(root).list(type, (id, _) -> ids.add(id));
    return ids;
  }

  private Path path(StoredFile file) {
    return root.resolve(file.path());
  }

  private static void replace(Path file, byte[] bytes) throws IOException {
    Files.delete(file);
    Files.write(file, bytes);
  }

  private IndexRepair.Result repair() {
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(true)) {
      return IndexRepair.run(repository, lock);
    }
  }

  private List<Finding> check() {
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(true)) {
      return new Checker(repository, _ -> {}).check(Subset.ALL).findings();
    }
  }

  private void requireWhole() {
    try (Repository repository = open()) {
      repository.loadIndex();
      Map<String, byte[]> found = RepositoryBuilder.read(repository, snapshot);
      assertThat(found.keySet()).isEqualTo(files.keySet());
      files.forEach((name, bytes) -> assertThat(found.get(name)).as(name).isEqualTo(bytes));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"flipped", "cut off", "empty", "missing", "not an index"})
  void anIndexFileIsMadeAnew(String harm) throws IOException {
    Id index = stored(FileType.INDEX).iterator().next();
    Path file = path(StoredFile.index(index));
    byte[] bytes = Files.readAllBytes(file);
    switch (harm) {
      case "flipped" -> {
        bytes[bytes.length / 2] ^= 1;
        replace(file, bytes);
      }
      case "cut off" -> replace(file, Arrays.copyOf(bytes, bytes.length / 2));
      case "empty" -> replace(file, new byte[0]);
      case "missing" -> Files.delete(file);
      default -> replace(file, "not an index".getBytes(StandardCharsets.UTF_8));
    }
    if (!harm.equals("missing")) {
      try (Repository repository = open()) {
        assertThatThrownBy(repository::loadIndex)
            .asInstanceOf(type(RepositoryException.class))
            .satisfies(e -> {
              assertThat(e.problem()).isEqualTo(Problem.DAMAGED);
              assertThat(e.getMessage()).contains("index/" + index);
              assertThat(e.hint()).contains("`stet repair index`");
            });
      }
    }

    IndexRepair.Result result = repair();

    assertThat(result.removed()).hasSize(harm.equals("missing") ? 0 : 1);
    assertThat(result.added()).containsExactlyElementsOf(stored(FileType.PACK));
    assertThat(stored(FileType.INDEX)).doesNotContain(index).hasSize(1);
    assertThat(check()).isEmpty();
    requireWhole();
    assertThat(repair())
        .isEqualTo(new IndexRepair.Result(List.of(), List.of(), List.of(), List.of(), List.of()));
  }

  @Test
  void whatIsMissingIsTakenOutOfTheIndexAndStoredAgain() throws IOException {
    Id pack = stored(FileType.PACK).iterator().next();
    Files.delete(path(StoredFile.pack(pack)));

    assertThat(repair().missing()).containsExactly(pack);

    assertThat(check()).isNotEmpty().noneMatch(f -> f.object().contains(pack.toString()));
    backUp(files);
    assertThat(check()).isEmpty();
    requireWhole();
  }

  @Test
  void aDamagedPackGivesWhatIsStillGood() throws IOException {
    for (Id index : stored(FileType.INDEX)) {
      Files.delete(path(StoredFile.index(index)));
    }
    for (Id pack : stored(FileType.PACK)) {
      Path file = path(StoredFile.pack(pack));
      byte[] bytes = Files.readAllBytes(file);
      bytes[0] ^= 1;
      replace(file, bytes);
    }
    Set<Id> packs = stored(FileType.PACK);

    assertThat(repair().damaged()).containsExactlyElementsOf(packs);

    try (Repository repository = open();
        RepositoryLock lock = repository.lock(true)) {
      PackRepair.Result replaced = PackRepair.run(repository, lock);
      assertThat(replaced.packs()).containsExactlyInAnyOrderElementsOf(packs);
      assertThat(replaced.copied()).isPositive();
      assertThat(replaced.lost()).as("the first blob of each").isEqualTo(packs.size());
    }
  }

  @Test
  void aPackThatSaysNothingStays() throws IOException {
    Id pack = stored(FileType.PACK).iterator().next();
    Path file = path(StoredFile.pack(pack));
    for (Id index : stored(FileType.INDEX)) {
      Files.delete(path(StoredFile.index(index)));
    }
    replace(file, Arrays.copyOf(Files.readAllBytes(file), 100));

    assertThat(repair().unreadable()).containsExactly(pack);

    assertThat(file).exists();
  }

  @Test
  void isValidAtEveryInstant() throws IOException {
    Id index = stored(FileType.INDEX).iterator().next();
    Path file = path(StoredFile.index(index));
    byte[] damaged = Arrays.copyOf(Files.readAllBytes(file), 50);
    for (int dieAt = 0; ; dieAt++) {
      for (Id each : stored(FileType.INDEX)) {
        Files.delete(path(StoredFile.index(each)));
      }
      Files.write(file, damaged);
      FaultyBackend faulty = new FaultyBackend(new LocalBackend(root), 0);
      boolean survived = true;
      try (Repository repository = Repository.open(faulty, PASSWORD)) {
        faulty.dieAtWrite(dieAt);
        try (RepositoryLock lock = repository.lock(true)) {
          IndexRepair.run(repository, lock);
        }
      } catch (RepositoryException e) {
        survived = false;
      }
      try (Repository repository = open()) {
        repository.unlock(true);
      }
      repair();
      assertThat(check())
          .as("after death at write " + dieAt)
          .noneMatch(finding -> finding.severity() == Severity.ERROR);
      requireWhole();
      if (survived) {
        assertThat(dieAt).as("lock, index, deletion, unlock").isGreaterThanOrEqualTo(4);
        return;
      }
    }
  }

  @Test
  void anInterruptedBackupsPacksAreUsed() throws IOException {
    Map<String, byte[]> more = RepositoryBuilder.files(32, 12);
    Set<Id> before = stored(FileType.INDEX);
    Files.delete(path(StoredFile.snapshot(backUp(more))));
    for (Id index : stored(FileType.INDEX)) {
      if (!before.contains(index)) {
        Files.delete(path(StoredFile.index(index)));
      }
    }
    Set<Id> packs = stored(FileType.PACK);

    try (Repository repository = open()) {
      repository.loadIndex();
      assertThat(IndexRepair.adopt(repository).added()).isPositive();
      assertThat(IndexRepair.adopt(repository).added()).isZero();
    }

    backUp(more);
    assertThat(stored(FileType.PACK)).isEqualTo(packs);
    assertThat(check()).isEmpty();
    requireWhole();
  }

  /** As after a backup that lost its lock to a prune and still wrote its index. */
  @Test
  void packsThatAnIndexNamesAndThatAreNotThereWholeAreRecorded() throws IOException {
    List<Id> packs = List.copyOf(stored(FileType.PACK));
    Path first = path(StoredFile.pack(packs.getFirst()));
    Files.delete(path(StoredFile.pack(packs.getLast())));
    byte[] bytes = Files.readAllBytes(first);
    replace(first, Arrays.copyOf(bytes, bytes.length - 1));

    try (Repository repository = open();
        RepositoryLock lock = repository.lock(false)) {
      lock.check();
      repository.loadIndex();
      IndexRepair.Adoption adoption = IndexRepair.adopt(repository);
      assertThat(adoption.damaged()).containsExactlyInAnyOrder(packs.getFirst(), packs.getLast());
      assertThat(adoption.added()).isZero();
      assertThat(IndexRepair.adopt(repository).damaged()).as("known already").isEmpty();
    }
    try (Repository repository = open()) {
      repository.loadIndex();
      assertThat(repository.index().damagedPacks())
          .containsExactlyInAnyOrder(packs.getFirst(), packs.getLast());
    }
  }

  @Test
  void nothingDamagedIsAdopted() throws IOException {
    for (Id index : stored(FileType.INDEX)) {
      Files.delete(path(StoredFile.index(index)));
    }
    for (Id pack : stored(FileType.PACK)) {
      byte[] bytes = Files.readAllBytes(path(StoredFile.pack(pack)));
      bytes[0] ^= 1;
      replace(path(StoredFile.pack(pack)), bytes);
    }

    try (Repository repository = open()) {
      repository.loadIndex();
      assertThat(IndexRepair.adopt(repository).added()).isZero();
    }
    assertThat(stored(FileType.INDEX)).isEmpty();
  }
}
