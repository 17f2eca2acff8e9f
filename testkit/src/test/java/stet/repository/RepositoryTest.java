package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.Backend;
import stet.repository.backend.FileType;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.check.Checker;
import stet.repository.check.Checker.Severity;
import stet.repository.check.Checker.Subset;
import stet.repository.check.IndexRepair;
import stet.repository.check.PackRepair;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackWriter;
import stet.testkit.FaultyBackend;
import stet.testkit.LightRepository;
import stet.testkit.RepositoryBuilder;

class RepositoryTest {
  private static final byte[] PASSWORD = "secret".getBytes(StandardCharsets.UTF_8);

  @TempDir Path directory;

  private LocalBackend local() {
    return new LocalBackend(directory.resolve("r"));
  }

  private static void assertSameFiles(Map<String, byte[]> found, Map<String, byte[]> expected) {
    assertThat(found.keySet()).isEqualTo(expected.keySet());
    expected.forEach((name, bytes) -> assertThat(found.get(name)).as(name).isEqualTo(bytes));
  }

  @Test
  void givesBackWhatWasBackedUp() {
    Map<String, byte[]> files = RepositoryBuilder.files(1, 30);
    Id snapshot;
    try (Repository repository = LightRepository.create(local(), PASSWORD)) {
      snapshot = RepositoryBuilder.backUp(repository, files);
    }
    try (Repository repository = Repository.open(local(), PASSWORD)) {
      assertThat(repository.snapshots()).extracting(s -> s.requireId()).containsExactly(snapshot);
      repository.loadIndex();
      assertSameFiles(RepositoryBuilder.read(repository, snapshot), files);
      Checker.Result result = new Checker(repository, _ -> {}).check(Subset.ALL);
      assertThat(result.findings()).isEmpty();
      assertThat(result.packsRead()).isEqualTo(result.packs()).isPositive();
    }
  }

  @Test
  void storesEqualContentOnce() {
    Map<String, byte[]> files = RepositoryBuilder.files(2, 20);
    try (Repository repository = LightRepository.create(local(), PASSWORD)) {
      RepositoryBuilder.backUp(repository, files);
      long packs = count(repository.backend(), FileType.PACK);
      RepositoryBuilder.backUp(repository, files);
      assertThat(count(repository.backend(), FileType.PACK)).isEqualTo(packs);
    }
  }

  @Test
  void storesABlobOnceThatManyThreadsSaveAtTheSameTime() {
    try (Repository repository = LightRepository.create(local(), PASSWORD)) {
      repository.loadIndex();
      try (PackWriter writer = repository.newWriter()) {
        IntStream.range(0, 64)
            .parallel()
            .forEach(i -> writer.save(BlobType.DATA, new byte[200_000 + i % 4]));
        writer.flush();
        assertThat(writer.totals().dataBlobs()).isEqualTo(4);
      }
      assertThat(repository.index().blobs(BlobType.DATA)).isEqualTo(4);
    }
  }

  @Test
  void storesBlobsOfAllSizesFromManyThreads() {
    long seed = new Random().nextLong();
    System.out.println("storesBlobsOfAllSizesFromManyThreads: seed " + seed);
    try (Repository repository = LightRepository.create(local(), PASSWORD)) {
      repository.loadIndex();
      Map<Id, byte[]> blobs = new java.util.concurrent.ConcurrentHashMap<>();
      try (PackWriter writer = repository.newWriter()) {
        IntStream.range(0, 60)
            .parallel()
            .forEach(i -> {
              Random random = new Random(seed + i);
              byte[] bytes =
                  new byte[i == 0 ? 20 << 20 : 1 + random.nextInt(1 << random.nextInt(1, 23))];
              random.nextBytes(bytes);
              blobs.put(writer.save(BlobType.DATA, bytes), bytes);
            });
        writer.flush();
      }
      repository.loadIndex();
      blobs.forEach(
          (id, bytes) -> assertThat(repository.reader().load(BlobType.DATA, id)).isEqualTo(bytes));
      assertThat(new Checker(repository, _ -> {}).check(Subset.ALL).findings()).isEmpty();
    }
  }

