package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.FileType;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.check.Checker;
import stet.repository.check.Checker.Finding;
import stet.repository.check.Checker.Severity;
import stet.repository.check.Checker.Subset;
import stet.repository.check.PackRepair;
import stet.repository.index.BlobIndex;
import stet.repository.lock.RepositoryLock;
import stet.testkit.AnotherUser;
import stet.testkit.FaultyBackend;
import stet.testkit.LightRepository;
import stet.testkit.RepositoryBuilder;

/** A damaged pack costs only what it held, and the next backup stores that again. */
class DamageTest {
  private static final byte[] PASSWORD = "secret".getBytes(StandardCharsets.UTF_8);

  @TempDir Path directory;

  private final Map<String, byte[]> files = RepositoryBuilder.files(21, 12);
  private Path root;
  private Id snapshot;

  @BeforeEach
  void backUp() {
    root = directory.resolve("r");
    try (Repository repository = LightRepository.create(new LocalBackend(root), PASSWORD)) {
      snapshot = RepositoryBuilder.backUp(repository, files);
    }
  }

  @Test
  void aFindingNamesItsObjectOnce() throws IOException {
    Path index;
    try (Stream<Path> all = Files.list(root.resolve("index"))) {
      index = all.findFirst().orElseThrow();
    }
    Files.delete(index);
    Files.writeString(index, "other bytes");
    try (Repository repository = open()) {
      assertThat(new Checker(repository, _ -> {}).check().findings())
          .filteredOn(finding -> finding.object().equals("index/" + index.getFileName()))
          .singleElement()
          .satisfies(finding ->
              assertThat(finding.message()).startsWith("is damaged: its bytes have the hash "));
    }
  }

