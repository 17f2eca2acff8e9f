package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.random;
import static stet.engine.files.FilesFixture.skipped;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import java.io.UncheckedIOException;
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
                  event.happen(files.media);
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
  @EnumSource
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
