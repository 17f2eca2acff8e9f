package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.random;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import stet.engine.component.Captured;
import stet.engine.posix.Directory;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.json.JsonObject;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

class SparseFilesTest {
  @RegisterExtension final FilesFixture files = new FilesFixture();

  private void sparse(String name, long size, Object... dataAt) throws IOException {
    try (FileHandle file = files.media.create(name(name))) {
      file.truncate(size);
      for (int i = 0; i < dataAt.length; i += 2) {
        byte[] data = (byte[]) dataAt[i + 1];
        file.writeAt(data, 0, data.length, ((Number) dataAt[i]).longValue());
      }
    }
    assumeTrue(
        SparseFiles.isSparse(files.media.stat(name(name))), "the file system makes no holes");
  }

  private Node only(Captured captured) {
    List<Node> nodes =
        Tree.decode(files.blobs.load(BlobType.TREE, captured.node().requireSubtree()));
    assertThat(nodes).hasSize(1);
    return nodes.getFirst();
  }

  @Test
  void holesStayHolesAndDenseZerosStayDense() throws IOException {
    sparse("all hole", 5_000_000);
    sparse("end", 3_000_001, 3_000_000, random(1, 1));
    sparse("beginning", 40_000_000, 0, random(2, 700_000));
    sparse("middle", 40_000_000, 17_000_123, random(3, 2_000_000), 30_000_000, random(4, 5_000));
    sparse("small", 300_000, 100_000, random(5, 100));
    sparse("many", 8_000_000);
    try (FileHandle many = files.media.openForWriting(name("many"))) {
      for (int i = 0; i < 8_000_000; i += 40_000) {
        many.writeAt(random(i, 3_000), 0, 3_000, i);
      }
    }
    files.media.makeLink(name("second name"), files.media, name("middle"));
    write(files.media, "dense", new byte[3_000_000]);
    Captured captured = files.capture();
    PosixPath restored = files.restore(captured);
    assertThat(TreeImage.of(restored)).isEqualTo(files.image());
    try (Directory directory = Directory.open(restored)) {
      for (var entry : files.media.list()) {
        Stat before = files.media.stat(entry.name());
        // Where delayed allocation has not settled yet, the last few blocks may differ.
        assertThat(directory.stat(entry.name()).blocks())
            .as(PosixPath.printable(entry.name()))
            .isBetween(before.blocks() - 16, before.blocks() + 16);
      }
    }
    assertThat(captured.manifest().get("sparse"))
        .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.LIST)
        .hasSize(6);
  }

  /** restic, which knows nothing of holes here, must find its own chunks again. */
  @Test
  void holesAreCutAsTheirZerosWouldBe() throws IOException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    int size = 12_000_000;
    for (int i = 0; i < 20; i++) {
      String name = "file " + i;
      sparse(name, size);
      byte[] content = new byte[size];
      try (FileHandle file = files.media.openForWriting(name(name))) {
        for (int k = random.nextInt(4); k > 0; k--) {
          int length = 1 + random.nextInt(1 << random.nextInt(1, 21));
          int at = random.nextInt(size - length);
          byte[] data = random(random.nextLong(), length);
          file.writeAt(data, 0, length, at);
          System.arraycopy(data, 0, content, at, length);
        }
      }
      Node sparse = only(files.capture());
      write(files.media, name, content);
      assertThat(SparseFiles.isSparse(files.media.stat(name(name)))).isFalse();
      Node dense = only(files.capture());
      assertThat(sparse.content()).as("seed " + seed + ", " + name).isEqualTo(dense.content());
      files.media.remove(name(name));
    }
  }

  /** Reading these at a gigabyte a second would take a quarter of an hour each time. */
  @Test
  void aTerabyteOfHoleCostsNoReading() throws IOException {
    long size = 1L << 37;
    sparse("huge", size, size / 2 + 77, name("data"), size - 3, name("end"));
    Captured captured = files.capture();
    assertThat(captured.manifest().integer("bytes")).isEqualTo(size);
    PosixPath restored = files.restore(captured);
    try (Directory directory = Directory.open(restored);
        FileHandle file = directory.openForReading(name("huge"))) {
      assertThat(file.stat().size()).isEqualTo(size);
      assertThat(512 * file.stat().blocks()).isLessThan(1 << 20);
      assertThat(file.nextData(0)).isEqualTo((size / 2 + 77) / 4096 * 4096);
      byte[] data = new byte[4];
      assertThat(file.readAt(data, 0, 4, size / 2 + 77)).isEqualTo(4);
      assertThat(data).isEqualTo(name("data"));
      assertThat(file.readAt(data, 0, 4, size - 3)).isEqualTo(3);
    }
  }

  @Test
  void withoutAListAllZerosBecomeHoles() throws IOException {
    write(files.media, "dense", new byte[3_000_000]);
    Captured captured = files.capture();
    Captured byRestic = new Captured(captured.node(), new JsonObject());
    PosixPath restored = files.restore(byRestic);
    assertThat(TreeImage.of(restored)).isEqualTo(files.image());
    try (Directory directory = Directory.open(restored)) {
      assertThat(directory.stat(name("dense")).blocks()).isLessThan(32);
    }
  }

  @Test
  void aFileThatIsNotReadAgainKeepsItsHoles() throws IOException {
    sparse("file", 5_000_000, 4_000_000, random(1, 1000));
    try (FileHandle file = files.media.openForWriting(name("file"))) {
      file.setTimes(FilesFixture.OLD, FilesFixture.OLD);
    }
    Captured first = files.capture();
    Captured again = files.captureAgain(first, java.time.Instant.now().plusSeconds(3600));
    assertThat(again.manifest().integer("unchanged")).isEqualTo(1);
    assertThat(again.manifest().get("sparse")).isEqualTo(first.manifest().get("sparse"));
  }

  @Test
  void writesOnlyWhatIsNotZero() {
    byte[] bytes = new byte[20_000];
    bytes[0] = 1;
    bytes[9_000] = 1;
    bytes[19_999] = 1;
    StringBuilder runs = new StringBuilder();
    SparseFiles.writeData(
        bytes,
        4_000,
        (offset, length) -> runs.append(offset).append('+').append(length).append(' '));
    // The file's blocks begin at 96, 4192, … of the bytes.
    assertThat(runs.toString()).isEqualTo("0+96 8288+4096 16480+3520 ");
    assertThat(SparseFiles.ZERO_CHUNK).isEqualTo(Id.of(new byte[512 << 10]));
  }
}
