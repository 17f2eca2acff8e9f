package stet.engine.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;
import stet.testkit.MemoryBlobs;

class RescueTest {
  /** All that can be read; and what does not lie in damaged packs. */
  private final MemoryBlobs readable = new MemoryBlobs();

  private final MemoryBlobs held = new MemoryBlobs();
  private final Id content = readable.save(BlobType.DATA, bytes("content"));
  private final Node file = Node.file("kept", Instant.EPOCH, 7, List.of(content));
  private final Node earlier = directory(List.of(Node.directory("in", Instant.EPOCH, tree(file))));
  private final Node now = directory(List.of());
  private final Rescue rescue = new Rescue(readable, held);

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private Id tree(Node... nodes) {
    return readable.save(BlobType.TREE, Tree.encode(List.of(nodes)));
  }

  private Node directory(List<Node> nodes) {
    return Node.directory("files", Instant.EPOCH, tree(nodes.toArray(Node[]::new)));
  }

  private Node run() {
    return rescue.run(now, earlier, List.of(bytes("in/kept")));
  }

  @Test
  void takesAFileWhoseContentIsHeld() {
    held.save(BlobType.DATA, bytes("content"));
    held.resetDataSaves();
    Node result = run();
    assertThat(rescue.rescued()).containsExactly("in/kept");
    assertThat(held.find(result, "in/kept").content()).containsExactly(content);
    assertThat(held.dataSaves()).isZero();
  }

  @Test
  void storesAgainWhatADamagedPackStillGives() {
    run();
    assertThat(rescue.rescued()).containsExactly("in/kept");
    assertThat(held.holds(BlobType.DATA, content)).isTrue();
  }

  @Test
  void leavesAFileMissingWhoseContentIsLost() {
    readable.remove(BlobType.DATA, content);
    assertThat(run()).isEqualTo(now);
    assertThat(rescue.rescued()).isEmpty();
    assertThat(rescue.bytes()).isZero();
  }

  @Test
  void leavesFilesMissingWhoseDirectoryIsLost() {
    readable.remove(BlobType.TREE, tree(file));
    assertThat(run()).isEqualTo(now);
    assertThat(rescue.rescued()).isEmpty();
  }

  /** A backup that called it missing would be one without the file, for nothing but a bad cable. */
  @ParameterizedTest
  @EnumSource(BlobType.class)
  void failsWhereTheStorageFails(BlobType type) {
    RepositoryException failure =
        new RepositoryException(Problem.STORAGE, "cannot read: input/output error (EIO)", null);
    Id unreadable = type == BlobType.DATA ? content : tree(file);
    BlobSource failing =
        new BlobSource() {
          @Override
          public byte[] load(BlobType of, Id id) {
            if (id.equals(unreadable)) {
              throw failure;
            }
            return readable.load(of, id);
          }

          @Override
          public long length(Id id) {
            return readable.length(id);
          }

          @Override
          public <E extends Exception> void read(List<Id> ids, BlobConsumer<E> consumer) throws E {
            readable.read(ids, consumer);
          }
        };

    assertThatThrownBy(() -> new Rescue(failing, held).run(now, earlier, List.of(bytes("in/kept"))))
        .isSameAs(failure);
  }
}
