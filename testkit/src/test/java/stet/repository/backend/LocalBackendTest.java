package stet.repository.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;

class LocalBackendTest extends BackendContract {
  @TempDir Path directory;
  private LocalBackend backend;

  @BeforeEach
  void create() {
    backend = new LocalBackend(directory.resolve("repository"));
    backend.create();
  }

  @Override
  Backend backend() {
    return backend;
  }

  @Test
  void passesOverForeignNamesAndLeftovers() throws IOException {
    Path root = directory.resolve("repository");
    String id = Id.of(new byte[] {1}).toString();
    Files.writeString(root.resolve("snapshots/" + id + "-tmp-123"), "half");
    Files.writeString(root.resolve("snapshots/README"), "foreign");
    Files.createDirectories(root.resolve("data/lost+found"));
    Files.writeString(root.resolve("data/lost+found/" + id), "foreign");
    List<Id> found = new ArrayList<>();
    backend.list(FileType.SNAPSHOT, (name, _) -> found.add(name));
    backend.list(FileType.PACK, (name, _) -> found.add(name));
    assertThat(found).isEmpty();
  }

  @Test
  void aSectorThatIsLostIsDamage() throws IOException {
    Path memory = Path.of("/proc/self/mem"); // whose first page nobody can read
    assumeTrue(Files.isReadable(memory), "this system has no " + memory);
    StoredFile file = StoredFile.pack(Id.of(new byte[] {7}));
    Path link =
        Files.createSymbolicLink(directory.resolve("repository").resolve(file.path()), memory);
    for (ThrowingCallable reading :
        List.<ThrowingCallable>of(() -> backend.load(file), () -> backend.load(file, 0, 10))) {
      assertThatThrownBy(reading)
          .hasMessageContaining("input/output error")
          .asInstanceOf(type(RepositoryException.class))
          .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
    }
    Files.delete(link);
  }

  @Test
  void anInterruptIsNoFaultOfTheStorage() {
    byte[] content = {7};
    StoredFile file = StoredFile.pack(Id.of(content));
    backend.save(file, content);
    for (ThrowingCallable work :
        List.<ThrowingCallable>of(
            () -> backend.load(file, 0, 1),
            () -> backend.save(StoredFile.snapshot(Id.of(content)), content))) {
      Thread.currentThread().interrupt();
      try {
        assertThatThrownBy(work)
            .asInstanceOf(type(RepositoryException.class))
            .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.INTERRUPTED));
      } finally {
        Thread.interrupted();
      }
    }
  }

  @Test
  void makesAMissingPackDirectory() throws IOException {
    byte[] content = {7};
    StoredFile file = StoredFile.pack(Id.of(content));
    Files.delete(directory.resolve("repository").resolve(file.path()).getParent());
    backend.save(file, content);
    assertThat(backend.load(file)).isEqualTo(content);
  }

  @Test
  void finishedFilesAreReadOnlyForTheirOwner() throws IOException {
    byte[] content = {7};
    StoredFile file = StoredFile.snapshot(Id.of(content));
    backend.save(file, content);
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(
                    directory.resolve("repository").resolve(file.path()))))
        .isEqualTo("r--------");
  }

  @Test
  void failingSaveLeavesNoTemporaryFile() throws IOException {
    byte[] content = {7};
    StoredFile file = StoredFile.snapshot(Id.of(content));
    Path target = directory.resolve("repository").resolve(file.path());
    Files.createDirectories(target.resolve("in the way"));
    assertThatThrownBy(() -> backend.save(file, content))
        .isInstanceOf(RepositoryException.class)
        .hasMessageContaining(target.toString());
    try (var names = Files.list(target.getParent())) {
      assertThat(names).containsExactly(target);
    }
  }

  @Test
  void namesTheMissingDirectory() {
    LocalBackend nowhere = new LocalBackend(directory.resolve("nowhere"));
    assertThat(nowhere.exists(StoredFile.CONFIG)).isFalse();
    assertThatThrownBy(() -> nowhere.list(FileType.INDEX, (_, _) -> {}))
        .isInstanceOf(RepositoryException.class)
        .hasMessageContaining("nowhere");
  }
}
