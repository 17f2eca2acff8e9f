package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.index.BlobIndex;
import stet.repository.index.PackEntry;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackWriter;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Breaks what is stored, or what a trial writes, to see that the proof fails and names it. */
class ProofFaultsIT {
  private static final Path STRACE = Path.of("/usr/bin/strace");

  /** How many of a snapshot's blobs are damaged, besides its manifest. */
  private static final int FLIPS = 6;

  @TempDir Path directory;

  private Site site;
  private Path temporary;
  private String snapshot;

  @BeforeEach
  void prepare() throws Exception {
    PostgresServer server = PostgresServers.installed();
    site = new Site(directory, server);
    temporary = Files.createTempDirectory(Path.of("/tmp"), "stet-proof-");
    Trees.shell("chmod 755 \"$1\"", temporary.toString());
    site.stet().with("TMPDIR", temporary.toString());
    String database = site.createDatabase("shop");
    // Rows of one width, so that the table's first two segments have the same length.
    server.execute(
        database,
        "create table customers as select lpad(i::text, 300, '.') t"
            + " from generate_series(1, 12000) i",
        "select lo_from_bytea(4242, 'large')");
    Path media = Files.createDirectories(site.live("media"));
    Files.writeString(media.resolve("a.txt"), "text");
    Files.writeString(media.resolve("b.txt"), "other text");
    site.configure(site.postgres("default", database), site.files("media"));
    site.init();
    also("proof: { server: same }\n");
  }

  @AfterEach
  void close() throws Exception {
    if (site != null) {
      site.close();
      Trees.shell("rm -rf -- \"$1\"", temporary.toString());
    }
  }

  private void also(String more) throws IOException {
    Files.writeString(directory.toRealPath().resolve("stet.yaml"), more, StandardOpenOption.APPEND);
  }

  private String requireFailed(Stet.Result failed) throws IOException {
    assertThat(failed.status()).as("%s", failed).isEqualTo(23);
    assertThat(failed.error())
        .contains("snapshot " + snapshot.substring(0, 8) + " did not come back as it was captured");
    assertThat(temporary).isEmptyDirectory();
    assertThat(site.server().databases()).noneMatch(name -> name.startsWith("stet_scratch_"));
    return failed.error();
  }

