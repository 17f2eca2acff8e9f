package stet.repository.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;

/** What {@link Backend} promises, for every implementation. */
abstract class BackendContract {
  /** An empty, created backend. */
  abstract Backend backend();

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void givesBackWhatWasSaved() {
    Backend backend = backend();
    for (FileType type : FileType.values()) {
      byte[] content = bytes("content of " + type);
      StoredFile file =
          type == FileType.CONFIG ? StoredFile.CONFIG : new StoredFile(type, Id.of(content));
      assertThat(backend.exists(file)).isFalse();
      backend.save(file, content);
      assertThat(backend.exists(file)).isTrue();
      assertThat(backend.load(file)).isEqualTo(content);
    }
  }

  @Test
  void savesAPartOfAnArray() {
    Backend backend = backend();
    StoredFile file = StoredFile.pack(Id.of(bytes("x")));
    backend.save(file, bytes("0123456789"), 3, 4);
    assertThat(backend.load(file)).isEqualTo(bytes("3456"));
  }

  @Test
  void loadsRanges() {
    Backend backend = backend();
    StoredFile file = StoredFile.pack(Id.of(bytes("x")));
    backend.save(file, bytes("0123456789"));
    assertThat(backend.load(file, 0, 10)).isEqualTo(bytes("0123456789"));
    assertThat(backend.load(file, 4, 3)).isEqualTo(bytes("456"));
    assertThat(backend.load(file, 10, 0)).isEmpty();
  }

  @Test
  void refusesARangePastTheEnd() {
    Backend backend = backend();
    StoredFile file = StoredFile.pack(Id.of(bytes("x")));
    backend.save(file, bytes("0123456789"));
    assertThatThrownBy(() -> backend.load(file, 8, 3))
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
  }

  @Test
  void saysThatAFileIsNotThere() {
    Backend backend = backend();
    StoredFile file = StoredFile.snapshot(Id.of(bytes("x")));
    assertThatThrownBy(() -> backend.load(file))
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.NOT_FOUND));
    assertThatThrownBy(() -> backend.load(file, 0, 1))
        .asInstanceOf(type(RepositoryException.class))
        .satisfies(e -> assertThat(e.problem()).isEqualTo(Problem.NOT_FOUND));
  }

  @Test
  void savingAgainKeepsTheFile() {
    Backend backend = backend();
    StoredFile file = StoredFile.index(Id.of(bytes("x")));
    backend.save(file, bytes("same"));
    backend.save(file, bytes("same"));
    assertThat(backend.load(file)).isEqualTo(bytes("same"));
  }

  @Test
  void listsIdsAndSizesByType() {
    Backend backend = backend();
    Map<Id, Long> expected = new HashMap<>();
    IntStream.range(0, 100)
        .forEach(i -> {
          byte[] content = bytes("pack".repeat(i));
          backend.save(StoredFile.pack(Id.of(content)), content);
          expected.put(Id.of(content), (long) content.length);
        });
    backend.save(StoredFile.lock(Id.of(bytes("l"))), bytes("l"));
    Map<Id, Long> found = new HashMap<>();
    backend.list(FileType.PACK, found::put);
    assertThat(found).isEqualTo(expected);
    found.clear();
    backend.list(FileType.LOCK, found::put);
    assertThat(found).containsOnlyKeys(Id.of(bytes("l")));
    found.clear();
    backend.list(FileType.SNAPSHOT, found::put);
    assertThat(found).isEmpty();
  }

  @Test
  void deletesOnceAndForAll() {
    Backend backend = backend();
    StoredFile file = StoredFile.lock(Id.of(bytes("x")));
    backend.save(file, bytes("x"));
    backend.delete(file);
    backend.delete(file);
    assertThat(backend.exists(file)).isFalse();
  }

  @Test
  void isSafeForSeveralThreads() {
    Backend backend = backend();
    IntStream.range(0, 200)
        .parallel()
        .forEach(i -> {
          byte[] content = bytes("content " + i % 50);
          StoredFile file = StoredFile.pack(Id.of(content));
          backend.save(file, content);
          assertThat(backend.load(file)).isEqualTo(content);
        });
    Map<Id, Long> found = new HashMap<>();
    backend.list(FileType.PACK, found::put);
    assertThat(found).hasSize(50);
  }
}
