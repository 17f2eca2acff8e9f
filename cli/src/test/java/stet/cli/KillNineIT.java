package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;
import stet.testkit.Restic;

/**
 * Kills the program without warning at moments spread over its work, in turn with its children and
 * without them, and looks whether what is left is whole.
 *
 * <p>{@code -Dstet.kills=20} sets how often each test kills, {@code -Dstet.seed=…} repeats the
 * moments of an earlier run, {@code -Dstet.kills.log=FILE} appends a line for each kill to a file.
 */
class KillNineIT {
  private static final int KILLS = Integer.getInteger("stet.kills", 5);
  private static final int KILLS_IN_SWAPS = Integer.getInteger("stet.kills", 2);
  private static final long SEED = Long.getLong("stet.seed", System.nanoTime() & 0xffff_ffffL);

  @TempDir static Path directory;

  private static PostgresServer server;
  private static Site site;
  private static Path temporary;
  private static String main;
  private static String extra;

  /** The state of everything in the first snapshot, and as it is live when a restore begins. */
  private static State kept;

  private static State live;
  private static String snapshot;

  private final Random random = new Random();
  private String test;

  /** Everything that the components are, database content and files together. */
  private record State(
      List<String> documents,
      List<String> events,
      String definitions,
      FilesImage media,
      FilesImage avatars) {
    static State now() {
      String sums = "select count(*), sum(id), md5(string_agg(md5(t::text), '' order by id)) from ";
      return new State(
          server.query(main, sums + "documents t"),
          server.query(extra, sums + "events t"),
          server.dumpSchema(main) + server.dumpSchema(extra),
          FilesImage.of(site.live("media")),
          FilesImage.of(site.live("avatars")));
    }
  }

