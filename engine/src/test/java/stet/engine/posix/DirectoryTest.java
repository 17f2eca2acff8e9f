package stet.engine.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

class DirectoryTest {
  @RegisterExtension final TemporaryDirectory temporary = new TemporaryDirectory();

  private Directory directory;

  @BeforeEach
  void open() throws IOException {
    directory = temporary.directory();
  }

  @AfterEach
  void close() {
    directory.close();
  }

  @Test
  void readsBackWhatItWrote() throws IOException {
    byte[] content = new byte[700_001];
    new Random(7).nextBytes(content);
    try (FileHandle file = directory.create(name("a"))) {
      file.writeAt(content, 0, content.length, 0);
    }
    try (FileHandle file = directory.openForReading(name("a"))) {
      byte[] read = new byte[content.length + 10];
      assertThat(file.stat().size()).isEqualTo(content.length);
      assertThat(file.read(read, 0, 500_000)).isEqualTo(500_000);
      assertThat(file.read(read, 500_000, read.length - 500_000)).isEqualTo(200_001);
      assertThat(Arrays.copyOf(read, content.length)).isEqualTo(content);
      assertThat(file.readAt(read, 0, 3, 300_000)).isEqualTo(3);
      assertThat(read).startsWith(Arrays.copyOfRange(content, 300_000, 300_003));
    }
  }

  @Test
  void keepsNamesOfAnyBytes() throws IOException {
    List<byte[]> names = new ArrayList<>();
    names.add(new byte[] {(byte) 0xff, (byte) 0xfe});
    names.add(name("new\nline \"quoted\" 'x'"));
    names.add(name("-rf"));
    names.add(name(".hidden"));
    names.add(name("...")); // three dots are a name like any other
    names.add(name("e\u0301"));
    names.add(name("é"));
    byte[] longest = new byte[255];
    Arrays.fill(longest, (byte) 0xe9);
    names.add(longest);
    for (byte[] each : names) {
      directory.create(each).close();
    }
    names.sort(Arrays::compareUnsigned);
    List<Entry> entries = directory.list();
    assertThat(entries).hasSameSizeAs(names);
    for (int i = 0; i < names.size(); i++) {
      assertThat(entries.get(i).name()).isEqualTo(names.get(i));
      assertThat(directory.stat(names.get(i)).isFile()).isTrue();
    }
  }

