package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static stet.engine.files.FilesFixture.OLD;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.random;
import static stet.engine.files.FilesFixture.skipped;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentKind;
import stet.engine.component.Operation;
import stet.engine.component.Target;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

class FilesComponentTest {
  @RegisterExtension final FilesFixture files = new FilesFixture();

  @Test
  void isFoundByServiceLoader() {
    assertThat(ServiceLoader.load(ComponentKind.class).stream())
        .anyMatch(provider -> provider.type().equals(FilesKind.class));
  }

  /** Acceptance 12: walksTheTree. */
  @Test
  void walksTheTree() throws IOException {
    SampleTree.fill(files.media);
    Map<String, String> before = files.image();
    Captured captured = files.capture();
    assertThat(skipped(captured)).isEmpty();
    assertThat(files.image()).as("a capture leaves no trace").isEqualTo(before);
    PosixPath restored = files.restore(captured);
    assertThat(TreeImage.of(restored)).isEqualTo(before);
    assertThat(files.recorder.warnings).isEmpty();
    assertThat(files.recorder.done).isEqualTo(files.recorder.expected);
  }

  @Test
  void keepsOwnersAndDevices() throws IOException {
    assumeTrue(Accounts.self() == 0, "only root may give files away and create devices");
    write(files.media, "theirs", "x");
    files.media.chown(name("theirs"), 12345, 54321);
    files.media.chmod(name("theirs"), 06755);
    files.media.makeSymlink(name("link"), name("theirs"));
    files.media.chown(name("link"), 4_000_000_000L, 7);
    files.media.makeDirectory(name("d"), 0700);
    files.media.chown(name("d"), 33, 33);
    try {
      files.media.makeNode(name("null"), Directory.CHARACTER_DEVICE | 0666, 259);
      files.media.makeNode(name("block"), Directory.BLOCK_DEVICE | 0600, 0x701);
    } catch (PosixException e) {
      assumeFalse(e.is(Errno.EPERM), "this container may not create devices");
      throw e;
    }
    Map<String, String> before = files.image();
    assertThat(TreeImage.of(files.restore(files.capture()))).isEqualTo(before);
    assertThat(files.recorder.warnings).isEmpty();
  }

  @Test
  void keepsExtendedAttributes() throws IOException {
    write(files.media, "f", "x");
    files.media.makeDirectory(name("d"), 0700);
    try (FileHandle file = files.media.openForWriting(name("f"));
        Directory directory = files.media.openDirectory(name("d"))) {
      try {
        file.setAttribute("user.origin", new byte[] {0, (byte) 0xff});
        directory.setAttribute("user.empty", new byte[0]);
      } catch (PosixException e) {
        assumeFalse(e.is(Errno.EOPNOTSUPP), "the file system keeps no user attributes");
        throw e;
      }
      file.chmod(0444);
    }
    if (Accounts.self() == 0) {
      files.media.makeSymlink(name("link"), name("f"));
      files.media.setAttribute(name("link"), "trusted.stet", name("t"));
      // One capability: net_bind_service. A change of owner or content would take it away.
      byte[] capability = new byte[20];
      capability[3] = 2;
      capability[5] = 4;
      files.media.setAttribute(name("f"), "security.capability", capability);
      // Owner rw-, user 1234 r--, group r--, mask r--, others ---.
      byte[] acl = acl(1, 6, -1, 2, 4, 1234, 4, 4, -1, 0x10, 4, -1, 0x20, 0, -1);
      files.media.setAttribute(name("d"), Xattrs.ACCESS_ACL, acl);
      files.media.setAttribute(name("d"), Xattrs.DEFAULT_ACL, acl);
      files.media.makeDirectory(name("d2"), 0700);
      files.media.setAttribute(name("d2"), Xattrs.DEFAULT_ACL, acl);
      try (Directory d2 = files.media.openDirectory(name("d2"))) {
        write(d2, "older than its directory's list", "x");
        d2.setAttribute(name("older than its directory's list"), Xattrs.ACCESS_ACL, acl);
        d2.makeDirectory(name("plain"), 0700);
        try (Directory plain = d2.openDirectory(name("plain"))) {
          plain.removeAttribute(Xattrs.DEFAULT_ACL);
          plain.removeAttribute(Xattrs.ACCESS_ACL);
        }
      }
    }
    Map<String, String> before = files.image();
    assertThat(before.get("f")).contains("user.origin=00ff");
    // The place of the restore has a list of its own, which must not go down to the tree.
    assertThat(TreeImage.of(files.restore(files.capture()))).isEqualTo(before);
    assertThat(files.recorder.warnings).isEmpty();
  }