  private Repository open() {
    return Repository.open(
        new LocalBackend(site.repository()), Site.PASSWORD.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Stores a snapshot that differs from another in one directory, as a fault of Stet itself would,
   * or somebody with the key.
   *
   * @param path a regular expression for the name of each directory
   */
  private String storeChanged(
      String original, List<String> path, UnaryOperator<List<Node>> change) {
    try (Repository repository = open();
        RepositoryLock lock = repository.lock(false)) {
      repository.loadIndex();
      try (PackWriter writer = repository.newWriter()) {
        var old = repository.snapshot(Id.parse(original));
        Id tree = changed(repository, writer, old.tree(), path, change);
        writer.flush();
        lock.check();
        return repository.saveSnapshot(old.toBuilder().tree(tree).build()).toString();
      }
    }
  }

  private static Id changed(
      Repository repository,
      PackWriter writer,
      Id tree,
      List<String> path,
      UnaryOperator<List<Node>> change) {
    List<Node> nodes = new ArrayList<>(repository.tree(tree));
    if (path.isEmpty()) {
      nodes = change.apply(nodes);
    } else {
      assertThat(nodes).anyMatch(node -> node.name().matches(path.getFirst()));
      nodes.replaceAll(node ->
          node.name().matches(path.getFirst())
              ? node.withSubtree(
                  changed(
                      repository,
                      writer,
                      node.requireSubtree(),
                      path.subList(1, path.size()),
                      change))
              : node);
    }
    return writer.save(BlobType.TREE, Tree.encode(nodes));
  }

  /** What becomes of a table's blobs. */
  private enum Fault {
    DROPPED("its segments have"),
    SWAPPED("0000000000.copy: the segment at 0 has 3072 rows with hash "),
    SWAPPED_WITH_A_SHORTER_ONE("bytes where"),
    DOUBLED("its segments have");

    final String message;

    Fault(String message) {
      this.message = message;
    }

    List<Id> of(List<Id> content) {
      List<Id> other = new ArrayList<>(content);
      switch (this) {
        case DROPPED -> other.remove(1);
        case SWAPPED -> Collections.swap(other, 0, 1);
        case SWAPPED_WITH_A_SHORTER_ONE -> Collections.swap(other, 0, other.size() - 1);
        case DOUBLED -> other.add(other.getFirst());
      }
      return other;
    }
  }

  @ParameterizedTest
  @EnumSource
  void aSegmentThatIsNotInItsPlaceFailsTheProof(Fault fault) throws Exception {
    String sound = site.backup();
    snapshot =
        storeChanged(
            sound,
            List.of("default", "data", "public\\.customers", ".*"),
            nodes -> {
              List<Node> other = new ArrayList<>(nodes);
              other.replaceAll(node ->
                  node.name().endsWith(".copy")
                      ? Node.file(node.name(), Instant.EPOCH, node.size(), fault.of(node.content()))
                      : node);
              assertThat(other).isNotEqualTo(nodes);
              return other;
            });

    String error = requireFailed(site.run("prove", snapshot));

    assertThat(error).contains("public.customers").contains(fault.message);
    assertThat(site.run("prove", sound).status()).isZero();
  }

  /** Has the kernel not do what a trial asks for, and say it did. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fchmod,fchmodat|mode",
        "setxattr,lsetxattr,fsetxattr|user.colour",
        "utimensat|time",
      })
  void whatAFileLosesFailsTheProofAndIsNamed(String calls, String name) throws Exception {
    assumeTrue(Files.isExecutable(STRACE), STRACE + " is not installed");
    Path file = site.live("media").resolve("a.txt");
    Trees.shell("chmod 741 \"$1\"", file.toString());
    try {
      Files.setAttribute(file, "user:colour", "red".getBytes(StandardCharsets.UTF_8));
    } catch (IOException | UnsupportedOperationException e) {
      assumeTrue(false, "no extended attributes in " + directory + ": " + e.getMessage());
    }
    snapshot = site.backup();
    List<String> spoiled =
        List.of(
            STRACE.toString(),
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-o",
            directory + "/calls",
            "-e",
            "trace=" + calls,
            "-e",
            "inject=" + calls + ":retval=0");
    assumeTrue(
        new ProcessBuilder(STRACE.toString(), "-f", "-o", "/dev/null", "true").start().waitFor()
            == 0,
        "processes cannot be traced here");

    Process process = site.stet().startUnder(spoiled, "stet.cli.Main", "prove", snapshot);
    process.getOutputStream().close();
    String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor()).as("%s", error).isEqualTo(23);
    assertThat(error).contains("media").contains("a.txt").contains(name);
    assertThat(temporary).isEmptyDirectory();
  }

  /** One blob of a snapshot, and where it lies. */
  private record Place(Id pack, PackEntry entry) {}

  /** The blobs that a snapshot needs, its manifest's first. */
  private List<Place> places() {
    try (Repository repository = open()) {
      repository.loadIndex();
      Map<Id, Place> all = new HashMap<>();
      for (BlobIndex.Pack pack : repository.index().byPack()) {
        pack.entries().forEach(entry -> all.put(entry.id(), new Place(pack.id(), entry)));
      }
      Set<Id> needed = new HashSet<>();
      List<Place> places = new ArrayList<>();
      Deque<Id> trees = new ArrayDeque<>(List.of(repository.snapshot(Id.parse(snapshot)).tree()));
      while (!trees.isEmpty()) {
        Id tree = trees.pop();
        needed.add(tree);
        for (Node node : repository.tree(tree)) {
          needed.addAll(node.content());
          if (node.subtree() != null) {
            trees.push(node.subtree());
          }
          if (node.name().equals("stet.json")) {
            places.add(all.get(node.content().getFirst()));
          }
        }
      }
      needed.forEach(id -> places.add(all.get(id)));
      return places;
    }
  }

  @Test
  void aFlippedBitInAnyBlobFailsTheProofAndNamesThePack() throws Exception {
    snapshot = site.backup();
    List<Place> places = places();
    long seed = System.nanoTime();
    Random random = new Random(seed);
    System.out.println("aFlippedBitInAnyBlob: seed " + seed + ", " + places.size() + " blobs");
    List<Place> chosen = new ArrayList<>(List.of(places.getFirst()));
    Collections.shuffle(places, random);
    chosen.addAll(places.subList(0, FLIPS));
    Path sound = directory.resolve("sound");
    Trees.shell("cp -a \"$1\" \"$2\"", site.repository().toString(), sound.toString());
    for (Place place : chosen) {
      Path pack = site.repository().resolve(StoredFile.pack(place.pack()).path());
      byte[] bytes = Files.readAllBytes(pack);
      int at = place.entry().offset() + random.nextInt(place.entry().length());
      bytes[at] ^= (byte) (1 << random.nextInt(8));
      Trees.shell("chmod u+w \"$1\"", pack.toString());
      Files.write(pack, bytes);

      String error = requireFailed(site.run("prove", snapshot));

      assertThat(error)
          .as("seed %s, %s", seed, place)
          .contains("pack " + place.pack().toString().substring(0, 8));
      Trees.shell(
          "rm -r \"$2\" && cp -a \"$1\" \"$2\"", sound.toString(), site.repository().toString());
    }
    try (Stream<Path> files = Files.list(site.repository().resolve("snapshots"))) {
      assertThat(files).hasSize(1);
    }
    assertThat(site.run("prove", snapshot).status()).isZero();
  }
}
