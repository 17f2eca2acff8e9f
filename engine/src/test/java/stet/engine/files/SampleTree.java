package stet.engine.files;

import static stet.engine.files.FilesFixture.OLD;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.random;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.FileHandle;

/** One of everything that any user may have in a directory. */
final class SampleTree {
  private SampleTree() {}

  /** Fills an empty directory. */
  static void fill(Directory top) throws IOException {
    write(top, "empty", "");
    write(top, ".hidden", "h");
    write(top, "new\nline \"quoted\" 'é' \\ 🙂", "odd");
    write(top, new byte[] {(byte) 0xff, (byte) 0xc3, 'x'}, name("not UTF-8"));
    byte[] longest = new byte[255];
    Arrays.fill(longest, (byte) 'n');
    write(top, longest, name("long"));
    write(top, "large", random(1, 9_000_000));
    write(top, "just under a chunk", random(2, (512 << 10) - 1));
    write(top, "a chunk", random(3, 512 << 10));
    write(top, "just over a chunk", random(4, (512 << 10) + 1));
    write(top, "zeros", new byte[3 << 20]);
    top.makeSymlink(name("link"), name("no/such/target"));
    top.makeSymlink(name("loop"), name("loop"));
    top.makeSymlink(name("binary link"), new byte[] {(byte) 0xfe, '\n'});
    top.makeNode(name("fifo"), Directory.FIFO | 0600, 0);
    top.makeDirectory(name("empty directory"), 0700);
    top.makeDirectory(name(".hidden directory"), 0700);
    Directory current = top;
    for (int depth = 0; depth < 5; depth++) {
      current.makeDirectory(name("d" + depth), 0755);
      Directory inner = current.openDirectory(name("d" + depth));
      if (depth > 0) {
        current.close();
      }
      current = inner;
      write(current, "file at " + depth, "depth " + depth);
      current.makeLink(name("hard link"), top, name("large"));
      current.makeSymlink(name("up"), name(".."));
    }
    current.close();
    try (FileHandle file = top.openForWriting(name("empty"))) {
      file.chmod(04711);
    }
    top.chmod(name(".hidden"), Accounts.self() == 0 ? 0 : 0400);
    top.chmod(name("fifo"), 0622);
    top.chmod(name("empty directory"), 03775);
    Instant odd = Instant.ofEpochSecond(-1, 999_999_999);
    for (String each : List.of("link", "fifo", "empty directory", "d0")) {
      top.setTimes(name(each), odd, odd);
    }
    try (Directory inner = top.openDirectory(name("d0"))) {
      inner.chmod(0555);
    }
    top.setTimes(OLD, OLD);
  }
}
