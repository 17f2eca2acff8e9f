package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.Errno;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.repository.json.JsonObject;
import stet.testkit.Restic;

/** What may lie in a directory, kept and put back by the real program, on a real file system. */
class FilesOfEveryKindIT {
  private static final int NOBODY = 65534;

  /** What {@link Trees#makeEverything} does not make. */
  private static final String MORE =
      """
      set -eu
      cd -- "$1"
      printf 'long' >"$(printf '%0255d' 7)"
      bytes=$(head -c 255 /dev/zero | tr '\\0' '\\377')
      mkdir "$bytes"; printf 'bytes' >"$bytes/$bytes"
      ln numbers one/two/three/third-name; ln numbers "$bytes/fourth-name"
      printf 'a' >sparse/middle; truncate -s 7M sparse/middle; printf 'z' >>sparse/middle
      truncate -s 16M sparse/nothing
      head -c 2000000 /dev/zero >zeros
      mkfifo "$bytes/pipe"
      if [ "$(id -u)" = 0 ]; then
        mknod null c 1 3; mknod disk b 259 1048575; chmod 0640 disk; chown 7:8 null
      fi
      """;

  @TempDir Path directory;

  private final boolean root = "root".equals(System.getProperty("user.name"));
  private Site site;
  private Path media;

  @BeforeEach
  void prepare() throws Exception {
    site = new Site(directory);
    media = site.live("media");
    site.configure(site.files("media"));
    site.init();
  }

  /** JUnit removes nothing that is deeper than paths may be long, and nothing that is mounted. */
  @AfterEach
  void remove() throws Exception {
    Trees.shell("cd -- \"$1\" && chmod -R u+rwX . && rm -rf ./*", directory.toString());
  }

  @Test
  void everyKindComesBackEqualAndByResticToo() throws Exception {
    Trees.makeEverything(media);
    Trees.shell(MORE, media.toString());
    setAttributes();
    Trees.shell("touch -d '2015-05-05 05:05:05.050505050 UTC' \"$1\"", media.toString());
    FilesImage expected = FilesImage.of(media);
    List<String> attributes = attributes(media);
    long space = space(media);
    // Sockets are made by whoever serves on them, so none is kept, and none is in anybody's way.
    Path socket = media.resolve("socket");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      Path bound = directory.resolve("s");
      server.bind(UnixDomainSocketAddress.of(bound));
      Files.move(bound, socket);
      Trees.shell("touch -d '2015-05-05 05:05:05.050505050 UTC' \"$1\"", media.toString());
      site.stet().with("LC_ALL", "C");
      site.backup();
    }

    Path extracted = directory.resolve("extracted");
    site.ok("restore", "--to-dir", extracted.toString());
    requireEqual(extracted.resolve("media"), expected, attributes);
    assertThat(space(extracted.resolve("media"))).as("holes").isLessThan(space + (1 << 20));

    Path open = media.resolve("numbers");
    try (InputStream reader = Files.newInputStream(open)) {
      byte[] begin = reader.readNBytes(1000);
      Trees.damage(media);
      Files.writeString(open, "in its place");
      site.ok("restore", "--replace");
      assertThat(begin.length + reader.readAllBytes().length)
          .as("who has a file open goes on reading it")
          .isEqualTo((int) Files.size(open));
    }
    requireEqual(media, expected, attributes);
    assertThat(space(media)).as("holes").isLessThan(space + (1 << 20));

