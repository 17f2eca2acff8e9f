package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.process.ChildProcess;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Follows the page of the manual about recovery with the programs that it names, and no others. */
class RecoveryIT {
  private static final String ROLES =
      "select rolname, rolcanlogin, rolsuper, rolconnlimit, rolconfig, shobj_description(oid, 'pg_authid'),"
          + " array(select roleid::regrole::text from pg_auth_members where member = r.oid order by 1)"
          + " from pg_roles r where rolname ~ '^shop_' order by 1";

  @TempDir Path directory;

  @Test
  void thePageBringsEverythingBack() throws Exception {
    Path page = page();
    assumeTrue(program("restic") != null, "there is no restic in PATH");
    // Before 0.17 restic knew no target of a link that is not UTF-8, as the page says.
    String version = ChildProcess.of(program("restic")).arguments("version").run();
    String odd = version.matches("(?s)restic 0\\.1[0-6]\\..*") ? "odd link\\|.*" : "";
    PostgresServer server = PostgresServers.installed();
    Site site = new Site(directory, server);
    try (site;
        PostgresServer other =
            PostgresServer.start(PostgresServers.installedBinaries().orElseThrow(), Map.of())) {
      String database = site.createDatabase("shop");
      Samples.shop(server, database);
      String quoted = PostgresServer.identifier(database);
      server.execute(
          database,
          "alter database " + quoted + " set default_transaction_read_only = on",
          "alter database " + quoted + " connection limit 9");
      Path media = site.live("media");
      Trees.makeEverything(media);
      site.configure(site.postgres("default", database), site.files("media"));
      site.init();
      site.backup();
      // The record of the proof is the newest snapshot then.
      site.ok("prove");
      FilesImage files = FilesImage.of(media);
      Path recovered = site.directory().resolve("back in place");

      Result result = follow(page, site, other, database, recovered);

      assertThat(result.status()).as(result.output()).isZero();
      DatabaseImage.of(other, database).mustEqual(DatabaseImage.of(server, database));
      assertThat(largeObjects(other, database)).isEqualTo(largeObjects(server, database));
      assertThat(other.query("postgres", ROLES)).isEqualTo(server.query("postgres", ROLES));
      FilesImage.of(recovered).without(odd).mustEqual(files.without(odd));
    }
  }

  private static List<String> largeObjects(PostgresServer server, String database) {
    return server.query(
        database,
        "select oid, pg_get_userbyid(lomowner), lomacl, obj_description(oid, 'pg_largeobject'),"
            + " md5(lo_get(oid)) from pg_largeobject_metadata order by oid");
  }

  /** Tests run in their module's directory. */
  private static Path page() {
    return Path.of("").toAbsolutePath().getParent().resolve("docs/recovery.md");
  }

  private static Path program(String name) {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
        .map(each -> Path.of(each, name))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }

  private static void offer(Path programs, Path program) throws IOException {
    Path file = programs.resolve(program.getFileName());
    Files.writeString(file, "#!/bin/sh\nexec '" + program + "' \"$@\"\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private record Result(int status, String output) {}

  /** Runs all commands of the page, with settings of our own, where there is no other program. */
  private Result follow(
      Path page, Site site, PostgresServer server, String database, Path recovered)
      throws Exception {
    Path programs = Files.createDirectory(site.directory().resolve("programs"));
    for (String name : List.of("restic", "mv")) {
      offer(programs, program(name));
    }
    for (String name : List.of("psql", "pg_restore")) {
      offer(programs, server.programs().resolve(name));
    }
    List<String> blocks =
        Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(page))
            .results()
            .map(block -> block.group(1))
            .toList();
    assertThat(blocks).hasSize(7);
    assertThat(Files.readString(page)).contains("```sh settings\n");
    ProcessBuilder shell =
        new ProcessBuilder("/bin/sh", "-e", "-c", String.join("", blocks))
            .directory(site.directory().toFile())
            .redirectErrorStream(true)
            .redirectInput(new File("/dev/null"));
    shell.environment().clear();
    shell
        .environment()
        .putAll(
            Map.ofEntries(
                Map.entry("PATH", programs.toString()),
                Map.entry("HOME", site.directory().toString()),
                Map.entry("RESTIC_REPOSITORY", site.repository().toString()),
                Map.entry("RESTIC_PASSWORD_FILE", site.directory().resolve("password").toString()),
                Map.entry("PGHOST", server.socketDirectory().toString()),
                Map.entry("PGPORT", Integer.toString(server.port())),
                Map.entry("PGUSER", PostgresServer.SUPERUSER),
                Map.entry("RECOVERED", site.directory().resolve("re covered").toString()),
                Map.entry("ENVIRONMENT", "production"),
                Map.entry("COMPONENT", "default"),
                Map.entry("DATABASE", database),
                Map.entry("FILES", "media"),
                Map.entry("LIVE", recovered.toString())));
    Process process = shell.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), output);
  }
}
