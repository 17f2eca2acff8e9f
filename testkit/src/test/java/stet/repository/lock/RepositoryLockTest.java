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
import stet.testkit.LightRepository;

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

  @Test
  void anAnnouncedLockHoldsOnlyIfNobodyElseLocksMeanwhile() {
    try (RepositoryLock lock = repository.announceLock()) {
      assertThat(repository.locks().locks()).hasSize(1);
      Id other = plant(OffsetDateTime.now(ZoneOffset.UTC), true, elsewhere());
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
    try (RepositoryLock lock = repository.announceLock()) {
      repository.unlock(true);
      assertThatThrownBy(lock::settle).hasMessageContaining("somebody has removed it");
    }
  }

  /** The other client may be gone again before anybody asks. */
  @Test
  void aConflictIsSeenWhenTheLockSettlesAndNotWhenItIsAskedFor() throws Exception {
    try (RepositoryLock lock = repository.announceLock()) {
      Id other = plant(OffsetDateTime.now(ZoneOffset.UTC), true, elsewhere());
      Thread.sleep(1000);
      repository.backend().delete(StoredFile.lock(other));
      assertThatThrownBy(lock::settle).hasMessageContaining("elsewhere");
    }
  }

  @Test
  void damageIsRecordedUnderASettledLockOnly() {
    Set<Id> packs = Set.of(Id.of(new byte[] {1}));
    try (RepositoryLock lock = repository.announceLock()) {
      repository.recordDamage(packs);
      assertThat(indexFiles()).isZero();
      lock.settle();
      repository.recordDamage(Set.of(Id.of(new byte[] {2})));
      assertThat(indexFiles()).isEqualTo(1);
    }
  }

  private int indexFiles() {
    List<Id> files = new ArrayList<>();
    repository.backend().list(FileType.INDEX, (id, size) -> files.add(id));
    return files.size();
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
        .hasMessageMatching(".* since 2\\S+ \\(3m1\\ds ago\\)");
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
