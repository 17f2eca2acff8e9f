package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.index.BlobIndex;
import stet.repository.index.PackEntry;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;
import stet.testkit.Restic;

/**
 * Damage in a repository costs only what it hit, and the next backup mends it, as restic sees too.
 */
class HealingIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private String database;
  private Path media;
  private FilesImage image;
  private DatabaseImage rows;

  @BeforeEach
  void backUp() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    database = site.createDatabase("shop");
    Samples.shop(server, database);
    media = site.live("media");
    Trees.makeMedia(media, 1, 40, 60_000);
    // Older than any capture, so that unchanged files are not read again just to be sure.
    Thread.sleep(1100);
    site.configure(site.postgres("default", database), site.files("media"));
    site.init();
    image = FilesImage.of(media);
    rows = DatabaseImage.of(server, database);
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  private List<BlobIndex.Pack> packs(BlobType type) {
    try (Repository repository =
        Repository.open(
            new LocalBackend(site.repository()), Site.PASSWORD.getBytes(StandardCharsets.UTF_8))) {
      repository.loadIndex();
      return repository.index().byPack().stream()
          .filter(pack -> pack.entries().getFirst().type() == type)
          .toList();
    }
  }

  private Path file(BlobIndex.Pack pack) {
    return site.repository().resolve(StoredFile.pack(pack.id()).path());
  }

  private void flip(BlobIndex.Pack pack, PackEntry entry) throws IOException {
    Path file = file(pack);
    byte[] bytes = Files.readAllBytes(file);
    bytes[entry.offset() + entry.length() / 2] ^= 1;
    Files.delete(file);
    Files.write(file, bytes);
  }

  /** Some file of the media whose content is in that pack. */
  private Optional<Path> mediaFileIn(BlobIndex.Pack pack) throws IOException {
    List<Id> blobs = pack.entries().stream().map(PackEntry::id).toList();
    try (Stream<Path> all = Files.walk(media)) {
      return all.filter(Files::isRegularFile)
          .filter(path -> blobs.contains(blob(path)))
          .findFirst();
    }
  }

  /** The only blob of a small file. */
  private static Id blob(Path file) {
    try {
      return Id.of(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Flips a bit in a file's content in a pack; the file's path in the snapshot, if there is one.
   */
  private Optional<String> flipMediaFileIn(BlobIndex.Pack pack) throws IOException {
    Optional<Path> file = mediaFileIn(pack);
    if (file.isPresent()) {
      Id blob = blob(file.get());
      flip(
          pack, pack.entries().stream().filter(e -> e.id().equals(blob)).findFirst().orElseThrow());
    }
    return file.map(path -> "/media/" + media.relativize(path));
  }

  private void assertWhole(String... snapshots) throws Exception {
    assertThat(site.ok("check", "--read-data").output()).isEmpty();
    for (Restic restic : Restic.installed()) {
      String said = site.restic(restic, "check", "--read-data").text();
      assertThat(said).contains("no errors were found").doesNotContain("additional files");
    }
    for (String snapshot : snapshots) {
      site.ok("restore", snapshot, "--replace");
      FilesImage.of(media).mustEqual(image);
      DatabaseImage.of(server, database).mustEqual(rows);
    }
  }

  @Test
  void aBackupHealsWhatCheckHasFound() throws Exception {
    assumeFalse(Restic.installed().isEmpty(), "there is no restic in PATH");
    String first = site.backup();
    BlobIndex.Pack pack = packs(BlobType.DATA).getFirst();
    String damaged = "";
    for (BlobIndex.Pack each : packs(BlobType.DATA)) {
      Optional<String> file = flipMediaFileIn(each);
      if (file.isPresent()) {
        pack = each;
        damaged = file.get();
        break;
      }
    }

    Stet.Result check = site.run("check", "--read-data");

    assertThat(check.status()).isEqualTo(1);
    assertThat(check.output())
        .contains("error: " + StoredFile.pack(pack.id()))
        .containsPattern(
            "error: snapshot " + first.substring(0, 8) + ":/(media|default)/\\S+ is damaged: ");
    assertThat(check.error()).contains("the next `stet backup` stores again");
    assertThat(site.run("check").status()).as("what is known is not forgotten").isEqualTo(1);
    for (Restic restic : Restic.installed()) {
      site.restic(restic, "check"); // to restic, which has not read it, the repository is in order
    }

    Stet.Result backup = site.ok("backup");

    assertThat(backup.error()).contains("replaced damaged packs: " + pack.id().shortText());
    assertThat(file(pack)).doesNotExist();
    assertWhole(first, "latest");
    assertThat(site.ok("backup").error()).doesNotContain("damaged");
  }

  @Test
  void aBackupHealsPacksThatAreMissingOrCutOff() throws Exception {
    assumeFalse(Restic.installed().isEmpty(), "there is no restic in PATH");
    String first = site.backup();
    List<BlobIndex.Pack> packs = packs(BlobType.DATA);
    Files.delete(file(packs.getFirst()));
    for (BlobIndex.Pack pack : packs.subList(1, packs.size())) {
      byte[] bytes = Files.readAllBytes(file(pack));
      Files.delete(file(pack));
      Files.write(file(pack), Arrays.copyOf(bytes, bytes.length / 2));
    }

    assertThat(site.run("check").status()).isEqualTo(1);
    site.ok("backup");

    // What differs from capture to capture is lost: the first manifest, a dump with its date.
    List<String> lost =
        site.run("check").output().lines().filter(l -> l.startsWith("error")).toList();
    assertThat(lost)
        .isNotEmpty()
        .allMatch(line -> line.contains("/stet.json") || line.contains("/default/"))
        .allMatch(line -> line.contains("snapshot " + first.substring(0, 8)));
    site.restic(Restic.installed().getFirst(), "forget", first);
    assertThat(site.ok("check", "--read-data").output()).doesNotContain("error");
    for (Restic restic : Restic.installed()) {
      site.restic(restic, "prune");
    }
    assertWhole("latest");
  }

  @Test
  void aBackupHealsWhatARestoreHasFound() throws Exception {
    String first = site.backup();
    for (BlobIndex.Pack pack : packs(BlobType.DATA)) {
      if (flipMediaFileIn(pack).isPresent()) {
        break;
      }
    }

    Stet.Result restore = site.run("restore", "--to-dir", directory.resolve("out").toString());
    assertThat(restore.status()).isEqualTo(1);
    assertThat(restore.error()).contains("cannot be read");
    site.ok("backup");

    assertWhole(first, "latest");
  }

  /** And not for pg_restore's complaint about what it is given of it. */
  @Test
  void anExportedScriptFailsForWhatIsDamaged() throws Exception {
    site.backup();
    flipRows();
    Path script = directory.resolve("shop.sql");

    Stet.Result result = site.run("export", "latest", "default", "-o", script + "", "--json");

    assertThat(result.status()).as("%s", result).isEqualTo(1);
    assertThat(result.errorDocument().string("code")).isEqualTo("repository-damaged");
    assertThat(result.errorDocument().string("message")).contains("cannot be read");
    assertThat(script).doesNotExist();
  }

  /** Flips a bit in some rows of the latest snapshot. */
  private void flipRows() throws Exception {
    for (String path : site.ok("ls", "latest", "/default/data").output().lines().toList()) {
      if (path.endsWith(".copy")) {
        Id blob = Id.of(site.ok("dump", "latest", path).output().getBytes(StandardCharsets.UTF_8));
        for (BlobIndex.Pack pack : packs(BlobType.DATA)) {
          for (PackEntry entry : pack.entries()) {
            if (entry.id().equals(blob)) {
              flip(pack, entry);
              return;
            }
          }
        }
      }
    }
    throw new AssertionError("no rows are one blob");
  }

  @Test
  void aBackupReadsAgainWhereTreesOfItsParentAreDamaged() throws Exception {
    String first = site.backup();
    // Of the trees of the directories, but not of the root, which no live state can give back.
    Set<Id> inner = Set.copyOf(subtrees(first));
    for (BlobIndex.Pack pack : packs(BlobType.TREE)) {
      for (PackEntry entry : pack.entries()) {
        if (inner.contains(entry.id())) {
          flip(pack, entry);
        }
      }
    }

    Stet.Result backup = site.ok("backup");

    assertThat(backup.error()).contains("replaced damaged packs");
    assertWhole(first, "latest");
  }

  /**
   * The trees of the directories in the component {@code media} that a second backup makes again.
   */
  private List<Id> subtrees(String snapshot) {
    try (Repository repository =
        Repository.open(
            new LocalBackend(site.repository()), Site.PASSWORD.getBytes(StandardCharsets.UTF_8))) {
      repository.loadIndex();
      List<Id> found = new ArrayList<>();
      Id root = repository.snapshot(Id.parse(snapshot)).tree();
      Id tree =
          repository.tree(root).stream()
              .filter(n -> n.name().equals("media"))
              .findFirst()
              .orElseThrow()
              .requireSubtree();
      repository.tree(tree).stream()
          .filter(n -> n.subtree() != null)
          .forEach(n -> found.add(n.requireSubtree()));
      return found;
    }
  }

  @Test
  void nothingIsTakenAwayFromAReader() throws Exception {
    assumeFalse(Restic.installed().isEmpty(), "there is no restic in PATH");
    byte[] noise = new byte[3_000_000];
    new Random(3).nextBytes(noise);
    Files.write(media.resolve("noise"), noise);
    site.backup();

    // More than a pipe holds, so it waits in the middle until somebody reads.
    Process dump = site.stet().start("stet.cli.Main", "dump", "latest", "/media/noise");
    try {
      awaitLock(dump);
      for (Restic restic : Restic.installed()) {
        Restic.Result prune = restic.run(site.repository(), Site.PASSWORD, "prune");
        assertThat(prune.status()).isNotZero();
        assertThat(prune.errors()).contains("locked");
      }
      assertThat(site.run("check").status()).isEqualTo(11);
      assertThat(dump.getInputStream().readAllBytes()).isEqualTo(noise);
    } finally {
      dump.destroy();
    }
    assertThat(dump.waitFor()).isZero();
    assertThat(site.repository().resolve("locks")).isEmptyDirectory();
  }

  private void awaitLock(Process process) throws Exception {
    while (true) {
      try (Stream<Path> locks = Files.list(site.repository().resolve("locks"))) {
        if (locks.findAny().isPresent()) {
          return;
        }
      }
      assertThat(process.isAlive()).isTrue();
      Thread.sleep(20);
    }
  }

  @Test
  void readersWaitForNobodyAndSayWhoIsThere() throws Exception {
    String file = "/media/" + firstFile();
    site.backup();
    FilesImage before;
    try (Repository repository =
            Repository.open(
                new LocalBackend(site.repository()),
                Site.PASSWORD.getBytes(StandardCharsets.UTF_8));
        var lock = repository.lock(true)) {
      lock.check();
      before = site.repositoryImage();
      String[][] readers = {
        {"ls"},
        {"dump", "latest", file},
        {"restore", "--to-dir", directory.resolve("x").toString()},
        {"restore", "--replace"},
        {"check"}
      };
      for (String[] reader : readers) {
        Stet.Result result = site.run(reader);
        assertThat(result.status()).as(reader[0]).isEqualTo(11);
        assertThat(result.error())
            .contains(
                "is locked exclusively by " + System.getProperty("user.name") + " on ",
                "(process " + ProcessHandle.current().pid() + ") since ",
                " ago)");
      }
      site.ok("snapshots"); // needs nothing that a prune could take away
      for (String[] reader : readers) {
        List<String> arguments = new ArrayList<>(List.of(reader));
        arguments.add("--no-lock");
        site.ok(arguments.toArray(String[]::new));
      }
      assertThat(site.repositoryImage()).isEqualTo(before);
      JsonObject unlocked = site.json("unlock");
      assertThat(unlocked.integer("kept")).isEqualTo(1);
      assertThat(unlocked.objects("locks").getFirst().integer("pid"))
          .isEqualTo(ProcessHandle.current().pid());
      assertThat(site.ok("unlock").error())
          .contains(
              "kept exclusive lock ", "(process " + ProcessHandle.current().pid() + ")", "--force");
    }
  }

  private String firstFile() throws IOException {
    try (Stream<Path> all = Files.walk(media)) {
      return media
          .relativize(all.filter(Files::isRegularFile).findFirst().orElseThrow())
          .toString();
    }
  }
}
