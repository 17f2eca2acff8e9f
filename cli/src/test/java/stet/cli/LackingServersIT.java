package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * Meets real servers that lack what a backup or a restore needs: found before anything is written,
 * and told with what to do.
 */
class LackingServersIT {
  private static final FileTime LONG_AGO = FileTime.fromMillis(1_000_000_000_000L);

  @TempDir Path directory;
  private PostgresServer old;
  private PostgresServer newer;
  private Site site;
  private String database;

  @BeforeEach
  void begin() throws IOException {
    old = PostgresServers.embedded(13);
    newer = PostgresServers.installed();
    site = new Site(directory, old);
    database = site.createDatabase("shop");
    Files.createDirectory(site.live("media"));
    Files.writeString(site.live("media").resolve("a"), "a");
    old.execute(database, "create table t as select 1 as a");
    site.init();
  }

  @AfterEach
  void end() {
    for (String name : newer.databases()) {
      if (name.startsWith(database)) {
        newer.dropDatabase(name);
      }
    }
    newer.execute("postgres", "drop role if exists lacking_weak");
    site.close();
    old.execute(
        "postgres", "drop role if exists lacking_owner", "drop tablespace if exists lacking_space");
  }

  /** The files come first, so that something would be written if the check came late. */
  private void configure(PostgresServer from, String to) throws IOException {
    site.configureEnvironments(
        """
          here:
            state:
              - %s
              - { postgres: default, url: "%s" }
          there:
            state:
              - { files: media, path: "%s" }
              - { postgres: default, url: "%s" }
        """
            .formatted(
                site.files("media"),
                from.url(database),
                site.live("restored").resolve("media"),
                to));
    Files.createDirectories(site.live("restored"));
  }

  private void refusesToRestore(PostgresServer to, String fact, String hint) throws Exception {
    List<String> databases = to.databases();
    Files.setLastModifiedTime(site.live("restored"), LONG_AGO);
    told(site.run("restore", "latest@here", "--env", "there", "--replace"), fact, hint);
    assertThat(to.databases()).isEqualTo(databases);
    assertThat(Files.getLastModifiedTime(site.live("restored"))).isEqualTo(LONG_AGO);
  }

  private static void told(Stet.Result result, String fact, String hint) {
    assertThat(result.status()).as(result.error()).isEqualTo(21);
    assertThat(result.error()).contains("stet: error: ").contains(fact).contains("hint: " + hint);
  }

  @Test
  void clientProgramsThatAreTooOld() throws Exception {
    Tools tools = new Tools(site.directory().resolve("tools"));
    for (String program : List.of("pg_dump", "pg_restore")) {
      Path file = tools.directory().resolve(program);
      Files.writeString(file, "#!/bin/sh\necho '" + program + " (PostgreSQL) 12.22'\n");
    }
    site.configure(site.postgres("default", database, tools));
    FilesImage before = site.repositoryImage();
    told(
        site.run("backup"),
        "pg_dump in " + tools.directory() + " is of version 12, but the server is of version 13",
        "Install the package postgresql-client-13 or newer, or name the directory of its programs"
            + " with the setting \"tools\".");
    site.repositoryImage().mustEqual(before);
  }

  @Test
  void rightsOnASingleTableAndSequence() throws Exception {
    old.execute(
        database,
        "drop role if exists lacking_owner",
        "create role lacking_owner login password 'x'",
        "create table u (id serial)",
        "grant select on t, u to lacking_owner");
    site.configure(
        site.files("media"),
        "{ postgres: default, url: \"" + old.url(database, "lacking_owner", "x") + "\" }");
    FilesImage before = site.repositoryImage();
    told(
        site.run("backup"),
        "role \"lacking_owner\" may not read in database \""
            + database
            + "\" on 127.0.0.1:"
            + old.port()
            + ": sequence \"public\".\"u_id_seq\"",
        "As their owner or a superuser run: GRANT SELECT ON SEQUENCE \"public\".\"u_id_seq\" TO"
            + " lacking_owner;");
    old.execute(
        database,
        "grant select on sequence u_id_seq to lacking_owner",
        "revoke select on t from lacking_owner");
    told(
        site.run("backup"),
        "table \"public\".\"t\"",
        "As their owner or a superuser run: GRANT SELECT ON TABLE \"public\".\"t\" TO lacking_owner;");
    site.repositoryImage().mustEqual(before);
    old.execute(database, "drop owned by lacking_owner");
  }

  @Test
  void aServerThatIsOlder() throws Exception {
    newer.createDatabase(database);
    configure(newer, old.url(database));
    site.ok("backup", "--env", "here");
    refusesToRestore(
        old,
        "the database was captured from PostgreSQL " + newer.majorVersion(),
        "Restore onto a server of version " + newer.majorVersion() + " or newer.");
  }

  @Test
  void anExtensionATablespaceAndARole() throws Exception {
    Path extension;
    try (var files = Files.walk(old.programs().getParent())) {
      extension = files.filter(file -> file.endsWith("plpgsql.control")).findFirst().orElseThrow();
    }
    Path control = extension.resolveSibling("lacking_shapes.control");
    Path script = extension.resolveSibling("lacking_shapes--1.0.sql");
    Files.writeString(control, "default_version = '1.0'\n");
    Files.writeString(script, "create table shape (a int);\n");
    try {
      configure(old, newer.url(database));
      old.execute(database, "create extension lacking_shapes");
      site.ok("backup", "--env", "here");
      refusesToRestore(
          newer,
          "the database uses extensions that are not available: \"lacking_shapes\" on 127.0.0.1:"
              + newer.port(),
          "Install their packages on the server's machine, for example postgresql-"
              + newer.majorVersion()
              + "-lacking-shapes or postgresql-contrib.");
      old.execute(database, "drop extension lacking_shapes");
    } finally {
      Files.delete(control);
      Files.delete(script);
    }

    Path space = old.socketDirectory().resolve("lacking_space");
    old.execute(
        database,
        "copy (select 1) to program 'mkdir " + space + "'",
        "create tablespace lacking_space location '" + space + "'",
        "create table far (a int) tablespace lacking_space");
    site.ok("backup", "--env", "here");
    refusesToRestore(
        newer,
        "the database uses tablespaces that are missing: \"lacking_space\"",
        "As a superuser run CREATE TABLESPACE \"lacking_space\" LOCATION");
    old.execute(database, "drop table far");

    newer.execute("postgres", "create role lacking_weak login createdb password 'x'");
    old.execute(
        database,
        "drop role if exists lacking_owner",
        "create role lacking_owner",
        "alter table t owner to lacking_owner");
    configure(old, newer.url(database, "lacking_weak", "x"));
    site.ok("backup", "--env", "here");
    refusesToRestore(
        newer,
        "the database refers to roles that are missing and that role \"lacking_weak\" may not"
            + " create: \"lacking_owner\"",
        "As a superuser run CREATE ROLE \"lacking_owner\"; or run roles.sql of the snapshot, or give"
            + " a superuser as admin_url.");
    old.execute(database, "drop table t");
  }
}
