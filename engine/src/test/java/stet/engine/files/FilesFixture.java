package stet.engine.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import stet.engine.RowHash;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.posix.Directory;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixPath;
import stet.engine.posix.TemporaryDirectory;
import stet.repository.chunk.Polynomial;
import stet.testkit.MemoryBlobs;

/**
 * A directory {@code media} in a directory of its own, and what it takes to capture and restore.
 */
final class FilesFixture implements BeforeEachCallback, AfterEachCallback {
  private static final Polynomial POLYNOMIAL = Polynomial.parse("3da3358b4dc173");
  private static final RowHash.Key KEY = new RowHash.Key(1, 2);
  private static final AtomicInteger OPERATIONS = new AtomicInteger(0x1000);

  private final TemporaryDirectory temporary = new TemporaryDirectory();

  final MemoryBlobs blobs = new MemoryBlobs();
  final Recorder recorder = new Recorder();

  /** The directory that {@link #media} lies in. */
  Directory parent;

  Directory media;

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    parent = temporary.directory();
    parent.makeDirectory(name("media"), 0755);
    media = parent.openDirectory(name("media"));
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException {
    media.close();
    parent.close();
    temporary.afterEach(context);
  }

  PosixPath path() {
    return media.path();
  }

  Operation operation() {
    return new Operation("%08x".formatted(OPERATIONS.incrementAndGet()), 3, recorder);
  }

  Component component(Object... settings) {
    return component("media", media.path(), settings);
  }

  static Component component(String name, PosixPath path, Object... settings) {
    Map<String, Object> values = new HashMap<>();
    values.put("path", new String(path.bytes(), StandardCharsets.UTF_8));
    for (int i = 0; i < settings.length; i += 2) {
      values.put((String) settings[i], settings[i + 1]);
    }
    return new FilesKind().create(new ComponentDefinition(name, values, "stet.yaml:1:1"));
  }

  Captured capture(Object... settings) {
    return component(settings).capture(context(null, null));
  }

  /** A capture that knows an earlier one. */
  Captured captureAgain(Captured parentCapture, Instant parentStarted, Object... settings) {
    return component(settings).capture(context(parentCapture, parentStarted));
  }

  CaptureContext context(@Nullable Captured parentCapture, @Nullable Instant parentStarted) {
    return new CaptureContext(
        operation(),
        blobs,
        blobs,
        parentCapture == null ? null : parentCapture.node(),
        parentCapture == null ? null : parentCapture.manifest(),
        parentStarted,
        KEY,
        POLYNOMIAL);
  }

  RestoreContext restoring(Captured captured) {
    return restoring(captured, operation());
  }

  RestoreContext restoring(Captured captured, Operation operation) {
    return new RestoreContext(operation, blobs, captured.node(), captured.manifest(), KEY);
  }

  /** Restores into a new directory and gives its path. */
  PosixPath restore(Captured captured) throws IOException {
    PosixPath target = PosixPath.of(temporary.path().toString()).resolve("restored");
    FilesComponent.restoreInto(target, restoring(captured));
    return target;
  }

  Map<String, String> image() throws IOException {
    return TreeImage.of(media.path());
  }

  static byte[] name(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Writes a file of a fixed time long ago, so that it counts as unchanged from then on. */
  static void write(Directory directory, String name, byte[] content) {
    write(directory, name(name), content);
  }

  static void write(Directory directory, byte[] name, byte[] content) {
    try {
      if (directory.find(name) == null) {
        directory.create(name).close();
      }
      try (FileHandle file = directory.openForWriting(name)) {
        file.truncate(0);
        file.writeAt(content, 0, content.length, 0);
        file.setTimes(OLD, OLD);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void write(Directory directory, String name, String content) {
    write(directory, name, name(content));
  }

  static final Instant OLD = Instant.ofEpochSecond(1_600_000_000, 123_456_789);

  static byte[] random(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static List<String> skipped(Captured captured) {
    return captured.manifest().strings("skipped");
  }
}
