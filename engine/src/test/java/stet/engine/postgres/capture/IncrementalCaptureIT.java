package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import stet.engine.component.Captured;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Captures twice, with changes in between, and looks what is read again. */
class IncrementalCaptureIT extends Increments {
  private static PostgresServer server;

  IncrementalCaptureIT() {
    super(server, null);
  }

  @BeforeAll
  static void start() throws Exception {
    // A server of its own, which can be restarted.
    Path programs = PostgresServers.installedBinaries().orElse(null);
    server =
        programs == null
            ? PostgresServers.startEmbedded(17, WITHOUT_AUTOVACUUM)
            : PostgresServer.start(programs, WITHOUT_AUTOVACUUM);
  }

  @AfterAll
  static void stop() {
    if (server != null) {
      server.close();
    }
  }

  @Test
  void whatHasNotChangedIsNotReadAgain() throws Exception {
    Captured first = capture(null);
    assertThat(table(first, "big").string("method")).isEqualTo("full");
    assertThat(details)
        .contains("default: everything is read: there is no earlier snapshot to compare with");

    Captured second = same(first);

    JsonObject big = table(second, "big");
    assertThat(big.string("method")).isEqualTo("counts");
    assertThat(big.integer("reused")).isEqualTo(segments());
    assertThat(table(second, "small").string("method")).isEqualTo("full");
    assertThat(table(same(second), "big").integer("reused")).isEqualTo(segments());
  }

  @Test
  void whatHasChangedIsRead() throws Exception {
    Captured before = capture(null);
    for (String change :
        List.of(
            "update big set c = 'green' where i = 3000",
            "update big set t = (select string_agg(md5(j::text), '') from"
                + " generate_series(1, 900) j) where i = 3000",
            "delete from big where i = 5000",
            "insert into big values (5000, 'green', 'again')",
            "update big set t = 'shorter' where i between 5001 and 5009; vacuum big",
            "delete from big where i < 3000; vacuum big;"
                + " insert into big select i, 'red', 'x' from generate_series(1, 2999) i",
            "delete from big where i > 15000; vacuum big",
            "insert into big values (99999, 'red', 'appended')")) {
      server.execute(database, change.split("; *"));

      before = same(before);

      assertThat(table(before, "big").integer("reused"))
          .as(change)
          .isLessThan(segments())
          .isPositive();
    }
    assertThat(warnings).isEmpty();
  }

  @Test
  void whatIsOnlyFrozenIsNotReadAgain() throws Exception {
    Captured first = capture(null);
    server.execute(database, "vacuum freeze big");

    assertThat(table(same(first), "big").integer("reused")).isEqualTo(segments());
  }

  /** The last segment has no end, wherever the table's is. */
  @Test
  void aTableThatHasGrownOrShrunkIsReadFromThereOn() throws Exception {
    Captured first = capture(null);
    long before = segments();
    server.execute(
        database,
        "insert into big select i, 'red', repeat('x', 256) from generate_series(20001, 30000) i");
    Captured grown = same(first);
    assertThat(segments()).isGreaterThan(before);
    assertThat(table(grown, "big").integer("reused")).isEqualTo(before - 1);

    server.execute(database, "delete from big where i > 15000", "vacuum big");
    assertThat(segments()).isLessThan(before);
    assertThat(table(same(grown), "big").integer("reused")).isEqualTo(segments() - 1);
  }

  @Test
  void aTableOfFewBlocksIsNotReadAgainIfMuchLiesOutOfLine() throws Exception {
    server.execute(
        database,
        "create table documents (i int, t text)",
        "alter table documents alter t set storage external",
        "insert into documents select i, repeat(md5(i::text), 1000) from generate_series(1, 200) i");
    assertThat(segmentsOf("documents")).isOne();
    Captured first = capture(null);

    Captured second = capture(first);
    assertThat(table(second, "documents").string("method")).isEqualTo("counts");
    assertThat(table(second, "documents").integer("reused")).isOne();
    assertThat(content(second, "documents")).isEqualTo(content(first, "documents"));

    server.execute(database, "update documents set t = t || 'x' where i = 100");
    Captured third = capture(second);
    assertThat(table(third, "documents").string("method")).isEqualTo("full");
    assertThat(trip.rows(third, "data/public.documents"))
        .anyMatch(row -> row.startsWith("100\t") && row.endsWith("x"));
  }

  /** Half a segment is one in every other capture. */
  @Test
  void theControlIsThePartThatIsAskedFor() throws Exception {
    Captured first = capture(null);
    double half = 0.5 / segments();
    long checked = 0;
    for (int i = 0; i < 20; i++) {
      Captured again = capture(first, first.manifest(), Duration.ofDays(30), half);
      checked += table(again, "big").integer("checked");
    }
    assertThat(checked).isBetween(1L, 19L);
  }

