package stet.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.codec.UnpackedCodec;
import stet.repository.json.JsonObject;
import stet.repository.snapshot.Snapshot;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;
import stet.testkit.Restic;

/** What may befall a repository: nothing that was kept is lost, and there is a way on. */
@Timeout(1800)
class RepositoryNightsIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private Path media;
  private FilesImage image;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    media = site.live("media");
    Trees.makeMedia(media, 3, 10, 20_000);
    image = FilesImage.of(media);
    site.configure(site.files("media"));
  }

  @AfterEach
  void close() {
    site.close();
  }

  private static void refused(Stet.Result result, int status, String... words) {
    assertThat(result.status()).as("%s", result).isEqualTo(status);
    assertThat(result.error())
        .contains(words)
        .startsWith("stet: error: ")
        .contains("hint: ")
        .doesNotContain("\tat ");
  }

  /** The only file in a directory of the repository. */
  private Path only(String type) throws IOException {
    try (Stream<Path> files = Files.list(site.repository().resolve(type))) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      return all.getFirst();
    }
  }

  private static byte[] harm(Path file, String how) throws IOException {
    byte[] before = Files.readAllBytes(file);
    byte[] after =
        switch (how) {
          case "cut off" -> Arrays.copyOf(before, before.length / 2);
          case "empty" -> new byte[0];
          case "flipped" -> {
            byte[] flipped = before.clone();
            flipped[flipped.length / 2] ^= 1;
            yield flipped;
          }
          default -> throw new IllegalArgumentException(how);
        };
    put(file, after);
    return before;
  }

  private static void put(Path file, byte[] bytes) throws IOException {
    Files.deleteIfExists(file);
    Files.write(file, bytes);
  }

  private void requireWhole(String snapshot) throws Exception {
    assertThat(site.ok("check", "--read-data").output()).doesNotContain("error");
    for (Restic restic : Restic.installed()) {
      site.restic(restic, "check", "--read-data");
    }
    site.ok("restore", snapshot, "--replace");
    FilesImage.of(media).mustEqual(image);
  }

  @Test
  void thereIsNoRepositoryOrAnotherPassword() throws Exception {
    refused(
        site.run("backup"),
        10,
        "there is no repository in " + site.repository(),
        "Create one with `stet init`");
    assertThat(site.repository()).doesNotExist();
    site.init();
    site.secret("password", "wrong\n");
    FilesImage before = site.repositoryImage();

    for (String command : List.of("backup", "restore", "snapshots", "check", "unlock")) {
      refused(site.run(command), 12, "wrong password for the repository in " + site.repository());
    }

    assertThat(site.repositoryImage()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cut off", "empty", "flipped"})
  void theKeyIsDamaged(String how) throws Exception {
    site.init();
    String snapshot = site.backup();
    Path key = only("keys");
    byte[] whole = harm(key, how);

    refused(
        site.run("backup"),
        1,
        "keys/" + key.getFileName(),
        "Restore the files of the repository's directory `keys` from a copy.");

    put(key, whole);
    requireWhole(snapshot);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cut off", "empty", "flipped"})
  void theIndexIsDamaged(String how) throws Exception {
    site.init();
    String snapshot = site.backup();
    Path index = only("index");
    harm(index, how);

    for (String command : List.of("backup", "ls", "restore")) {
      refused(
          site.run(command, command.equals("restore") ? "--replace" : "--no-color"),
          1,
          "index/" + index.getFileName() + " is damaged: ",
          "`stet repair index` makes it anew from the packs");
    }
    assertThat(site.run("check").output()).contains("index/" + index.getFileName());
    JsonObject repaired = site.json("repair", "index");

    assertThat(repaired.strings("removed")).containsExactly(index.getFileName().toString());
    assertThat(repaired.strings("added")).isNotEmpty();
    assertThat(repaired.strings("unreadable")).isEmpty();
    assertThat(site.ok("repair", "index").error()).isEqualTo("the index was in order\n");
    requireWhole(snapshot);
    requireWhole(site.backup());
  }

  @ParameterizedTest
  @ValueSource(strings = {"cut off", "empty", "flipped"})
  void aSnapshotIsDamaged(String how) throws Exception {
    site.init();
    String first = site.backup();
    String second = site.backup();
    Path file = site.repository().resolve("snapshots").resolve(second);
    byte[] whole = harm(file, how);
    String fault = "snapshots/" + second + " is damaged: ";

    refused(
        site.run("restore", "--replace"),
        1,
        fault,
        "so which snapshot is the latest is not known",
        "Name one by its id");
    assertThat(site.ok("snapshots").error()).contains("stet: warning: " + fault);
    assertThat(site.ok("snapshots").output()).contains(first.substring(0, 8));
    refused(site.run("restore", second), 1, "there is no snapshot \"" + second + "\" of shop");
    site.ok("restore", first, "--replace");
    FilesImage.of(media).mustEqual(image);
    Stet.Result backup = site.ok("backup");
    assertThat(backup.error()).contains("stet: warning: " + fault);

    put(file, whole);
    requireWhole(second);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cut off", "flipped"})
  void aLockIsDamaged(String how) throws Exception {
    site.init();
    String snapshot = site.backup();
    try (Repository repository = open()) {
      Path lock = saveLock(repository, OffsetDateTime.now());
      harm(lock, how);

      refused(site.run("backup"), 11, "cannot be read", "remove it with `stet unlock --force`");
      assertThat(site.json("unlock").integer("kept")).isEqualTo(1);
      site.ok("unlock", "--force");
    }
    requireWhole(snapshot);
  }

  @Test
  void aLockIsOfTheFuture() throws Exception {
    site.init();
    String snapshot = site.backup();
    try (Repository repository = open()) {
      saveLock(repository, OffsetDateTime.now().plusYears(3));

      refused(
          site.run("backup"),
          11,
          "is locked exclusively by deputy on elsewhere",
          "by a clock that is ahead of this one",
          "`stet unlock` removes the lock");
      assertThat(site.json("unlock").integer("kept")).as("its holder may live").isEqualTo(1);
      assertThat(site.ok("unlock").error()).contains("refreshed in ", "--force");
      site.ok("unlock", "--force");
    }
    requireWhole(snapshot);
  }

  @Test
  void aSnapshotIsOfTheFuture() throws Exception {
    site.init();
    String first = site.backup();
    String future;
    try (Repository repository = open()) {
      JsonObject json =
          JsonObject.parse(repository.loadUnpacked(StoredFile.snapshot(Id.parse(first))))
              .put("time", "2099-01-02T03:04:05Z");
      future = repository.saveSnapshot(Snapshot.parse(Id.parse(first), json.toBytes())).toString();
    }
    Files.writeString(media.resolve("added later"), "x");

    String second = site.backup();

    assertThat(site.snapshots()).containsExactly(first, second, future);
    assertThat(site.ok("ls").error())
        .contains(
            "stet: warning: the latest snapshot " + future.substring(0, 8) + " is of the future",
            "2099-01-02T03:04:05Z",
            "hint: A clock was or is wrong; --at or an id chooses another.");
    assertThat(site.ok("ls", "--at", OffsetDateTime.now().toString()).output())
        .contains("added later");
    assertThat(site.ok("ls", second).error()).isEmpty();
    requireWhole(first);
  }

  private Repository open() {
    return Repository.open(new LocalBackend(site.repository()), Site.PASSWORD.getBytes(UTF_8));
  }

  /** Stores another host's exclusive lock. */
  private Path saveLock(Repository repository, OffsetDateTime time) {
    byte[] json =
        new JsonObject()
            .put("time", time.toString())
            .put("exclusive", true)
            .put("hostname", "elsewhere")
            .put("username", "deputy")
            .put("pid", 1)
            .toBytes();
    byte[] sealed = repository.masterKey().seal(UnpackedCodec.encode(json));
    StoredFile file = StoredFile.lock(Id.of(sealed));
    repository.backend().save(file, sealed);
    return site.repository().resolve(file.path());
  }

  @Test
  void theRepositorysDiskIsFull() throws Exception {
    try (Disk disk = Disk.mount("size=40m,mode=0700", site.repository())) {
      site.init();
      String first = site.backup();
      write(media.resolve("noise"), 60, 7);
      FilesImage more = FilesImage.of(media);

      Stet.Result full = site.run("backup");

      refused(full, 1, "No space left on device");
      assertThat(site.run("backup", "--json").errorDocument().string("code")).isEqualTo("storage");
      assertThat(site.snapshotFiles()).containsExactly(first);
      assertThat(site.repository().resolve("locks")).isEmptyDirectory();
      try (Stream<Path> all = Files.walk(site.repository())) {
        assertThat(all.filter(path -> path.getFileName().toString().contains("-tmp-"))).isEmpty();
      }
      disk.remount("size=200m");
      String second = site.backup();
      requireWhole(first);
      site.ok("restore", second, "--replace");
      FilesImage.of(media).mustEqual(more);
    }
  }

  @Test
  void theRepositorysDiskIsReadOnly() throws Exception {
    try (Disk disk = Disk.mount("size=100m,mode=0700", site.repository())) {
      site.init();
      site.backup();
      disk.remount("ro");

      Stet.Result listing = site.run("ls", "latest");

      refused(listing, 1, "Read-only file system", "\nhint: --no-lock only reads");
      assertThat(site.ok("ls", "--no-lock", "latest").output()).contains("media");
      refused(
          site.run("prove"),
          1,
          "Read-only file system",
          "\nhint: Make the repository's file system writable.");
      disk.remount("rw");
    }
  }

  private static void write(Path file, int mebibytes, long seed) throws IOException {
    Random random = new Random(seed);
    byte[] noise = new byte[1 << 20];
    try (var output = Files.newOutputStream(file)) {
      for (int i = 0; i < mebibytes; i++) {
        random.nextBytes(noise);
        output.write(noise);
      }
    }
  }

  /** Bytes of all packs that are there under their names. */
  private static long packBytes(Path repository) throws IOException {
    try (Stream<Path> all = Files.walk(repository.resolve("data"))) {
      return all.filter(path -> Id.isId(path.getFileName().toString()))
          .mapToLong(RepositoryNightsIT::size)
          .sum();
    } catch (NoSuchFileException | UncheckedIOException e) {
      return 0; // a directory is just being made
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void anInterruptedFirstBackupDoesNotStoreMuchAgain() throws Exception {
    String database = site.createDatabase("big");
    server.execute(
        database,
        "create table t as select i, encode(sha256(i::text::bytea), 'hex') as v"
            + " from generate_series(1, 600000) i");
    for (int i = 0; i < 10; i++) {
      write(media.resolve("noise-" + i), 16, i);
    }
    image = FilesImage.of(media);
    DatabaseImage rows = DatabaseImage.of(server, database);
    site.configure(site.postgres("default", database), site.files("media"));
    site.init();
    site.backup();
    long whole = packBytes(site.repository());
    Files.move(site.repository(), directory.resolve("uninterrupted"));
    site.init();

    Process process = site.stet().start("stet.cli.Main", "backup");
    while (packBytes(site.repository()) < whole / 2) {
      assertThat(process.isAlive()).as("the backup ended before it was killed").isTrue();
      Thread.sleep(5);
    }
    process.destroyForcibly().waitFor();
    site.awaitUnlocked();
    long kept = packBytes(site.repository());
    assertThat(site.snapshotFiles()).isEmpty();

    String snapshot = site.backup();

    long again = packBytes(site.repository()) - whole;
    System.out.printf(
        "killed after %d of %d bytes; %d bytes were stored again%n", kept, whole, again);
    assertThat(again).isLessThanOrEqualTo(whole / 10);
    requireWhole(snapshot);
    DatabaseImage.of(server, database).mustEqual(rows);
  }
}
