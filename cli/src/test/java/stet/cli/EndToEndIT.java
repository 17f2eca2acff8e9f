package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** The main job from end to end, with the real program on real servers and real input. */
class EndToEndIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  @Test
  void putsChinookBackAfterDamage() throws Exception {
    String database = Samples.chinook(site);
    Trees.makeMedia(site.live("media"), 1, 40, 20_000);
    site.configure(site.postgres("default", database), site.files("media"));
    DatabaseImage rows = DatabaseImage.of(server, database);
    FilesImage files = FilesImage.of(site.live("media"));
    site.ok("init");
    site.backup();

    server.execute(
        database,
        "drop table invoice_line cascade",
        "update track set name = upper(name), milliseconds = milliseconds + 1 where track_id % 3 = 0",
        "delete from playlist_track where playlist_id = 1",
        "insert into artist (name) values ('nobody')");
    Trees.shell(
        "cd -- \"$1\"; rm -r folder-3; echo damaged >folder-1/file-1", site.live("media") + "");
    assertThat(DatabaseImage.of(server, database)).isNotEqualTo(rows);
    site.ok("restore", "--replace");

    assertThat(DatabaseImage.of(server, database)).isEqualTo(rows);
    assertThat(FilesImage.of(site.live("media"))).isEqualTo(files);
    assertThat(site.unfinished()).isEmpty();
  }

  @Test
  void putsPagilaBackAfterDamage() throws Exception {
    String database = Samples.pagila(site, 42);
    String view = "select * from rental_by_category order by category";
    site.configure(site.postgres("default", database));
    DatabaseImage rows = DatabaseImage.of(server, database);
    var category = server.query(database, view);
    assertThat(category).isNotEmpty();
    site.ok("init");
    site.backup();

    server.execute(
        database,
        "drop table rental cascade",
        "truncate payment",
        "update film set title = 'gone' where film_id < 100",
        "select setval('film_film_id_seq', 7)",
        "drop function film_in_stock");
    site.ok("restore", "--replace");

    assertThat(DatabaseImage.of(server, database)).isEqualTo(rows);
    assertThat(server.query(database, view)).isEqualTo(category);
  }

  @Test
  void putsTheShopBackAfterDamageAndTakesItBack() throws Exception {
    String database = site.createDatabase("shop");
    Samples.shop(server, database);
    Path media = site.live("media");
    Trees.makeEverything(media);
    site.configure(site.postgres("default", database), site.files("media"));
    String view = "select * from by_day order by at";
    DatabaseImage rows = DatabaseImage.of(server, database);
    var days = server.query(database, view);
    FilesImage files = FilesImage.of(media);
    site.ok("init");
    site.backup();

    server.execute(
        database,
        "drop table orders cascade",
        "drop view rich",
        "update customers set name = 'corrupt' where id % 2 = 0",
        "delete from stock.products where price > 500",
        "select setval('down', -7)",
        "select lo_unlink(4243)",
        "select lo_put(4242, 0, 'x')",
        "alter type mood add value 'new'",
        "comment on database " + PostgresServer.identifier(database) + " is 'damaged'");
    Trees.damage(media);
    DatabaseImage damagedRows = DatabaseImage.of(server, database);
    FilesImage damagedFiles = FilesImage.of(media);
    site.ok("restore", "--replace");

    assertThat(DatabaseImage.of(server, database)).isEqualTo(rows);
    assertThat(server.query(database, view)).isEqualTo(days);
    assertThat(FilesImage.of(media)).isEqualTo(files);
    assertThat(site.unfinished()).isEmpty();

    site.ok("rollback");
    assertThat(DatabaseImage.of(server, database)).isEqualTo(damagedRows);
    assertThat(FilesImage.of(media)).isEqualTo(damagedFiles);

    site.ok("rollback", "--last");
    assertThat(DatabaseImage.of(server, database)).isEqualTo(rows);
    assertThat(FilesImage.of(media)).isEqualTo(files);
    assertThat(site.beside()).hasSize(2);

    site.ok("previous", "drop", "--all");
    assertThat(site.beside()).isEmpty();
    assertThat(site.live("")).isDirectoryNotContaining(path -> !path.equals(media));
  }
}
