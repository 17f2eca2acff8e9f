package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.chunk.RabinChunker;
import stet.repository.codec.BlobCompression;
import stet.repository.codec.UnpackedCodec;
import stet.repository.crypto.KeyFile;
import stet.repository.crypto.MasterKey;
import stet.repository.index.PackEntry;
import stet.repository.json.JsonObject;
import stet.repository.pack.PackHeader;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;
import stet.repository.tree.Xattr;

/**
 * Takes apart what the installed restic writes for strange files, and puts it together again byte
 * for byte. {@code -Dstet.restic=} names another restic.
 */
class ResticFormatIT {
  private static final String RESTIC = System.getProperty("stet.restic", "restic");
  private static final String PASSWORD = "pässword with spaces";

  /** Makes files in the current folder; what the machine does not allow is left out. */
  private static final String SCRIPT =
      """
      set -u
      umask 022
      for name in plain 'with space' 'amp&<>' "quote'\\"" 'back\\slash' .hidden -dash \\
          "$(printf 'tab\\tand\\001\\007\\010\\013\\014\\015\\033\\177')" "$(printf 'new\\nline')" \\
          "$(printf 'latin\\351')" "$(printf '\\377\\376')" "$(printf 'cut\\342\\202')" \\
          "$(printf 'surrogate\\355\\240\\200')" "$(printf 'over\\300\\257')" \\
          "$(printf '\\302\\240nbsp')" "$(printf 'e\\314\\201\\303\\251')" \\
          "$(printf '\\342\\200\\213zero\\342\\200\\250\\342\\200\\251')" \\
          "$(printf '\\357\\273\\277bom\\357\\277\\275')" "$(printf '\\360\\237\\230\\200')" \\
          "$(printf '\\363\\240\\200\\201')" "$(printf '\\363\\260\\200\\200private')" \\
          "$(printf '\\343\\200\\200ideographic')" "$(printf '\\302\\255soft')"; do
        printf '%s' "$name" > "./$name"
      done
      : > empty
      mkdir -p dir/sub sticky
      chmod 1777 sticky
      printf x > suid; chmod 6755 suid
      printf x > none; chmod 0000 none
      ln plain hard
      ln -s plain link
      ln -s 'a<b&c"d\\e' "link $(printf '\\001')"
      ln -s "$(printf 't\\303\\251\\342\\200\\250\\001')" link-unicode
      mkfifo fifo
      mknod null c 1 3
      mknod disk b 8 1
      touch -d '1960-02-29 01:02:03.5 UTC' old
      touch -d '1970-01-01 00:00:00 UTC' epoch
      touch -d '2038-01-19 03:14:08.000000001 UTC' later
      touch -d '2024-07-01 12:00:00.120 UTC' summer
      exit 0
      """;

  /** Targets that restic before 0.16 does not store exactly. */
  private static final String SCRIPT_0_16 =
      """
      ln -s "$(printf 'a\\010\\014')" link-control
      ln -s "$(printf '\\342\\202x<\\377\\303\\251\\355\\240\\200')" link-invalid
      """;

  @TempDir static Path folder;
  private static Path source;
  private static Path repository;
  private static MasterKey key;
  private static RepositoryConfig config;
  private static boolean hasXattrs;
  private static boolean exactTargets;

  private static final Map<Id, byte[]> TREES = new HashMap<>();
  private static final Map<Id, byte[]> DATA = new HashMap<>();
  private static final List<Snapshot> SNAPSHOTS = new ArrayList<>();