  private static byte[] acl(int... entries) {
    ByteBuffer bytes =
        ByteBuffer.allocate(4 + entries.length / 3 * 8).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(2);
    for (int i = 0; i < entries.length; i += 3) {
      bytes.putShort((short) entries[i]).putShort((short) entries[i + 1]).putInt(entries[i + 2]);
    }
    return bytes.array();
  }

  @Test
  void recordsNodesAsResticDoes() throws IOException {
    write(files.media, "one", "content");
    files.media.makeLink(name("two"), files.media, name("one"));
    files.media.makeNode(name("fifo"), Directory.FIFO | 0600, 0);
    files.media.makeSymlink(name("link"), name("one"));
    files.media.makeDirectory(name("d"), 0700);
    Captured captured = files.capture();
    Node top = captured.node();
    assertThat(top.name()).isEqualTo("media");
    assertThat(top.type()).isEqualTo(NodeType.DIRECTORY);
    assertThat(top.links()).isZero();
    List<Node> nodes = nodes(top);
    assertThat(nodes).extracting(Node::name).containsExactly("d", "fifo", "link", "one", "two");
    Node one = nodes.get(3);
    Node two = nodes.get(4);
    assertThat(one.links()).isEqualTo(2);
    assertThat(one.inode()).isEqualTo(two.inode()).isNotZero();
    assertThat(one.device()).isEqualTo(two.device()).isNotZero();
    assertThat(one.content()).containsExactly(Id.of(name("content"))).isEqualTo(two.content());
    assertThat(one.size()).isEqualTo(7);
    assertThat(one.accessed()).isEqualTo(one.modified()).isEqualTo(OLD);
    assertThat(one.changed()).isAfter(OLD);
    assertThat(one.user()).isEqualTo(new Accounts().user(one.uid())).isNotEmpty();
    assertThat(nodes.get(1).links()).isZero();
    assertThat(nodes.get(1).content()).isEmpty();
    assertThat(nodes.get(2).linkTarget()).isEqualTo(name("one"));
    assertThat(nodes.get(2).links()).isEqualTo(1);
    assertThat(nodes.get(2).size()).isZero();
    assertThat(captured.manifest().integer("files")).isEqualTo(2);
    assertThat(captured.manifest().integer("directories")).isEqualTo(2);
    assertThat(captured.manifest().integer("symlinks")).isEqualTo(1);
    assertThat(captured.manifest().integer("specials")).isEqualTo(1);
    assertThat(captured.manifest().integer("bytes")).isEqualTo(14);
  }

  private List<Node> nodes(Node directory) {
    return Tree.decode(files.blobs.load(BlobType.TREE, directory.requireSubtree()));
  }

  @Test
  void readsAFileOfSeveralNamesOnce() throws IOException {
    write(files.media, "name-0", random(5, 100_000));
    for (int i = 1; i < 200; i++) {
      files.media.makeLink(name("name-" + i), files.media, name("name-0"));
    }
    Captured captured = files.capture();
    assertThat(files.blobs.dataSaves()).isEqualTo(1);
    assertThat(captured.manifest().integer("files")).isEqualTo(200);
    assertThat(TreeImage.of(files.restore(captured))).isEqualTo(files.image());
  }

