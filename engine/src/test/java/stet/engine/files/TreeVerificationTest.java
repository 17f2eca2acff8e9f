package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static stet.engine.files.FilesFixture.OLD;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.random;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.RestoreContext;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;

/** What was restored is tampered with, and the verification must find it. */
class TreeVerificationTest {
  @RegisterExtension final FilesFixture files = new FilesFixture();

  private Captured captured;
  private PosixPath restored;

  @BeforeEach
  void restore() throws IOException {
    write(files.media, "small", "as captured");
    write(files.media, "large", random(1, 4_000_000));
    write(files.media, "linked", "twice");
    files.media.makeDirectory(name("d"), 0750);
    try (Directory d = files.media.openDirectory(name("d"))) {
      d.makeLink(name("linked"), files.media, name("linked"));
      d.makeSymlink(name("link"), name("small"));
      d.setTimes(name("link"), OLD, OLD);
      d.setTimes(OLD, OLD);
    }
    files.media.setTimes(OLD, OLD);
    captured = files.capture();
    restored = files.restore(captured);
  }

  private void verify() throws PosixException {
    RestoreContext context = files.restoring(captured);
    try (Folders folders = new Folders();
        Workers workers = new Workers("test", 2)) {
      TreeVerification.verify(
          context,
          new Shortfalls(files.recorder),
          workers,
          folders,
          folders.top(Directory.open(restored)));
    }
  }

  private interface Tampering {
    void run(Directory restored) throws PosixException;
  }

  private void finds(String what, Tampering tampering) throws IOException {
    try (Directory directory = Directory.open(restored)) {
      tampering.run(directory);
    }
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(this::verify)
        .withMessage(restored + what)
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.VERIFICATION_FAILED));
  }

  @Test
  void isContentWithWhatWasRestored() throws IOException {
    verify();
    assertThat(files.recorder.warnings).isEmpty();
  }

  @Test
  void findsOneChangedBitOfTheSameSizeAndTime() throws IOException {
    try (Directory directory = Directory.open(restored);
        FileHandle file = directory.openForWriting(name("large"))) {
      byte[] one = new byte[1];
      file.readAt(one, 0, 1, 3_999_999);
      one[0] ^= 0x10;
      file.writeAt(one, 0, 1, 3_999_999);
      file.setTimes(OLD, OLD);
    }
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(this::verify)
        .withMessageMatching(
            ".*/large has other content in the \\d+ bytes from byte \\d+ on than blob [0-9a-f]{8}")
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.VERIFICATION_FAILED));
  }

  @Test
  void findsAnotherSize() throws IOException {
    finds(
        "/small has 12 bytes instead of 11",
        directory -> {
          try (FileHandle file = directory.openForWriting(name("small"))) {
            file.writeAt(new byte[1], 0, 1, 11);
            file.setTimes(OLD, OLD);
          }
        });
  }

  @Test
  void findsAMissingEntry() throws IOException {
    finds(
        "/small is missing",
        directory -> {
          directory.remove(name("small"));
          directory.setTimes(OLD, OLD);
        });
  }

  @Test
  void findsAnEntryTooMany() throws IOException {
    finds(
        "/d/extra is not in the snapshot",
        directory -> {
          try (Directory d = directory.openDirectory(name("d"))) {
            write(d, "extra", "x");
            d.setTimes(OLD, OLD);
          }
        });
  }

  @Test
  void findsAnotherMode() throws IOException {
    finds(
        "/d has mode 0755 instead of 0750",
        directory -> {
          // A user's verification sets the modes of directories itself, root's does not.
          assumeTrue(Accounts.self() == 0, "the verification would put the mode right");
          directory.chmod(name("d"), 0755);
        });
  }

  @Test
  void findsAnotherModeOfAFile() throws IOException {
    finds(
        "/small has mode 0640 instead of 0600", directory -> directory.chmod(name("small"), 0640));
  }

  @Test
  void findsAnotherTime() throws IOException {
    finds(
        "/small has time " + OLD.plusNanos(1) + " instead of " + OLD,
        directory -> directory.setTimes(name("small"), OLD, OLD.plusNanos(1)));
  }

  @Test
  void findsAnotherOwner() throws IOException {
    assumeTrue(Accounts.self() == 0, "only root may give files away");
    finds(
        "/small belongs to 1:2 instead of 0:0", directory -> directory.chown(name("small"), 1, 2));
  }

  @Test
  void findsAnotherTarget() throws IOException {
    finds(
        "/d/link points to large",
        directory -> {
          try (Directory d = directory.openDirectory(name("d"))) {
            d.remove(name("link"));
            d.makeSymlink(name("link"), name("large"));
            d.setTimes(name("link"), OLD, OLD);
            d.setTimes(OLD, OLD);
          }
        });
  }

  @Test
  void findsAnotherType() throws IOException {
    finds(
        "/d/link is not a symlink",
        directory -> {
          try (Directory d = directory.openDirectory(name("d"))) {
            d.remove(name("link"));
            write(d, "link", "small");
            d.setTimes(OLD, OLD);
          }
        });
  }

  @Test
  void findsALinkThatBecameAFile() throws IOException {
    finds(
        "/d/linked is no hard link to linked",
        directory -> {
          try (Directory d = directory.openDirectory(name("d"))) {
            d.remove(name("linked"));
            write(d, "linked", "twice");
            d.setTimes(OLD, OLD);
          }
        });
  }

  @Test
  void findsAnAttributeTooMany() throws IOException {
    finds(
        "/small has the attribute user.extra, which was not captured",
        directory -> {
          try {
            directory.setAttribute(name("small"), "user.extra", name("x"));
          } catch (PosixException e) {
            assumeTrue(!e.is(Errno.EOPNOTSUPP), "the file system keeps no user attributes");
            throw e;
          }
        });
  }
}
