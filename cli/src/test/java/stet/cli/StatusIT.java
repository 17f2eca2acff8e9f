package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;

/** What {@code status} says of a repository, and what {@code --check} ends with. */
class StatusIT {
  @TempDir Path directory;

  private Site site;

  @BeforeEach
  void prepare() throws Exception {
    site = new Site(directory);
    for (String name : new String[] {"media", "preprod"}) {
      Files.createDirectories(site.live(name));
      Files.writeString(site.live(name).resolve("file"), name);
    }
    site.configureEnvironments(
        """
          production: { state: [ { files: media, path: "%s" } ] }
          preprod: { state: [ { files: media, path: "%s" } ] }
        objectives: { rpo: 1d, rto: 1h, proof_age: 7d }
        """
            .formatted(site.live("media"), site.live("preprod")));
    site.init();
  }

  @AfterEach
  void close() {
    site.close();
  }

  private Stet.Result check(String environment, int status) throws Exception {
    Stet.Result result = site.run("--env", environment, "status", "--check");
    assertThat(result.status()).as("%s", result).isEqualTo(status);
    return result;
  }

  @Test
  void aProofIsOfTheEnvironmentWhoseSnapshotItIs() throws Exception {
    site.backup("--env", "production");
    String preprod = site.backup("--env", "preprod");

    site.ok("--env", "production", "prove", "latest@preprod");

    assertThat(check("production", 31).output()).contains("amber  proof: no snapshot was ever");
    assertThat(check("preprod", 0).output())
        .contains("green  proof: snapshot " + preprod.substring(0, 8));
  }

  @Test
  void aSnapshotThatIsNewerThanAllProofsIsNotGreenButNoFault() throws Exception {
    String proven = site.backup("--env", "production");
    site.ok("--env", "production", "prove");
    String newest = site.backup("--env", "production");

    Stet.Result status = check("production", 0);

    assertThat(status.output())
        .contains(
            "amber  proof: the newest snapshot is not proven; the newest proof is of snapshot "
                + proven.substring(0, 8))
        .endsWith("amber  environment production is backed up, the newest snapshot unproven\n");
    assertThat(status.error()).isEqualTo("next: Run `stet prove`.\n");
    JsonObject document = site.json("--env", "production", "status");
    new JsonPage().printed("status", document);
    assertThat(document.string("snapshot_id")).isEqualTo(newest);
    assertThat(document.object("proof").string("snapshot")).isEqualTo(proven);
  }

  @Test
  void anUnreadableSnapshotEndsACheck() throws Exception {
    site.backup("--env", "production");
    site.ok("--env", "production", "prove");
    String newest = site.backup("--env", "production");
    Path file = site.repository().resolve("snapshots").resolve(newest);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.delete(file);
    Files.write(file, bytes);

    Stet.Result status = check("production", 32);

    assertThat(status.output()).contains("red    repository: snapshots/" + newest + " is damaged");
    assertThat(status.error())
        .contains("stet: error: environment production needs attention: repository\n")
        .contains("hint: Put the file back from a copy of the repository");
  }

  @Test
  void aPackThatIsGoneEndsACheckUntilItIsHealed() throws Exception {
    byte[] noise = new byte[100_000];
    new Random(1).nextBytes(noise);
    Files.write(site.live("media").resolve("noise"), noise);
    site.backup("--env", "production");
    Path pack = largestPack();
    // Of the snapshots that are looked into, none has its manifest in that pack.
    site.backup("--env", "production");
    site.backup("--env", "production");
    site.ok("--env", "production", "prove");
    check("production", 0);
    Files.delete(pack);

    Stet.Result status = check("production", 32);

    String name = pack.getFileName().toString().substring(0, 8);
    assertThat(status.output()).contains("red    repository: 1 missing or cut pack: " + name);
    assertThat(status.error())
        .contains("hint: Run `stet check --read-data`, then `stet backup` and `stet prove`.");

    assertThat(site.run("check", "--read-data").status()).isEqualTo(1);
    assertThat(check("production", 32).output())
        .contains("red    repository: 1 damaged pack: " + name)
        .doesNotContain("missing");
    site.backup("--env", "production");
    site.ok("--env", "production", "prove");
    check("production", 0);
  }

  private Path largestPack() throws IOException {
    try (Stream<Path> all = Files.walk(site.repository().resolve("data"))) {
      return all.filter(Files::isRegularFile)
          .max(Comparator.comparing(StatusIT::size))
          .orElseThrow();
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