  @Test
  void refusesToCreateOverAnExistingRepository() {
    Repository.create(local(), PASSWORD).close();
    assertProblem(Problem.EXISTS, () -> Repository.create(local(), PASSWORD));
  }

  @Test
  void tellsAWrongPasswordFromAMissingRepository() {
    assertProblem(Problem.NO_REPOSITORY, () -> Repository.open(local(), PASSWORD));
    Repository.create(local(), PASSWORD).close();
    assertProblem(Problem.WRONG_PASSWORD, () -> Repository.open(local(), new byte[] {'x'}));
  }

  @Test
  void namesADamagedKeyFileAndOpensWithAnother() throws Exception {
    byte[] other = "other".getBytes(StandardCharsets.UTF_8);
    LightRepository.create(local(), PASSWORD).close();
    Path keys = directory.resolve("r/keys");
    Path key;
    try (Stream<Path> all = Files.list(keys)) {
      key = all.findFirst().orElseThrow();
    }
    byte[] good = Files.readAllBytes(key);
    byte[] flipped = good.clone();
    flipped[new String(good, StandardCharsets.UTF_8).indexOf("\"data\"") + 40] ^= 1;
    for (byte[] bad : List.of(new byte[0], Arrays.copyOf(good, good.length / 2), flipped)) {
      Files.delete(key);
      Files.write(key, bad);
      assertThatThrownBy(() -> Repository.open(local(), PASSWORD))
          .hasMessageContaining("keys/" + key.getFileName())
          .asInstanceOf(type(RepositoryException.class))
          .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
      Path second;
      try (Repository elsewhere =
          LightRepository.create(new LocalBackend(directory.resolve("other")), other)) {
        // A key of another repository serves to have one that this password does not open.
        second = keys.resolve(elsewhere.keyId().toString());
        Files.copy(directory.resolve("other/keys").resolve(second.getFileName()), second);
      }
      assertThatThrownBy(() -> Repository.open(local(), PASSWORD))
          .hasMessageStartingWith("wrong password")
          .hasMessageContaining("keys/" + key.getFileName());
      Path whole = keys.resolve("f".repeat(64));
      Files.write(whole, good);
      Repository.open(local(), PASSWORD).close();
      Files.delete(whole);
      Files.delete(second);
      deleteTree(directory.resolve("other"));
    }
  }