    List<Restic> restics = Restic.installed();
    assumeFalse(restics.isEmpty(), "there is no restic in PATH; all else was tested");
    for (Restic restic : restics) {
      Path restored = directory.resolve("by-" + restic.version().replace(' ', '-'));
      site.restic(restic, "restore", "latest", "--target", restored.toString());
      // Before 0.17 restic knew no target of a link that is not UTF-8.
      String odd = restic.version().matches("restic 0\\.1[0-6]\\..*") ? "odd link\\|.*" : "";
      FilesImage.of(restored.resolve("media")).without(odd).mustEqual(expected.without(odd));
      Lines.mustEqual(
          restic + ": attributes but those of links, which not every restic restores",
          withoutLinks(attributes(restored.resolve("media"))),
          withoutLinks(attributes));
      Trees.shell("chmod -R u+rwX \"$1\" && rm -rf \"$1\"", restored.toString());
    }
  }

  @Test
  void everyNameThatIsListedCanBeAskedFor() throws Exception {
    Trees.makeEverything(media);
    Trees.shell(
        "cd -- \"$1\"; printf one >'a\\nb'; printf two >'a\nb'; mkdir 'd\\x41'; printf three >'d\\x41/f'",
        media.toString());
    site.stet().with("LC_ALL", "C");
    site.backup();

    List<JsonObject> files =
        site.ok("ls", "latest", "--json").documents().stream()
            .filter(node -> node.string("type").equals("file") && node.integer("size") < 100)
            .toList();
    assertThat(site.ok("ls", "latest").output().lines())
        .containsAll(files.stream().map(node -> node.string("path")).toList());
    assertThat(files).extracting(node -> node.string("name")).contains("not UTF-8: \\xff\\xfe");
    Set<String> contents = new TreeSet<>();
    for (JsonObject file : files) {
      String path = file.string("path");
      String content = site.ok("dump", "latest", path).output();
      assertThat(content.length()).as(path).isEqualTo((int) file.integer("size"));
      assertThat(site.ok("ls", "latest", path).output()).isEqualTo(path + "\n");
      contents.add(content);
    }
    assertThat(contents).contains("one", "two", "three");
    assertThat(site.run("dump", "latest", "/media/nosuch").error())
        .contains("not UTF-8: \\xff\\xfe");
    Path alone = directory.resolve("alone");
    site.ok("restore", "--to-dir", alone + "", "--path", "/media/not UTF-8: \\xff\\xfe");
    Trees.shell("cat -- \"$1/$(printf 'not UTF-8: \\377\\376')\"", alone.toString());
  }

  @Test
  void namesMayBeGivenInTheirBytes() throws Exception {
    Trees.makeEverything(media);
    site.stet().with("LC_ALL", "C");
    site.backup();

    for (String name : List.of("not UTF-8: \\377\\376", "caf\\303\\251 \\360\\237\\230\\200")) {
      Process process =
          site.stet()
              .startUnder(
                  List.of("sh", "-c", "exec \"$@\" \"$(printf '/media/" + name + "')\"", "sh"),
                  "stet.cli.Main",
                  "dump",
                  "latest");
      process.getOutputStream().close();
      assertThat(Stet.end(process).ok().output()).isEqualTo("odd");
    }
  }

  private static void requireEqual(Path restored, FilesImage expected, List<String> attributes)
      throws Exception {
    FilesImage.of(restored).mustEqual(expected);
    Lines.mustEqual("attributes", attributes(restored), attributes);
  }

  private void setAttributes() throws Exception {
    try (Directory top = Directory.open(PosixPath.of(media.toString()))) {
      try {
        top.setAttribute(name("one"), "user.empty", new byte[0]);
        top.setAttribute(name("noise"), "user.bytes", new byte[] {0, (byte) 0xff, '\n'});
        top.setAttribute(name("noise"), "user.long", name("v".repeat(2000)));
      } catch (PosixException e) {
        if (!e.is(Errno.EOPNOTSUPP)) {
          throw e;
        }
        System.err.println("not tested: user attributes, which the file system does not keep");
      }
      if (!root) {
        return;
      }
      // Owner rw-, user 1234 r--, group r--, mask r--, others ---.
      byte[] list = accessList(1, 6, -1, 2, 4, 1234, 4, 4, -1, 0x10, 4, -1, 0x20, 0, -1);
      top.setAttribute(name("noise"), "system.posix_acl_access", list);
      top.setAttribute(name("one"), "system.posix_acl_default", list);
      top.setAttribute(name("dangling"), "trusted.stet", name("of the link itself"));
      top.setAttribute(name("pipe"), "trusted.stet", name("of a pipe"));
      top.setAttribute(name("disk"), "trusted.stet", name("of a device"));
      // One capability: net_bind_service.
      byte[] capability = new byte[20];
      capability[3] = 2;
      capability[5] = 4;
      top.setAttribute(name("numbers"), "security.capability", capability);
    }
  }

  private static byte[] accessList(int... entries) {
    ByteBuffer bytes =
        ByteBuffer.allocate(4 + entries.length / 3 * 8).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(2);
    for (int i = 0; i < entries.length; i += 3) {
      bytes.putShort((short) entries[i]).putShort((short) entries[i + 1]).putInt(entries[i + 2]);
    }
    return bytes.array();
  }

  private static byte[] name(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static List<String> withoutLinks(List<String> attributes) {
    return attributes.stream().filter(line -> !line.startsWith("dangling ")).toList();
  }

  /** A line for each extended attribute of a tree, with its value. */
  private static List<String> attributes(Path path) throws Exception {
    List<String> lines = new ArrayList<>();
    try (Directory top = Directory.open(PosixPath.of(path.toString()))) {
      for (String attribute : top.attributes()) {
        lines.add(". " + attribute + " " + hex(top.attribute(attribute)));
      }
      addAttributes(top, "", lines);
    }
    lines.sort(null);
    return lines;
  }

  private static void addAttributes(Directory directory, String prefix, List<String> lines)
      throws Exception {
    for (Entry entry : directory.list()) {
      byte[] name = entry.name();
      String path = prefix + PosixPath.printable(name);
      for (String attribute : directory.attributes(name)) {
        lines.add(path + " " + attribute + " " + hex(directory.attribute(name, attribute)));
      }
      if (entry.type() == Entry.Type.DIRECTORY) {
        try (Directory inner = directory.openDirectory(name)) {
          addAttributes(inner, path + "/", lines);
        }
      }
    }
  }

  private static String hex(byte[] value) {
    return HexFormat.of().formatHex(value);
  }

  /** The bytes that the files of a tree take on the disk. */
  private static long space(Path path) throws Exception {
    Process du = new ProcessBuilder("du", "-s", "-B1", path.toString()).start();
    return Long.parseLong(
        new String(du.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\t")[0]);
  }

  /** Twelve thousand bytes; every component of the path is as long as a name may be. */
  @Test
  void treesMayBeDeeperThanPathsMayBeLong() throws Exception {
    // In Perl, for a shell's own idea of where it is cannot be so long.
    String down =
        """
        my $name = '0' x 255;
        sub down { chdir shift or die "$!"; for (1 .. 47) { mkdir $name if $make; chdir $name or die "$!" } }
        """;
    String make =
        """
        our $make = 1; mkdir $ARGV[0]; down($ARGV[0]);
        open my $file, '>', 'file' or die; print $file 'at the bottom'; close $file;
        symlink '..', 'link' or die; chmod 0440, 'file'; chmod 0750, '.';
        """;
    String look =
        """
        our $make = 0; down($ARGV[0]);
        open my $file, '<', 'file' or die; <$file> eq 'at the bottom' or die 'content';
        readlink('link') eq '..' or die 'link';
        ((stat 'file')[2] & 07777) == 0440 && ((stat '.')[2] & 07777) == 0750 or die 'mode';
        """;
    Trees.shell("perl -e \"$2\" -- \"$1\"", media.toString(), down + make);
    site.backup();
    Path extracted = directory.resolve("extracted");
    site.ok("restore", "--to-dir", extracted.toString());
    String there = extracted.resolve("media").toString();
    Trees.shell("perl -e \"$2\" -- \"$1\"", there, down + look);
    Trees.shell("cd -- \"$1\"/0* && rm -r 0* && printf x >new", media.toString());

    site.ok("restore", "--replace");

    Trees.shell("perl -e \"$2\" -- \"$1\"", media.toString(), down + look);
    // The restored state is replaced, and goes: from any depth.
    site.ok("rollback");
    assertThat(site.beside()).isNotEmpty();
    site.ok("previous", "drop", "--all");
    assertThat(site.beside()).isEmpty();
    try (Stream<Path> below = Files.list(media)) {
      assertThat(below.toList().getFirst().resolve("new")).hasContent("x");
    }
  }

  /**
   * A file that says it has 4,096 bytes and gives fewer, however often it is asked: those of sysfs.
   */
  @Test
  void aFileThatIsNeverTheSameIsTreatedAsAsked() throws Exception {
    Path odd = Path.of("/sys/kernel/mm/transparent_hugepage");
    assumeTrue(Files.isReadable(odd.resolve("enabled")), "there is no " + odd);
    Files.createDirectory(media);
    String component = "{ files: odd, path: \"" + odd + "\", exclude: [ khugepaged ]";
    for (String policy : List.of(" }", ", on_change: fail }")) {
      site.configure(site.files("media"), component + policy);
      Stet.Result result = site.run("backup");
      assertThat(result.status()).as(policy).isEqualTo(21);
      assertThat(result.error())
          .startsWith("stet: error: " + odd + "/")
          .contains(
              " changed while it was read\n"
                  + "hint: Try again when it is quiet, exclude it, or set on_change: warn.");
      assertThat(site.snapshotFiles()).isEmpty();
    }
    site.configure(site.files("media"), component + ", on_change: warn }");

    Stet.Result result = site.run("backup", "--json");

    assertThat(result.status()).isEqualTo(3);
    List<String> skipped = result.document().strings("skipped");
    assertThat(skipped).anyMatch(line -> line.contains(odd + "/enabled changed while it was read"));
    assertThat(site.ok("dump", "latest", "/odd/enabled").output())
        .isEqualTo(Files.readString(odd.resolve("enabled")));
    assertThat(manifest().objects("components").getLast().toString()).contains("/enabled changed");
  }

  private JsonObject manifest() throws Exception {
    return JsonObject.parse(site.ok("dump", "latest", "/stet.json").output());
  }

  /** What not even root may read: files of sysfs that are there to be written. */
  @Test
  void anEntryThatCannotBeReadIsTreatedAsAsked() throws Exception {
    Path closed = media;
    String exclude = "";
    if (root) {
      closed = Path.of("/sys/bus/platform");
      assumeTrue(Files.exists(closed.resolve("drivers_probe")), "there is no " + closed);
      exclude = ", exclude: [ devices, drivers, drivers_autoprobe ]";
    } else {
      Trees.shell(
          "mkdir \"$1\"; cd -- \"$1\"; echo secret >drivers_probe; chmod 0 drivers_probe",
          media.toString());
    }
    Files.createDirectories(site.live("other"));
    Files.writeString(site.live("other").resolve("readable"), "here");
    String component = "{ files: closed, path: \"" + closed + "\"" + exclude;
    site.configure(site.files("other"), component + " }");
    Stet.Result result = site.run("backup");
    assertThat(result.status()).isEqualTo(21);
    assertThat(result.error())
        .startsWith("stet: error: cannot open " + closed + "/")
        .contains(
            ": permission denied (EACCES)\n"
                + "hint: Run Stet as a user that may read it, exclude it, or set on_unreadable: skip.");
    assertThat(site.snapshotFiles()).isEmpty();
    site.configure(site.files("other"), component + ", on_unreadable: skip }");

    result = site.run("backup");

    assertThat(result.status()).isEqualTo(3);
    String said = result.error();
    assertThat(said.lines().filter(line -> line.contains("drivers_probe")))
        .singleElement()
        .asString()
        .startsWith("stet: warning: cannot open " + closed + "/drivers_probe");
    assertThat(said).contains(" is complete but for what was warned of; ");
    assertThat(manifest().objects("components").getLast().toString()).contains("drivers_probe");
    Path extracted = directory.resolve("extracted");
    site.ok("restore", "--to-dir", extracted.toString());
    assertThat(extracted.resolve("other/readable")).hasContent("here");
    assertThat(extracted.resolve("closed/drivers_probe")).doesNotExist();
    // A restore would replace what is there by less.
    site.configure(site.files("other"), site.files("closed"));
    assertThat(site.ok("restore", "--replace").error())
        .contains(
            "stet: warning: snapshot ",
            " was not captured whole, and what is restored lacks the same: closed: cannot open "
                + closed
                + "/drivers_probe");
    assertThat(site.ok("restore", "--replace", "--only", "other").error())
        .doesNotContain("captured whole");
  }

  @Test
  void aMountPointIsRestoredFromInside() throws Exception {
    assumeTrue(root, "only root may mount");
    try (Disk disk = Disk.mount("size=40m", media)) {
      Trees.makeEverything(media);
      FilesImage expected = FilesImage.of(media);
      site.backup();
      Trees.damage(media);
      FilesImage damaged = FilesImage.of(media);

      try (InputStream reader = Files.newInputStream(media.resolve("one/added"))) {
        site.ok("restore", "--replace");
        assertThat(new String(reader.readAllBytes(), StandardCharsets.UTF_8)).isEqualTo("new");
      }
      String stets = "\\.stet-restore.*|.*  \\./\\.stet-restore/.*";
      FilesImage.of(media).without(stets).mustEqual(expected);
      site.ok("rollback");
      FilesImage.of(media).without(stets).mustEqual(damaged);
      site.ok("previous", "drop", "--all");
      FilesImage.of(media).mustEqual(damaged);
    }
  }

  /** Others' files, for someone who may read all there is but is not root, as a backup user is. */
  @Test
  void aPlainUserIsToldWhatHeCouldNotRestore() throws Exception {
    assumeTrue(root, "only root makes files of others");
    Files.createDirectory(media);
    Trees.shell(
        """
        cd -- "$1"; echo x >of-others; chmod 6755 of-others; echo x >mine; mkdir -m 0750 closed; echo x >closed/file
        chown 1234:5678 of-others closed closed/file; chmod 6755 of-others; chown 65534:65534 mine
        """,
        media.toString());
    site.backup();
    Path target = Files.createDirectory(directory.resolve("target"));
    Trees.shell("chmod 0755 \"$1\"; chown -R 65534:65534 \"$1\"", directory.toString());
    Path extracted = target.resolve("extracted");

    Stet.Result result = extractAsPlainUser(extracted);

    assertThat(result.error())
        .contains(
            "stet: warning: not all owners could be restored: cannot set the owner of ",
            "operation not permitted (EPERM)",
            "stet: warning: not all setuid and setgid bits could be restored: ");
    for (String file : List.of("of-others", "mine", "closed", "closed/file")) {
      Path path = extracted.resolve("media").resolve(file);
      assertThat(Files.getAttribute(path, "unix:uid")).isEqualTo(NOBODY);
      assertThat(Files.getLastModifiedTime(path))
          .isEqualTo(Files.getLastModifiedTime(media.resolve(file)));
    }
    assertThat((int) Files.getAttribute(extracted.resolve("media/of-others"), "unix:mode") & 07777)
        .as("bits that would give away other rights")
        .isEqualTo(0755);
    assertThat(extracted.resolve("media/closed/file")).hasContent("x\n");
  }

  @Test
  void aPlainUserMayOwnWhatStetItselfMade() throws Exception {
    assumeTrue(root, "only root may become another user");
    Files.createDirectory(media);
    Trees.shell("echo x >\"$1/mine\"; chown -R 65534:65534 \"$1\"", media.toString());
    site.backup();
    Path target = Files.createDirectory(directory.resolve("target"));
    Trees.shell("chmod 0755 \"$1\"; chown -R 65534:65534 \"$1\"", directory.toString());
    Path extracted = target.resolve("extracted");

    assertThat(extractAsPlainUser(extracted).error()).doesNotContain("warning");

    assertThat(Files.getAttribute(extracted.resolve("stet.json"), "unix:uid")).isEqualTo(NOBODY);
    assertThat(extracted.resolve("media/mine")).hasContent("x\n");
  }

  private Stet.Result extractAsPlainUser(Path target) throws Exception {
    Process process =
        site.stet()
            .startUnder(
                Stet.plainUser(NOBODY), "stet.cli.Main", "restore", "--to-dir", target.toString());
    process.getOutputStream().close();
    return Stet.end(process).ok();
  }
}
