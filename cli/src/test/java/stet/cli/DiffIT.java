package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** What differs between two states. */
class DiffIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private String database;
  private Path media;
  private String first;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    database = site.createDatabase("shop");
    server.execute(
        database,
        "create table t (id int primary key, v text)",
        "insert into t select i, 'v' from generate_series(1, 100) i",
        "create table same (id int)",
        "create table gone (id int)",
        "create table documents (id int, file text)",
        "insert into documents values (1, 'kept')");
    media = Files.createDirectories(site.live("media").resolve("deep/er")).getParent().getParent();
    for (String name : List.of("kept", "changed", "mode", "gone", "deep/er/gone")) {
      Files.writeString(media.resolve(name), name);
    }
    site.configure(site.postgres("default", database), site.files("media"));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        "rules: { r: each documents.file exists in media }\n",
        StandardOpenOption.APPEND);
    site.init();
    first = site.backup();
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  private void change() throws Exception {
    server.execute(
        database,
        "insert into t values (101, 'new')",
        "update same set id = 1",
        "drop table gone",
        "create table fresh (a int)",
        "create index on t (v)",
        "alter table same add column more int",
        "insert into documents values (2, 'nowhere')");
    Files.writeString(media.resolve("changed"), "other");
    Files.writeString(media.resolve("deep/added"), "x");
    Files.delete(media.resolve("gone"));
    Trees.shell("chmod 600 \"$1\" && rm -r \"$2\"", media + "/mode", media + "/deep/er");
  }

  private static final String[] EXPECTED = {
    "M    default: table public.documents, +1 row, now 2\n",
    "M    default: table public.t, +1 row, now 101\n",
    "-    default: table public.gone, 0 rows\n",
    "+    default: table public.fresh, 0 rows\n",
    "+    default: INDEX public.t_v_idx\n  + CREATE INDEX t_v_idx ON public.t USING btree (v);\n",
    "+    default: TABLE public.fresh\n",
    "-    default: TABLE public.gone\n",
    "M    default: TABLE public.same\n",
    "  +     id integer,\n  +     more integer\n",
    "M    /media/changed\n",
    "-    /media/deep/er/\n",
    "-    /media/deep/er/gone\n",
    "+    /media/deep/added\n",
    "-    /media/gone\n",
    "U    /media/mode\n",
    "M    rule \"r\": 0 violations, now 1 violations\n",
  };

  @Test
  void twoSnapshotsDifferInWhatWasChanged() throws Exception {
    change();
    String second = site.backup();

    assertThat(site.ok("diff", first, second).output())
        .contains(EXPECTED)
        .doesNotContain("kept", "TABLE public.t\n", "table public.same");
    assertThat(site.ok("diff", first.substring(0, 8), "latest").output()).contains(EXPECTED);
  }

  @Test
  void aSnapshotDiffersFromWhatIsLive() throws Exception {
    List<String> before = site.snapshotFiles();
    Stet.Result none = site.ok("diff", "latest");
    assertThat(none.output()).isEmpty();
    assertThat(none.error()).contains("nothing differs");

    change();

    assertThat(site.ok("diff", "latest").output()).contains(EXPECTED);
    List<JsonObject> documents = site.ok("diff", first, "live", "--json").documents();
    new JsonPage().printed("diff", documents.getFirst());
    assertThat(documents.getLast().integer("changes")).isEqualTo(documents.size() - 1L);
    assertThat(documents)
        .filteredOn(each -> each.string("message_type").equals("table"))
        .extracting(each -> each.string("table"))
        .containsExactlyInAnyOrder("public.documents", "public.fresh", "public.gone", "public.t");
    assertThat(site.snapshotFiles()).isEqualTo(before);
    assertThat(site.repository().resolve("locks")).isEmptyDirectory();
  }

  @Test
  void whatIsNeitherRowNorDefinitionIsComparedToo() throws Exception {
    server.execute(
        database,
        "create sequence numbers",
        "select lo_from_bytea(4242, 'one'), lo_from_bytea(4243, 'other')");
    first = site.backup();
    assertThat(site.ok("diff", first).error()).contains("nothing differs");
    server.execute(
        database,
        "select setval('numbers', 7)",
        "select lo_put(4242, 0, 'two')",
        "grant select on large object 4243 to public",
        "grant create on database " + database + " to public",
        "alter database " + database + " set work_mem = '5MB'");
    Trees.shell("chmod 0711 \"$1\"", media.toString());
    String[] expected = {
      "M    default: SEQUENCE VALUE public.numbers\n  - 1, not yet given\n  + 7\n",
      "M    default: large objects, other content in 2\n",
      "+    default: LARGE OBJECT 4243 PRIVILEGES\n",
      "+    default: DATABASE PRIVILEGES\n",
      "+    default: DATABASE SETTING work_mem\n  + SET \"work_mem\" TO '5MB'\n",
      "U    /media/\n",
    };

    assertThat(site.ok("diff", first).output()).contains(expected);
    List<JsonObject> documents = site.ok("diff", first, "live", "--json").documents();
    assertThat(documents.getLast().integer("changes")).isEqualTo(expected.length);
    for (JsonObject document : documents) {
      new JsonPage().printed("diff", document);
    }

    server.execute(database, "select lo_unlink(4243)");
    String second = site.backup();
    assertThat(site.ok("diff", first, second).output())
        .contains("M    default: large objects, -1, now 1\n")
        .contains("-    default: LARGE OBJECT 4243\n")
        .contains(expected[0], expected[3], expected[4], expected[5]);
  }

  @Test
  void secretsDifferUnseen() throws Exception {
    server.execute(
        database,
        "create foreign data wrapper wrapper",
        "create server far foreign data wrapper wrapper options (host 'db', token 'unseen-1')",
        "create user mapping for public server far options (\"user\" 'me', password 'unseen-2')",
        "create subscription news connection 'host=db password=unseen-3' publication p"
            + " with (connect = false, slot_name = none)",
        "alter database " + database + " set app.secret = 'unseen-4'");
    try {
      first = site.backup();
      server.execute(
          database,
          "alter server far options (set token 'unseen-5')",
          "alter user mapping for public server far options (set password 'unseen-6')",
          "alter subscription news connection 'host=db password=unseen-7'",
          "alter database " + database + " set app.secret = 'unseen-8'");

      String text = site.ok("diff", first).output();

      assertThat(text)
          .contains("M    default: SERVER far\n")
          .contains("M    default: USER MAPPING USER MAPPING public SERVER far\n", "'me'")
          .contains("M    default: SUBSCRIPTION news\n", "host=db password=<secret ")
          .contains("M    default: DATABASE SETTING app.secret\n")
          .doesNotContain("unseen");
      Stet.Result json = site.ok("diff", first, "live", "--json");
      assertThat(json.documents().getLast().integer("changes")).isEqualTo(4);
      assertThat(json.output()).doesNotContain("unseen");
      assertThat(site.ok("diff", first, site.backup()).output())
          .contains("M    default: USER MAPPING ")
          .doesNotContain("unseen");
    } finally {
      server.execute(database, "drop subscription if exists news");
    }
  }
}
