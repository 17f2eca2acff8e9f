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
    "M    default: table public.documents, +1 rows, now 2\n",
    "M    default: table public.t, +1 rows, now 101\n",
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
}
