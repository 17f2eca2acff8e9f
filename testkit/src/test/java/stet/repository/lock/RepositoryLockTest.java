package stet.repository.lock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.FileType;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.codec.UnpackedCodec;
import stet.testkit.FaultyBackend;
import stet.testkit.LightRepository;
import stet.testkit.RepositoryBuilder;

class RepositoryLockTest {
  @TempDir Path directory;
  private Repository repository;

  @BeforeEach
  void create() {
    repository =
        LightRepository.create(
            new LocalBackend(directory.resolve("r")), "secret".getBytes(StandardCharsets.UTF_8));
  }

  @AfterEach
  void close() {
    repository.close();
  }

  private Id plant(OffsetDateTime time, boolean exclusive, LocalProcess process) {
    byte[] file =
        repository
            .masterKey()
            .seal(UnpackedCodec.encode(LockFile.encode(time, exclusive, process)));
    Id id = Id.of(file);
    repository.backend().save(StoredFile.lock(id), file);
    return id;
  }

  private static LocalProcess elsewhere() {
    return new LocalProcess("elsewhere", "ann", 77, "boot", "pid:[1]", 5);
  }

  private void assertLocked(boolean exclusive) {
    assertThatThrownBy(() -> repository.lock(exclusive).close())
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.LOCKED));
  }

  @Test
  void sharedLocksTolerateEachOther() {
    try (RepositoryLock first = repository.lock(false);
        RepositoryLock second = repository.lock(false)) {
      first.check();
      second.check();
      assertThat(repository.locks().locks()).hasSize(2);
    }
    assertThat(repository.locks().locks()).isEmpty();
  }

  @Test
  void exclusiveLocksTolerateNone() {
    try (RepositoryLock lock = repository.lock(true)) {
      lock.check();
      assertLocked(false);
      assertLocked(true);
    }
    try (RepositoryLock lock = repository.lock(false)) {
      lock.check();
      assertLocked(true);
    }
  }

  /**
   * Opens the repository so that its locks look again at the others not before they may: what the
   * test does before that is done before they settle, however slow the machine is.
   *
   * @param looked counted down by each lock that they have read then
   */
  private Repository openUnsettled(CountDownLatch may, CountDownLatch looked) {
    Thread test = Thread.currentThread();
    FaultyBackend backend =
        new FaultyBackend(new LocalBackend(directory.resolve("r")), 0)
            .beforeCall(() -> {
              if (Thread.currentThread() != test) {
                await(may);
              }
            })
            .flipBitsOf(file -> {
              if (Thread.currentThread() != test && file.type() == FileType.LOCK) {
                looked.countDown();
              }
              return false;
            });
    return Repository.open(backend, "secret".getBytes(StandardCharsets.UTF_8));
  }

  private Repository openUnsettled(CountDownLatch may) {
    return openUnsettled(may, new CountDownLatch(0));
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(60, TimeUnit.SECONDS)) {
        throw new AssertionError("waited in vain");
      }
    } catch (InterruptedException e) {
      // Its lock was given back.
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void anAnnouncedLockHoldsOnlyIfNobodyElseLocksMeanwhile() {
    CountDownLatch may = new CountDownLatch(1);
    try (Repository own = openUnsettled(may);
        RepositoryLock lock = own.announceLock()) {
      assertThat(repository.locks().locks()).hasSize(1);
      Id other = plant(OffsetDateTime.now(ZoneOffset.UTC), true, elsewhere());
      may.countDown();
      assertThatThrownBy(lock::settle)
          .asInstanceOf(type(RepositoryException.class))
          .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.LOCKED));
      repository.backend().delete(StoredFile.lock(other));
      assertThatThrownBy(lock::check)
          .as("it may have removed what was read meanwhile")
          .hasMessageContaining("elsewhere");
      assertThat(lock.isSettled()).isFalse();
    }
    assertThat(repository.locks().locks()).isEmpty();
  }

  @Test
  void anAnnouncedLockThatSomebodyRemovesDoesNotSettle() {
    CountDownLatch may = new CountDownLatch(1);
    try (Repository own = openUnsettled(may);
        RepositoryLock lock = own.announceLock()) {
      repository.unlock(true);
      may.countDown();
      assertThatThrownBy(lock::settle).hasMessageContaining("somebody has removed it");
    }
  }

  /** The other client may be gone again before anybody asks. */
  @Test
  void aConflictIsSeenWhenTheLockSettlesAndNotWhenItIsAskedFor() {
    CountDownLatch may = new CountDownLatch(1);
    CountDownLatch looked = new CountDownLatch(2);
    try (Repository own = openUnsettled(may, looked);
        RepositoryLock lock = own.announceLock()) {
      Id other = plant(OffsetDateTime.now(ZoneOffset.UTC), true, elsewhere());
      may.countDown();
      await(looked);
      repository.backend().delete(StoredFile.lock(other));
      assertThatThrownBy(lock::settle).hasMessageContaining("elsewhere");
    }
  }

  /** As a prune does that ends before this lock settles. */
  private void replaceIndex() {
    List<Id> files = indexIds();
    for (Id file : files) {
      byte[] json = repository.loadUnpacked(StoredFile.index(file));
      byte[] sealed = repository.masterKey().seal(UnpackedCodec.encode(json));
      repository.backend().save(StoredFile.index(Id.of(sealed)), sealed);
    }
    files.forEach(file -> repository.backend().delete(StoredFile.index(file)));
  }

  @Test
  void whatSomebodyReplacedBeforeTheLockSettledIsReadOnceMore() {
    RepositoryBuilder.backUp(repository, RepositoryBuilder.files(1, 3));
    AtomicInteger readings = new AtomicInteger();
    try (RepositoryLock lock = repository.announceLock()) {
      String read =
          lock.whileSettling(() -> {
            repository.loadIndex();
            if (readings.getAndIncrement() == 0) {
              replaceIndex();
              return "what is gone";
            }
            return "what is there";
          });
      assertThat(read).isEqualTo("what is there");
    }
    assertThat(readings).hasValue(2);
  }

  @Test
  void aReadingThatFailsBecauseSomebodyReplacedTheIndexIsTriedOnceMore() {
    RepositoryBuilder.backUp(repository, RepositoryBuilder.files(1, 3));
    AtomicInteger readings = new AtomicInteger();
    try (RepositoryLock lock = repository.announceLock()) {
      int read =
          lock.whileSettling(() -> {
            repository.loadIndex();
            if (readings.getAndIncrement() == 0) {
              replaceIndex();
              throw RepositoryException.damaged("a pack is gone", null);
            }
            return repository.index().packs();
          });
      assertThat(read).isPositive();
    }
  }

  @Test
  void whatNobodyReplacedIsReadOnce() {
    RepositoryBuilder.backUp(repository, RepositoryBuilder.files(1, 3));
    AtomicInteger readings = new AtomicInteger();
    try (RepositoryLock lock = repository.announceLock()) {
      assertThatThrownBy(() ->
              lock.whileSettling(() -> {
                readings.incrementAndGet();
                throw RepositoryException.damaged("before the index", null);
              }))
          .hasMessage("before the index");
      lock.whileSettling(() -> {
        repository.loadIndex();
        return readings.incrementAndGet();
      });
      assertThatThrownBy(() ->
              lock.whileSettling(() -> {
                readings.incrementAndGet();
                throw RepositoryException.damaged("it is", null);
              }))
          .hasMessage("it is");
    }
    assertThat(readings).hasValue(3);
  }

  @Test
  void aLockThatWasLostStaysLost() {
    try (RepositoryLock lock = repository.lock(false)) {
      StoredFile file = StoredFile.lock(repository.locks().locks().getFirst().id());
      byte[] bytes = repository.backend().load(file);
      repository.backend().delete(file);
      lock.refresh();
      repository.backend().save(file, bytes);
      assertThatThrownBy(lock::check).hasMessageContaining("somebody has removed it");
    }
  }

  @Test
  void aLockThatIsRemovedWhileItIsRefreshedIsLost() {
    FaultyBackend backend = new FaultyBackend(new LocalBackend(directory.resolve("r")), 0);
    try (Repository other = Repository.open(backend, "secret".getBytes(StandardCharsets.UTF_8));
        RepositoryLock lock = other.lock(false)) {
      backend.beforeSave(_ -> repository.unlock(true));
      lock.refresh();
      assertThat(repository.locks().locks()).isEmpty();
      assertThatThrownBy(lock::check).hasMessageContaining("somebody has removed it");
    }
  }

  @Test
  void damageIsNotRecordedWithoutALock() {
    Set<Id> packs = Set.of(Id.of(new byte[] {1}));
    repository.lock(false).close();
    repository.recordDamage(packs);
    assertThat(indexFiles()).as("the lock was given back").isZero();
    try (RepositoryLock lock = repository.lock(false)) {
      lock.check();
      repository.unlock(true);
      repository.recordDamage(Set.of(Id.of(new byte[] {2})));
      assertThat(indexFiles()).as("the lock was lost").isZero();
    }
  }

  @Test
  void damageIsRecordedUnderASettledLockOnly() {
    Set<Id> packs = Set.of(Id.of(new byte[] {1}));
    CountDownLatch may = new CountDownLatch(1);
    try (Repository own = openUnsettled(may);
        RepositoryLock lock = own.announceLock()) {
      own.recordDamage(packs);
      assertThat(indexFiles()).isZero();
      may.countDown();
      lock.settle();
      own.recordDamage(Set.of(Id.of(new byte[] {2})));
      assertThat(indexFiles()).isEqualTo(1);
    }
  }

  private List<Id> indexIds() {
    List<Id> files = new ArrayList<>();
    repository.backend().list(FileType.INDEX, (id, size) -> files.add(id));
    return files;
  }

  private int indexFiles() {
    return indexIds().size();
  }

  @Test
  void aLockThatIsAnnouncedAfterAnotherSettledIsRefused() {
    try (RepositoryLock lock = repository.lock(true)) {
      lock.check();
      assertThatThrownBy(() -> repository.announceLock().close())
          .hasMessageContaining("locked exclusively");
    }
  }

  @Test
  void conflictNamesTheHolderAndTheAge() {
    plant(OffsetDateTime.now().minusSeconds(190), true, elsewhere());
    assertThatThrownBy(() -> repository.lock(false))
        .hasMessageContaining("ann on elsewhere (process 77)")
        .hasMessageMatching(".* since 2\\S+ \\(3m[1-5]\\ds ago\\)");
  }

  @Test
  void removesLocksOfDeadProcessesOfThisMachine() throws Exception {
    Process process = new ProcessBuilder("sleep", "0").start();
    long pid = process.pid();
    process.waitFor();
    LocalProcess self = LocalProcess.current();
    plant(
        OffsetDateTime.now(),
        true,
        new LocalProcess(
            self.hostname(), self.username(), pid, self.boot(), self.namespace(), 12345));
    repository.lock(true).close();
    assertThat(repository.locks().locks()).isEmpty();
  }

  @Test
  void keepsLocksOfAProcessIdThatIsInUseByAnotherProcessSince() {
    LocalProcess self = LocalProcess.current();
    plant(OffsetDateTime.now(ZoneOffset.UTC), true, self);
    assertLocked(false);
    repository.unlock(true);
    plant(
        OffsetDateTime.now(),
        true,
        new LocalProcess(
            self.hostname(),
            self.username(),
            self.pid(),
            self.boot(),
            self.namespace(),
            self.start() - 1));
    repository.lock(false).close();
  }

  @Test
  void keepsLocksOfOtherNamespacesAndBoots() {
    LocalProcess self = LocalProcess.current();
    plant(
        OffsetDateTime.now(),
        true,
        new LocalProcess(self.hostname(), "", 4_000_000, self.boot(), "pid:[1]", 5));
    assertLocked(false);
    repository.unlock(true);
    plant(
        OffsetDateTime.now(),
        true,
        new LocalProcess(self.hostname(), "", 4_000_000, "other boot", self.namespace(), 5));
    assertLocked(false);
  }

  @Test
  void staleLocksStillConflictUntilUnlocked() {
    plant(OffsetDateTime.now().minusHours(2), true, elsewhere());
    assertLocked(false);
    assertThat(repository.unlock(false).removed().size()).isEqualTo(1);
    repository.lock(true).close();
  }

  @Test
  void unlockKeepsFreshLocksUnlessAllAreMeant() {
    plant(OffsetDateTime.now().minusMinutes(5), false, elsewhere());
    assertThat(repository.unlock(false).removed().size()).isZero();
    assertThat(repository.unlock(true).removed().size()).isEqualTo(1);
  }

  @Test
  void emptyLockFilesCountAsNone() {
    repository.backend().save(StoredFile.lock(Id.of(new byte[] {1})), new byte[0]);
    repository.lock(true).close();
  }

  @Test
  void unreadableLocksConflictAndOnlyForceRemovesThem() {
    repository.backend().save(StoredFile.lock(Id.of(new byte[] {1})), new byte[] {1, 2, 3});
    assertLocked(false);
    assertThat(repository.unlock(false).removed().size()).isZero();
    assertThat(repository.unlock(true).removed().size()).isEqualTo(1);
    repository.lock(true).close();
  }

  @Test
  void refreshReplacesTheLockFile() {
    try (RepositoryLock lock = repository.lock(false)) {
      Id before = repository.locks().locks().getFirst().id();
      lock.refresh();
      assertThat(repository.locks().locks())
          .singleElement()
          .satisfies(l -> assertThat(l.id()).isNotEqualTo(before));
    }
    assertThat(repository.locks().locks()).isEmpty();
  }

  @Test
  void hangupIsIgnoredWhileALockIsHeld() throws Exception {
    try (RepositoryLock lock = repository.lock(false)) {
      new ProcessBuilder("kill", "-HUP", Long.toString(ProcessHandle.current().pid()))
          .start()
          .waitFor();
      Thread.sleep(200);
      lock.check();
    }
  }
}
