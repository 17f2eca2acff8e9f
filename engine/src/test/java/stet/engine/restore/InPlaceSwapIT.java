package stet.engine.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.Environment;
import stet.engine.EnvironmentLock;
import stet.engine.RowHash;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.InPlace;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.files.FilesKind;
import stet.engine.postgres.PostgresKind;
import stet.repository.chunk.Polynomial;
import stet.testkit.MemoryBlobs;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * Directories that are swapped with a database restored in place, and processes that die between
 * the swap and the commit, or just after it.
 */
class InPlaceSwapIT {
  private static final RowHash.Key KEY = new RowHash.Key(1, 2);
  private static final String RESTORE = "a0000001";
  private static final String DATABASE = "in_place_swap";

  @TempDir Path directory;

  private PostgresServer server;
  private final MemoryBlobs blobs = new MemoryBlobs();
  private final Map<String, Captured> captured = new HashMap<>();
  private Environment environment;
  private Component database;

  @BeforeEach
  void capture() throws Exception {
    server = PostgresServers.installed();
    server.createDatabase(DATABASE);
    server.execute(DATABASE, "create table t as select 'captured' as state");
    Files.createDirectory(directory.resolve("media"));
    write("captured");
    Component media =
        new FilesKind()
            .create(
                new ComponentDefinition(
                    "media",
                    Map.of("path", directory.resolve("media").toString()),
                    "stet.yaml:1:1"));
    database =
        new PostgresKind()
            .create(
                new ComponentDefinition(
                    "default", Map.of("url", server.url(DATABASE)), "stet.yaml:2:1"));
    environment = new Environment("shop", "in place", false, List.of(database, media));
    for (Component component : environment.components()) {
      captured.put(
          component.name(),
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
    }
    server.execute(DATABASE, "update t set state = 'live'");
    write("live");
  }

  @AfterEach
  void drop() {
    if (server != null) {
      server.dropDatabase(DATABASE);
    }
  }

  private static Operation operation(String id) {
    return new Operation(id, 2, Progress.NONE);
  }

  private void write(String text) throws Exception {
    Files.writeString(directory.resolve("media/content"), text);
  }

  /** What both components have. */
  private String state() throws Exception {
    return server.queryOne(DATABASE, "select state from t")
        + " "
        + Files.readString(directory.resolve("media/content"));
  }

  private RestoreContext context(String name, Operation operation) {
    Captured one = captured.get(name);
    return new RestoreContext(operation, blobs, one.node(), one.manifest(), KEY);
  }

  /** The sudden end of a process. */
  private static final class Death extends Error {
    private static final long serialVersionUID = 1;
  }

  /** A restore in place whose process dies before or after its commit. */
  private record Mortal(InPlace real, boolean after) implements InPlace {
    @Override
    public void check() {
      real.check();
    }

    @Override
    public String begin() {
      return real.begin();
    }

    @Override
    public void build() {
      real.build();
    }

    @Override
    public void commit() {
      if (after) {
        real.commit();
      }
      throw new Death();
    }

    @Override
    public void close() {
      real.close();
    }
  }

  private void restore(String mortal) {
    Operation operation = operation(RESTORE);
    InPlace real = database.inPlace(context("default", operation));
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment);
        Targets targets = Targets.all(environment, operation);
        InPlace inPlace =
            mortal.isEmpty() ? real : new Mortal(real, mortal.equals("after the commit"))) {
      inPlace.check();
      Swap.Change change =
          new Swap.Change("media", targets.get("media").stage(context("media", operation)));
      String transaction = inPlace.begin();
      inPlace.build();
      Swap.run(
          environment,
          lock,
          operation,
          targets,
          List.of(change),
          "snapshot",
          new LastStep(database, inPlace, transaction));
    }
  }

  private PendingRestore.Outcome resume() {
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      return PendingRestore.resume(environment, lock, operation("c0000001"));
    }
  }

  private PendingRestore.Outcome abort() {
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment)) {
      return PendingRestore.abort(environment, lock, operation("c0000001"));
    }
  }

  @Test
  void bothAreRestoredTogether() throws Exception {
    restore("");
    assertThat(state()).isEqualTo("captured captured");
    PendingRestore.refuse(environment, operation("c0000001"));
    assertThat(PreviousStates.list(environment, operation("c0000001")))
        .extracting(PreviousStates.Previous::operation)
        .containsExactly(RESTORE);
  }

  @Test
  void aCommitThatFailsSwapsTheDirectoryBack() throws Exception {
    Operation operation = operation(RESTORE);
    try (EnvironmentLock lock = EnvironmentLock.acquire(environment);
        Targets targets = Targets.all(environment, operation);
        InPlace inPlace = database.inPlace(context("default", operation))) {
      inPlace.check();
      Swap.Change change =
          new Swap.Change("media", targets.get("media").stage(context("media", operation)));
      String transaction = inPlace.begin();
      inPlace.build();
      server.execute(
          "postgres",
          "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '"
              + DATABASE
              + "'");
      assertThatThrownBy(() ->
              Swap.run(
                  environment,
                  lock,
                  operation,
                  targets,
                  List.of(change),
                  "snapshot",
                  new LastStep(database, inPlace, transaction)))
          .hasMessageContaining("in place");
    }
    assertThat(state()).isEqualTo("live live");
    PendingRestore.refuse(environment, operation("c0000001"));
  }

  @Test
  void whoDiesBeforeTheCommitLeavesWhatMustBeUndone() throws Exception {
    assertThatThrownBy(() -> restore("before the commit")).isInstanceOf(Death.class);
    assertThat(state()).isEqualTo("live captured");
    assertThatThrownBy(() -> PendingRestore.refuse(environment, operation("c0000001")))
        .hasMessageContaining("was interrupted during its swap");
    assertThatThrownBy(this::resume)
        .hasMessageContaining(
            "the transaction that restored component default in place was rolled back");
    assertThat(state()).isEqualTo("live captured");
    assertThat(abort().undone()).containsExactly(RESTORE);
    assertThat(state()).isEqualTo("live live");
    PendingRestore.refuse(environment, operation("c0000001"));
  }

  @Test
  void whoDiesAfterTheCommitLeavesWhatMustBeFinished() throws Exception {
    assertThatThrownBy(() -> restore("after the commit")).isInstanceOf(Death.class);
    assertThat(state()).isEqualTo("captured captured");
    assertThatThrownBy(this::abort)
        .hasMessageContaining(
            "the transaction that restored component default in place was committed");
    assertThat(state()).isEqualTo("captured captured");
    assertThat(resume().finished()).containsExactly(RESTORE);
    PendingRestore.refuse(environment, operation("c0000001"));
    assertThat(resume().finished()).isEmpty();
  }

  @Test
  void aDirectoryThatWasNotThereComesAfterTheCommit() throws Exception {
    Files.delete(directory.resolve("media/content"));
    Files.delete(directory.resolve("media"));
    assertThatThrownBy(() -> restore("before the commit")).isInstanceOf(Death.class);
    assertThat(directory.resolve("media")).doesNotExist();
    assertThat(abort().undone()).containsExactly(RESTORE);
    assertThat(directory.resolve("media")).doesNotExist();

    assertThatThrownBy(() -> restore("after the commit")).isInstanceOf(Death.class);
    assertThat(directory.resolve("media")).doesNotExist();
    assertThat(resume().finished()).containsExactly(RESTORE);
    assertThat(state()).isEqualTo("captured captured");
  }
}
