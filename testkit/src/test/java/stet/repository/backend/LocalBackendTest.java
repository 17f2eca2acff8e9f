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
import stet.testkit.AnotherUser;

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

  private void asRootInTheDirectoryOfAnotherUser() throws IOException {
    assumeTrue(
        Files.getAttribute(directory, "unix:uid").equals(0), "only root may give files away");
    Files.setAttribute(directory, "unix:uid", AnotherUser.ID);
    Files.setAttribute(directory, "unix:gid", AnotherUser.ID);
    backend = new LocalBackend(directory.resolve("new/repository"));
    backend.create();
  }

  @Test
  void whatRootMakesBelongsToTheOwnerOfTheDirectoryItIsIn() throws Exception {
    asRootInTheDirectoryOfAnotherUser();
    byte[] content = {7};
    StoredFile pack = StoredFile.pack(Id.of(content));
    Path root = Path.of(backend.location());
    Files.delete(root.resolve(pack.path()).getParent());
    List<StoredFile> files = List.of(StoredFile.CONFIG, pack, StoredFile.lock(Id.of(content)));
    for (StoredFile file : files) {
      backend.save(file, content);
    }
    try (var made = Files.walk(directory.resolve("new"))) {
      assertThat(made)
          .allSatisfy(each ->
              assertThat(Files.readAttributes(each, "unix:uid,gid"))
                  .containsEntry("uid", AnotherUser.ID)
                  .containsEntry("gid", AnotherUser.ID));
    }
    for (StoredFile file : files) {
      assertThat(AnotherUser.<byte[]>call(() -> backend.load(file))).isEqualTo(content);
    }
  }

  @Test
  void aFileOfRootsThatHasAnotherNameStaysHis() throws IOException {
    asRootInTheDirectoryOfAnotherUser();
    Path file = Files.createFile(directory.resolve("file"));
    Path link = Files.createLink(directory.resolve("link"), file);
    Ownership.inherit(link);
    assertThat(Files.getAttribute(file, "unix:uid")).isEqualTo(0);
    Files.delete(file);
    Ownership.inherit(link);
    assertThat(Files.getAttribute(link, "unix:uid")).isEqualTo(AnotherUser.ID);
  }

  @Test
  void whatThisUserMayNotDoIsNoFaultOfTheStorage() throws Exception {
    asRootInTheDirectoryOfAnotherUser();
    byte[] content = {7};
    StoredFile file = StoredFile.snapshot(Id.of(content));
    backend.save(file, content);
    Path path = Path.of(backend.location()).resolve(file.path());
    Files.setAttribute(path, "unix:uid", 0);
    assertDenied("cannot read " + path, () -> backend.load(file));
    assertDenied("cannot read " + path, () -> backend.load(file, 0, 1));
    Files.setAttribute(path.getParent(), "unix:uid", 0);
    assertDenied("cannot write " + path, () -> backend.save(file, content));
    assertDenied(
        "cannot list " + path.getParent(), () -> backend.list(FileType.SNAPSHOT, (_, _) -> {}));
  }

  private static void assertDenied(String message, ThrowingCallable work) {
    assertThatThrownBy(() ->
            AnotherUser.call(() -> {
              try {
                work.call();
              } catch (RuntimeException e) {
                throw e;
              } catch (Throwable e) {
                throw new AssertionError(e);
              }
              return true;
            }))
        .hasMessage(message + ": permission denied")
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> {
          assertThat(e.problem()).isEqualTo(Problem.DENIED);
          assertThat(e.hint()).startsWith("Run stet as the repository's owner, 12345; ");
        });
  }

  @Test
  void saysWhyADirectoryCannotBeMade() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    assertThatThrownBy(() -> new LocalBackend(file.resolve("r")).create())
        .hasMessageContaining("cannot create the repository in " + file.resolve("r") + ": ")
        .message()
        .doesNotEndWith(file.toString());
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
