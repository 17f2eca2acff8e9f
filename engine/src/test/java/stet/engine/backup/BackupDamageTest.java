package stet.engine.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.Environment;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.check.Checker;
import stet.repository.index.BlobIndex;
import stet.repository.index.PackEntry;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;
import stet.testkit.LightRepository;

/** Damage that shows only when a backup has already counted on what it hit. */
class BackupDamageTest {
  private static final byte[] PASSWORD = "secret".getBytes(StandardCharsets.UTF_8);

  @TempDir Path directory;

  private final Map<Id, byte[]> blobs = new HashMap<>();
  private final Warnings warned = new Warnings();
  private Repository repository;
  private BlobIndex.Pack pack;
  private PackEntry counted;
  private PackEntry read;

  private static final class Warnings implements Progress {
    final List<String> texts = new ArrayList<>();

    @Override
    public void phase(String what) {}

    @Override
    public void expect(long bytes) {}

    @Override
    public void advance(long bytes) {}

    @Override
    public void warn(String message) {
      texts.add(message);
    }

    @Override
    public void detail(String message) {}
  }

  /** Captures a file of blobs with what {@link Work} saves. */
  private record FileComponent(Work work) implements Component {
    interface Work {
      List<Id> save(CaptureContext context);
    }

    @Override
    public String name() {
      return "file";
    }

    @Override
    public String kind() {
      return "file";
    }

    @Override
    public void check(Operation operation) {}

    @Override
    public Captured capture(CaptureContext context) {
      List<Id> content = work.save(context);
      long size = content.size() * 1000L;
      Id tree =
          context
              .sink()
              .save(
                  BlobType.TREE,
                  Tree.encode(List.of(Node.file("content", Instant.EPOCH, size, content))));
      return new Captured(Node.directory("file", Instant.EPOCH, tree), new JsonObject());
    }

    @Override
    public Target target(Operation operation) {
      return new NoTarget();
    }
  }

  private record NoTarget() implements Target {
    @Override
    public Live live() {
      return new Live(null, true, "nothing");
    }

    @Override
    public Beside stage(RestoreContext context) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void note(Beside state, String note) {}

    @Override
    public Beside swap(Beside state, String operation, String note) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void swapBack(Beside state, String operation) {}

    @Override
    public Beside keep(Beside state, String note) {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<Beside> beside() {
      return List.of();
    }

    @Override
    public long size(Beside state) {
      return 0;
    }

    @Override
    public void drop(Beside state) {}

    @Override
    public void close() {}
  }

  private Backup.Result backUp(FileComponent.Work work) {
    Environment environment =
        new Environment("app", "env", false, List.of(new FileComponent(work)));
    return new Backup(repository, environment, new Operation("01234567", 1, warned))
        .run(List.of(), false);
  }

  /** Backs up some blobs, and chooses two that share a pack. */
  @BeforeEach
  void backUpFirst() {
    repository = LightRepository.create(new LocalBackend(directory.resolve("r")), PASSWORD);
    Random random = new Random(1);
    for (int i = 0; i < 8; i++) {
      byte[] bytes = new byte[1000];
      random.nextBytes(bytes);
      blobs.put(Id.of(bytes), bytes);
    }
    backUp(context -> saveAll(context));
    repository.loadIndex();
    for (BlobIndex.Pack each : repository.index().byPack()) {
      List<PackEntry> own = each.entries().stream().filter(e -> blobs.containsKey(e.id())).toList();
      if (own.size() >= 2) {
        pack = each;
        counted = own.getFirst();
        read = own.getLast();
      }
    }
  }

  private List<Id> saveAll(CaptureContext context) {
    List<Id> content = new ArrayList<>();
    blobs.values().forEach(bytes -> content.add(context.sink().save(BlobType.DATA, bytes)));
    return content;
  }

  @AfterEach
  void close() {
    repository.close();
  }

  private void flip(PackEntry entry) throws IOException {
    Path file = directory.resolve("r").resolve(StoredFile.pack(pack.id()).path());
    byte[] bytes = Files.readAllBytes(file);
    bytes[entry.offset() + 50] ^= 1;
    Files.delete(file);
    Files.write(file, bytes);
  }

  /** Counts on one blob, and then finds that another of the same pack is damaged. */
  private List<Id> countThenRead(CaptureContext context) {
    assertThat(context.sink().holds(BlobType.DATA, counted.id())).isTrue();
    assertThatThrownBy(() -> context.source().load(BlobType.DATA, read.id()))
        .isInstanceOf(RepositoryException.class);
    assertThat(context.sink().holds(BlobType.DATA, counted.id())).isFalse();
    return List.of(counted.id());
  }

  @Test
  void copiesWhatItCountsOnOutOfAPackThatTurnsOutDamaged() throws IOException {
    flip(read);
    backUp(this::countThenRead);
    repository.loadIndex();
    assertThat(repository.index().hasPack(pack.id())).isFalse();
    assertThat(repository.reader().load(BlobType.DATA, counted.id()))
        .isEqualTo(blobs.get(counted.id()));
  }

  @Test
  void storesAgainWhatTheIndexNamesInAPackThatIsGone() throws IOException {
    Files.delete(directory.resolve("r").resolve(StoredFile.pack(pack.id()).path()));
    backUp(context -> {
      assertThat(context.sink().holds(BlobType.DATA, counted.id())).isFalse();
      return saveAll(context);
    });
    assertThat(warned.texts)
        .anyMatch(text -> text.contains("missing or cut off: " + pack.id().shortText()));
    repository.loadIndex();
    assertThat(repository.index().hasPack(pack.id())).isFalse();
    assertThat(repository.reader().load(BlobType.DATA, counted.id()))
        .isEqualTo(blobs.get(counted.id()));
  }

  @Test
  void makesNoSnapshotOfWhatIsLostAndTheNextBackupStoresItAgain() throws IOException {
    flip(read);
    flip(counted);
    assertThatThrownBy(() -> backUp(this::countThenRead)).hasMessageContaining("cannot be read");
    assertThat(repository.snapshots()).hasSize(1);
    backUp(context -> saveAll(context));
    assertThat(repository.snapshots()).hasSize(2);
    assertThat(new Checker(repository, _ -> {}).check(Checker.Subset.ALL).findings()).isEmpty();
  }
}