  @Test
  void whatMayReadOtherwiseIsReadWhole() throws Exception {
    Captured before = capture(null);
    for (String line :
        List.of(
            "alter type colour rename value 'red' to 'rouge'|its definition has changed",
            "alter table big add column added int default 7|its definition has changed",
            "alter table big rename column t to u|its definition has changed",
            "alter table big drop column c|its definition has changed",
            "vacuum full big|all its rows were written anew",
            "cluster big using big_pkey|all its rows were written anew",
            "alter table big alter column i type bigint|all its rows were written anew",
            "truncate big; insert into big select i, repeat(md5(i::text), 8), 1"
                + " from generate_series(1, 20000) i|all its rows were written anew",
            "create table other as select * from big; drop table big;"
                + " alter table other rename to big|the earlier snapshot does not have it",
            "alter table big set unlogged|it is unlogged",
            "alter table big set logged; alter table big add column r regclass"
                + "|the text of type regclass depends on names in the catalogs")) {
      String[] parts = line.split("\\|");
      server.execute(database, parts[0].split("; *"));

      before = same(before);

      assertThat(table(before, "big").string("method")).as(line).isEqualTo("full");
      assertThat(details)
          .as(line)
          .anyMatch(detail -> detail.contains("\"big\"") && detail.contains(parts[1]));
    }
  }

  @Test
  void aTableThatWasRenamedIsNotReadAgain() throws Exception {
    Captured first = capture(null);
    server.execute(
        database,
        "alter table big rename to moved",
        "create schema s",
        "alter table moved set schema s");

    Captured second = capture(first);

    assertThat(table(second, "moved").integer("reused")).isEqualTo(segmentsOf("s.moved"));
  }

  @Test
  void afterARestartEverythingIsRead() throws Exception {
    Captured first = capture(null);
    server.stop();
    server.start();

    Captured second = same(first);

    assertThat(table(second, "big").string("reason"))
        .isEqualTo("the server was restarted since the earlier snapshot");
  }

  /** As after the disk was put back from an image: numbers have gone back. */
  @Test
  void anotherHistoryIsReadWhole() throws Exception {
    Captured first = capture(null);
    for (String member : List.of("xmin", "lsn", "timeline", "system_identifier", "database_oid")) {
      requireWhole(first, member);
    }
  }

  private void requireWhole(Captured first, String member) {
    JsonObject base = first.manifest().object("base");
    JsonObject other =
        switch (member) {
          case "lsn" -> base.without(Set.of(member)).put(member, "FFFF/0");
          case "system_identifier" -> base.without(Set.of(member)).put(member, "1");
          default -> base.without(Set.of(member)).put(member, base.integer(member) + 1_000_000);
        };

    Captured second =
        capture(
            first,
            first.manifest().without(Set.of("base")).put("base", other),
            Duration.ofDays(30),
            0);

    assertThat(table(second, "big").string("method")).as(member).isEqualTo("full");
  }

  @Test
  void afterTheFullIntervalEverythingIsRead() throws Exception {
    Captured first = capture(null);
    Captured second = capture(first, first.manifest(), Duration.ofDays(30), 0);
    assertThat(second.manifest().object("base").string("full_since"))
        .isEqualTo(first.manifest().object("base").string("full_since"));

    Captured third = capture(second, second.manifest(), Duration.ofNanos(1), 0);

    assertThat(table(third, "big").string("reason")).startsWith("everything was last read ");
    assertThat(third.manifest().object("base").string("full_since"))
        .isGreaterThan(second.manifest().object("base").string("full_since"));
  }

  @Test
  void aBlobThatTheRepositoryDoesNotHoldIsReadAgain() throws Exception {
    Captured first = capture(null);
    Id lost = content(first, "big").get("0000000000.copy").get(2);
    trip.blobs.remove(BlobType.DATA, lost);

    Captured second = capture(first);

    assertThat(table(second, "big").integer("reused")).isEqualTo(segments() - 1);
    assertThat(trip.blobs.holds(BlobType.DATA, lost)).isTrue();
  }

  /** A base that claims a later moment than its own is what a fault would look like. */
  @Test
  void aWrongReuseIsAnAlarmAndEverythingIsRead() throws Exception {
    server.execute(database, "delete from big where i between 3000 and 3009", "vacuum big");
    Captured first = capture(null);
    server.execute(database, "update big set c = 'green' where i = 3010"); // finds room beside it
    JsonObject base = first.manifest().object("base");
    long later = Long.parseLong(server.queryOne(database, "select txid_current()"));
    JsonObject wrong =
        first
            .manifest()
            .without(Set.of("base"))
            .put("base", base.without(Set.of("xmin")).put("xmin", later));

    Captured second = capture(first, wrong, Duration.ofDays(30), 1);

    assertThat(warnings).hasSize(1);
    assertThat(warnings.getFirst())
        .startsWith("table \"public\".\"big\" has changed where it should not have: ")
        .endsWith("; everything is read again");
    requireText(second);
    assertThat(table(second, "big").string("method")).isEqualTo("full");
  }
}
