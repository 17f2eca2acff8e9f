package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static stet.engine.files.FilesFixture.name;
import static stet.engine.files.FilesFixture.write;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Fate;
import stet.engine.posix.Directory;

/** What backups leave out is in no snapshot, so that a restore leaves it behind. */
class ExcludedEntriesTest {
  @RegisterExtension final FilesFixture files = new FilesFixture();

  private void fill(String... paths) throws IOException {
    for (String path : paths) {
      int slash = path.indexOf('/');
      if (slash < 0) {
        write(files.media, path, "content");
        continue;
      }
      byte[] top = name(path.substring(0, slash));
      if (files.media.find(top) == null) {
        files.media.makeDirectory(top, 0700);
      }
      try (Directory directory = files.media.openDirectory(top)) {
        write(directory, path.substring(slash + 1), "content");
      }
    }
  }

  private List<String> leftBehind(String... patterns) {
    try (Target target = files.component("exclude", List.of(patterns)).target(files.operation())) {
      return target.leftBehind(Fate.TO_BE_REPLACED, null);
    }
  }

  @Test
  void isNamedWithItsPathAndDirectoriesAsAWhole() throws IOException {
    fill("private/one", "private/two", "kept/a.tmp", "kept/b");
    assertThat(leftBehind("private/", "*.tmp"))
        .singleElement()
        .asString()
        .startsWith("directory " + files.path() + " has what `exclude` keeps out of backups: ")
        .containsOnlyOnce("private/")
        .contains("kept/a.tmp");
  }

  @Test
  void namesAFewOfMany() throws IOException {
    fill("1.tmp", "2.tmp", "3.tmp", "4.tmp", "5.tmp");
    assertThat(leftBehind("*.tmp"))
        .singleElement()
        .asString()
        .containsPattern("backups: \\d.tmp, \\d.tmp, \\d.tmp and others; the restored directory");
  }

  @Test
  void isNothingWherePatternsMatchNothingOrNothingIsThere() throws IOException {
    fill("kept/b");
    assertThat(leftBehind("*.tmp", "/b")).isEmpty();
    assertThat(leftBehind()).isEmpty();
    try (Directory kept = files.media.openDirectory(name("kept"))) {
      kept.remove(name("b"));
    }
    files.media.removeDirectory(name("kept"));
    files.parent.removeDirectory(name("media"));
    assertThat(leftBehind("*.tmp")).isEmpty();
  }

  @Test
  void isNotTheLostAndFoundOfAMountPoint() throws IOException {
    fill("lost+found/one", "inner/lost+found");
    assertThat(leftBehind("lost+found"))
        .singleElement()
        .asString()
        .contains("backups: inner/lost+found;");
    assertThat(leftBehind("/lost+found/")).isEmpty();
  }

  @Test
  void isFoundInTheReplacedStateAfterTheSwap() throws IOException {
    Captured captured = files.capture("exclude", List.of("private/"));
    fill("private/one");
    Operation operation = files.operation();
    try (Target target = files.component("exclude", List.of("private/")).target(operation)) {
      Beside staged = target.stage(files.restoring(captured, operation));
      Beside previous = target.swap(staged, operation.id(), "journal");
      String place = "directory " + files.parent.path().resolve(name(previous.name()));
      assertThat(target.leftBehind(Fate.TO_BE_REPLACED, null)).isEmpty();
      assertThat(target.leftBehind(Fate.REPLACED, previous))
          .singleElement()
          .asString()
          .startsWith(
              place + ", which was replaced, has what `exclude` keeps out of backups: private/;");
      assertThat(target.leftBehind(Fate.DROPPED, previous))
          .containsExactly(
              place + " was dropped with what `exclude` keeps out of backups: private/");
    }
  }
}
