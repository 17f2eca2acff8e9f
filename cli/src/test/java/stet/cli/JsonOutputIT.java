package stet.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.Repository;
import stet.repository.backend.LocalBackend;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.testkit.PostgresServers;

/** What {@code --json} prints is what the manual's page tells, no more and no less. */
class JsonOutputIT {
  @TempDir Path directory;

  private final JsonPage page = new JsonPage();
  private Site site;

  JsonOutputIT() throws Exception {}

  /** Runs a command, whose documents must stand in the page's row of that name. */
  private Stet.Result run(String row, String... more) throws Exception {
    List<String> command = new ArrayList<>(List.of(row.split(" ")));
    command.addAll(List.of(more));
    command.add("--json");
    Stet.Result result = site.run(command.toArray(String[]::new));
    result.documents().forEach(document -> page.printed(row, document));
    result
        .error()
        .lines()
        .map(JsonObject::parse)
        .forEach(document -> page.printed(document.has("error") ? "error" : "warning", document));
    return result;
  }

  private JsonObject ok(String row, String... more) throws Exception {
    return run(row, more).ok().documents().getLast();
  }

  @Test
  void documentsAreThoseOfTheManual() throws Exception {
    site = new Site(directory, PostgresServers.installed());
    Path media = Files.createDirectories(site.live("media"));
    Files.writeString(media.resolve("file"), "old");
    Files.createSymbolicLink(media.resolve("link"), Path.of("file"));
    String database = site.createDatabase("small");
    site.server()
        .execute(
            database,
            "create table t ()",
            "create table u (file text)",
            "insert into u values ('file'), ('missing')");
    site.configure(site.postgres("small", database), site.files("media"));
    Files.writeString(
        site.directory().resolve("stet.yaml"),
        "rules: { exist: each u.file exists in media, none: none in t where false }\n",
        StandardOpenOption.APPEND);

    ok("version");
    ok("config validate");
    ok("init");
    Trees.shell("rm -r -- \"$1\"", site.repository().toString());
    site.init();
    ok("backup -n");
    ok("backup");
    Path password = directory.resolve("password");
    Files.setPosixFilePermissions(password, PosixFilePermissions.fromString("rw-r--r--"));
    String snapshot = ok("backup").string("snapshot_id");
    Files.setPosixFilePermissions(password, PosixFilePermissions.fromString("rw-------"));
    ok("snapshots");
    ok("ls", "latest");
    ok("export", "latest", "small", "-o", "small.dump");
    ok("restore --table", "t");
    ok("restore", "--replace");
    assertThat(ok("previous list").objects("previous").getFirst().integer("bytes")).isPositive();
    ok("rollback");
    ok("rollback --to", snapshot, "--replace");
    ok("prove");
    ok("status");
    site.server()
        .execute(
            database,
            "insert into u values ('more')",
            "create table v ()",
            "select lo_create(4711)");
    Files.writeString(media.resolve("file"), "newer");
    ok("diff", snapshot);
    site.configure(site.files("media"));
    ok("diff", snapshot);
    site.configureProtected(site.files("media"), site.postgres("small", database));
    ok("restore", "--replace", "--confirm", "production");
    ok("rollback --to", snapshot, "--replace", "--confirm", "production");
    ok("previous drop", "--all");
    ok("restore --to-dir", "extracted");
    ok("restore --resume");
    ok("restore --abort");
    try (Repository repository =
            Repository.open(new LocalBackend(site.repository()), Site.PASSWORD.getBytes(UTF_8));
        RepositoryLock lock = repository.lock(false)) {
      lock.check();
      Files.writeString(site.repository().resolve("locks").resolve("0".repeat(64)), "unreadable");
      ok("unlock");
    }
    ok("unlock", "--force");
    ok("repair index");
    String key = ok("key add", "--new-password-command", "echo another").string("added");
    ok("key list");
    ok("key remove", key);
    ok("check");

    run("restore", "nothing", "-v");
    site.configure("{ files: media, pth: /x, on_change: explode }");
    run("backup");
    site.configure(site.files("media"));
    damagePacks();
    assertThat(run("check", "--read-data").documents()).hasSizeGreaterThan(1);

    assertThat(page.unseen()).allMatch(each -> each.startsWith("demo ")).hasSize(1);
  }

  private void damagePacks() throws Exception {
    try (Stream<Path> packs = Files.walk(site.repository().resolve("data"))) {
      for (Path pack : packs.filter(Files::isRegularFile).toList()) {
        pack.toFile().setWritable(true);
        try (RandomAccessFile file = new RandomAccessFile(pack.toFile(), "rw")) {
          file.setLength(file.length() - 1);
        }
      }
    }
  }
}
