package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static stet.engine.files.DyingSwaps.only;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Component.Held;
import stet.engine.component.Operation;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Role;
import stet.engine.files.DyingSwaps.Swapped;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.TreeRemoval;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.testkit.AnotherUser;

/** Restores of a directory that cannot be renamed: a mount point. */
class InnerPlaceTest {
  @RegisterExtension final FilesFixture files = new FilesFixture();

  private PosixPath path;
  private Directory live;
  private Captured captured;
  private DyingSwaps swaps;
  private Map<String, String> wanted;
  private Map<String, String> replaced;
  private boolean mounted;

  /**
   * Entries of every combination: in both states, in one of them, a file here and a directory
   * there.
   */
  @BeforeEach
  void captureAndChange() throws IOException {
    assumeTrue(Accounts.self() == 0, "only root may mount");
    files.parent.makeDirectory(name("disk"), 0755);
    path = files.parent.path().resolve("disk");
    String words = sh("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", path.toString());
    assumeTrue(words.isEmpty(), "a file system cannot be mounted here: " + words);
    mounted = true;
    live = Directory.open(path);
    write(live, "kept", "as captured");
    write(live, "gone since", "captured");
    write(live, "file, then directory", "a file");
    live.makeDirectory(name("directory, then file"), 0555);
    live.makeDirectory(name("directory"), 0750);
    try (Directory directory = live.openDirectory(name("directory"))) {
      write(directory, "inner", "as captured, too");
      directory.makeLink(name("hard link across"), live, name("kept"));
    }
    live.makeSymlink(name("link"), name("kept"));
    live.chmod(0751);
    live.chown(12, 34);
    live.setAttribute("trusted.stet", name("captured"));
    live.setTimes(FilesFixture.OLD, FilesFixture.OLD);
    captured = capture();
    swaps = new DyingSwaps(files, path, captured);
    wanted = image();
    TreeRemoval.removeContent(live);
    write(live, "kept", "changed since");
    write(live, "new", "not in the snapshot");
    write(live, "directory, then file", "now a file");
    live.makeDirectory(name("file, then directory"), 0700);
    live.makeDirectory(name("directory"), 0700);
    live.makeDirectory(name("lost+found"), 0700);
    live.chmod(01777);
    live.chown(56, 78);
    live.setAttribute("trusted.stet", name("later"));
    Instant later = FilesFixture.OLD.plusSeconds(1000);
    live.setTimes(later, later);
    replaced = image();
  }

  @AfterEach
  void unmount() throws IOException {
    if (mounted) {
      live.close();
      assertThat(sh("umount", path.toString())).isEmpty();
    }
  }

  private static String sh(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    try {
      return process.waitFor() == 0 ? "" : output + " (failed)";
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private Captured capture() {
    return FilesFixture.component("media", path).capture(files.context(null, null));
  }

  /** What a user sees: all but Stet's own directory and the file system's. */
  private Map<String, String> image() throws IOException {
    Map<String, String> image = new TreeMap<>(TreeImage.of(path));
    image.keySet().removeIf(name -> name.startsWith(".stet-restore") || name.equals("lost+found"));
    return image;
  }

  private FilesTarget target() {
    return swaps.target();
  }

  private Map<String, String> entriesOf(Beside state) throws IOException {
    Map<String, String> entries =
        new TreeMap<>(
            TreeImage.of(path.resolve(".stet-restore").resolve(state.name()).resolve("tree")));
    entries.remove(".");
    return entries;
  }

  private static Map<String, String> entries(Map<String, String> image) {
    Map<String, String> entries = new TreeMap<>(image);
    entries.remove(".");
    return entries;
  }

  @Test
  void aMountPointIsSwappedAndSwappedBackAndRolledBack() throws IOException {
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      String before = Objects.requireNonNull(target.live().identity());
      assertThat(target.beside()).isEmpty();
      assertThat(image()).as("looking leaves no trace").isEqualTo(replaced);
      Beside staged = target.stage(files.restoring(captured, operation));
      assertThat(entries(image())).as("untouched while staging").isEqualTo(entries(replaced));
      assertThat(entriesOf(staged)).isEqualTo(entries(wanted));
      assertThat(only(target)).isEqualTo(staged);
      target.note(staged, "journal");
      Beside previous = Objects.requireNonNull(target.swap(staged, operation.id(), "why"));
      assertThat(image()).isEqualTo(wanted);
      assertThat(target.live().identity()).isEqualTo(staged.identity()).isNotEqualTo(before);
      assertThat(only(target)).isEqualTo(previous);
      assertThat(previous.role()).isEqualTo(Role.PREVIOUS);
      assertThat(previous.note()).isEqualTo("why");
      assertThat(entriesOf(previous)).isEqualTo(entries(replaced));
      assertThat(target.size(previous)).isPositive();

      Operation rollback = files.operation();
      Beside undone = Objects.requireNonNull(target.swap(previous, rollback.id(), "rolled back"));
      assertThat(image()).isEqualTo(replaced);
      assertThat(only(target)).isEqualTo(undone);
      target.swapBack(previous, rollback.id());
      assertThat(image()).isEqualTo(wanted);
      assertThat(only(target)).isEqualTo(previous);
      target.drop(previous);
      assertThat(target.beside()).isEmpty();
      assertThat(live.find(name(".stet-restore"))).isNull();
      assertThat(image()).isEqualTo(wanted);
    }
  }

  @Test
  void whatRootRestoresInAnotherUsersMountPointIsNotInHisWay() throws Exception {
    files.parent.chmod(0755);
    live.chown(AnotherUser.ID, AnotherUser.ID);
    Captured his = capture();
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      target.swap(target.stage(files.restoring(his, operation)), operation.id(), "why");
    }
    Beside previous =
        AnotherUser.call(() -> {
          try (FilesTarget target = target()) {
            return only(target);
          }
        });
    assertThat(previous.note()).isEqualTo("why");
  }

