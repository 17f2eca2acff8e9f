package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static stet.engine.files.DyingSwaps.only;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Live;
import stet.engine.component.Target.Role;
import stet.engine.files.DyingSwaps.Swapped;
import stet.engine.posix.Accounts;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.engine.posix.TreeRemoval;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.testkit.AnotherUser;

class FilesTargetTest {
  private static final Place.Steps NO_CRASH = step -> {};

  @RegisterExtension final FilesFixture files = new FilesFixture();

  /** What is captured: the state that restores bring back. */
  private Captured captured;

  private DyingSwaps swaps;

  private Map<String, String> wanted;

  /** What is live then. */
  private Map<String, String> replaced;

  @BeforeEach
  void captureAndChange() throws IOException {
    write(files.media, "kept", "as captured");
    files.media.makeDirectory(name("d"), 0750);
    try (Directory d = files.media.openDirectory(name("d"))) {
      write(d, "inner", "as captured, too");
    }
    captured = files.capture();
    swaps = new DyingSwaps(files, files.path(), captured);
    wanted = files.image();
    write(files.media, "kept", "changed since");
    write(files.media, "new", "not in the snapshot");
    replaced = files.image();
  }

  private FilesTarget target() {
    return swaps.target();
  }

  private Map<String, String> live() throws IOException {
    return TreeImage.of(files.path());
  }

  /** The content of a state, which after a crash may not have its name yet. */
  private Map<String, String> image(Beside state) throws IOException {
    for (Entry entry : files.parent.list()) {
      if (Place.identity(files.parent.stat(entry.name())).equals(state.identity())) {
        return TreeImage.of(files.parent.path().resolve(entry.name()));
      }
    }
    throw new AssertionError("there is no directory of identity " + state.identity());
  }

  private List<String> siblings() throws IOException {
    return files.parent.list().stream().map(entry -> PosixPath.printable(entry.name())).toList();
  }

