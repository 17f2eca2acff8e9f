package stet.engine.backup;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import stet.repository.BlobType;
import stet.repository.Id;
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
}
