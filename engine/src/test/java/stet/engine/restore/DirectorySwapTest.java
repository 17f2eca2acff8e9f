package stet.engine.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.files.FilesKind;
import stet.repository.chunk.Polynomial;
import stet.testkit.MemoryBlobs;

/** Swaps and rollbacks of two real directories, {@code media} and {@code avatars}. */
class DirectorySwapTest {
  private static final RowHash.Key KEY = new RowHash.Key(1, 2);
  private static final String RESTORE = "a0000001";
  private static final String ROLLBACK = "b0000001";

  @TempDir Path directory;

  private final MemoryBlobs blobs = new MemoryBlobs();
  private final List<Captured> captured = new ArrayList<>();
  private Environment environment;

  @BeforeEach
  void capture() throws IOException {
    List<Component> components = new ArrayList<>();
    for (String name : List.of("media", "avatars")) {
      Files.createDirectory(directory.resolve(name));
      write(name, "captured");
      Component component =
          new FilesKind()
              .create(
                  new ComponentDefinition(
                      name, Map.of("path", directory.resolve(name).toString()), "stet.yaml:1:1"));
      components.add(component);
      captured.add(
          component.capture(
              new CaptureContext(
                  operation("00000001"),
                  blobs,
                  blobs,
                  null,
                  null,
                  null,
                  KEY,
                  Polynomial.parse("3da3358b4dc173"))));
      write(name, "live");
    }
    environment = new Environment("shop", "production", false, components);
  }

  private static Operation operation(String id) {
    return new Operation(id, 2, Progress.NONE);
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(directory.resolve(name).resolve("content"), text);
  }

  private String content(String name) throws IOException {
    return Files.readString(directory.resolve(name).resolve("content"));
  }

  private List<String> names() throws IOException {
    try (var entries = Files.list(directory)) {
      return entries.map(e -> e.getFileName().toString()).sorted().toList();
    }
  }

  private Targets restore(EnvironmentLock lock) {
    Operation operation = operation(RESTORE);
    Targets targets = Targets.all(environment, operation);
    List<Swap.Change> changes = new ArrayList<>();
    for (int i = 0; i < captured.size(); i++) {
      String name = environment.components().get(i).name();
      changes.add(
          new Swap.Change(
              name,
              targets
                  .get(name)
                  .stage(
                      new RestoreContext(
                          operation,
                          blobs,
                          captured.get(i).node(),
                          captured.get(i).manifest(),
                          KEY))));
    }
    Swap.run(environment, lock, operation, targets, changes, "snapshot");
    return targets;
  }

  private void restore() {
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      restore(lock).close();
    }
  }

  private void rollback(String id) {
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      PreviousStates.rollback(environment, lock, operation(id));
    }
  }

  /** A process that dies between exchange and rename leaves the replaced state so. */
  @Test
  void aStateUnderTheOthersNameSurvivesARollbackThatFails() throws IOException {
    restore();
    Files.move(
        directory.resolve("media.previous-" + RESTORE),
        directory.resolve("media.staging-" + RESTORE));
    // So the second directory cannot be swapped, and the first is swapped back.
    Path taken = Files.createDirectory(directory.resolve("avatars.previous-" + ROLLBACK));
    assertThatThrownBy(() -> rollback(ROLLBACK)).hasMessage(taken + " is there already");
    assertThat(content("media")).isEqualTo("captured");
    assertThat(content("media.previous-" + RESTORE)).isEqualTo("live");
    Files.delete(taken);
    rollback("b0000002");
    assertThat(content("media")).isEqualTo("live");
    assertThat(content("avatars")).isEqualTo("live");
  }

  @Test
  void aRollbackTakesAwayWhatWasNotThere() throws IOException {
    Files.delete(directory.resolve("avatars/content"));
    Files.delete(directory.resolve("avatars"));
    restore();
    rollback(ROLLBACK);
    assertThat(content("media")).isEqualTo("live");
    assertThat(directory.resolve("avatars")).doesNotExist();
    assertThat(content("avatars.previous-" + ROLLBACK)).isEqualTo("captured");
    rollback("b0000002");
    assertThat(content("media")).isEqualTo("captured");
    assertThat(content("avatars")).isEqualTo("captured");
  }

  @Test
  void whatIsLiveStaysLockedThroughTheSwap() throws IOException {
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment);
        Targets targets = restore(lock)) {
      assertThat(content("media")).isEqualTo("captured");
      refusesALock();
      for (Component component : environment.components()) {
        assertThatThrownBy(component::lockHere).isInstanceOf(StetException.class);
      }
    }
    EnvironmentLock.acquire(environment).close();
  }

  private void refusesALock() {
    assertThatThrownBy(() -> EnvironmentLock.acquire(environment))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.LOCKED))
        .hasMessage(
            "another operation works on directory "
                + directory.resolve("media")
                + ": process "
                + ProcessHandle.current().pid());
  }

  @Test
  void aDirectoryThatIsNotThereIsLockedToo() throws IOException {
    Files.delete(directory.resolve("media/content"));
    Files.delete(directory.resolve("media"));
    List<String> names = names();
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      refusesALock();
      restore(lock).close();
    }
    EnvironmentLock.acquire(environment).close();
    assertThat(names()).containsAll(names).contains("media");
  }
}