  @BeforeAll
  static void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    temporary = Files.createDirectory(site.directory().resolve("tmp"));
    site.stet().with("TMPDIR", temporary.toString());
    main = site.createDatabase("main");
    extra = site.createDatabase("extra");
    server.execute(
        main,
        "create table documents (id int primary key, version text, body text)",
        "insert into documents select i, 'kept', repeat(md5(i::text), 12) from generate_series(1, 20000) i",
        "create index on documents (body)");
    server.execute(
        extra,
        "create table events (id int primary key, version text)",
        "insert into events select i, 'kept' from generate_series(1, 5000) i");
    Trees.makeMedia(site.live("media"), 1, 150, 60_000);
    Trees.makeMedia(site.live("avatars"), 2, 20, 2_000);
    site.configure(
        site.files("avatars"),
        site.postgres("main", main),
        site.files("media"),
        site.postgres("extra", extra));
    site.init();
    snapshot = site.backup();
    kept = State.now();
    server.execute(
        main,
        "update documents set version = 'live', body = reverse(body) where id % 2 = 0",
        "create table added (a int)");
    server.execute(
        extra, "update events set version = 'live'", "delete from events where id > 4000");
    Trees.makeMedia(site.live("media"), 3, 120, 60_000);
    Trees.makeMedia(site.live("avatars"), 4, 30, 2_000);
    live = State.now();
    assertThat(live).isNotEqualTo(kept);
  }

  @AfterAll
  static void close() {
    if (site != null) {
      site.close();
    }
  }

  @BeforeEach
  void seed(TestInfo info) {
    test = info.getTestMethod().orElseThrow().getName();
    random.setSeed(SEED + test.hashCode());
    log("seed %d, %d kills", SEED, KILLS);
  }

  private void log(String format, Object... arguments) {
    String line = test + ": " + String.format(Locale.ROOT, format, arguments);
    System.out.println(line);
    String file = System.getProperty("stet.kills.log");
    if (file != null) {
      try {
        Files.writeString(
            Path.of(file), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** A run that is there to be killed. */
  private final class Victim {
    private final Process process;
    private final CountDownLatch working = new CountDownLatch(1);
    private final CountDownLatch swapping = new CountDownLatch(1);
    private final StringBuilder output = new StringBuilder();
    private final Thread reader;

    Victim(String... arguments) throws IOException {
      List<String> all = new ArrayList<>(List.of(arguments));
      all.add("-v");
      // A session of its own makes it the head of a process group, as a shell's job is.
      process =
          site.stet().startUnder(List.of("setsid"), "stet.cli.Main", all.toArray(String[]::new));
      process.getOutputStream().close();
      reader = Thread.ofPlatform().start(this::read);
    }

    private void read() {
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          synchronized (output) {
            output.append(line).append('\n');
          }
          if (line.equals("capturing avatars") || line.equals("restoring avatars")) {
            working.countDown();
          }
          if (line.equals("swapping")) {
            swapping.countDown();
          }
        }
      } catch (IOException e) {
        synchronized (output) {
          output.append(e.getMessage());
        }
      }
    }

    /** Waits until it says that it begins with the first component. */
    void awaitWork() throws InterruptedException {
      await(working);
    }

    /** Waits until it says that it swaps. */
    void awaitSwapping() throws InterruptedException {
      await(swapping);
    }

    private void await(CountDownLatch latch) throws InterruptedException {
      if (!latch.await(120, TimeUnit.SECONDS)) {
        throw new AssertionError("it never came so far: " + output);
      }
    }

    /** Waits for its end, which must be good, and gives the nanoseconds since {@code from}. */
    long end(long from) throws InterruptedException {
      assertThat(process.waitFor()).as("%s", output).isZero();
      long end = System.nanoTime();
      reader.join();
      return end - from;
    }

    /** Kills it, with all its children or alone. Tells whether it was still there. */
    boolean kill(boolean group) throws Exception {
      boolean alive = process.isAlive();
      if (group) {
        new ProcessBuilder("kill", "-KILL", "--", "-" + process.pid())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor();
      } else {
        process.destroyForcibly();
      }
      process.waitFor();
      reader.join(TimeUnit.SECONDS.toMillis(10));
      site.awaitUnlocked();
      return alive && process.exitValue() == 137;
    }
  }

  /** Of a kill that found nothing to kill and does not count where the moment is chosen anew. */
  private static final String TOO_LATE = " (had ended)";

  private static void pause(long nanos) throws InterruptedException {
    TimeUnit.NANOSECONDS.sleep(Math.max(0, nanos));
  }

  /** The moment of a kill: one of the equal parts of the duration, anywhere in it. */
  private long moment(int round, long duration) {
    return (long) (duration * (round + random.nextDouble()) / KILLS);
  }

  private static String text(long nanos) {
    return Duration.ofNanos(nanos).toMillis() + " ms";
  }

  @Test
  void aKilledBackupLeavesNothingHalf() throws Exception {
    change(-1);
    Victim measured = new Victim("backup");
    measured.awaitWork();
    long duration = measured.end(System.nanoTime());
    log("a backup works for %s", text(duration));
    for (int round = 0; round < KILLS; ) {
      change(round);
      List<String> before = site.snapshotFiles();
      long moment = moment(round, duration);
      boolean group = round % 2 == 0;
      Victim victim = new Victim("backup");
      victim.awaitWork();
      pause(moment);
      boolean killed = victim.kill(group);
      List<String> left = new ArrayList<>(site.snapshotFiles());
      left.removeAll(before);

      JsonObject next = site.json("backup");
      assertThat(left).as("snapshots of a killed backup").hasSizeLessThanOrEqualTo(1);
      assertThat(site.snapshots()).containsAll(left).contains(next.string("snapshot_id"));
      for (String id : left) {
        requireWhole(id);
      }
      requireSound();
      log(
          "%d: %s after %s%s; %s",
          round,
          group ? "group" : "program",
          text(moment),
          killed ? "" : TOO_LATE,
          left.isEmpty() ? "no snapshot" : "a whole snapshot");
      if (killed) {
        round++;
      } else {
        assertThat(left).hasSize(1);
        duration = moment;
      }
    }
    restoreLive();
  }

  /** Gives a backup something to do. */
  private void change(int round) throws IOException {
    server.execute(
        main,
        "update documents set body = md5(id || '"
            + SEED
            + round
            + "') || body where id % 4 = "
            + (round & 3));
    Trees.makeMedia(site.live("media"), SEED + round, 60, 60_000);
  }

  private void requireWhole(String id) throws Exception {
    Path target = directory.resolve("whole-" + id);
    site.ok("restore", id, "--to-dir", target.toString());
    JsonObject manifest = JsonObject.parse(Files.readString(target.resolve("stet.json")));
    assertThat(manifest.objects("components"))
        .extracting(component -> component.string("name"))
        .containsExactly("avatars", "main", "media", "extra");
    FilesImage.of(target.resolve("media")).mustEqual(FilesImage.of(site.live("media")));
    long rows = 0;
    Path data = target.resolve("main/data/public.documents");
    try (Stream<Path> files = Files.walk(data)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".copy")).toList()) {
        try (Stream<String> lines = Files.lines(file)) {
          rows += lines.count();
        }
      }
    }
    assertThat(rows).isEqualTo(20_000);
    Trees.shell("rm -r -- \"$1\"", target.toString());
  }

  private void restoreLive() throws Exception {
    server.execute(main, "truncate documents");
    site.ok("restore", snapshot, "--replace");
    assertThat(State.now()).isEqualTo(kept);
    site.ok("previous", "drop", "--all");
    server.execute(
        main,
        "update documents set version = 'live', body = reverse(body) where id % 2 = 0",
        "create table added (a int)");
    server.execute(
        extra, "update events set version = 'live'", "delete from events where id > 4000");
    Trees.makeMedia(site.live("media"), 3, 120, 60_000);
    Trees.makeMedia(site.live("avatars"), 4, 30, 2_000);
    live = State.now();
  }

  /**
   * The repository is whole and nobody's lock is left in it; no private file is left either. Packs
   * that no index names are no more than a hint: who stored them was killed before the index.
   */
  private void requireSound() throws Exception {
    List<JsonObject> check = site.ok("check", "--json").documents();
    assertThat(check.getLast().integer("num_errors")).isZero();
    assertThat(check.subList(0, check.size() - 1))
        .allMatch(finding ->
            finding.string("message_type").equals("hint")
                && finding.string("message").contains(" packs are in no index;"));
    assertThat(site.repository().resolve("locks")).isEmptyDirectory();
    List<Restic> restics = Restic.installed();
    if (restics.isEmpty()) {
      site.ok("check", "--read-data");
    } else {
      site.restic(restics.getFirst(), "check", "--read-data");
    }
    assertThat(temporary).isEmptyDirectory();
  }

  @Test
  void aKilledRestoreLeavesTheOldOrTheNew() throws Exception {
    long duration = measureRestore();
    for (int round = 0; round < KILLS; ) {
      long moment = moment(round, duration);
      boolean group = round % 2 == 0;
      Victim victim = new Victim("restore", snapshot, "--replace");
      victim.awaitWork();
      pause(moment);
      boolean killed = victim.kill(group);
      judge(round, group, "after " + text(moment) + (killed ? "" : TOO_LATE));
      if (killed) {
        round++;
      } else {
        duration = moment;
      }
    }
  }

  /** Restores and rolls back once; how long the restore worked, in nanoseconds. */
  private long measureRestore() throws Exception {
    Victim victim = new Victim("restore", snapshot, "--replace");
    victim.awaitWork();
    long duration = victim.end(System.nanoTime());
    log("a restore works for %s", text(duration));
    assertThat(State.now()).isEqualTo(kept);
    backToLive();
    return duration;
  }

  private void backToLive() throws Exception {
    site.ok("rollback");
    site.ok("previous", "drop", "--all");
    assertThat(State.now()).isEqualTo(live);
    assertThat(site.beside()).isEmpty();
  }

  /** Finishes or undoes what was killed, and looks at what there is then. */
  private void judge(int round, boolean group, String when) throws Exception {
    boolean resume = (round / 2) % 2 == 0;
    JsonObject outcome = site.json("restore", resume ? "--resume" : "--abort");
    State now = State.now();
    boolean isNew = now.equals(kept);
    log(
        "%d: %s %s; --%s: finished %s, undone %s; wholly %s",
        round,
        group ? "group" : "program",
        when,
        resume ? "resume" : "abort",
        outcome.strings("finished"),
        outcome.strings("undone"),
        isNew ? "new" : now.equals(live) ? "old" : "neither: " + now);
    assertThat(isNew || now.equals(live))
        .as("%s: wholly old or wholly new: %s", when, now)
        .isTrue();
    if (!outcome.strings("finished").isEmpty()) {
      assertThat(isNew).as("a finished restore is the new state").isTrue();
    }
    if (!outcome.strings("undone").isEmpty()) {
      assertThat(isNew).as("an undone restore is the old state").isFalse();
    }
    assertThat(site.unfinished()).as("%s", when).isEmpty();
    requireSound();
    if (isNew) {
      backToLive();
    } else {
      // What was live for a moment is kept.
      site.ok("previous", "drop", "--all");
      assertThat(site.beside()).isEmpty();
    }
  }

  @Test
  void aRestoreKilledWhileItSwapsLeavesTheOldOrTheNew() throws Exception {
    Victim measured = new Victim("restore", snapshot, "--replace");
    measured.awaitSwapping();
    long swap = measured.end(System.nanoTime());
    log("a swap takes at most %s", text(swap));
    backToLive();
    for (int round = 0; round < KILLS_IN_SWAPS; round++) {
      Object media = inode("media");
      String oid = oid(main);
      boolean group = random.nextBoolean();
      Victim victim = new Victim("restore", snapshot, "--replace");
      victim.awaitSwapping();
      String when =
          switch (round % 3) {
            case 0 -> {
              while (victim.process.isAlive() && media.equals(inode("media"))) {
                Thread.onSpinWait();
              }
              yield "when the last directory was exchanged";
            }
            case 1 -> {
              try (Connection connection = server.connect("postgres");
                  Statement statement = connection.createStatement()) {
                while (victim.process.isAlive() && oid.equals(oid(statement, main))) {
                  Thread.onSpinWait();
                }
              }
              yield "when the first database was renamed";
            }
            default -> {
              long moment = (long) (swap * random.nextDouble());
              pause(moment);
              yield text(moment) + " into the swap";
            }
          };
      boolean killed = victim.kill(group);
      judge(round, group, when + (killed ? "" : TOO_LATE));
    }
  }

  /** What tells the directory from any other, or what is said if there is none for a moment. */
  private static Object inode(String name) throws IOException {
    try {
      return Files.getAttribute(site.live(name), "unix:ino");
    } catch (NoSuchFileException e) {
      return "none";
    }
  }

  private static String oid(String database) {
    return server.queryOne(
        "postgres", "select oid from pg_database where datname = '" + database + "'");
  }

  private static String oid(Statement statement, String database) throws SQLException {
    try (ResultSet row =
        statement.executeQuery("select oid from pg_database where datname = '" + database + "'")) {
      return row.next() ? row.getString(1) : "none";
    }
  }
}