  private static void deleteTree(Path tree) throws IOException {
    try (Stream<Path> all = Files.walk(tree)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  private static void assertProblem(Problem problem, Runnable action) {
    assertThatThrownBy(action::run)
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> assertThat(e.problem()).isEqualTo(problem));
  }

  /** More than a pack takes, so that it is stored at once as a pack of its own. */
  private static byte[] large() {
    byte[] bytes = new byte[20 << 20];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  @Test
  void noIndexNamesPacksOnceALockIsLost() {
    try (Repository repository = LightRepository.create(local(), PASSWORD)) {
      repository.loadIndex();
      try (RepositoryLock lock = repository.lock(false);
          PackWriter writer = repository.newWriter()) {
        lock.check();
        writer.save(BlobType.DATA, large());
        repository.unlock(true);
        assertProblem(Problem.LOCKED, writer::flush);
      }
      assertThat(count(repository.backend(), FileType.PACK)).isPositive();
      assertThat(count(repository.backend(), FileType.INDEX)).isZero();
      try (RepositoryLock lock = repository.lock(false)) {
        lock.check();
        try (PackWriter writer = repository.newWriter()) {
          writer.save(BlobType.DATA, new byte[] {1});
          repository.unlock(true);
        }
        assertProblem(Problem.LOCKED, () -> repository.saveIndex(new byte[0]));
      }
      assertThat(count(repository.backend(), FileType.INDEX)).as("by closing").isZero();
    }
  }

  @Test
  void anEndAfterAFailureIndexesNothing() {
    LightRepository.create(local(), PASSWORD).close();
    FaultyBackend faulty = new FaultyBackend(local(), 0);
    AtomicInteger packs = new AtomicInteger();
    try (Repository repository = Repository.open(faulty, PASSWORD);
        RepositoryLock lock = repository.lock(false)) {
      lock.check();
      faulty.beforeSave(file -> {
        if (file.type() == FileType.PACK && packs.getAndIncrement() > 0) {
          throw new RepositoryException(Problem.STORAGE, "as the test wants", null);
        }
      });
      repository.loadIndex();
      try (PackWriter writer = repository.newWriter()) {
        writer.save(BlobType.DATA, large());
        writer.save(BlobType.DATA, new byte[] {1});
        assertProblem(Problem.STORAGE, writer::flush);
      }
      assertThat(count(repository.backend(), FileType.PACK)).isEqualTo(1);
      assertThat(count(repository.backend(), FileType.INDEX)).isZero();
    }
  }

  private void setInConfig(String member) {
    try (Repository repository = Repository.open(local(), PASSWORD)) {
      RepositoryConfig config = repository.config();
      byte[] changed =
          new RepositoryConfig(
                  config.version(),
                  config.id(),
                  config.chunkerPolynomial(),
                  new JsonObject().put(member, true))
              .toBytes();
      repository.backend().delete(StoredFile.CONFIG);
      repository.backend().save(StoredFile.CONFIG, repository.masterKey().seal(changed));
    }
  }

  @Test
  void refusesTheHotPartOfARusticRepository() {
    LightRepository.create(local(), PASSWORD).close();
    setInConfig("is_hot");
    assertThatThrownBy(() -> Repository.open(local(), PASSWORD))
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> {
          assertThat(e.problem()).isEqualTo(Problem.UNSUPPORTED);
          assertThat(e.hint()).contains("cold part");
        });
  }

  @Test
  void removesNothingWhereRusticWasToldToKeepEverything() throws Exception {
    LightRepository.create(local(), PASSWORD).close();
    setInConfig("append_only");
    try (Repository repository = Repository.open(local(), PASSWORD)) {
      RepositoryBuilder.backUp(repository, RepositoryBuilder.files(9, 3));
      Set<Id> packs = new HashSet<>();
      repository.backend().list(FileType.PACK, (id, _) -> packs.add(id));
      Id other = repository.keys().add(new byte[] {'x'}, "user", "host");
      try (RepositoryLock lock = repository.lock(true)) {
        repository.recordDamage(packs);
        assertProblem(Problem.UNSUPPORTED, () -> PackRepair.run(repository, lock));
        assertProblem(Problem.UNSUPPORTED, () -> IndexRepair.run(repository, lock));
        assertProblem(Problem.UNSUPPORTED, () -> repository.keys().remove(other, lock));
      }
      assertThat(count(repository.backend(), FileType.PACK)).isEqualTo(packs.size());
      assertThat(count(repository.backend(), FileType.INDEX))
          .as("one tells of damage")
          .isEqualTo(2);
      assertThat(count(repository.backend(), FileType.KEY)).isEqualTo(2);
    }
  }

  @Test
  void isValidAtEveryInstantOfABackup() {
    Map<String, byte[]> files = RepositoryBuilder.files(3, 12);
    LightRepository.create(local(), PASSWORD).close();
    int writes;
    for (int dieAt = 0; ; dieAt++) {
      FaultyBackend faulty = new FaultyBackend(local(), 0);
      boolean survived = true;
      try (Repository repository = Repository.open(faulty, PASSWORD)) {
        faulty.dieAtWrite(dieAt);
        RepositoryBuilder.backUp(repository, files);
      } catch (RepositoryException e) {
        survived = false;
      }
      try (Repository repository = Repository.open(local(), PASSWORD)) {
        Checker.Result result = new Checker(repository, _ -> {}).check(Subset.ALL);
        assertThat(result.findings())
            .as("after death at write " + dieAt)
            .noneMatch(f -> f.severity() == Severity.ERROR);
        repository.loadIndex();
        for (var snapshot : repository.snapshots()) {
          assertSameFiles(RepositoryBuilder.read(repository, snapshot.requireId()), files);
        }
        repository.unlock(true);
        if (survived) {
          writes = dieAt;
          break;
        }
      }
      files = RepositoryBuilder.files(4 + dieAt, 12);
      // Every round has content of its own, so that it has packs to write.
      try (Repository repository = Repository.open(local(), PASSWORD)) {
        for (var snapshot : repository.snapshots()) {
          repository.backend().delete(StoredFile.snapshot(snapshot.requireId()));
        }
      }
    }
    assertThat(writes)
        .as("writes of a backup: lock, packs, index, snapshot, unlock")
        .isGreaterThan(4);
  }

  @Test
  void neverGivesWrongBytesForDamagedPacks() {
    Map<String, byte[]> files = RepositoryBuilder.files(5, 10);
    Id snapshot;
    try (Repository repository = LightRepository.create(local(), PASSWORD)) {
      snapshot = RepositoryBuilder.backUp(repository, files);
    }
    long seed = new Random().nextLong();
    System.out.println("neverGivesWrongBytesForDamagedPacks: seed " + seed);
    AtomicInteger detected = new AtomicInteger();
    FaultyBackend faulty = new FaultyBackend(local(), seed);
    try (Repository repository = Repository.open(faulty, PASSWORD)) {
      faulty.flipBitsOf(f -> f.type() == FileType.PACK);
      for (int round = 0; round < 200; round++) {
        repository.loadIndex();
        try {
          assertSameFiles(RepositoryBuilder.read(repository, snapshot), files);
        } catch (RepositoryException e) {
          assertThat(e.problem()).isEqualTo(Problem.DAMAGED);
          detected.incrementAndGet();
        }
      }
    }
    assertThat(detected).hasPositiveValue();
  }

  @Test
  void checkNamesEveryDamagedFile() throws Exception {
    Repository repository = LightRepository.create(local(), PASSWORD);
    RepositoryBuilder.backUp(repository, RepositoryBuilder.files(6, 10));
    for (FileType type : new FileType[] {FileType.SNAPSHOT, FileType.INDEX, FileType.PACK}) {
      Map<Id, Long> stored = new HashMap<>();
      local().list(type, stored::put);
      for (Id id : stored.keySet()) {
        StoredFile file = new StoredFile(type, id);
        Path path = directory.resolve("r").resolve(file.path());
        byte[] good = Files.readAllBytes(path);
        byte[] bad = good.clone();
        bad[bad.length / 2] ^= 4;
        Files.delete(path);
        Files.write(path, bad);
        assertThat(new Checker(repository, _ -> {}).check(Subset.ALL).findings())
            .as("flipped bit in " + file)
            .anyMatch(f -> f.severity() == Severity.ERROR && f.object().equals(file.path()));
        Files.delete(path);
        boolean clean = new Checker(repository, _ -> {}).check().isClean();
        // A snapshot that is gone is gone without a trace; anything else is missed.
        assertThat(clean).as("removed " + file).isEqualTo(type == FileType.SNAPSHOT);
        Files.write(path, good);
      }
    }
  }

  @Test
  void leavesNoLockBehind() {
    try (Repository repository = LightRepository.create(local(), PASSWORD)) {
      RepositoryBuilder.backUp(repository, RepositoryBuilder.files(8, 3));
      assertThat(count(repository.backend(), FileType.LOCK)).isZero();
    }
  }

  private static long count(Backend backend, FileType type) {
    AtomicInteger count = new AtomicInteger();
    backend.list(type, (_, _) -> count.incrementAndGet());
    return count.get();
  }
}