  @Test
  void givesTheSameTreeWhateverTheThreadsDo() throws IOException {
    for (int d = 0; d < 20; d++) {
      files.media.makeDirectory(name("d" + d), 0700);
      try (Directory directory = files.media.openDirectory(name("d" + d))) {
        for (int f = 0; f < 150; f++) {
          write(directory, "f" + f, "content " + d + " " + f);
        }
      }
    }
    Captured first = files.capture();
    Captured again = files.capture();
    assertThat(again.node()).isEqualTo(first.node());
    assertThat(again.manifest()).isEqualTo(first.manifest());
    assertThat(TreeImage.of(files.restore(first))).isEqualTo(files.image());
  }

  @Test
  void descendsDeeperThanPathsMayBeLong() throws IOException {
    Directory current = files.media;
    String part = "a-rather-long-name-of-a-directory";
    for (int depth = 0; depth < 400; depth++) {
      current.makeDirectory(name(part), 0700);
      Directory inner = current.openDirectory(name(part));
      write(current, "file", "at " + depth);
      // On the way up the walk needs each of them again.
      current.makeDirectory(name("z"), 0700);
      if (depth > 0) {
        current.close();
      }
      current = inner;
    }
    current.close();
    Captured captured = files.capture();
    assertThat(captured.manifest().integer("directories")).isEqualTo(801);
    PosixPath restored = files.restore(captured);
    assertThat(TreeImage.of(restored)).isEqualTo(files.image());
  }

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void neitherFifosNorSocketsHang() throws IOException {
    files.media.makeNode(name("fifo"), Directory.FIFO | 0666, 0);
    var address = UnixDomainSocketAddress.of(Path.of(files.path() + "/socket"));
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(address);
      Captured captured = files.capture();
      assertThat(nodes(captured.node())).extracting(Node::name).containsExactly("fifo");
      assertThat(captured.manifest().integer("sockets")).isEqualTo(1);
      PosixPath restored = files.restore(captured);
      assertThat(TreeImage.of(restored)).containsKey("fifo").doesNotContainKey("socket");
    }
  }

  @Test
  void leavesOutWhatIsExcluded() throws IOException {
    write(files.media, "a.tmp", "x");
    write(files.media, "a.txt", "x");
    files.media.makeDirectory(name("cache"), 0700);
    files.media.makeDirectory(name("sub"), 0700);
    try (Directory cache = files.media.openDirectory(name("cache"));
        Directory sub = files.media.openDirectory(name("sub"))) {
      write(cache, "x.txt", "x");
      write(sub, "b.tmp", "x");
      write(sub, "keep.tmp", "x");
      write(sub, "cache", "a file, not a directory");
    }
    Captured captured = files.capture("exclude", List.of("*.tmp", "!keep.tmp", "cache/"));
    assertThat(TreeImage.of(files.restore(captured)).keySet())
        .containsExactly(".", "a.txt", "sub", "sub/cache", "sub/keep.tmp");
    assertThat(captured.manifest().integer("excluded")).isEqualTo(3);
    assertThat(captured.manifest().strings("exclude")).hasSize(3);
  }

  @Test
  void leavesOutStetsOwnDirectoriesAndJournals() throws IOException {
    files.media.makeDirectory(name("x"), 0700);
    try (Target target =
        FilesFixture.component("x", files.path().resolve("x")).target(files.operation())) {
      Captured empty = files.capture();
      Operation operation = files.operation();
      target.swap(target.stage(files.restoring(empty, operation)), operation.id(), "why");
      target.stage(files.restoring(empty));
    }
    Captured captured = files.capture();
    assertThat(nodes(captured.node())).extracting(Node::name).containsExactly("x");
    assertThat(files.recorder.details)
        .filteredOn(detail -> detail.contains(" is Stet's own and left out"))
        .hasSize(4);
  }

  @Test
  void capturesWhatOnlyBearsSuchAName() throws IOException {
    List<String> names =
        List.of(
            "x.dropped-20240601",
            "x.previous-20240601",
            "x.staging-20240601",
            "y.staging-20240601.journal",
            "z.staging-20240601");
    for (String name : names.subList(0, 3)) {
      files.media.makeDirectory(name(name), 0700);
    }
    write(files.media, names.get(3), "{}");
    write(files.media, names.get(4), "a file");
    assertThat(nodes(files.capture().node()))
        .extracting(Node::name)
        .containsExactlyElementsOf(names);
  }

  @Test
  void doesNotReadUnchangedFilesAgain() throws IOException {
    write(files.media, "small", "small");
    write(files.media, "large", random(6, 3_000_000));
    write(files.media, "changes", "1");
    Captured first = files.capture();
    Instant later = Instant.now().plusSeconds(3600);
    files.blobs.resetDataSaves();
    // The clock of a file system goes on in steps.
    Instant changed = files.media.stat(name("changes")).changed();
    do {
      write(files.media, "changes", "2");
    } while (files.media.stat(name("changes")).changed().equals(changed));
    Captured second = files.captureAgain(first, later);
    assertThat(files.blobs.dataSaves()).isEqualTo(1);
    assertThat(second.manifest().integer("unchanged")).isEqualTo(2);
    assertThat(second.manifest().integer("files")).isEqualTo(3);
    assertThat(TreeImage.of(files.restore(second))).isEqualTo(files.image());
    // And what that capture took over can be taken over again.
    files.blobs.resetDataSaves();
    Captured third = files.captureAgain(second, later);
    assertThat(files.blobs.dataSaves()).isZero();
    assertThat(third.node().subtree()).isEqualTo(second.node().subtree());
  }

  @Test
  void readsAgainWhatChangedTooCloseToTheLastCapture() throws IOException {
    write(files.media, "file", "1");
    Instant started = Instant.now();
    Captured first = files.capture();
    // As if within one tick of the file system's clock: all that is looked at stays the same.
    Node node = nodes(first.node()).getFirst();
    Id other = files.blobs.save(BlobType.DATA, name("0"));
    Captured lie = withContent(first, node, other);
    assertThat(nodes(files.captureAgain(lie, started).node()).getFirst().content())
        .isEqualTo(node.content());
    // As if by way of a memory map, which sets the times once for as long as a page is dirty.
    assertThat(nodes(files.captureAgain(lie, started.plusSeconds(40)).node()).getFirst().content())
        .isEqualTo(node.content());
    // Far enough from the last capture, what that one found is trusted.
    assertThat(nodes(files.captureAgain(lie, started.plusSeconds(90)).node()).getFirst().content())
        .containsExactly(other);
  }

  private Captured withContent(Captured captured, Node node, Id content) {
    Node changed =
        new Node(
            node.nameBytes(),
            node.type(),
            node.mode(),
            node.modified(),
            node.accessed(),
            node.changed(),
            node.uid(),
            node.gid(),
            node.user(),
            node.group(),
            node.inode(),
            node.device(),
            node.size(),
            node.links(),
            null,
            List.of(),
            0,
            List.of(content),
            null);
    Id tree = files.blobs.save(BlobType.TREE, Tree.encode(List.of(changed)));
    return new Captured(Node.directory("media", OLD, tree), captured.manifest());
  }

  @Test
  void readsAgainWhatTheRepositoryLost() throws IOException {
    write(files.media, "file", random(7, 2_000_000));
    Captured first = files.capture();
    Node node = nodes(first.node()).getFirst();
    assertThat(node.content().size()).isGreaterThan(1);
    files.blobs.remove(BlobType.DATA, node.content().getLast());
    Captured second = files.captureAgain(first, Instant.now().plusSeconds(3600));
    assertThat(second.manifest().integer("unchanged")).isZero();
    assertThat(TreeImage.of(files.restore(second))).isEqualTo(files.image());
  }

  @Test
  void aDamagedParentCostsTimeOnly() throws IOException {
    write(files.media, "file", "x");
    Captured first = files.capture();
    files.blobs.remove(BlobType.TREE, first.node().requireSubtree());
    Captured second = files.captureAgain(first, Instant.now().plusSeconds(3600));
    assertThat(TreeImage.of(files.restore(second))).isEqualTo(files.image());
  }

  @Test
  void anExchangedFileOfTheSameSizeAndTimeIsRead() throws IOException {
    write(files.media, "file", "1");
    Captured first = files.capture();
    write(files.media, "new", "2");
    files.media.replace(name("new"), name("file"));
    Captured second = files.captureAgain(first, Instant.now().plusSeconds(3600));
    assertThat(TreeImage.of(files.restore(second))).isEqualTo(files.image());
  }

  @Test
  void filesThatComeAndGoDoNotFailACapture() throws Exception {
    for (int i = 0; i < 300; i++) {
      write(files.media, "stays-" + i, "x" + i);
    }
    AtomicBoolean stop = new AtomicBoolean();
    Thread writer =
        new Thread(() -> {
          try {
            for (int i = 0; !stop.get(); i++) {
              byte[] name = name("comes-and-goes-" + i % 50);
              files.media.create(name).close();
              files.media.makeDirectory(name("d" + i % 50), 0700);
              files.media.remove(name);
              files.media.removeDirectory(name("d" + i % 50));
            }
          } catch (PosixException e) {
            throw new IllegalStateException(e);
          }
        });
    writer.start();
    try {
      for (int i = 0; i < 20; i++) {
        Captured captured = files.capture("on_change", "warn");
        long stays =
            nodes(captured.node()).stream().filter(n -> n.name().startsWith("stays-")).count();
        assertThat(stays).isEqualTo(300);
      }
    } finally {
      stop.set(true);
      writer.join();
    }
  }

  @Test
  void unreadableEntriesFailUnlessSkipped() throws IOException {
    assumeTrue(Accounts.self() != 0, "root may read everything");
    write(files.media, "secret", "x");
    write(files.media, "open", "x");
    files.media.makeDirectory(name("locked"), 0);
    files.media.chmod(name("secret"), 0);
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(() -> files.capture())
        .withMessageContaining("permission denied (EACCES)")
        .satisfies(e -> assertThat(e.hint()).contains("on_unreadable: skip"));
    Captured captured = files.capture("on_unreadable", "skip");
    assertThat(skipped(captured))
        .containsExactlyInAnyOrder(
            "cannot open " + files.path() + "/secret: permission denied (EACCES)",
            "cannot open " + files.path() + "/locked: permission denied (EACCES)");
    assertThat(TreeImage.of(files.restore(captured)).keySet()).containsExactly(".", "open");
  }

  @Test
  void aUserRestoresWhatHeMayAndIsToldTheRest() throws IOException {
    assumeTrue(Accounts.self() != 0, "root may restore everything");
    write(files.media, "file", "x");
    files.media.makeDirectory(name("d"), 0700);
    try (Directory d = files.media.openDirectory(name("d"))) {
      write(d, "inner", "y");
    }
    Captured captured = files.capture();
    // As root would have captured it: of others, and closed to all.
    Node root = captured.node();
    List<Node> nodes = nodes(root);
    Node theirs = owned(nodes.get(0), 0, 02000);
    Node file = owned(nodes.get(1), 0, 06000);
    Id tree = files.blobs.save(BlobType.TREE, Tree.encode(List.of(theirs, file)));
    Node top = Node.directory("media", OLD, tree);
    PosixPath restored = files.restore(new Captured(owned(top, 0, 0100), captured.manifest()));
    assertThat(files.recorder.warnings).hasSize(2);
    assertThat(files.recorder.warnings.getFirst())
        .startsWith("not all owners could be restored: cannot set the owner of ")
        .endsWith("operation not permitted (EPERM)");
    assertThat(files.recorder.warnings.getLast())
        .startsWith("not all setuid and setgid bits could be restored: ");
    try (Directory above = Directory.open(Objects.requireNonNull(restored.parent()))) {
      assertThat(above.stat(name("restored")).permissions()).isEqualTo(0100);
      above.chmod(name("restored"), 0700);
      try (Directory directory = Directory.open(restored)) {
        assertThat(directory.stat(name("file")).permissions()).isZero();
        assertThat(directory.stat(name("d")).permissions()).isZero();
        assertThat(directory.stat(name("file")).modified()).isEqualTo(OLD);
      }
    }
  }

  private static Node owned(Node node, long owner, int mode) {
    return new Node(
        node.nameBytes(),
        node.type(),
        mode,
        node.modified(),
        node.accessed(),
        node.changed(),
        owner,
        owner,
        "",
        "",
        node.inode(),
        node.device(),
        node.size(),
        node.links(),
        null,
        List.of(),
        0,
        node.content(),
        node.subtree());
  }

  @Test
  void noticesEveryKindOfDifference() throws IOException {
    write(files.media, "file", "12345");
    Captured captured = files.capture();
    Node node = nodes(captured.node()).getFirst();
    // The size is more than the blobs hold.
    Id tree =
        files.blobs.save(
            BlobType.TREE, Tree.encode(List.of(Node.file("file", OLD, 6, node.content()))));
    Captured wrong = new Captured(Node.directory("media", OLD, tree), captured.manifest());
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(() -> files.restore(wrong))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.REPOSITORY_DAMAGED));
    // One file less than was counted.
    Id empty = files.blobs.save(BlobType.TREE, Tree.encode(List.of()));
    Captured less = new Captured(Node.directory("media", OLD, empty), captured.manifest());
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(() -> files.restore(less))
        .withMessage("the restored tree has 0 files, but 1 were captured")
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.VERIFICATION_FAILED));
  }

  @Test
  void restoresOnlyIntoAnEmptyDirectory() throws IOException {
    write(files.media, "file", "x");
    Captured captured = files.capture();
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(() -> FilesComponent.restoreInto(files.path(), files.restoring(captured)))
        .withMessage("directory " + files.path() + " is not empty")
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.REFUSED));
    files.parent.makeDirectory(name("empty"), 0755);
    files.parent.makeSymlink(name("to empty"), name("empty"));
    FilesComponent.restoreInto(files.parent.path().resolve("to empty"), files.restoring(captured));
    assertThat(TreeImage.of(files.parent.path().resolve("empty"))).isEqualTo(files.image());
  }

  @Test
  void aFailedRestoreLeavesNothing() throws IOException {
    write(files.media, "a", "x");
    write(files.media, "b", "y");
    Captured captured = files.capture();
    files.blobs.remove(BlobType.DATA, Id.of(name("y")));
    PosixPath target = files.parent.path().resolve("target");
    assertThatExceptionOfType(RuntimeException.class)
        .isThrownBy(() -> FilesComponent.restoreInto(target, files.restoring(captured)));
    assertThat(files.parent.find(name("target"))).isNull();
    files.parent.makeDirectory(name("target"), 0755);
    assertThatExceptionOfType(RuntimeException.class)
        .isThrownBy(() -> FilesComponent.restoreInto(target, files.restoring(captured)));
    try (Directory left = Directory.open(target)) {
      assertThat(left.isEmpty()).isTrue();
    }
  }

  @Test
  void saysWhatIsWrongWithThePath() throws IOException {
    write(files.parent, "file", "x");
    files.parent.makeSymlink(name("link"), name("media"));
    Map<String, String> expected =
        Map.of(
            "none", "cannot open %s/none: no such file or directory (ENOENT)",
            "file", "%s/file is not a directory",
            "link", "%s/link is a symbolic link");
    expected.forEach((path, message) -> {
      Component component = FilesFixture.component("media", files.parent.path().resolve(path));
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> component.check(files.operation()))
          .withMessage(message.formatted(files.parent.path()))
          .satisfies(e -> assertThat(e.hint()).isNotEmpty());
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> component.capture(files.context(null, null)));
    });
    files.component().check(files.operation());
  }

  @Test
  void anInterruptEndsACapture() throws IOException {
    write(files.media, "file", "x");
    Thread.currentThread().interrupt();
    try {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> files.capture())
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERRUPTED));
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }
}
