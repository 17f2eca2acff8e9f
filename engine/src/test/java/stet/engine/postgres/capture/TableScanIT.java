package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.component.Captured;
import stet.engine.component.Progress;
import stet.engine.postgres.PostgresRoundTrip;
import stet.engine.postgres.rows.SegmentGeometry;
import stet.repository.tree.Node;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/**
 * Tables that are large beside the server's cache are scanned, and others read by ranges; a scan is
 * shared by skipping rows.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TableScanIT {
  private static final List<String> TABLES =
      List.of("denser", "sparser", "whole", "small", "columnless", "wide");

  @Test
  void aScanGivesTheSegmentsThatRangesGive() throws Exception {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    try (PostgresServer server =
        PostgresServer.start(
            PostgresServers.installedBinaries().orElseThrow(),
            Map.of("log_statement", "all", "autovacuum", "off", "shared_buffers", "256MB"))) {
      server.createDatabase("scans");
      fill(server, random);
      PostgresRoundTrip trip = new PostgresRoundTrip(server);
      List<String> ranges = segments(trip, trip.capture("scans"));
      assertThat(scans(server)).isEmpty();

      server.stop();
      server.set("shared_buffers", "1MB");
      server.start();
      List<String> scans = segments(trip, trip.capture("scans"));

      assertThat(scans(server))
          .as("seed %d", seed)
          .anyMatch(line -> line.contains("denser") && line.contains(" LIMIT "))
          .anyMatch(line -> line.contains("denser") && line.contains(" WHERE ctid > "))
          .anyMatch(line -> line.contains("sparser") && line.contains(" LIMIT "))
          .anyMatch(line -> line.contains("whole") && !line.contains(" LIMIT "))
          .anyMatch(line -> line.contains("columnless"))
          .noneMatch(line -> line.contains("small") || line.contains("wide"));
      assertThat(scans).as("seed %d", seed).isEqualTo(ranges);
    }
  }

  @Test
  void aSessionWithoutWorkReadsTheLastRowsOfALargeTableBack() throws Exception {
    try (PostgresServer server =
        PostgresServer.start(
            PostgresServers.installedBinaries().orElseThrow(),
            Map.of("log_statement", "all", "autovacuum", "off", "random_page_cost", "0.1"))) {
      server.createDatabase("large");
      // The index has all columns and is cheap to read, but in another order.
      server.execute(
          "large",
          "create table large (t text primary key)",
          "insert into large select repeat(md5(i::text), 32) from generate_series(1, 200000) i");
      PostgresRoundTrip trip = new PostgresRoundTrip(server);

      trip.restore(trip.capture("large"), "large", Progress.NONE, 2);

      // Were a row read twice or never, the restored table would count as another one.
      assertThat(server.log()).containsPattern("COPY \\(SELECT .*\"large\".* OFFSET [0-9]+\\)");
    }
  }

  /**
   * The two tables that are more than a worker's share are known to the server with fewer, or with
   * more, rows in a block than they have; there are segments without rows, also at the end.
   */
  private static void fill(PostgresServer server, Random random) {
    int rows = 200_000 + random.nextInt(20_000);
    int gap = random.nextInt(rows / 2);
    String text = "repeat(md5(i::text), 1 + i % 7)";
    List<String> statements = new ArrayList<>();
    for (String table : TABLES) {
      statements.add(
          table.equals("columnless")
              ? "create table columnless ()"
              : "create table " + table + " (i int, t text)");
    }
    for (String table : List.of("denser", "sparser")) {
      statements.add(
          "insert into "
              + table
              + " select i, "
              + text
              + " from generate_series(1, "
              + rows
              + ") i");
      statements.add("delete from " + table + " where i between " + gap + " and " + (gap + 20_000));
      statements.add("delete from " + table + " where i > " + (rows - random.nextInt(20_000)));
    }
    statements.add("analyze");
    statements.add("update pg_class set reltuples = reltuples / 3 where relname = 'denser'");
    statements.add("update pg_class set reltuples = reltuples * 3 where relname = 'sparser'");
    statements.add("insert into whole select i, " + text + " from generate_series(1, 20000) i");
    statements.add("insert into small select i, " + text + " from generate_series(1, 100) i");
    statements.add("insert into columnless select from generate_series(1, 100000)");
    statements.add("alter table wide alter t set storage external");
    statements.add("insert into wide select i, repeat('x', 5000000) from generate_series(1, 1) i");
    statements.add("insert into wide select i, " + text + " from generate_series(2, 20000) i");
    server.execute("scans", statements.toArray(String[]::new));
  }

  private static List<String> scans(PostgresServer server) {
    return server.log().lines().filter(line -> line.contains("COPY (SELECT ctid")).toList();
  }

  /** What all segment lists say, and the blobs of all rows. */
  private static List<String> segments(PostgresRoundTrip trip, Captured captured) {
    List<String> segments = new ArrayList<>();
    for (String table : TABLES) {
      for (Node part : trip.blobs.list(trip.blobs.find(captured.node(), "data/public." + table))) {
        for (Node file : trip.blobs.list(part)) {
          segments.add(table + "/" + part.name() + "/" + file.name());
          if (file.name().endsWith(SegmentGeometry.SEGMENTS_SUFFIX)) {
            segments.add(new String(trip.blobs.content(file), StandardCharsets.UTF_8));
          } else {
            file.content().forEach(id -> segments.add(id.toString()));
          }
        }
      }
    }
    return segments;
  }
}