  @Test
  void saysWhatFailedAndWhereAndWhy() {
    assertThatExceptionOfType(PosixException.class)
        .isThrownBy(() -> directory.openForReading(name("no\nsuch")))
        .withMessage(
            "cannot open " + directory.path() + "/no\\nsuch: no such file or directory (ENOENT)")
        .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
    byte[] tooLong = new byte[5000];
    Arrays.fill(tooLong, (byte) 'x');
    assertThatExceptionOfType(PosixException.class)
        .isThrownBy(() -> directory.makeDirectory(tooLong, 0700))
        .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.ENAMETOOLONG));
  }

  @Test
  void listsMoreEntriesThanOneBufferHolds() throws IOException {
    int count = 12_000;
    for (int i = 0; i < count; i++) {
      directory.create(name(String.format("a-rather-long-name-for-a-file-%08d", i))).close();
    }
    List<Entry> entries = directory.list();
    assertThat(entries).hasSize(count);
    assertThat(entries.getLast().name()).asString().endsWith("00011999");
    assertThat(directory.list()).hasSize(count);
  }

  @Test
  void neverFollowsALink() throws IOException {
    directory.makeDirectory(name("real"), 0700);
    directory.makeSymlink(name("link"), name("real"));
    directory.makeSymlink(name("loop"), name("loop"));
    assertThat(directory.stat(name("link")).isSymlink()).isTrue();
    assertThat(directory.readLink(name("link"))).isEqualTo(name("real"));
    for (String link : List.of("link", "loop")) {
      assertThatExceptionOfType(PosixException.class)
          .isThrownBy(() -> directory.openDirectory(name(link)))
          .satisfies(e -> assertThat(e.is(Errno.ELOOP, Errno.ENOTDIR)).isTrue());
      assertThatExceptionOfType(PosixException.class)
          .isThrownBy(() -> directory.openForReading(name(link)))
          .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.ELOOP));
    }
    assertThatExceptionOfType(PosixException.class)
        .isThrownBy(() -> Directory.open(directory.path().resolve("link")))
        .satisfies(e -> assertThat(e.is(Errno.ELOOP, Errno.ENOTDIR)).isTrue());
    try (Directory through = Directory.open(directory.path().resolve("link").resolve("."))) {
      assertThat(through.stat().isDirectory()).isTrue();
    }
  }

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void openingAFifoDoesNotWaitForAWriter() throws IOException {
    directory.makeNode(name("fifo"), Directory.FIFO | 0600, 0);
    assertThat(directory.stat(name("fifo")).isFifo()).isTrue();
    try (FileHandle fifo = directory.openForReading(name("fifo"))) {
      assertThat(fifo.stat().isFifo()).isTrue();
    }
  }

  @Test
  void reachesPathsBeyondTheKernelsLimit() throws IOException {
    byte[] part = new byte[200];
    Arrays.fill(part, (byte) 'd');
    PosixPath path = directory.path();
    Directory current = Directory.open(path);
    for (int i = 0; i < 100; i++) {
      current.makeDirectory(part, 0700);
      Directory inner = current.openDirectory(part);
      current.close();
      current = inner;
      path = path.resolve(part);
    }
    current.create(name("deep")).close();
    current.close();
    assertThat(path.bytes().length).isGreaterThan(20_000);
    try (Directory deep = Directory.open(path)) {
      assertThat(deep.stat(name("deep")).isFile()).isTrue();
    }
  }

  @Test
  void keepsTimesToTheNanosecond() throws IOException {
    Instant modified = Instant.ofEpochSecond(1_000_000_000, 123_456_789);
    Instant early = Instant.ofEpochSecond(-86_400, 1);
    directory.create(name("f")).close();
    directory.setTimes(name("f"), early, modified);
    assertThat(directory.stat(name("f")).modified()).isEqualTo(modified);
    try (FileHandle file = directory.openForWriting(name("f"))) {
      file.setTimes(modified, early);
      assertThat(file.stat().modified()).isEqualTo(early);
    }
    directory.makeSymlink(name("s"), name("f"));
    directory.setTimes(name("s"), modified, modified);
    assertThat(directory.stat(name("s")).modified()).isEqualTo(modified);
    assertThat(directory.stat(name("f")).modified()).isEqualTo(early);
  }

  @Test
  void setsModesWithSetuidAndSticky() throws IOException {
    try (FileHandle file = directory.create(name("f"))) {
      for (int mode : new int[] {04755, 02750, 01777, 0, 0400}) {
        file.chmod(mode);
        assertThat(file.stat().permissions()).isEqualTo(mode);
      }
    }
    directory.makeNode(name("p"), Directory.FIFO | 0600, 0);
    directory.chmod(name("p"), 0622);
    assertThat(directory.stat(name("p")).permissions()).isEqualTo(0622);
  }

  @Test
  void changesOwnersWithoutFollowingLinks() throws IOException {
    assumeTrue(Accounts.self() == 0, "only root may give files away");
    directory.create(name("f")).close();
    directory.makeSymlink(name("s"), name("f"));
    directory.chown(name("s"), 4_000_000_000L, 12345);
    assertThat(directory.stat(name("s")).uid()).isEqualTo(4_000_000_000L);
    assertThat(directory.stat(name("s")).gid()).isEqualTo(12345);
    assertThat(directory.stat(name("f")).uid()).isZero();
  }

  @Test
  void createsDevices() throws IOException {
    assumeTrue(Accounts.self() == 0, "only root may create devices");
    Stat original;
    try (Directory dev = Directory.open(PosixPath.of("/dev"))) {
      original = dev.stat(name("null"));
    }
    try {
      directory.makeNode(name("n"), Directory.CHARACTER_DEVICE | 0600, original.rawDevice());
    } catch (PosixException e) {
      assumeFalse(e.is(Errno.EPERM), "this container may not create devices");
      throw e;
    }
    Stat made = directory.stat(name("n"));
    assertThat(made.isCharacterDevice()).isTrue();
    assertThat(made.rawDevice()).isEqualTo(original.rawDevice()).isEqualTo(259);
    // A minor number of more than eight bits.
    long large = 0x12L << 8 | 0x34L | 0x56700000L;
    directory.makeNode(name("b"), Directory.BLOCK_DEVICE | 0600, large);
    assertThat(directory.stat(name("b")).rawDevice()).isEqualTo(large);
  }

  @Test
  void countsHardLinks() throws IOException {
    directory.makeDirectory(name("d"), 0700);
    directory.create(name("one")).close();
    try (Directory inner = directory.openDirectory(name("d"))) {
      inner.makeLink(name("two"), directory, name("one"));
      assertThat(inner.stat(name("two")).sameEntry(directory.stat(name("one")))).isTrue();
      assertThat(inner.stat(name("two")).links()).isEqualTo(2);
    }
  }

  @Test
  void renamesWithoutReplacingUnlessAsked() throws IOException {
    directory.create(name("a")).close();
    directory.create(name("b")).close();
    Stat a = directory.stat(name("a"));
    Stat b = directory.stat(name("b"));
    assertThatExceptionOfType(PosixException.class)
        .isThrownBy(() -> directory.rename(name("a"), name("b")))
        .withMessageContaining("cannot rename " + directory.path() + "/a to ")
        .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST));
    directory.exchange(name("a"), name("b"));
    assertThat(directory.stat(name("a")).sameEntry(b)).isTrue();
    assertThat(directory.stat(name("b")).sameEntry(a)).isTrue();
    directory.replace(name("a"), name("b"));
    assertThat(directory.find(name("a"))).isNull();
    assertThat(directory.stat(name("b")).sameEntry(b)).isTrue();
  }

  @Test
  void keepsExtendedAttributes() throws IOException {
    directory.create(name("f")).close();
    byte[] value = {0, 1, (byte) 0xff, '\n'};
    try (FileHandle file = directory.openForWriting(name("f"))) {
      try {
        file.setAttribute("user.stet", value);
      } catch (PosixException e) {
        assumeFalse(e.is(Errno.EOPNOTSUPP), "the file system keeps no user attributes");
        throw e;
      }
      file.setAttribute("user.empty", new byte[0]);
      assertThat(file.attributes()).contains("user.stet", "user.empty");
      assertThat(file.attribute("user.stet")).isEqualTo(value);
      assertThat(file.attribute("user.empty")).isEmpty();
      assertThat(file.attribute("user.none")).isNull();
    }
    assertThat(directory.attributes(name("f"))).contains("user.stet", "user.empty");
    assertThat(directory.attribute(name("f"), "user.stet")).isEqualTo(value);
    directory.setAttribute(name("f"), "user.stet", name("other"));
    try (FileHandle file = directory.openForReading(name("f"))) {
      assertThat(file.attribute("user.stet")).isEqualTo(name("other"));
      file.removeAttribute("user.stet");
      file.removeAttribute("user.stet");
      assertThat(file.attributes()).doesNotContain("user.stet");
    }
  }

  @Test
  void keepsAttributesOfLinksApartFromTheirTargets() throws IOException {
    assumeTrue(Accounts.self() == 0, "only root may set attributes of links");
    directory.create(name("f")).close();
    directory.makeSymlink(name("s"), name("f"));
    try {
      directory.setAttribute(name("s"), "trusted.stet", name("x"));
    } catch (PosixException e) {
      assumeFalse(
          e.is(Errno.EOPNOTSUPP, Errno.EPERM), "the file system keeps no trusted attributes");
      throw e;
    }
    assertThat(directory.attributes(name("s"))).contains("trusted.stet");
    assertThat(directory.attribute(name("s"), "trusted.stet")).isEqualTo(name("x"));
    assertThat(directory.attributes(name("f"))).doesNotContain("trusted.stet");
  }

  @Test
  void findsHoles() throws IOException {
    try (FileHandle file = directory.create(name("sparse"))) {
      file.writeAt(new byte[] {1}, 0, 1, 8 << 20);
      file.truncate(16 << 20);
      assertThat(file.stat().size()).isEqualTo(16 << 20);
      long data = file.nextData(0);
      assumeTrue(data > 0, "the file system keeps no holes");
      assertThat(data).isEqualTo(8 << 20);
      assertThat(file.nextHole(data)).isBetween((8L << 20) + 1, 9L << 20);
      assertThat(file.nextData(9 << 20)).isEqualTo(-1);
      assertThat(file.nextHole(0)).isZero();
    }
  }

  @Test
  void clonesWhereTheFileSystemCan() throws IOException {
    try (FileHandle source = directory.create(name("source"));
        FileHandle target = directory.create(name("target"))) {
      source.writeAt(new byte[] {1, 2, 3}, 0, 3, 0);
      try {
        target.cloneFrom(source);
        assertThat(target.stat().size()).isEqualTo(3);
      } catch (PosixException e) {
        assertThat(e.is(Errno.EOPNOTSUPP, Errno.ENOTTY, Errno.EINVAL, Errno.EXDEV)).isTrue();
      }
    }
  }

  @Test
  void locksBetweenHandles() throws IOException {
    directory.create(name("lock")).close();
    try (FileHandle other = directory.openForWriting(name("lock"))) {
      try (FileHandle one = directory.openForWriting(name("lock"))) {
        assertThat(one.lock(true, false)).isTrue();
        assertThat(other.lock(false, false)).isFalse();
      }
      assertThat(other.lock(true, true)).isTrue();
    }
  }

  @Test
  void tellsWhenAndWhereADirectoryWasMade() throws IOException {
    Stat before = directory.stat();
    assertThat(before.mountRoot()).isFalse();
    try (Directory proc = Directory.open(PosixPath.of("/proc"))) {
      assertThat(proc.stat().mountRoot()).isTrue();
    }
    directory.create(name("x")).close();
    Stat after = directory.stat();
    assertThat(after.born()).isEqualTo(before.born());
    assertThat(after.sameEntry(before)).isTrue();
  }

  @Test
  void syncs() throws IOException {
    try (FileHandle file = directory.create(name("f"))) {
      file.sync();
      file.syncFileSystem();
    }
    directory.sync();
  }

  @Test
  void agreesWithJavaOnOwners() throws IOException {
    Accounts accounts = new Accounts();
    Path file = Files.createFile(Path.of(directory.path().toString(), "mine"));
    Stat stat = directory.stat(name("mine"));
    assertThat(accounts.user(stat.uid())).isEqualTo(Files.getOwner(file).getName());
    assertThat(accounts.group(stat.gid()))
        .isEqualTo(Files.getAttribute(file, "posix:group").toString());
    assertThat(accounts.user(stat.uid())).isEqualTo(accounts.user(stat.uid()));
    assertThat(accounts.user(3_987_654_321L)).isEmpty();
    assertThat(accounts.group(3_987_654_321L)).isEmpty();
  }

  @Test
  void removesTreesOfAnyDepthAndNeverWhatLinksPointTo() throws IOException {
    Directory outside = temporary.directory();
    outside.create(name("kept")).close();
    directory.makeDirectory(name("tree"), 0700);
    Directory current = directory.openDirectory(name("tree"));
    for (int depth = 0; depth < 2000; depth++) {
      current.create(name("f" + depth % 3)).close();
      current.makeSymlink(name("s"), outside.path().bytes());
      current.makeDirectory(name("d"), 0700);
      if (depth % 100 == 0) {
        current.makeDirectory(name(".removed-0"), 0500);
      }
      Directory inner = current.openDirectory(name("d"));
      current.close();
      current = inner;
    }
    current.close();
    directory.chmod(name("tree"), 0);
    TreeRemoval.remove(directory, name("tree"));
    assertThat(directory.isEmpty()).isTrue();
    assertThat(outside.stat(name("kept")).isFile()).isTrue();
    outside.close();
  }

  @Test
  void refusesToRemoveWhatIsMounted() throws IOException {
    try (Directory root = Directory.open(PosixPath.of("/"))) {
      assertThatExceptionOfType(PosixException.class)
          .isThrownBy(() -> TreeRemoval.remove(root, name("proc")))
          .withMessageStartingWith("cannot remove mounted file system /proc");
    }
  }

  private static byte[] name(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