  @Test
  void whatThisUserMayNotReadIsNoDamage() throws Exception {
    assumeTrue(Files.getAttribute(root, "unix:uid").equals(0), "only root can become another user");
    try (Repository repository = open()) {
      repository.loadIndex();
      Path locked =
          root.resolve(StoredFile.pack(repository.index().byPack().getFirst().id()).path());
      try (Stream<Path> all = Files.walk(directory)) {
        for (Path each : all.filter(each -> !each.equals(locked)).toList()) {
          Files.setAttribute(each, "unix:uid", AnotherUser.ID);
        }
      }
      assertThatThrownBy(
              () -> AnotherUser.call(() -> new Checker(repository, _ -> {}).check(Subset.ALL)))
          .hasMessage("cannot read " + locked + ": permission denied")
          .asInstanceOf(type(RepositoryException.class))
          .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.DENIED));
      repository.loadIndex();
      assertThat(repository.index().damagedPacks()).isEmpty();
      assertThat(new Checker(repository, _ -> {}).check(Subset.ALL).findings()).isEmpty();
    }
  }

  private Repository open() {
    return Repository.open(new LocalBackend(root), PASSWORD);
  }

  /** What happens to packs. */
  private enum Harm {
    FLIPPED {
      @Override
      byte[] to(byte[] pack) {
        pack[pack.length / 3] ^= 8;
        return pack;
      }
    },
    HEADER_FLIPPED {
      @Override
      byte[] to(byte[] pack) {
        pack[pack.length - 30] ^= 8;
        return pack;
      }
    },
    TRUNCATED {
      @Override
      byte[] to(byte[] pack) {
        return Arrays.copyOf(pack, pack.length / 2);
      }
    },
    EMPTIED {
      @Override
      byte[] to(byte[] pack) {
        return new byte[0];
      }
    },
    MISSING {
      @Override
      byte[] to(byte[] pack) {
        return null;
      }
    };

    abstract byte[] to(byte[] pack);
  }

  /** Harms the packs of one type and returns their ids. */
  private Set<Id> harm(BlobType type, Harm harm) {
    Set<Id> harmed = new TreeSet<>();
    try (Repository repository = open()) {
      repository.loadIndex();
      for (BlobIndex.Pack pack : repository.index().byPack()) {
        if (pack.entries().getFirst().type() == type) {
          Path path = root.resolve(StoredFile.pack(pack.id()).path());
          byte[] bytes = harm.to(Files.readAllBytes(path));
          Files.delete(path);
          if (bytes != null) {
            Files.write(path, bytes);
          }
          harmed.add(pack.id());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertThat(harmed).isNotEmpty();
    return harmed;
  }

  private Checker.Result check(Subset subset) {
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(true)) {
      return new Checker(repository, _ -> {}).check(subset);
    }
  }

  private PackRepair.Result repair() {
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(true)) {
      return PackRepair.run(repository, lock);
    }
  }

  private Id backUpAgain(Map<String, byte[]> content) {
    try (Repository repository = open()) {
      return RepositoryBuilder.backUp(repository, content);
    }
  }

  private void assertWhole(Id... snapshots) {
    try (Repository repository = open()) {
      repository.loadIndex();
      for (Id each : snapshots) {
        Map<String, byte[]> found = RepositoryBuilder.read(repository, each);
        assertThat(found.keySet()).isEqualTo(files.keySet());
        files.forEach((name, bytes) -> assertThat(found.get(name)).as(name).isEqualTo(bytes));
      }
    }
  }

  private Set<Id> stored(FileType type) {
    Set<Id> ids = new TreeSet<>();
    new LocalBackend(root).list(type, (id, _) -> ids.add(id));
    return ids;
  }

  @ParameterizedTest
  @EnumSource(Harm.class)
  void theNextBackupStoresDamagedDataAgain(Harm harm) {
    heals(BlobType.DATA, harm);
  }

  @ParameterizedTest
  @EnumSource(Harm.class)
  void theNextBackupStoresDamagedTreesAgain(Harm harm) {
    heals(BlobType.TREE, harm);
  }

  private void heals(BlobType type, Harm harm) {
    Set<Id> harmed = harm(type, harm);
    assertThat(check(Subset.ALL).isClean()).isFalse();
    Id second = backUpAgain(files);
    assertWhole(snapshot, second);

    PackRepair.Result result = repair();

    assertThat(result.packs()).containsExactlyInAnyOrderElementsOf(harmed);
    assertThat(result.lost()).isZero();
    assertThat(check(Subset.ALL).findings()).isEmpty();
    assertWhole(snapshot, second);
    assertThat(stored(FileType.PACK)).doesNotContainAnyElementsOf(harmed);
    assertThat(repair().packs()).isEmpty();
  }

  @Test
  void aDamagedPackCostsOnlyWhatItHeld() {
    Set<Id> harmed = harm(BlobType.DATA, Harm.FLIPPED);
    List<Finding> findings = check(Subset.ALL).findings();
    Set<String> damagedFiles = new TreeSet<>();
    for (Finding finding : findings) {
      if (finding.message().contains("of its")) {
        damagedFiles.add(finding.object().replaceFirst(".*/", ""));
        assertThat(finding.object())
            .startsWith("snapshot " + snapshot.shortText() + ":/directory/file-");
        assertThat(finding.message()).contains("lost with pack");
      }
    }
    for (Id pack : harmed) {
      assertThat(findings).anyMatch(f -> f.object().equals(StoredFile.pack(pack).path()));
    }
    assertThat(damagedFiles).isNotEmpty().hasSizeLessThan(files.size() / 2);

    PackRepair.Result result = repair();

    assertThat(result.lost()).isPositive();
    assertThat(result.copied()).isGreaterThan(result.lost());
    assertThat(stored(FileType.PACK)).as("what may be read elsewhere is kept").containsAll(harmed);
    try (Repository repository = open()) {
      repository.loadIndex();
      assertThat(harmed).noneMatch(repository.index()::hasPack);
      Id tree = repository.snapshot(snapshot).tree();
      Id subtree = repository.tree(tree).getFirst().requireSubtree();
      for (var node : repository.tree(subtree)) {
        if (damagedFiles.contains(node.name())) {
          assertThatThrownBy(
                  () -> repository.reader().<RuntimeException>read(node.content(), _ -> {}))
              .hasMessageContaining("not in the index");
        } else {
          repository.reader().<RuntimeException>read(node.content(), _ -> {});
        }
      }
    }
    // The content was still there after all, and makes the first snapshot whole again.
    assertWhole(backUpAgain(files), snapshot);
  }

  @Test
  void aReaderWithALockRecordsWhatItFindsDamaged() {
    Set<Id> harmed = harm(BlobType.DATA, Harm.FLIPPED);
    Set<Id> index = stored(FileType.INDEX);
    try (Repository repository = open()) {
      repository.loadIndex();
      assertDamaged(() -> RepositoryBuilder.read(repository, snapshot));
      assertThat(repository.index().damagedPacks()).isSubsetOf(harmed).isNotEmpty();
      assertThat(stored(FileType.INDEX)).as("without a lock nothing is written").isEqualTo(index);
    }
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(false)) {
      repository.loadIndex();
      assertDamaged(() -> RepositoryBuilder.read(repository, snapshot));
      assertDamaged(() -> RepositoryBuilder.read(repository, snapshot));
      lock.check();
    }
    assertThat(stored(FileType.INDEX)).as("it is noted once").hasSize(index.size() + 1);
    try (Repository repository = open()) {
      repository.loadIndex();
      assertThat(repository.index().damagedPacks()).isSubsetOf(harmed).hasSize(1);
    }
    assertThat(check(new Subset(0, 1)).isClean()).as("a known damage is looked at").isFalse();
  }

  private static void assertDamaged(Runnable reading) {
    assertThatThrownBy(reading::run)
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
  }

  @Test
  void checkRecordsDamageOnce() {
    harm(BlobType.DATA, Harm.TRUNCATED);
    check(Subset.ALL);
    Set<Id> index = stored(FileType.INDEX);
    check(Subset.ALL);
    assertThat(stored(FileType.INDEX)).isEqualTo(index);
  }

  @Test
  void aPackThatIsWholeAfterAllIsReplacedAndNothingIsLost() {
    Set<Id> packs = stored(FileType.PACK);
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(false)) {
      lock.check();
      repository.recordDamage(packs);
    }
    assertThat(check(new Subset(0, 1)).isClean()).isTrue();
    PackRepair.Result result = repair();
    assertThat(result.lost()).isZero();
    assertThat(stored(FileType.PACK)).doesNotContainAnyElementsOf(packs);
    assertThat(check(Subset.ALL).findings()).isEmpty();
    assertWhole(snapshot);
  }

  @Test
  void nothingIsDroppedWhileTheStorageFailsToRead() {
    harm(BlobType.DATA, Harm.FLIPPED);
    check(Subset.ALL);
    Set<Id> index = stored(FileType.INDEX);
    FaultyBackend faulty = new FaultyBackend(new LocalBackend(root), 1);
    try (Repository repository = Repository.open(faulty, PASSWORD);
        RepositoryLock lock = repository.lock(true)) {
      faulty.failReadsOf(file -> file.type() == FileType.PACK);
      assertThatThrownBy(() -> PackRepair.run(repository, lock))
          .asInstanceOf(type(RepositoryException.class))
          .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.STORAGE));
    }
    assertThat(stored(FileType.INDEX)).isEqualTo(index);
  }

  @Test
  void isValidAtEveryInstantOfARepair() throws IOException {
    // Half of the content is stored again, so that a repair has to copy, to drop and to delete.
    Map<String, byte[]> half = new TreeMap<>(files);
    half.keySet().removeIf(name -> name.compareTo("file-5") < 0);
    harm(BlobType.TREE, Harm.HEADER_FLIPPED);
    harm(BlobType.DATA, Harm.HEADER_FLIPPED);
    check(Subset.ALL);
    backUpAgain(half);
    Path before = directory.resolve("before");
    copy(root, before);
    int writes;
    for (int dieAt = 0; ; dieAt++) {
      delete(root);
      copy(before, root);
      FaultyBackend faulty = new FaultyBackend(new LocalBackend(root), 0);
      boolean survived = true;
      try (Repository repository = Repository.open(faulty, PASSWORD)) {
        faulty.dieAtWrite(dieAt);
        try (RepositoryLock lock = repository.lock(true)) {
          PackRepair.run(repository, lock);
        }
      } catch (RepositoryException e) {
        survived = false;
      }
      String when = "after death at write " + dieAt;
      assertWhole(snapshot);
      try (Repository repository = open()) {
        repository.unlock(true);
        assertThat(new Checker(repository, _ -> {}).check().findings())
            .as(when)
            .noneMatch(f ->
                f.severity() == Severity.ERROR
                    && !f.message().contains("header:")
                    && !f.message().startsWith("is damaged: its bytes"));
      }
      if (survived) {
        writes = dieAt;
        break;
      }
      assertThat(repair().lost()).as(when).isZero();
      List<Finding> left = check(Subset.ALL).findings();
      // Only the last steps, which remove the packs' files, leave something behind.
      assertThat(left).as(when).noneMatch(f -> f.severity() == Severity.ERROR);
      assertWhole(snapshot);
    }
    assertThat(check(Subset.ALL).findings()).isEmpty();
    assertThat(writes).as("lock, packs, index files, deletions, unlock").isGreaterThan(8);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path each : all.toList()) {
        Files.copy(each, to.resolve(from.relativize(each)));
      }
    }
  }

  private static void delete(Path tree) throws IOException {
    try (Stream<Path> all = Files.walk(tree)) {
      for (Path each : all.sorted((x, y) -> y.compareTo(x)).toList()) {
        Files.delete(each);
      }
    }
  }

  @Test
  void anInterruptedCheckInventsNoDamage() throws Exception {
    long seed = new Random().nextLong();
    System.out.println("anInterruptedCheckInventsNoDamage: seed " + seed);
    Random random = new Random(seed);
    Set<Id> index = stored(FileType.INDEX);
    AtomicInteger interrupted = new AtomicInteger();
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(true)) {
      lock.check();
      long begin = System.nanoTime();
      new Checker(repository, _ -> {}).check(Subset.ALL);
      long duration = System.nanoTime() - begin;
      for (int round = 0; round < 30 || interrupted.get() == 0; round++) {
        assertThat(round).as("rounds of which none was interrupted").isLessThan(10_000);
        CountDownLatch begun = new CountDownLatch(1);
        Throwable[] failure = {null};
        Checker.Result[] result = {null};
        Thread thread =
            Thread.ofPlatform()
                .start(() -> {
                  begun.countDown();
                  try {
                    result[0] = new Checker(repository, _ -> {}).check(Subset.ALL);
                  } catch (RuntimeException e) {
                    failure[0] = e;
                  }
                });
        begun.await();
        TimeUnit.NANOSECONDS.sleep(random.nextLong(duration));
        thread.interrupt();
        thread.join();
        if (failure[0] == null) {
          assertThat(result[0].findings()).isEmpty();
        } else {
          assertThat(failure[0])
              .asInstanceOf(type(RepositoryException.class))
              .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.INTERRUPTED));
          interrupted.incrementAndGet();
        }
      }
    }
    assertThat(interrupted).hasPositiveValue();
    assertThat(stored(FileType.INDEX)).isEqualTo(index);
  }
}