  @BeforeAll
  static void writeWithRestic() throws Exception {
    String version = "";
    try {
      version = new String(run(Map.of(), folder, RESTIC, "version"), StandardCharsets.US_ASCII);
    } catch (IOException e) {
      abort("restic is not installed: " + e.getMessage());
    }
    source = Files.createDirectory(folder.resolve("source"));
    repository = folder.resolve("repository");
    Path password =
        Files.createFile(
            folder.resolve("password"),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(password, PASSWORD + "\n");
    run(Map.of("LC_ALL", "C"), source, "sh", "-c", SCRIPT);
    exactTargets = !version.matches("(?s)restic 0\\.1[0-5]\\..*");
    if (exactTargets) {
      run(Map.of("LC_ALL", "C"), source, "sh", "-c", SCRIPT_0_16);
    }
    if (version.matches("(?s).*compiled with go1\\.2[1-6]\\D.*")) {
      makeFilesNamedAfterRunes();
    }
    byte[] big = new byte[20_000_000];
    new java.util.Random(7).nextBytes(big);
    Files.write(source.resolve("big"), big);
    hasXattrs = setXattrs(source.resolve("plain"));

    List<String> restic =
        List.of(RESTIC, "--no-cache", "-r", repository.toString(), "-p", password.toString());
    run(Map.of(), folder, with(restic, "init"));
    for (String zone : List.of("UTC", "Europe/Paris", "America/St_Johns")) {
      run(
          Map.of("TZ", zone),
          source,
          with(restic, "backup", "--with-atime", "--tag", "a&b", "--exclude", "*.tmp", "."));
      run(Map.of("TZ", zone), source, with(restic, "backup", "--host", "h", "dir", "plain"));
    }
    read();
  }

  /**
   * Makes a file for each code point beside which Java's idea of printable changes. Versions 1.21
   * to 1.26 of Go have Unicode 15.0, so restic quotes these names as this module must.
   */
  private static void makeFilesNamedAfterRunes() throws Exception {
    StringBuilder names = new StringBuilder();
    boolean defined = false;
    for (int c = 1; c <= Character.MAX_CODE_POINT; c++) {
      boolean next =
          switch (Character.getType(c)) {
            case Character.UNASSIGNED,
                Character.CONTROL,
                Character.FORMAT,
                Character.SPACE_SEPARATOR,
                Character.SURROGATE,
                Character.PRIVATE_USE ->
                false;
            default -> true;
          };
      if (next != defined) {
        for (int rune : new int[] {c - 1, c}) {
          if (Character.getType(rune) != Character.SURROGATE) {
            names.append("rune ").appendCodePoint(rune).append(rune).append('\0');
          }
        }
      }
      defined = next;
    }
    Path list = folder.resolve("names");
    Files.writeString(list, names);
    Path runes = Files.createDirectory(source.resolve("runes"));
    run(Map.of("LC_ALL", "C"), runes, "xargs", "-0", "-a", list.toString(), "touch");
  }

  private static String[] with(List<String> command, String... more) {
    return Stream.concat(command.stream(), Arrays.stream(more)).toArray(String[]::new);
  }

  private static byte[] run(Map<String, String> environment, Path directory, String... command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    builder.environment().putAll(environment);
    Path errors = Files.createTempFile(folder, "errors", ".txt");
    Process process = builder.redirectError(errors.toFile()).start();
    process.getOutputStream().close();
    byte[] output = process.getInputStream().readAllBytes();
    boolean ended = process.waitFor(2, TimeUnit.MINUTES);
    if (!ended) {
      process.destroyForcibly();
    }
    assertThat(ended && process.exitValue() == 0)
        .as("%s: %s", List.of(command), Files.readString(errors))
        .isTrue();
    return output;
  }

  private static boolean setXattrs(Path file) {
    try {
      var view = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
      view.write("stet.bytes", ByteBuffer.wrap(new byte[] {0, 1, (byte) 0xff}));
      view.write("stet.empty", ByteBuffer.allocate(0));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static void read() throws IOException {
    Path keyFile = files("keys").getFirst();
    assertThat(Id.of(Files.readAllBytes(keyFile))).hasToString(keyFile.getFileName().toString());
    KeyFile parsed = KeyFile.parse(Files.readAllBytes(keyFile));
    assertThat(parsed.toBytes()).isEqualTo(Files.readAllBytes(keyFile));
    key = parsed.unlock(PASSWORD.getBytes(StandardCharsets.UTF_8)).orElseThrow();
    byte[] configText = open(Files.readAllBytes(repository.resolve("config")));
    config = RepositoryConfig.parse(configText);
    assertThat(config.toBytes()).isEqualTo(configText);

    for (Path file : files("data")) {
      byte[] pack = Files.readAllBytes(file);
      assertThat(Id.of(pack)).hasToString(file.getFileName().toString());
      int length = PackHeader.sealedLength(pack, pack.length);
      byte[] header = key.open(pack, pack.length - 4 - length, length);
      List<PackEntry> entries = PackHeader.decode(header);
      assertThat(PackHeader.encode(entries)).isEqualTo(header);
      assertThat(PackEntry.packSize(entries)).isEqualTo(pack.length);
      for (PackEntry entry : entries) {
        byte[] opened = key.open(pack, entry.offset(), entry.length());
        byte[] blob =
            entry.isCompressed()
                ? BlobCompression.decompress(opened, 0, opened.length, entry.plaintextLength())
                : opened;
        assertThat(Id.of(blob)).isEqualTo(entry.id());
        switch (entry.type()) {
          case DATA -> DATA.put(entry.id(), blob);
          case TREE -> TREES.put(entry.id(), blob);
        }
      }
    }
    for (Path file : files("snapshots")) {
      Id id = Id.parse(file.getFileName().toString());
      byte[] json = UnpackedCodec.decode(open(Files.readAllBytes(file)));
      Snapshot snapshot = Snapshot.parse(id, json);
      assertThat(new String(snapshot.toJson(), StandardCharsets.UTF_8))
          .isEqualTo(new String(json, StandardCharsets.UTF_8));
      SNAPSHOTS.add(snapshot);
    }
    SNAPSHOTS.sort(Comparator.comparing(Snapshot::time));
  }

  private static byte[] open(byte[] sealed) {
    return key.open(sealed, 0, sealed.length);
  }

  private static List<Path> files(String directory) throws IOException {
    try (Stream<Path> files = Files.walk(repository.resolve(directory))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  /** The nodes of the source folder. */
  private static List<Node> sourceNodes() {
    Snapshot snapshot = SNAPSHOTS.getFirst();
    List<Node> nodes = Tree.decode(TREES.get(snapshot.tree()));
    for (Path part : source) {
      if (nodes.stream().anyMatch(node -> node.name().equals("plain"))) {
        break;
      }
      nodes =
          nodes.stream()
              .filter(node -> node.name().equals(part.toString()))
              .findFirst()
              .map(node -> Tree.decode(TREES.get(node.requireSubtree())))
              .orElse(nodes);
    }
    return nodes;
  }

  private static Node node(String name) {
    return sourceNodes().stream().filter(n -> n.name().equals(name)).findFirst().orElseThrow();
  }

  @Test
  void writesEveryTreeAsResticDid() {
    assertThat(TREES).hasSizeGreaterThan(8);
    boolean paris = false;
    for (Map.Entry<Id, byte[]> tree : TREES.entrySet()) {
      String text = new String(tree.getValue(), StandardCharsets.UTF_8);
      paris |= text.contains("+02:00\"") && text.contains("+01:00\"");
      List<Node> nodes = Tree.decode(tree.getValue());
      assertThat(new String(Tree.encode(nodes), StandardCharsets.UTF_8)).isEqualTo(text);
      assertThat(Id.of(Tree.encode(nodes))).isEqualTo(tree.getKey());
      assertThat(nodes).allSatisfy(node -> assertThat(Tree.fault(node)).isNull());
    }
    assertThat(paris).as("times with the offsets of Paris").isTrue();
  }

  @Test
  void knowsWhichRunesGoPrints() throws IOException {
    Path runes = source.resolve("runes");
    assumeTrue(Files.exists(runes), "restic was built with another Unicode than 15.0");
    List<Node> nodes = Tree.decode(TREES.get(node("runes").requireSubtree()));
    assertThat(nodes).hasSizeGreaterThan(2_500);
    assertThat(TREES.get(node("runes").requireSubtree())).isEqualTo(Tree.encode(nodes));
  }

  @Test
  void readsTheNamesThatTheDirectoryHas() throws Exception {
    byte[] listed =
        run(
            Map.of("LC_ALL", "C"),
            source,
            "find",
            ".",
            "-mindepth",
            "1",
            "-maxdepth",
            "1",
            "-printf",
            "%f\\0");
    TreeSet<String> expected = new TreeSet<>();
    int start = 0;
    for (int i = 0; i < listed.length; i++) {
      if (listed[i] == 0) {
        expected.add(HexFormat.of().formatHex(listed, start, i));
        start = i + 1;
      }
    }
    TreeSet<String> found = new TreeSet<>();
    sourceNodes().forEach(node -> found.add(HexFormat.of().formatHex(node.nameBytes())));
    assertThat(found).isEqualTo(expected).hasSizeGreaterThan(35);
  }

  @Test
  void readsTypesModesAndTimes() {
    assertThat(node("sticky").mode()).isEqualTo(01777);
    assertThat(node("suid").mode()).isEqualTo(06755);
    assertThat(node("none").mode()).isZero();
    assertThat(node("dir").type()).isEqualTo(NodeType.DIRECTORY);
    assertThat(node("fifo").type()).isEqualTo(NodeType.FIFO);
    assertThat(node("link").linkTarget()).isEqualTo("plain".getBytes(StandardCharsets.UTF_8));
    assertThat(node("hard").links()).isEqualTo(2);
    assertThat(node("hard").inode()).isEqualTo(node("plain").inode());
    assertThat(node("empty").content()).isEmpty();
    assertThat(node("summer").modified()).isEqualTo("2024-07-01T12:00:00.120Z");
    assertThat(node("old").modified()).isEqualTo("1960-02-29T01:02:03.5Z");
    assertThat(node("later").modified()).isEqualTo("2038-01-19T03:14:08.000000001Z");
  }

  @Test
  void readsDevices() {
    assumeTrue(
        sourceNodes().stream().anyMatch(n -> n.name().equals("null")),
        "only the superuser makes devices");
    assertThat(node("null").type()).isEqualTo(NodeType.CHARACTER_DEVICE);
    assertThat(node("null").rawDevice()).isEqualTo(0x103);
    assertThat(node("disk").type()).isEqualTo(NodeType.BLOCK_DEVICE);
    assertThat(node("disk").rawDevice()).isEqualTo(0x801);
  }

  @Test
  void readsExtendedAttributes() {
    assumeTrue(hasXattrs, "the file system has no extended attributes");
    assertThat(node("plain").xattrs())
        .contains(
            new Xattr("user.stet.bytes", new byte[] {0, 1, (byte) 0xff}),
            new Xattr("user.stet.empty", new byte[0]));
  }

  @Test
  void readsLinkTargetsThatAreNotText() {
    assumeTrue(exactTargets, "restic stores such targets exactly from 0.16 on");
    assertThat(node("link-invalid").linkTarget())
        .isEqualTo(TinyRepository.hex("e282 78 3c ff c3a9 eda080"));
    assertThat(node("link-control").linkTarget()).isEqualTo(TinyRepository.hex("61 08 0c"));
  }

  @Test
  void cutsAFileWhereResticDid() throws IOException {
    byte[] big = Files.readAllBytes(source.resolve("big"));
    RabinChunker chunker = new RabinChunker(new RabinChunker.Tables(config.chunkerPolynomial()));
    List<Id> cut = new ArrayList<>();
    int start = 0;
    for (int end; (end = chunker.next(big, start, big.length, true)) >= 0; start = end) {
      cut.add(Id.of(big, start, end - start));
    }
    assertThat(cut).isEqualTo(node("big").content()).hasSizeGreaterThan(3);
    assertThat(DATA).containsKeys(cut.toArray(new Id[0]));
  }

  @Test
  void readsSnapshotsWithTheirOffsets() {
    assertThat(SNAPSHOTS).hasSize(6);
    assertThat(SNAPSHOTS.get(2).time().getOffset().getTotalSeconds()).isIn(3600, 7200);
    assertThat(SNAPSHOTS.getFirst().tags()).containsExactly("a&b");
    assertThat(SNAPSHOTS.getFirst().excludes()).containsExactly("*.tmp");
    assertThat(SNAPSHOTS.get(1).hostname()).isEqualTo("h");
    assertThat(SNAPSHOTS.get(2).parent()).isEqualTo(SNAPSHOTS.getFirst().id());
  }

  @Test
  void decodesTheIndex() throws IOException {
    int blobs = 0;
    for (Path file : files("index")) {
      JsonObject index = JsonObject.parse(UnpackedCodec.decode(open(Files.readAllBytes(file))));
      for (JsonObject pack : index.objects("packs")) {
        blobs += pack.objects("blobs").size();
      }
    }
    assertThat(blobs).isEqualTo(TREES.size() + DATA.size());
  }
}