  @Test
  void whatRootRestoresInAnotherUsersDirectoryIsNotInHisWay() throws Exception {
    assumeTrue(Accounts.self() == 0, "only root may give files away");
    files.media.chown(AnotherUser.ID, AnotherUser.ID);
    files.parent.chown(AnotherUser.ID, AnotherUser.ID);
    Captured his = files.capture();
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      Beside staged = target.stage(files.restoring(his, operation));
      target.note(staged, "journal");
      target.swap(staged, operation.id(), "why");
    }
    Beside previous =
        AnotherUser.call(() -> {
          try (FilesTarget target = target()) {
            return only(target);
          }
        });
    assertThat(previous.note()).isEqualTo("why");
    for (Entry entry : files.parent.list()) {
      assertThat(files.parent.stat(entry.name()))
          .as(PosixPath.printable(entry.name()))
          .returns((long) AnotherUser.ID, Stat::uid)
          .returns((long) AnotherUser.ID, Stat::gid);
    }
  }

  /** Acceptance 14: asksBeforeItOverwrites. */
  @Test
  void aLiveTreeIsSwappedOutNotMergedAndCanBeSwappedBack() throws IOException {
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      Live before = target.live();
      assertThat(before.empty()).isFalse();
      assertThat(before.identity()).isNotNull();
      assertThat(before.description()).isEqualTo("directory " + files.path());
      assertThat(target.beside()).isEmpty();

      Beside staged = target.stage(files.restoring(captured, operation));
      assertThat(live()).as("untouched while staging").isEqualTo(replaced);
      assertThat(image(staged)).isEqualTo(wanted);
      assertThat(staged.role()).isEqualTo(Role.STAGING);
      assertThat(staged.operation()).isEqualTo(operation.id());
      target.note(staged, "journal");
      assertThat(only(target).note()).isEqualTo("journal");
      target.note(staged, "journal, again");
      assertThat(only(target).note()).isEqualTo("journal, again");

      Beside previous = target.swap(staged, operation.id(), "why");
      assertThat(live()).isEqualTo(wanted);
      assertThat(previous).isEqualTo(only(target));
      assertThat(previous.role()).isEqualTo(Role.PREVIOUS);
      assertThat(previous.identity()).isEqualTo(before.identity());
      assertThat(previous.note()).isEqualTo("why");
      assertThat(image(previous)).isEqualTo(replaced);
      assertThat(target.live().identity()).isEqualTo(staged.identity());

      target.swapBack(staged, operation.id());
      assertThat(live()).isEqualTo(replaced);
      assertThat(target.live()).isEqualTo(before);
      assertThat(only(target).identity()).isEqualTo(staged.identity());
      assertThat(only(target).role()).isEqualTo(Role.STAGING);
      target.drop(only(target));
      assertThat(siblings()).containsExactly("media");
      assertThat(live()).isEqualTo(replaced);
    }
  }

  @Test
  void keepingAStagedStateMayDieAnywhere() throws IOException {
    DyingSwaps.atEveryStep(
        5,
        step -> {
          Swapped swapped = swaps.stage();
          try (FilesTarget target = target()) {
            target.note(swapped.state(), "journal");
          }
          boolean died = swaps.diesAt(step, target -> target.keep(swapped.state(), "kept"));
          try (FilesTarget target = target()) {
            Beside found = only(target);
            assertThat(found.identity()).isEqualTo(swapped.state().identity());
            assertThat(found.note()).isEqualTo(found.role() == Role.STAGING ? "journal" : "kept");
            Beside kept = target.keep(swapped.state(), "kept");
            assertThat(only(target)).isEqualTo(kept);
            assertThat(kept.role()).isEqualTo(Role.PREVIOUS);
            assertThat(kept.name()).isEqualTo("media.previous-" + swapped.operation());
            assertThat(image(kept)).isEqualTo(wanted);
            assertThat(live()).isEqualTo(replaced);
            target.drop(kept);
          }
          assertThat(siblings()).containsExactly("media");
          return died;
        });
  }

  @Test
  void measuresWhatIsKeptUntilItIsGone() throws IOException {
    write(files.media, "big", "x".repeat(1_000_000));
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      Beside staged = target.stage(files.restoring(captured, operation));
      Beside previous = Objects.requireNonNull(target.swap(staged, operation.id(), "why"));
      assertThat(target.size(previous)).isBetween(1_000_000L, 2_000_000L);
      target.drop(previous);
      assertThat(target.size(previous)).isZero();
    }
  }

  @Test
  void aMissingDirectoryIsMadeAndGoesAgain() throws IOException {
    TreeRemoval.remove(files.parent, name("media"));
    Operation operation = files.operation();
    try (FilesTarget target = target()) {
      assertThat(target.live().identity()).isNull();
      assertThat(target.live().empty()).isTrue();
      Beside staged = target.stage(files.restoring(captured, operation));
      assertThat(target.swap(staged, operation.id(), "why")).isNull();
      assertThat(target.swap(staged, operation.id(), "why")).isNull();
      assertThat(live()).isEqualTo(wanted);
      assertThat(siblings()).containsExactly("media");
      target.swapBack(staged, operation.id());
      target.swapBack(staged, operation.id());
      assertThat(target.live().identity()).isNull();
      assertThat(only(target).role()).isEqualTo(Role.STAGING);
    }
  }

  @Test
  void rollsBackToThePreviousStateAndForthAgain() throws IOException {
    Operation restore = files.operation();
    Operation rollback = files.operation();
    try (FilesTarget target = target()) {
      Beside staged = target.stage(files.restoring(captured, restore));
      Beside previous = target.swap(staged, restore.id(), "restored");
      Beside undone = target.swap(Objects.requireNonNull(previous), rollback.id(), "rolled back");
      assertThat(live()).isEqualTo(replaced);
      assertThat(only(target)).isEqualTo(undone);
      assertThat(undone.operation()).isEqualTo(rollback.id());
      assertThat(undone.note()).isEqualTo("rolled back");
      assertThat(image(undone)).isEqualTo(wanted);
      target.swapBack(previous, rollback.id());
      assertThat(live()).isEqualTo(wanted);
      assertThat(only(target)).isEqualTo(previous);
    }
  }

  /** Every place where the process can die: what is live is wholly one or wholly the other. */
  @Test
  void aSwapThatDiesAnywhereCanBeFinished() throws IOException {
    DyingSwaps.atEveryStep(
        8,
        step -> {
          Swapped swapped = swaps.stage();
          boolean died =
              swaps.diesAt(
                  step, target -> target.swap(swapped.state(), swapped.operation(), "why"));
          requireOneOrTheOther(swapped);
          for (int again = 0; again < 2; again++) {
            try (FilesTarget target = target()) {
              Beside previous = target.swap(swapped.state(), swapped.operation(), "why");
              requireSwapped(target, previous, swapped);
            }
          }
          undo(swapped);
          return died;
        });
  }

  @Test
  void aSwapThatDiesAnywhereCanBeUndone() throws IOException {
    DyingSwaps.atEveryStep(
        8,
        step -> {
          Swapped swapped = swaps.stage();
          boolean died =
              swaps.diesAt(
                  step, target -> target.swap(swapped.state(), swapped.operation(), "why"));
          for (int again = 0; again < 2; again++) {
            try (FilesTarget target = target()) {
              target.swapBack(swapped.state(), swapped.operation());
              requireAsBefore(target, swapped);
            }
          }
          undo(swapped);
          return died;
        });
  }

  @Test
  void aSwapBackThatDiesAnywhereCanBeFinished() throws IOException {
    DyingSwaps.atEveryStep(
        8,
        step -> {
          Swapped swapped = swaps.stage();
          try (FilesTarget target = target()) {
            target.swap(swapped.state(), swapped.operation(), "why");
          }
          boolean died =
              swaps.diesAt(step, target -> target.swapBack(swapped.state(), swapped.operation()));
          requireOneOrTheOther(swapped);
          for (int again = 0; again < 2; again++) {
            try (FilesTarget target = target()) {
              target.swapBack(swapped.state(), swapped.operation());
              requireAsBefore(target, swapped);
            }
          }
          undo(swapped);
          return died;
        });
  }

  @Test
  void aSwapBackThatDiesAnywhereCanBeTurnedRoundAgain() throws IOException {
    DyingSwaps.atEveryStep(
        8,
        step -> {
          Swapped swapped = swaps.stage();
          try (FilesTarget target = target()) {
            target.swap(swapped.state(), swapped.operation(), "why");
          }
          boolean died =
              swaps.diesAt(step, target -> target.swapBack(swapped.state(), swapped.operation()));
          try (FilesTarget target = target()) {
            Beside previous = target.swap(swapped.state(), swapped.operation(), "why");
            requireSwapped(target, previous, swapped);
          }
          undo(swapped);
          return died;
        });
  }

  /** The state that is swapped in was itself the previous one, which has that role's name. */
  @Test
  void aRollbackThatDiesAnywhereCanBeFinishedAndUndone() throws IOException {
    for (boolean finish : new boolean[] {true, false}) {
      DyingSwaps.atEveryStep(
          8,
          step -> {
            Swapped restored = swaps.stage();
            String operation = files.operation().id();
            Beside previous;
            try (FilesTarget target = target()) {
              previous =
                  Objects.requireNonNull(
                      target.swap(restored.state(), restored.operation(), "restored"));
            }
            boolean died =
                swaps.diesAt(step, target -> target.swap(previous, operation, "rolled back"));
            try (FilesTarget target = target()) {
              if (finish) {
                Beside undone = target.swap(previous, operation, "rolled back");
                assertThat(live()).isEqualTo(replaced);
                assertThat(only(target)).isEqualTo(undone);
                assertThat(image(Objects.requireNonNull(undone))).isEqualTo(wanted);
                target.swapBack(previous, operation);
              } else {
                target.swapBack(previous, operation);
              }
              assertThat(live()).isEqualTo(wanted);
              assertThat(only(target)).isEqualTo(previous);
            }
            undo(restored);
            return died;
          });
    }
  }

  /** Facts alone tell, whatever happened: both states are there, each whole, under its identity. */
  private void requireOneOrTheOther(Swapped swapped) throws IOException {
    try (FilesTarget target = target()) {
      String identity = target.live().identity();
      Beside other = only(target);
      if (swapped.state().identity().equals(identity)) {
        assertThat(live()).isEqualTo(wanted);
        assertThat(other.identity()).isEqualTo(swapped.before());
        assertThat(other.role()).isEqualTo(Role.PREVIOUS);
        assertThat(other.operation()).isEqualTo(swapped.operation());
        assertThat(other.note()).isEqualTo("why");
        assertThat(image(other)).isEqualTo(replaced);
      } else {
        assertThat(identity).isEqualTo(swapped.before());
        assertThat(live()).isEqualTo(replaced);
        assertThat(other.identity()).isEqualTo(swapped.state().identity());
        assertThat(other.role()).isEqualTo(Role.STAGING);
        assertThat(other.operation()).isEqualTo(swapped.operation());
        assertThat(other.note()).isEqualTo("journal");
        assertThat(image(other)).isEqualTo(wanted);
      }
    }
  }

  private void requireSwapped(FilesTarget target, @Nullable Beside previous, Swapped swapped)
      throws IOException {
    assertThat(live()).isEqualTo(wanted);
    assertThat(target.live().identity()).isEqualTo(swapped.state().identity());
    assertThat(only(target)).isEqualTo(previous);
    assertThat(Objects.requireNonNull(previous).identity()).isEqualTo(swapped.before());
    assertThat(previous.name()).isEqualTo("media.previous-" + swapped.operation());
    assertThat(previous.note()).isEqualTo("why");
    assertThat(image(previous)).isEqualTo(replaced);
    assertThat(siblings()).containsExactly("media", previous.name(), previous.name() + ".journal");
  }

  private void requireAsBefore(FilesTarget target, Swapped swapped) throws IOException {
    assertThat(live()).isEqualTo(replaced);
    assertThat(target.live().identity()).isEqualTo(swapped.before());
    assertThat(only(target)).isEqualTo(swapped.state());
    assertThat(image(swapped.state())).isEqualTo(wanted);
  }

  /** Back to what was live at first and nothing beside it. */
  private void undo(Swapped swapped) throws IOException {
    try (FilesTarget target = target()) {
      target.swapBack(swapped.state(), swapped.operation());
      for (Beside state : target.beside()) {
        target.drop(state);
      }
      assertThat(target.live().identity()).isEqualTo(swapped.before());
    }
    assertThat(siblings()).containsExactly("media");
  }

  @Test
  void aDropThatDiesAnywhereLeavesNoHalfState() throws IOException {
    DyingSwaps.atEveryStep(
        2,
        step -> {
          Swapped swapped = swaps.stage();
          boolean died = swaps.diesAt(step, target -> target.drop(swapped.state()));
          try (FilesTarget target = target()) {
            for (Beside state : target.beside()) {
              assertThat(image(state)).isEqualTo(wanted);
            }
            target.drop(swapped.state());
            target.drop(swapped.state());
          }
          assertThat(siblings()).containsExactly("media");
          return died;
        });
  }

  @Test
  void neverDropsWhatIsLive() throws IOException {
    Swapped swapped = swaps.stage();
    try (FilesTarget target = target()) {
      target.swap(swapped.state(), swapped.operation(), "why");
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.drop(swapped.state()))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.REFUSED));
    }
    assertThat(live()).isEqualTo(wanted);
  }

  @Test
  void directoriesThatOnlyBearSuchANameAreLeftAlone() throws IOException {
    List<String> names =
        List.of("media.dropped-20240601", "media.previous-20240601", "media.staging-20240601");
    for (String name : names) {
      files.parent.makeDirectory(name(name), 0700);
      try (Directory directory = files.parent.openDirectory(name(name))) {
        write(directory, "kept", "by hand");
      }
    }
    write(files.parent, "media.staging-20240602.journal.new", "by hand, too");
    List<String> before = siblings();
    try (FilesTarget target = target()) {
      assertThat(target.beside()).isEmpty();
      Operation operation = files.operation();
      target.swap(target.stage(files.restoring(captured, operation)), operation.id(), "why");
      target.drop(only(target));
      assertThat(live()).isEqualTo(wanted);
      for (Role role : Role.values()) {
        String name = "media." + role.name().toLowerCase(Locale.ROOT) + "-20240601";
        String identity = Place.identity(files.parent.stat(name(name)));
        assertThatExceptionOfType(StetException.class)
            .isThrownBy(() -> target.drop(new Beside(role, "20240601", name, identity, null)))
            .withMessage(
                files.parent.path() + "/" + name + " was not put there by Stet and is not dropped")
            .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.REFUSED));
      }
      Operation same = new Operation("20240601", 2, files.recorder);
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.stage(files.restoring(captured, same)))
          .withMessage(files.parent.path() + "/media.staging-20240601 is there already");
    }
    assertThat(siblings()).isEqualTo(before);
    for (String name : names) {
      assertThat(TreeImage.of(files.parent.path().resolve(name))).containsKey("kept");
    }
  }

  @Test
  void aStagingThatDiesAnywhereIsFoundAndGoes() throws IOException {
    DyingSwaps.atEveryStep(
        8,
        step -> {
          boolean died = swaps.diesAt(step, target -> target.stage(files.restoring(captured)));
          try (FilesTarget target = target()) {
            target.beside().forEach(target::drop);
            Operation next = files.operation();
            Beside staged = target.stage(files.restoring(captured, next));
            assertThat(target.beside()).containsExactly(only(target));
            target.drop(staged);
          }
          assertThat(siblings()).as("died at step " + step).containsExactly("media");
          return died;
        });
  }

  @Test
  void doesNotStageOverTheReplacedStateOfAHalfSwap() throws IOException {
    int step = stepNamed("rename replaced");
    Swapped swapped = swaps.stage();
    assertThat(
            swaps.diesAt(step, target -> target.swap(swapped.state(), swapped.operation(), "why")))
        .isTrue();
    try (FilesTarget target = target()) {
      Operation same = new Operation(swapped.operation(), 2, files.recorder);
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.stage(files.restoring(captured, same)))
          .withMessageContaining("is there already");
      assertThat(image(only(target))).isEqualTo(replaced);
    }
  }

  /** At which step of a swap something happens. */
  private int stepNamed(String wantedName) {
    int[] count = {0};
    int[] found = {0};
    Swapped swapped = swaps.stage();
    Place.Steps steps =
        name -> {
          count[0]++;
          if (name.equals(wantedName)) {
            found[0] = count[0];
          }
        };
    try (FilesTarget target = new FilesTarget(files.path(), steps)) {
      target.swap(swapped.state(), swapped.operation(), "why");
      target.swapBack(swapped.state(), swapped.operation());
      target.drop(swapped.state());
    }
    return found[0];
  }

  @Test
  void aFailedStagingLeavesNothing() throws IOException {
    files.blobs.remove(BlobType.DATA, Id.of(name("as captured")));
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(RuntimeException.class)
          .isThrownBy(() -> target.stage(files.restoring(captured)))
          .withMessageContaining(Id.of(name("as captured")).shortText());
      assertThat(target.beside()).isEmpty();
    }
    assertThat(siblings()).containsExactly("media");
    assertThat(live()).isEqualTo(replaced);
  }

  /** Acceptance 17: prefixIsNotAName. */
  @Test
  void componentsWhoseNamesBeginAlikeNeverMix() throws IOException {
    files.parent.makeDirectory(name("media2"), 0755);
    PosixPath path2 = files.parent.path().resolve("media2");
    try (Directory media2 = Directory.open(path2)) {
      write(media2, "of media2", "x");
    }
    Map<String, String> live2 = TreeImage.of(path2);
    Captured captured2 = FilesFixture.component("media2", path2).capture(files.context(null, null));
    Operation operation = files.operation();
    try (FilesTarget target = target();
        FilesTarget target2 = new FilesTarget(path2, NO_CRASH)) {
      Beside staged2 = target2.stage(files.restoring(captured2, operation));
      target2.note(staged2, "of media2");
      assertThat(target.beside()).isEmpty();
      Beside staged = target.stage(files.restoring(captured, operation));
      assertThat(only(target)).isEqualTo(target.beside().getFirst());
      assertThat(only(target2).identity()).isEqualTo(staged2.identity());
      target.swap(staged, operation.id(), "why");
      assertThat(TreeImage.of(path2)).isEqualTo(live2);
      assertThat(only(target2).note()).isEqualTo("of media2");
      target.drop(only(target));
      assertThat(only(target2).identity()).isEqualTo(staged2.identity());
      target2.swap(staged2, operation.id(), "why");
      assertThat(TreeImage.of(path2)).isEqualTo(live2);
      assertThat(live()).isEqualTo(wanted);
      assertThat(target.beside()).isEmpty();
    }
  }

  @Test
  void takesDirectoriesOfAnyName() throws IOException {
    byte[] odd = new byte[255];
    Arrays.fill(odd, (byte) 0xe9);
    odd[3] = '\n';
    files.parent.rename(name("media"), odd);
    Operation operation = files.operation();
    PosixPath path = files.parent.path().resolve(odd);
    try (FilesTarget target = new FilesTarget(path, NO_CRASH)) {
      Beside staged = target.stage(files.restoring(captured, operation));
      target.note(staged, "journal");
      Beside listed = only(target);
      assertThat(listed.note()).isEqualTo("journal");
      target.swap(listed, operation.id(), "why");
      assertThat(TreeImage.of(path)).isEqualTo(wanted);
      target.swapBack(listed, operation.id());
      assertThat(TreeImage.of(path)).isEqualTo(replaced);
      target.swap(listed, operation.id(), "why");
      target.drop(only(target));
      assertThat(files.parent.list()).extracting(Entry::name).containsExactly(odd);
    }
  }

  @Test
  void listsTheOldestFirst() throws IOException {
    try (FilesTarget target = target()) {
      Operation first = files.operation();
      Operation second = files.operation();
      target.swap(target.stage(files.restoring(captured, second)), second.id(), "1");
      target.swap(target.stage(files.restoring(captured, first)), first.id(), "2");
      assertThat(target.beside()).extracting(Beside::note).containsExactly("1", "2");
      assertThat(target.beside())
          .extracting(Beside::operation)
          .containsExactly(second.id(), first.id());
    }
  }

  @Test
  void anEmptyDirectoryIsNothingOfValue() throws IOException {
    TreeRemoval.removeContent(files.media);
    try (FilesTarget target = target()) {
      assertThat(target.live().empty()).isTrue();
      assertThat(target.live().identity()).isNotNull();
      files.media.makeDirectory(name("lost+found"), 0700);
      assertThat(target.live().empty()).isTrue();
      write(files.media, ".hidden", "x");
      assertThat(target.live().empty()).isFalse();
    }
  }

  @Test
  void saysWhatIsWrongWithThePlace() throws IOException {
    assertThatExceptionOfType(StetException.class)
        .isThrownBy(
            () -> new FilesTarget(files.parent.path().resolve("no").resolve("media"), NO_CRASH))
        .withMessage(
            "cannot open " + files.parent.path() + "/no: no such file or directory (ENOENT)")
        .satisfies(e -> assertThat(e.hint()).startsWith("Create the directory that "));
    files.parent.makeSymlink(name("link"), name("media"));
    try (FilesTarget target = new FilesTarget(files.parent.path().resolve("link"), NO_CRASH)) {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(target::live)
          .withMessage(files.parent.path() + "/link is a symbolic link");
    }
  }

  @Test
  void saysThatTheParentMustBeWritable() throws IOException {
    assumeTrue(Accounts.self() != 0, "root may write anywhere");
    TreeRemoval.remove(files.parent, name("media"));
    files.parent.chmod(0555);
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(() -> target.stage(files.restoring(captured)))
          .withMessageContaining("permission denied (EACCES)")
          .satisfies(e -> assertThat(e.hint()).contains(files.parent.path().toString()));
    } finally {
      files.parent.chmod(0755);
    }
  }

  @Test
  void restoresInsideWhereTheParentIsNotWritable() throws IOException {
    assumeTrue(Accounts.self() != 0, "root may write anywhere");
    files.parent.chmod(0555);
    try (FilesTarget target = target()) {
      Operation operation = files.operation();
      Beside previous =
          Objects.requireNonNull(
              target.swap(
                  target.stage(files.restoring(captured, operation)), operation.id(), "why"));
      assertThat(TreeImage.of(files.path())).containsAllEntriesOf(wanted);
      target.drop(previous);
      assertThat(live()).isEqualTo(wanted);
    } finally {
      files.parent.chmod(0755);
    }
  }

  @Test
  void saysWhenAJournalIsNone() throws IOException {
    Swapped swapped = swaps.stage();
    write(files.parent, swapped.state().name() + ".journal", "{\"identity\": ");
    try (FilesTarget target = target()) {
      assertThatExceptionOfType(StetException.class)
          .isThrownBy(target::beside)
          .withMessageContaining(swapped.state().name() + ".journal is not a journal of Stet");
    }
  }
}
