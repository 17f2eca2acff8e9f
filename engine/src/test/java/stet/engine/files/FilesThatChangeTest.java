package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.random;
import static stet.engine.files.FilesFixture.skipped;
import static stet.engine.files.FilesFixture.write;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.posix.Directory;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixPath;
import stet.engine.posix.TreeRemoval;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;

/** Files that change right when their first part has been read. */
class FilesThatChangeTest {
  private static final int SIZE = 6_000_000;

  @RegisterExtension final FilesFixture files = new FilesFixture();

  /** What happens to the file {@code log} meanwhile. */
  private enum Event {
    GROWS,
    SHRINKS,
    CHANGES,
    IS_REPLACED,
    VANISHES,
    VANISHES_WITH_ALL,
    BECOMES_A_FIFO,
    BECOMES_A_LINK;

    void happen(Directory directory) throws IOException {
      byte[] log = FilesFixture.name("log");
      switch (this) {
        case GROWS -> {
          try (FileHandle file = directory.openForWriting(log)) {
            file.writeAt(new byte[] {1}, 0, 1, file.stat().size());
          }
        }
        case SHRINKS -> {
          try (FileHandle file = directory.openForWriting(log)) {
            file.truncate(file.stat().size() - 1_000_000);
          }
        }
        case CHANGES -> {
          try (FileHandle file = directory.openForWriting(log)) {
            file.writeAt(random(System.nanoTime(), 1), 0, 1, 17);
          }
        }
        case IS_REPLACED -> {
          // By one of the same size and time, as rsync leaves it.
          write(directory, "new", random(System.nanoTime(), SIZE));
          directory.replace(FilesFixture.name("new"), log);
        }
        case VANISHES -> directory.remove(log);
        case VANISHES_WITH_ALL -> {
          try (Directory above = Directory.open(directory.path().parent())) {
            TreeRemoval.remove(above, directory.path().name());
          }
        }
        case BECOMES_A_FIFO -> {
          directory.remove(log);
          directory.makeNode(log, Directory.FIFO | 0600, 0);
        }
        case BECOMES_A_LINK -> {
          directory.remove(log);
          directory.makeSymlink(log, FilesFixture.name("/etc/passwd"));
        }
      }
    }
  }

  /** Captures while the event happens whenever a part of the file was read, so many times. */
  private Captured capture(Event event, int times, String policy) {
    return capture(event, times, files.media, policy);
  }