  @Test
  void capturesLeaveOutItsStatesAndNothingElse() throws IOException {
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      target.swap(target.stage(files.restoring(captured, operation)), operation.id(), "why");
      target.stage(files.restoring(captured));
    }
    assertThat(capture().manifest().integer("files"))
        .isEqualTo(captured.manifest().integer("files"));
    live.makeDirectory(name("inner"), 0700);
    try (Directory inner = live.openDirectory(name("inner"))) {
      inner.makeDirectory(name(".stet-restore"), 0700);
      try (Directory theirs = inner.openDirectory(name(".stet-restore"))) {
        write(theirs, "anchor", "of a ship");
      }
    }
    assertThat(capture().manifest().integer("files"))
        .isEqualTo(captured.manifest().integer("files") + 1);
  }

  private void undo(Swapped swapped) throws IOException {
    try (FilesTarget target = target()) {
      target.swapBack(swapped.state(), swapped.operation());
      assertThat(target.live().identity()).isEqualTo(swapped.before());
      target.beside().forEach(target::drop);
    }
    assertThat(image()).isEqualTo(replaced);
    assertThat(live.find(name(".stet-restore"))).isNull();
  }

  /** Each name is there at every instant, with one of its two contents. */
  private void requireEveryName() throws IOException {
    Map<String, String> now = TreeImage.of(path);
    for (String name :
        List.of("kept", "directory", "file, then directory", "directory, then file")) {
      assertThat(bare(now.get(name))).isIn(bare(wanted.get(name)), bare(replaced.get(name)));
    }
  }

  /** Without which other name the file has, which may lie on either side by then. */
  private static String bare(String line) {
    return line.replaceFirst(" same as .*(?= \\d+ bytes )", "");
  }

  private void requireSwapped(Swapped swapped) throws IOException {
    for (int again = 0; again < 2; again++) {
      try (FilesTarget target = target()) {
        Beside previous =
            Objects.requireNonNull(target.swap(swapped.state(), swapped.operation(), "why"));
        assertThat(image()).isEqualTo(wanted);
        assertThat(target.live().identity()).isEqualTo(swapped.state().identity());
        assertThat(only(target)).isEqualTo(previous);
        assertThat(previous.identity()).isEqualTo(swapped.before());
        assertThat(previous.note()).isEqualTo("why");
        assertThat(entriesOf(previous)).isEqualTo(entries(replaced));
      }
    }
  }

  private void requireAsBefore(Swapped swapped) throws IOException {
    for (int again = 0; again < 2; again++) {
      try (FilesTarget target = target()) {
        target.swapBack(swapped.state(), swapped.operation());
        assertThat(entries(image())).isEqualTo(entries(replaced));
        assertThat(target.live().identity()).isEqualTo(swapped.before());
        assertThat(only(target)).isEqualTo(swapped.state());
        assertThat(entriesOf(swapped.state())).isEqualTo(entries(wanted));
      }
    }
  }

  /** The states as facts show them after a death: never half of either. */
  private void requireKnown(Swapped swapped) {
    try (FilesTarget target = target()) {
      assertThat(target.live().identity()).isIn(swapped.before(), swapped.state().identity());
      assertThat(only(target).identity())
          .isIn(swapped.before(), swapped.state().identity())
          .isNotEqualTo(target.live().identity());
    }
  }

  @Test
  void aSwapThatDiesAnywhereCanBeFinished() throws IOException {
    DyingSwaps.atEveryStep(
        15,
        step -> {
          Swapped swapped = swaps.stage();
          boolean died =
              swaps.diesAt(
                  step, target -> target.swap(swapped.state(), swapped.operation(), "why"));
          requireEveryName();
          requireKnown(swapped);
          requireSwapped(swapped);
          undo(swapped);
          return died;
        });
  }

  @Test
  void aSwapThatDiesAnywhereCanBeUndone() throws IOException {
    DyingSwaps.atEveryStep(
        15,
        step -> {
          Swapped swapped = swaps.stage();
          boolean died =
              swaps.diesAt(
                  step, target -> target.swap(swapped.state(), swapped.operation(), "why"));
          // And the undoing may die anywhere, too.
          swaps.diesAt(
              1 + step * 7 % 20, target -> target.swapBack(swapped.state(), swapped.operation()));
          requireEveryName();
          requireKnown(swapped);
          requireAsBefore(swapped);
          undo(swapped);
          return died;
        });
  }

  @Test
  void aSwapBackThatDiesAnywhereCanBeFinishedAndTurnedRound() throws IOException {
    DyingSwaps.atEveryStep(
        15,
        step -> {
          Swapped swapped = swaps.stage();
          try (FilesTarget target = target()) {
            target.swap(swapped.state(), swapped.operation(), "why");
          }
          boolean died =
              swaps.diesAt(step, target -> target.swapBack(swapped.state(), swapped.operation()));
          requireEveryName();
          requireKnown(swapped);
          requireSwapped(swapped);
          swaps.diesAt(step, target -> target.swapBack(swapped.state(), swapped.operation()));
          requireAsBefore(swapped);
          undo(swapped);
          return died;
        });
  }

  @Test
  void aRollbackThatDiesAnywhereCanBeFinishedAndUndone() throws IOException {
    DyingSwaps.atEveryStep(
        15,
        step -> {
          Swapped restored = swaps.stage();
          Beside previous;
          try (FilesTarget target = target()) {
            previous =
                Objects.requireNonNull(
                    target.swap(restored.state(), restored.operation(), "restored"));
          }
          String operation = files.operation().id();
          boolean died =
              swaps.diesAt(step, target -> target.swap(previous, operation, "rolled back"));
          try (FilesTarget target = target()) {
            if (step % 2 == 0) {
              Beside undone = target.swap(previous, operation, "rolled back");
              assertThat(image()).isEqualTo(replaced);
              assertThat(only(target)).isEqualTo(undone);
            }
            target.swapBack(previous, operation);
            assertThat(entries(image())).isEqualTo(entries(wanted));
            assertThat(only(target)).isEqualTo(previous);
          }
          undo(restored);
          return died;
        });
  }

  @Test
  void aStateIsPartlySwappedFromItsFirstEntryToItsLast() throws IOException {
    DyingSwaps.atEveryStep(
        15,
        step -> {
          Swapped swapped = swaps.stage();
          boolean died =
              swaps.diesAt(
                  step, target -> target.swap(swapped.state(), swapped.operation(), "why"));
          try (FilesTarget target = target()) {
            boolean live = swapped.state().identity().equals(target.live().identity());
            if (!live && !entries(image()).equals(entries(replaced))) {
              assertThat(target.isPartlySwapped(swapped.state())).as("step " + step).isTrue();
            }
            target.swapBack(swapped.state(), swapped.operation());
            assertThat(target.isPartlySwapped(swapped.state())).isFalse();
            Beside kept = target.keep(swapped.state(), "kept");
            assertThat(only(target)).isEqualTo(kept);
            assertThat(entriesOf(kept)).isEqualTo(entries(wanted));
            target.drop(kept);
          }
          assertThat(entries(image())).isEqualTo(entries(replaced));
          return died;
        });
  }

  @Test
  void aStagingThatDiesAnywhereIsFoundAndGoes() throws IOException {
    DyingSwaps.atEveryStep(
        12,
        step -> {
          boolean died = swaps.diesAt(step, target -> target.stage(files.restoring(captured)));
          try (FilesTarget target = target()) {
            target.beside().forEach(target::drop);
            Beside staged = target.stage(files.restoring(captured));
            assertThat(only(target)).isEqualTo(staged);
            target.drop(staged);
          }
          assertThat(live.find(name(".stet-restore"))).as("died at step " + step).isNull();
          return died;
        });
    assertThat(entries(image())).isEqualTo(entries(replaced));
  }

  @Test
  void aDropThatDiesAnywhereLeavesNoHalfState() throws IOException {
    DyingSwaps.atEveryStep(
        3,
        step -> {
          Swapped swapped = swaps.stage();
          boolean died = swaps.diesAt(step, target -> target.drop(swapped.state()));
          try (FilesTarget target = target()) {
            for (Beside state : target.beside()) {
              assertThat(entriesOf(state)).isEqualTo(entries(wanted));
            }
            target.drop(swapped.state());
            target.drop(swapped.state());
          }
          assertThat(live.find(name(".stet-restore"))).isNull();
          return died;
        });
  }

  @Test
  void aReaderAlwaysFindsEachFileWholeThroughASwap() throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    List<String> wrong = new ArrayList<>();
    Thread reader =
        new Thread(() -> {
          while (!stop.get()) {
            try (var file = live.openForReading(name("kept"))) {
              byte[] bytes = new byte[100];
              String text = new String(bytes, 0, file.read(bytes, 0, 100));
              if (!text.equals("as captured") && !text.equals("changed since")) {
                wrong.add(text);
              }
            } catch (PosixException e) {
              wrong.add(e.getMessage());
            }
          }
        });
    reader.start();
    try (var open = live.openForReading(name("kept"))) {
      for (int i = 0; i < 10; i++) {
        Swapped swapped = swaps.stage();
        try (FilesTarget target = target()) {
          target.swap(swapped.state(), swapped.operation(), "why");
          target.swapBack(swapped.state(), swapped.operation());
          target.drop(swapped.state());
        }
      }
      byte[] bytes = new byte[100];
      assertThat(new String(bytes, 0, open.read(bytes, 0, 100))).isEqualTo("changed since");
    } finally {
      stop.set(true);
      reader.join();
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void theLockHoldsThroughTheSwap() throws IOException {
    Swapped swapped = swaps.stage();
    try (Held held = Objects.requireNonNull(DirectoryLock.take(path));
        FilesTarget target = target()) {
      target.swap(swapped.state(), swapped.operation(), "why");
      held.check();
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> DirectoryLock.take(path))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.LOCKED));
    }
  }

  @Test
  void aFullDiskLeavesTheLiveStateAsItIs() throws IOException {
    write(live, "filler", FilesFixture.random(1, 6_000_000));
    Captured large = capture();
    write(live, "more", FilesFixture.random(2, 6_000_000));
    Map<String, String> before = image();
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.stage(files.restoring(large)))
          .withMessageContaining("no space left on device (ENOSPC)")
          .satisfies(e -> assertThat(e.hint()).isEqualTo("Make room and try again."));
      assertThat(target.beside()).isEmpty();
    }
    assertThat(entries(image())).isEqualTo(entries(before));
    assertThat(live.find(name(".stet-restore"))).isNull();
  }

  @Test
  void aFailedStagingLeavesNothing() throws IOException {
    files.blobs.remove(BlobType.DATA, Id.of(name("as captured")));
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(RuntimeException.class)
          .isThrownBy(() -> target.stage(files.restoring(captured)));
    }
    assertThat(entries(image())).isEqualTo(entries(replaced));
    assertThat(live.find(name(".stet-restore"))).isNull();
  }

  @Test
  void refusesWhatCannotBeMoved() throws IOException {
    live.makeDirectory(name("inner disk"), 0755);
    String inner = path.resolve("inner disk").toString();
    assertThat(sh("mount", "-t", "tmpfs", "tmpfs", inner)).isEmpty();
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.stage(files.restoring(captured)))
          .withMessage(
              "a file system is mounted at "
                  + inner.replace("\\", "\\\\")
                  + ", inside "
                  + path
                  + ", so that it cannot change places with the restored directory");
    } finally {
      assertThat(sh("umount", inner)).isEmpty();
    }
    live.makeDirectory(name(".stet-restore"), 0700);
    write(live, "kept", "x");
    try (Directory theirs = live.openDirectory(name(".stet-restore"))) {
      write(theirs, "mine", "x");
    }
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.stage(files.restoring(captured)))
          .withMessage(path + "/.stet-restore is there already and not Stet's");
    }
    // A snapshot that holds such a directory cannot be restored here either.
    Captured theirs = capture();
    TreeRemoval.remove(live, name(".stet-restore"));
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.stage(files.restoring(theirs)))
          .withMessageContaining("the snapshot has an entry .stet-restore, a name that Stet needs");
    }
    assertThat(live.find(name(".stet-restore"))).isNull();
  }

  /** Somebody has put another file where the exchange has not come yet. */
  @Test
  void whatIsMadeMeanwhileIsNeverLost() throws IOException {
    Swapped swapped = swaps.stage();
    @Nullable String[] made = new @Nullable String[1];
    Place.Steps steps =
        step -> {
          if (step.equals("exchange anchors") && made[0] == null) {
            made[0] = "new";
            write(live, "new", "written while the files were exchanged");
          }
        };
    try (FilesTarget target = new FilesTarget(path, steps)) {
      Beside previous =
          Objects.requireNonNull(target.swap(swapped.state(), swapped.operation(), "why"));
      assertThat(made[0]).isNotNull();
      assertThat(image()).containsKey("new");
      assertThat(entriesOf(previous)).isEqualTo(entries(replaced));
      target.swapBack(swapped.state(), swapped.operation());
      assertThat(entries(image())).isEqualTo(entries(replaced));
      assertThat(entriesOf(only(target))).containsKey("new");
    }
  }
}
