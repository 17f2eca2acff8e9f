package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;

/** Proofs of files by whoever may not set all, and with modes and depths that hinder a clean-up. */
class FilesProofIT {
  private static final int NOBODY = 65534;

  @TempDir Path directory;

  private Site site;
  private Path media;
  private Path temporary;

  @BeforeEach
  void prepare() throws Exception {
    assumeTrue(
        "root".equals(System.getProperty("user.name")),
        "only root makes files of others, mounts, and becomes another user");
    site = new Site(directory);
    media = site.live("media");
    temporary = Files.createTempDirectory(Path.of("/tmp"), "stet-proof-");
    Trees.shell("chown \"$2\" \"$1\"", temporary.toString(), "" + NOBODY);
    site.stet().with("TMPDIR", temporary.toString());
    site.configure(site.files("media"));
    site.init();
  }

  @AfterEach
  void remove() throws Exception {
    if (site != null) {
      site.close();
      Trees.shell("rm -rf -- \"$1\"; cd -- \"$2\"; rm -rf ./*", "" + temporary, "" + directory);
    }
  }

  private void also(String yaml) throws Exception {
    Files.writeString(directory.toRealPath().resolve("stet.yaml"), yaml, StandardOpenOption.APPEND);
  }

  /** Gives the repository and all else to a user who may read what there is, and runs as that. */
  private Stet.Result proveAsPlainUser() throws Exception {
    Trees.shell(
        "cd -- \"$1\"; chmod 0755 .; chown -R \"$2\" repository stet.yaml password; chown \"$2\" .",
        directory.toString(),
        "" + NOBODY);
    Process process =
        site.stet().startUnder(Stet.plainUser(NOBODY), "stet.cli.Main", "prove", "--json");
    process.getOutputStream().close();
    return Stet.end(process).ok();
  }

  private static JsonObject metadata(Stet.Result proof) {
    JsonObject document = proof.document();
    assertThat(document.flag("passed", false)).isTrue();
    return document.objects("levels").stream()
        .filter(level -> level.string("level").equals("metadata"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void scratchOfAnyModeAndDepthIsRemoved() throws Exception {
    Trees.shell(
        """
        mkdir "$1"; cd -- "$1"
        mkdir sealed closed; echo x >sealed/file; echo x >closed/file; chmod 0555 sealed; chmod 0 closed
        perl -e 'my $name = "0" x 255; for (1 .. 20) { mkdir $name or die "$!"; chdir $name or die "$!" }'
        chown -R "$2:$2" .
        """,
        media.toString(),
        "" + NOBODY);
    site.backup();

    for (int i = 0; i < 2; i++) {
      Stet.Result proof = proveAsPlainUser();

      assertThat(proof.error()).isEmpty();
      assertThat(metadata(proof).flag("ran", false)).isTrue();
      assertThat(temporary).isEmptyDirectory();
    }
  }

  @Test
  void aScratchWithoutRoomSaysNothingAboutTheSnapshot() throws Exception {
    Trees.shell("mkdir \"$1\"; head -c 5000000 /dev/urandom >\"$1/file\"", "" + media);
    site.backup();
    try (Disk small = Disk.mount("size=1m", temporary)) {
      Stet.Result failed = site.run("prove");

      assertThat(failed.status()).as("%s", failed).isEqualTo(21);
      assertThat(failed.error())
          .contains("cannot restore into TMPDIR: ")
          .contains("no space left on device (ENOSPC)")
          .contains("Make room and try again.");
    }
    assertThat(site.json("status").has("proof")).isFalse();
  }

  @Test
  void aScratchThatIsNotThereSaysNothingAboutTheSnapshot() throws Exception {
    Trees.shell("mkdir \"$1\"; echo x >\"$1/file\"", media.toString());
    site.backup();
    site.stet().with("TMPDIR", temporary.resolve("gone").toString());

    Stet.Result failed = site.run("prove", "--json");

    assertThat(failed.status()).as("%s", failed).isEqualTo(21);
    JsonObject error = failed.errorDocument();
    assertThat(error.string("code")).isEqualTo("scratch");
    assertThat(error.string("message"))
        .isEqualTo(
            "cannot restore into TMPDIR: cannot make a private directory in "
                + temporary.resolve("gone")
                + ": no such file or directory");
    site.stet().with("TMPDIR", temporary.toString());
    assertThat(site.json("status").has("proof")).isFalse();
  }

  @Test
  void whatCouldNotBeSetIsNotCalledCompared() throws Exception {
    Trees.shell("mkdir \"$1\"; echo x >\"$1/file\"; chown 1234:5678 \"$1/file\"", "" + media);
    site.backup();

    JsonObject level = metadata(proveAsPlainUser());

    assertThat(level.flag("ran", true)).isFalse();
    assertThat(level.string("detail"))
        .isEqualTo("not all of it could be set here: owners: operation not permitted (EPERM)");
    assertThat(site.ok("status").output()).contains("not looked at: media metadata");
  }

  @Test
  void nobodyElseReadsWhatIsInScratch() throws Exception {
    Trees.shell("mkdir -m 0755 \"$1\"; echo x >\"$1/file\"", media.toString());
    also(
        """
        proof:
          assert:
            - { command: [ sh, -c, 'test "$(stat -c %a "$(dirname "$STET_FILES_MEDIA")")" = 700 && cat "$STET_FILES_MEDIA/file"' ] }
        """);
    site.backup();

    assertThat(site.json("prove").flag("passed", false)).isTrue();
  }

  /** A mount point is something that not even root can remove. */
  @Test
  void scratchThatStaysIsWarnedOfAndNoMore() throws Exception {
    Trees.shell("mkdir -p \"$1/inner\"; echo x >\"$1/file\"", media.toString());
    also(
        """
        proof:
          assert:
            - { command: [ sh, -c, 'mount -t tmpfs -o size=1m none "$STET_FILES_MEDIA/inner"' ] }
        """);
    site.backup();
    try {
      Stet.Result proof = site.ok("prove");

      assertThat(proof.error())
          .contains("stet: warning: the scratch of media could not be removed: ", "busy (EBUSY)");
      assertThat(site.json("status").object("proof").flag("passed", false)).isTrue();
      site.ok("prove");
    } finally {
      try (Stream<Path> left = Files.list(temporary)) {
        for (Path each : left.toList()) {
          Trees.shell("umount \"$1/files/inner\"", each.toString());
        }
      }
    }
    site.configure(site.files("media"));
    site.close();
    site.ok("prove");
    assertThat(temporary).isEmptyDirectory();
  }
}