  /** The same in a directory of the tree. */
  private Captured capture(Event event, int times, Directory where, String policy) {
    CaptureContext context = files.context(null, null);
    int[] left = {times};
    BlobSink sink =
        new BlobSink() {
          @Override
          public Id save(BlobType type, byte[] bytes, int offset, int length) {
            Id id = files.blobs.save(type, bytes, offset, length);
            synchronized (left) {
              if (type == BlobType.DATA && length > 100 && left[0] > 0) {
                left[0]--;
                try {
                  event.happen(where);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }
            }
            return id;
          }

          @Override
          public boolean holds(BlobType type, Id id) {
            return files.blobs.holds(type, id);
          }
        };
    return files
        .component("on_change", policy)
        .capture(
            new CaptureContext(
                context.operation(),
                sink,
                context.source(),
                null,
                null,
                null,
                context.hashKey(),
                context.polynomial()));
  }

  /** Without the directory itself, which was looked at before. */
  private static Map<String, String> entries(Map<String, String> image) {
    image.remove(".");
    return image;
  }

  private void fill() {
    write(files.media, "log", random(8, SIZE));
    write(files.media, "quiet", "x");
  }

  @ParameterizedTest
  @EnumSource(names = "VANISHES_WITH_ALL", mode = EnumSource.Mode.EXCLUDE)
  void aChangeIsReadAgain(Event event) throws IOException {
    for (String policy : List.of("retry", "warn")) {
      fill();
      Captured captured = capture(event, 1, policy);
      assertThat(skipped(captured)).isEmpty();
      PosixPath restored = files.restore(captured);
      assertThat(entries(TreeImage.of(restored))).isEqualTo(entries(files.image()));
      if (event != Event.VANISHES) {
        files.media.remove(name("log"));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"GROWS", "CHANGES", "IS_REPLACED"})
  void aFileThatKeepsChangingFailsUnlessToldToGoOn(Event event) throws IOException {
    int always = 1000;
    for (String policy : List.of("retry", "fail")) {
      fill();
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> capture(event, always, policy))
          .withMessage(files.path() + "/log changed while it was read")
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
          .satisfies(e -> assertThat(e.hint()).contains("on_change: warn"));
    }
    fill();
    Captured captured = capture(event, always, "warn");
    assertThat(skipped(captured)).containsExactly(files.path() + "/log changed while it was read");
    // What was read of it is whole in itself.
    Map<String, String> restored = TreeImage.of(files.restore(captured));
    assertThat(restored.keySet()).containsExactly(".", "log", "quiet");
  }

  @ParameterizedTest
  @ValueSource(strings = {"retry", "warn", "fail"})
  void aFileThatVanishesIsNoFailure(String policy) throws IOException {
    fill();
    Captured captured = capture(Event.VANISHES, 1, policy);
    assertThat(skipped(captured)).isEmpty();
    assertThat(TreeImage.of(files.restore(captured)).keySet()).containsExactly(".", "quiet");
    assertThat(files.recorder.details).contains(files.path() + "/log vanished during the capture");
  }

  @Test
  void aDirectoryThatVanishesIsNoFailure() throws IOException {
    try (Directory inner = inner()) {
      Captured captured = capture(Event.VANISHES_WITH_ALL, 1, inner, "retry");
      assertThat(skipped(captured)).isEmpty();
      assertThat(files.recorder.details)
          .contains(inner.path() + "/log vanished during the capture");
    }
  }

  private Directory inner() throws IOException {
    files.media.makeDirectory(name("inner"), 0755);
    Directory inner = files.media.openDirectory(name("inner"));
    write(inner, "log", random(8, SIZE));
    return inner;
  }

  /** What is read by then would be a snapshot of an empty directory. */
  @Test
  void theTopThatVanishesIsAFailure() {
    fill();
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(() -> capture(Event.VANISHES_WITH_ALL, 1, "warn"))
        .withMessageStartingWith("the component's directory cannot be reached any more: ")
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE));
  }

  /**
   * A process that has ended but was not waited for has a link that is listed and leads nowhere.
   */
  @Test
  void whatIsListedButCannotBeReachedIsUnreadableAndNotGone() throws Exception {
    Process process = new ProcessBuilder("sh", "-c", "sleep 1 & echo $!; exec sleep 300").start();
    try (BufferedReader reader = process.inputReader()) {
      Path ended = Path.of("/proc", reader.readLine());
      while (!Files.readString(ended.resolve("status")).contains("State:\tZ")) {
        Thread.sleep(10);
      }
      String what =
          "cannot read symbolic link "
              + ended
              + "/exe: no such file or directory (ENOENT), although its directory still has it";
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> captureLink(ended, "fail"))
          .withMessage(what)
          .satisfies(e -> assertThat(e.hint()).contains("on_unreadable: skip"));
      assertThat(skipped(captureLink(ended, "skip"))).containsExactly(what);
    } finally {
      process.destroy();
    }
  }

  private Captured captureLink(Path directory, String policy) {
    return FilesFixture.component(
            "ended",
            PosixPath.of(directory.toString()),
            "exclude",
            List.of("/*", "!/exe"),
            "on_unreadable",
            policy)
        .capture(files.context(null, null));
  }

  @Test
  void aSparseFileThatShrinksIsReadAgain() throws IOException {
    write(files.media, "log", random(8, SIZE));
    write(files.media, "quiet", "x");
    try (FileHandle file = files.media.openForWriting(name("log"))) {
      file.truncate(4L * SIZE);
    }
    Captured captured = capture(Event.SHRINKS, 3, "retry");
    assertThat(skipped(captured)).isEmpty();
    assertThat(entries(TreeImage.of(files.restore(captured)))).isEqualTo(entries(files.image()));
  }
}
