package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Restores a directory of which backups leave something out that is nowhere else. */
class ExcludedFilesIT {
  @TempDir Path directory;
  private Site site;
  private Path media;

  @BeforeEach
  void begin() throws Exception {
    site = new Site(directory);
    media = site.live("media");
    Files.createDirectories(media.resolve("private"));
    Files.writeString(media.resolve("private/keys"), "the only copy");
    Files.writeString(media.resolve("picture"), "in the snapshot");
    site.configure("{ files: media, path: \"" + media + "\", exclude: [ private/ ] }");
    site.init();
    site.ok("backup");
  }

  @AfterEach
  void end() {
    site.close();
  }

  @Test
  void areToldOfBeforeAnybodyIsAskedAndAfterTheSwap() throws Exception {
    assertThat(site.run("restore", "latest").error())
        .containsSubsequence(
            "warning: directory "
                + media
                + " has what `exclude` keeps out of backups: private/; the restored directory will"
                + " not have it, and the replaced one is dropped when restore.keep_previous has"
                + " passed",
            "is not empty");
    Stet.Result restored = site.ok("restore", "latest", "--replace");
    Path previous = site.live(site.beside().getFirst());
    assertThat(restored.error())
        .contains(
            "warning: directory "
                + previous
                + ", which was replaced, has what `exclude` keeps out of backups: private/; copy"
                + " back what is needed before it is dropped, when restore.keep_previous has"
                + " passed");
    assertThat(previous.resolve("private/keys")).exists();
    assertThat(site.ok("rollback").error()).doesNotContain("exclude");
    assertThat(media.resolve("private/keys")).hasContent("the only copy");
  }

  @Test
  void areNotDroppedWithAPreviousStateWithoutAWord() throws Exception {
    site.ok("restore", "latest", "--replace");
    Path previous = site.live(site.beside().getFirst());
    Files.writeString(
        site.directory().resolve("stet.yaml"),
        "restore: { keep_previous: 1s }\n",
        StandardOpenOption.APPEND);
    Thread.sleep(1100);
    assertThat(site.ok("backup").error())
        .contains(
            "warning: directory "
                + previous
                + " was dropped with what `exclude` keeps out of backups: private/");
    assertThat(previous).doesNotExist();
  }
}
