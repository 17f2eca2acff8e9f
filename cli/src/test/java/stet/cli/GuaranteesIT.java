package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** What is promised whatever happens, each promise with a test that fails where it is broken. */
class GuaranteesIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private Tools tools;
  private String database;
  private Path media;

  /** A database and a directory, captured once, and then changed. */
  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    tools = new Tools(directory.resolve("tools"));
    database = site.createDatabase("shop");
    server.execute(
        database,
        "create table customers (id int primary key, name text)",
        "insert into customers select i, 'name ' || i from generate_series(1, 2000) i",
        "create table orders (id int primary key, customer int references customers)",
        "insert into orders select i, i from generate_series(1, 2000) i");
    media = Files.createDirectories(site.live("media"));
    Files.writeString(media.resolve("file"), "old");
    configure();
  }

  private void configure() throws IOException {
    site.configure(site.files("media"), site.postgres("default", database, tools));
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  /** What is live, by content and by what tells it from any copy. */
  private record Live(DatabaseImage rows, FilesImage files, String oid, Object inode) {}

  private Live live() throws IOException {
    return new Live(
        DatabaseImage.of(server, database),
        FilesImage.of(media),
        server.queryOne(
            "postgres", "select oid from pg_database where datname = '" + database + "'"),
        Files.getAttribute(media, "unix:ino"));
  }

  private void backUpAndChange() throws Exception {
    site.init();
    site.backup();
    server.execute(database, "update customers set name = 'new' where id < 100");
    Files.writeString(media.resolve("file"), "new");
  }

  private void requireUntouched(Live before) throws IOException {
    assertThat(live()).isEqualTo(before);
    assertThat(site.beside()).isEmpty();
    assertThat(site.repository().resolve("locks")).isEmptyDirectory();
  }

  // 1. No half snapshot.

  @Test
  void aFileThatNeverHoldsStillFailsTheBackupUnlessThatIsAllowed() throws Exception {
    Path restless = media.resolve("restless");
    Files.write(restless, new byte[30_000_000]);
    site.init();
    AtomicBoolean ended = new AtomicBoolean();
    Thread writer =
        Thread.ofPlatform()
            .start(() -> {
              while (!ended.get()) {
                try {
                  Files.write(restless, new byte[] {1}, StandardOpenOption.APPEND);
                  Thread.sleep(1);
                } catch (IOException | InterruptedException e) {
                  return;
                }
              }
            });
    try {
      Stet.Result failed = site.run("backup");
      assertThat(failed.status()).isEqualTo(21);
      assertThat(failed.error())
          .isEqualTo(
              "stet: error: "
                  + restless
                  + " changed while it was read\n"
                  + "hint: Try again when it is quiet, exclude it, or set on_change: warn.\n");
      assertThat(site.snapshotFiles()).isEmpty();
      assertThat(site.repository().resolve("locks")).isEmptyDirectory();

      site.configure("{ files: media, path: \"" + media + "\", on_change: warn }");
      Stet.Result allowed = site.run("backup", "--json");
      assertThat(allowed.status()).isEqualTo(3);
      assertThat(allowed.document().strings("skipped"))
          .containsExactly("media: " + restless + " changed while it was read");
      JsonObject manifest = JsonObject.parse(site.ok("dump", "latest", "/stet.json").output());
      assertThat(manifest.objects("components").getFirst().object("details").strings("skipped"))
          .containsExactly(restless + " changed while it was read");
    } finally {
      ended.set(true);
      writer.join();
    }
  }

  /** Begins a command, sends it a signal while that program of PostgreSQL's runs. */
  private Process signalled(String signal, String program, String... command) throws Exception {
    Stet.assumeHeard(signal);
    tools.hold(program);
    Process process = site.stet().start("stet.cli.Main", command);
    process.getOutputStream().close();
    tools.awaitReached(process);
    Trees.shell("kill -\"$1\" \"$2\"", signal, Long.toString(process.pid()));
    return process;
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM"})
  void aBackupThatIsAskedToStopLeavesNothing(String signal) throws Exception {
    site.init();
    Process process = signalled(signal, "pg_dump", "backup");
    long held = Long.parseLong(Files.readString(tools.directory().resolve("reached")).strip());

    Stet.Result result = Stet.end(process);

    assertThat(result.status()).isEqualTo(130);
    assertThat(result.error()).isEqualTo("stet: error: interrupted\n");
    awaitEnd(held);
    assertThat(site.snapshotFiles()).isEmpty();
    assertThat(site.repository().resolve("locks")).isEmptyDirectory();
  }

  /** Who was killed is there for a moment more. */
  private static void awaitEnd(long pid) throws Exception {
    Optional<ProcessHandle> process = ProcessHandle.of(pid);
    if (process.isPresent()) {
      process.get().onExit().get(60, TimeUnit.SECONDS);
    }
  }

  /** As restic ignores it while it holds a lock. */
  @Test
  void aBackupGoesOnWhenItsTerminalIsGone() throws Exception {
    site.init();
    Process process = signalled("HUP", "pg_dump", "backup");

    assertThat(process.waitFor(1, TimeUnit.SECONDS)).isFalse();
    tools.release();
    assertThat(Stet.end(process).status()).isZero();
    assertThat(site.snapshotFiles()).hasSize(1);
  }

  @Test
  void oneOperationAtATimeWorksOnAnEnvironment() throws Exception {
    site.init();
    tools.hold("pg_dump");
    Process process = site.stet().start("stet.cli.Main", "backup");
    process.getOutputStream().close();
    tools.awaitReached(process);
    for (String[] other :
        List.of(
            new String[] {"backup"},
            new String[] {"restore", "--replace"},
            new String[] {"rollback"},
            new String[] {"previous", "drop", "--all"},
            new String[] {"restore", "--abort"})) {
      Stet.Result refused = site.run(other);
      assertThat(refused.status()).as("%s", refused).isEqualTo(11);
      assertThat(refused.error())
          .startsWith(
              "stet: error: another operation works on environment \"production\" of \"shop\": server process ");
    }
    Stet.Result check = site.run("check");
    assertThat(check.status()).as("%s", check).isEqualTo(11);
    tools.release();
    assertThat(Stet.end(process).status()).isZero();
    assertThat(site.json("check", "--read-data").integer("num_errors")).isZero();
  }

  // 2. Coherent; the order of components, and that one fails all, is in AcceptanceIT.

  @Test
  void aDatabaseIsOfOneMomentHoweverMuchIsWritten() throws Exception {
    server.execute(
        database,
        "create table accounts (id int primary key, money int, pad text)",
        "insert into accounts select i, 1000, repeat('x', 400) from generate_series(1, 40000) i",
        "create table transfers (id serial, payer int, receiver int)");
    site.init();
    AtomicBoolean ended = new AtomicBoolean();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread writer =
        Thread.ofPlatform()
            .start(() -> {
              try (Connection connection = server.connect(database);
                  Statement statement = connection.createStatement()) {
                for (int i = 0; !ended.get(); i++) {
                  // Between rows that are far from each other, and so are read one after the other.
                  String accounts = i % 20_000 + 1 + ", " + (40_000 - i % 20_000);
                  statement.execute(
                      "with t as (insert into transfers (payer, receiver) values ("
                          + accounts
                          + ") returning payer)"
                          + " update accounts set money = money + case id when payer then -1 else 1 end"
                          + " from t where id in ("
                          + accounts
                          + ")");
                }
              } catch (SQLException e) {
                failure.set(e);
              }
            });
    String before = server.queryOne(database, "select count(*) from transfers");
    try {
      site.backup();
    } finally {
      ended.set(true);
      writer.join();
    }
    assertThat(failure.get()).isNull();
    assertThat(server.queryOne(database, "select count(*) from transfers")).isNotEqualTo(before);

    site.ok("restore", "--replace");

    assertThat(server.queryOne(database, "select sum(money) from accounts")).isEqualTo("40000000");
    assertThat(
            server.query(
                database,
                "select id, money from accounts except"
                    + " select a.id, 1000 + count(r.id) - count(p.id) from accounts a"
                    + " left join transfers r on r.receiver = a.id"
                    + " left join transfers p on p.payer = a.id group by a.id"))
        .isEmpty();
  }

  // 3. Never destroy before proven.

  @Test
  void aRestoreThatFailsTouchesNothing() throws Exception {
    backUpAndChange();
    Live before = live();
    for (String[] failure :
        List.of(
            new String[] {"pre-data", "exit 1", "pg_restore ended with exit status 1"},
            new String[] {
              "post-data",
              "\"$real\" \"$@\"; echo late >&2; exit 7",
              "pg_restore ended with exit status 7: late"
            },
            new String[] {"post-data", "kill -9 $$", "pg_restore was ended by signal KILL"})) {
      tools.wrap(
          "pg_restore",
          "case \"$*\" in *--section="
              + failure[0]
              + "*) "
              + failure[1]
              + " ;; *) exec \"$real\" \"$@\" ;; esac");

      Stet.Result result = site.run("restore", "--replace");

      assertThat(result.status()).as("%s", result).isEqualTo(21);
      assertThat(result.error())
          .startsWith(
              "stet: error: cannot restore the definitions (" + failure[0] + ") of default: ")
          .contains(failure[2]);
      requireUntouched(before);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM"})
  void aRestoreThatIsAskedToStopTouchesNothing(String signal) throws Exception {
    backUpAndChange();
    Live before = live();

    Stet.Result result = Stet.end(signalled(signal, "pg_restore", "restore", "--replace"));

    assertThat(result.status()).as("%s", result).isEqualTo(130);
    requireUntouched(before);
  }

  @Test
  void aSwapThatFailsIsSwappedBack() throws Exception {
    backUpAndChange();
    server.execute(
        database, "begin", "insert into orders values (5000, 1)", "prepare transaction 'open'");
    Live before = live();

    Stet.Result result = site.run("restore", "--replace");

    assertThat(result.status()).as("%s", result).isEqualTo(21);
    assertThat(result.error())
        .isEqualTo(
            "stet: error: database \""
                + database
                + "\" has prepared transactions: \"open\"\n"
                + "hint: Commit or roll them back with COMMIT PREPARED or ROLLBACK PREPARED, then try again.\n");
    requireUntouched(before);

    server.execute(database, "rollback prepared 'open'");
    site.ok("restore", "--replace");
    assertThat(Files.readString(media.resolve("file"))).isEqualTo("old");
    assertThat(server.queryOne(database, "select count(*) from customers where name = 'new'"))
        .isEqualTo("0");
  }

  @Test
  void nothingElseHappensWhileARestoreIsHalfWay() throws Exception {
    site.live("other").toFile().mkdir();
    Files.writeString(site.live("other").resolve("file"), "other");
    site.configure(
        site.files("media"), site.postgres("default", database, tools), site.files("other"));
    backUpAndChange();
    site.ok("restore", "--replace");
    String kept = site.json("previous", "list").objects("previous").getFirst().string("operation");
    server.execute(database, "update customers set name = 'newer' where id < 100");
    Files.writeString(media.resolve("file"), "newer");
    Live before = live();
    killInTheMiddleOfTheSwap();
    assertThat(Files.getAttribute(media, "unix:ino")).isNotEqualTo(before.inode);

    for (String[] other :
        List.of(
            new String[] {"backup"},
            new String[] {"backup", "-n"},
            new String[] {"restore", "--replace"},
            new String[] {"restore", "--replace", "--only", "other"},
            new String[] {"rollback"},
            new String[] {"previous", "drop", "--all"},
            new String[] {"previous", "drop", kept})) {
      Stet.Result refused = site.run(other);
      assertThat(refused.status()).as("%s: %s", List.of(other), refused).isEqualTo(24);
      assertThat(refused.error())
          .contains("was interrupted during its swap\nhint: Run `stet restore --resume`");
    }
    // Somebody works on what is live meanwhile.
    Files.writeString(media.resolve("uploaded"), "nowhere else");
    Stet.Result aborted = site.ok("restore", "--abort");

    assertThat(live()).isEqualTo(before);
    assertThat(site.unfinished()).isEmpty();
    List<JsonObject> previous = site.json("previous", "list").objects("previous");
    assertThat(previous).hasSize(2);
    assertThat(previous.getFirst().string("operation")).isEqualTo(kept);
    assertThat(previous.getFirst().flag("undone", true)).isFalse();
    String undone = previous.getLast().string("operation");
    assertThat(previous.getLast().flag("undone", false)).isTrue();
    assertThat(previous.getLast().strings("components")).contains("media");
    assertThat(site.live("media.previous-" + undone).resolve("uploaded"))
        .hasContent("nowhere else");
    assertThat(aborted.error())
        .contains("is kept as media.previous-" + undone + " because it was live");
    site.ok("previous", "drop", undone);
    site.backup();
  }

  /** Kills a restore between the swap of the directory and that of the database. */
  private void killInTheMiddleOfTheSwap() throws Exception {
    Object inode = Files.getAttribute(media, "unix:ino");
    try (Connection holder = server.connect("postgres")) {
      holder.setAutoCommit(false);
      try (Statement statement = holder.createStatement()) {
        // Its lock on the database keeps the restore from renaming it.
        statement.execute(
            "comment on database " + PostgresServer.identifier(database) + " is 'held'");
      }
      Process process = site.stet().start("stet.cli.Main", "restore", "--replace");
      process.getOutputStream().close();
      while (process.isAlive() && isLive(inode)) {
        Thread.sleep(1);
      }
      assertThat(process.isAlive()).isTrue();
      process.destroyForcibly().waitFor();
      holder.rollback();
    }
    String sessions = "select count(*) from pg_stat_activity where application_name = 'stet'";
    while (!server.queryOne("postgres", sessions).equals("0")) {
      Thread.sleep(10);
    }
  }

  private boolean isLive(Object inode) throws IOException {
    try {
      return inode.equals(Files.getAttribute(media, "unix:ino"));
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  @Test
  void whatWasReplacedStaysUntilItIsDroppedOrHasExpired() throws Exception {
    backUpAndChange();
    site.ok("restore", "--replace");
    site.backup();
    site.ok("restore", "--replace");
    assertThat(site.json("previous", "list").objects("previous"))
        .hasSize(2)
        .allMatch(each -> each.integer("bytes") > 1_000_000);
    assertThat(site.ok("previous", "list").output()).doesNotContain("?");

    Files.writeString(
        directory.resolve("stet.yaml"),
        "restore: { keep_previous: 1s }\n",
        StandardOpenOption.APPEND);
    Thread.sleep(1100);
    site.backup();

    assertThat(site.beside()).isEmpty();
  }

  // 4. Equal.

  @Test
  void aRowThatDiffersIsFoundBeforeTheSwap() throws Exception {
    backUpAndChange();
    Live before = live();
    for (String[] tamper :
        List.of(
            new String[] {
              "update customers set name = 'Name 7' where id = 7",
              "table \"public\".\"customers\": captured 2000 rows"
            },
            new String[] {
              "delete from orders where id = 2000",
              "table \"public\".\"orders\": captured 2000 rows"
            },
            new String[] {"create view more as select 1 as one", "number of "},
            new String[] {
              "alter table customers drop constraint customers_pkey cascade", "number of "
            })) {
      tools.wrap(
          "pg_restore",
          "\"$real\" \"$@\" || exit\ncase \"$*\" in *--section=post-data*)\n"
              + "  for a; do case $a in --dbname=*) db=$a ;; esac; done\n"
              + "  \"$bin/psql\" -X -q -v ON_ERROR_STOP=1 \"$db\" -c \""
              + tamper[0]
              + "\" ;;\nesac");

      Stet.Result result = site.run("restore", "--replace", "--json");

      assertThat(result.status()).as("%s", result).isEqualTo(1);
      JsonObject error = result.errorDocument();
      assertThat(error.string("code")).isEqualTo("verification-failed");
      assertThat(error.string("message"))
          .startsWith("the restored database differs from the captured one: ")
          .contains(tamper[1]);
      assertThat(error.string("hint")).startsWith("The live state was not touched.");
      requireUntouched(before);
    }
  }

  @Test
  void aDamagedPackIsFoundBeforeTheSwap() throws Exception {
    backUpAndChange();
    Live before = live();
    try (Stream<Path> packs = Files.walk(site.repository().resolve("data"))) {
      for (Path pack : packs.filter(Files::isRegularFile).toList()) {
        pack.toFile().setWritable(true);
        try (RandomAccessFile file = new RandomAccessFile(pack.toFile(), "rw")) {
          file.seek(10);
          int old = file.read();
          file.seek(10);
          file.write(old ^ 1);
        }
      }
    }

    Stet.Result checked = site.run("check", "--read-data", "--json");
    Stet.Result restored = site.run("restore", "--replace", "--json");

    assertThat(checked.status()).isEqualTo(1);
    assertThat(checked.documents().getLast().integer("num_errors")).isPositive();
    assertThat(checked.errorDocument().string("code")).isEqualTo("repository-damaged");
    assertThat(restored.status()).isEqualTo(1);
    assertThat(restored.errorDocument().string("code")).isEqualTo("repository-damaged");
    requireUntouched(before);
  }

  // 5. Truthful; what documents hold is in JsonOutputIT.

  @Test
  void textDocumentAndStatusSayTheSame() throws Exception {
    site.init();
    Stet.Result first = site.ok("backup");
    assertThat(first.output()).isEmpty();
    assertThat(first.error())
        .contains("it is not proven until it has been restored")
        .doesNotContain("verified");
    String[][] failing = {
      {"10", "no-repository", "-c", "elsewhere.yaml", "backup"},
      {"12", "wrong-password", "-c", "wrong.yaml", "snapshots"},
      {"20", "configuration", "-c", "nothing.yaml", "backup"},
      {"21", "source", "-c", "missing.yaml", "backup"},
      {"2", "usage", "restore", "--resume", "--abort"},
      {"1", "not-found", "restore", "00000000"},
      {"24", "refused", "restore"},
      {"1", "repository-exists", "init"},
    };
    String text = Files.readString(directory.resolve("stet.yaml"));
    site.secret("elsewhere.yaml", text.replace("location: repository", "location: elsewhere"));
    site.secret("wrong.yaml", text.replace("password_file: password", "password: wrong"));
    site.secret("missing.yaml", text.replace(database, database + "_not"));
    for (String[] each : failing) {
      String[] command = List.of(each).subList(2, each.length).toArray(String[]::new);
      Stet.Result told = site.run(command);
      List<String> withJson = new ArrayList<>(List.of(command));
      withJson.add("--json");
      Stet.Result json = site.run(withJson.toArray(String[]::new));

      assertThat(told.status()).as("%s", told).isEqualTo(Integer.parseInt(each[0]));
      assertThat(json.status()).isEqualTo(told.status());
      JsonObject error = json.errorDocument();
      assertThat(error.string("code")).isEqualTo(each[1]);
      assertThat(error.integer("exit")).isEqualTo(told.status());
      assertThat(told.error())
          .isEqualTo(
              "stet: error: " + error.string("message") + "\nhint: " + error.string("hint") + "\n");
      assertThat(told.output()).isEmpty();
      assertThat(json.output()).isEmpty();
    }
  }

  // 6. Consent; that of protected environments is in EndToEndIT.

  @Test
  void consentIsNeverAssumed() throws Exception {
    backUpAndChange();
    Live before = live();
    for (List<String> options :
        List.of(
            List.<String>of(),
            List.of("--no-input"),
            List.of("--json"),
            List.of("--only", "default"))) {
      List<String> command = new ArrayList<>(List.of("restore"));
      command.addAll(options);
      Process process = site.stet().start("stet.cli.Main", command.toArray(String[]::new));
      try (var input = process.getOutputStream()) {
        input.write("y\nyes\n".getBytes());
      } catch (IOException e) {
        // It does not even read, or has ended.
        assertThat(e).hasMessageMatching("Broken pipe|Stream closed");
      }
      Stet.Result result = Stet.end(process);
      assertThat(result.status()).as("%s", result).isEqualTo(24);
      requireUntouched(before);
    }
  }

  @Test
  void aPersonAtATerminalIsAsked() throws Exception {
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/script")), "there is no script(1) to make a terminal");
    backUpAndChange();
    Live before = live();

    String refused = atTerminal("n");
    assertThat(refused)
        .contains(" are not empty. Replace by snapshot ", "? [y/N] ", "and it was not confirmed");
    requireUntouched(before);

    String done = atTerminal("y");
    assertThat(done).contains("every row and file verified");
    assertThat(media.resolve("file")).hasContent("old");
  }

  /** However long it takes: what is told may not be more than what is left without the waiting. */
  @Test
  void theTimeOfAnAnswerIsNoPartOfARestore() throws Exception {
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/script")), "there is no script(1) to make a terminal");
    backUpAndChange();
    long started = System.nanoTime();
    Process terminal = startAtTerminal();
    try {
      StringBuilder said = new StringBuilder();
      while (said.indexOf("? [y/N] ") < 0) {
        int next = terminal.getInputStream().read();
        assertThat(next).as(said.toString()).isNotNegative();
        said.append((char) next);
      }
      long asked = System.nanoTime();
      Thread.sleep(5000);
      long held = System.nanoTime() - asked;
      terminal.getOutputStream().write("y\n".getBytes());
      terminal.getOutputStream().flush();
      said.append(new String(terminal.getInputStream().readAllBytes()));
      double rest = (System.nanoTime() - started - held) / 1e9;

      Matcher told = Pattern.compile("verified, in ([0-9.]+) s").matcher(said);
      assertThat(told.find()).as(said.toString()).isTrue();
      assertThat(Double.parseDouble(told.group(1))).isLessThanOrEqualTo(rest + 0.1);
    } finally {
      terminal.destroy();
    }
  }

  private Process startAtTerminal() throws IOException {
    StringBuilder command = new StringBuilder();
    for (String word : Stet.command("stet.cli.Main", "restore")) {
      command.append('\'').append(word.replace("'", "'\\''")).append("' ");
    }
    return site.stet().start(List.of("script", "-qfec", command.toString(), "/dev/null"));
  }

  private String atTerminal(String answer) throws Exception {
    Process terminal = startAtTerminal();
    try (var input = terminal.getOutputStream()) {
      input.write((answer + "\n").getBytes());
      input.flush();
      return Stet.end(terminal).output();
    }
  }

  @Test
  void whatIsEmptyIsFilledWithoutAsking() throws Exception {
    backUpAndChange();
    server.dropDatabase(database);
    server.createDatabase(database);
    Trees.shell("rm -- \"$1\"/*", media.toString());

    site.ok("restore");

    assertThat(media.resolve("file")).hasContent("old");
    assertThat(server.queryOne(database, "select count(*) from orders")).isEqualTo("2000");
  }

  // 7. Secrets: AcceptanceIT.passwordStaysSecret.

  // 8. Exact names.

  @Test
  void namesAreOnlyNames() throws Exception {
    String odd = "x'; drop table t; --\"$(touch pwned) `touch pwned` %s \\ é";
    site.adopt(odd);
    server.createDatabase(odd);
    server.execute(
        odd,
        "create table \"t; drop table u; --\" (\"a'b\" text)",
        "insert into \"t; drop table u; --\" values ('1')",
        "create table u (v text)",
        "create table \"U\" (v text)",
        "create table u_2 (v text)",
        "insert into u values ('u')",
        "insert into \"U\" values ('U')",
        "insert into u_2 values ('u_2')");
    Path tree = site.live("a b'c\"$(touch pwned); rm -rf *");
    Files.createDirectories(tree);
    Files.writeString(tree.resolve("$(touch pwned)"), "x");
    site.configure(
        "{ postgres: default, url: \"" + server.url(odd) + "\" }",
        "{ files: tree, path: '" + tree.toString().replace("'", "''") + "' }");
    DatabaseImage rows = DatabaseImage.of(server, odd);
    FilesImage files = FilesImage.of(tree);
    site.init();
    site.backup();
    server.execute(odd, "drop table u", "update \"U\" set v = 'x'");
    Files.writeString(tree.resolve("more"), "x");

    site.ok("restore", "--replace");

    DatabaseImage.of(server, odd).mustEqual(rows);
    FilesImage.of(tree).mustEqual(files);
    try (Stream<Path> all = Files.walk(directory)) {
      assertThat(all.filter(path -> path.endsWith("pwned"))).isEmpty();
    }
    assertThat(Path.of("pwned")).doesNotExist();
    site.ok("rollback");
    assertThat(server.queryOne(odd, "select v from \"U\"")).isEqualTo("x");
    assertThat(tree.resolve("more")).hasContent("x");
    site.ok("previous", "drop", "--all");
  }

  @Test
  void whatOnlyLooksLikeStetsOwnIsLeftAlone() throws Exception {
    backUpAndChange();
    List<String> neighbours =
        List.of(
            database + "_staging-0a1b2c3d",
            database + "2.staging-0a1b2c3d",
            database + ".staging-0a1b2c3",
            database + ".previous-0A1B2C3D",
            "x" + database + ".previous-0a1b2c3d");
    neighbours.forEach(site::adopt);
    neighbours.forEach(server::createDatabase);
    List<Path> directories =
        Stream.of(
                "media_staging-0a1b2c3d",
                "media2.staging-0a1b2c3d",
                "media.staging-0a1b2c3",
                "xmedia.previous-0a1b2c3d")
            .map(site::live)
            .toList();
    for (Path each : directories) {
      Files.createDirectory(each);
    }

    site.ok("restore", "--replace");
    site.ok("restore", "--abort");
    site.ok("rollback");
    site.ok("previous", "drop", "--all");

    assertThat(server.databases()).containsAll(neighbours);
    assertThat(directories).allMatch(Files::isDirectory);
  }

  // 10. Bad input.

  @Test
  void badInputGetsOneClearErrorAndChangesNothing() throws Exception {
    site.init();
    String id = site.backup().substring(0, 8);
    Live before = live();
    // A lock that comes and goes leaves its directory with another time.
    String locks = "locks\\|d.*";
    FilesImage repository = site.repositoryImage().without(locks);
    String port = Integer.toString(server.port());
    String where = "on 127.0.0.1:" + port + " as user \"postgres\"";
    Files.writeString(directory.resolve("plain"), "");
    Files.createSymbolicLink(directory.resolve("link"), media);
    String now = Files.readString(directory.resolve("stet.yaml"));
    String files = "{ files: media, path: \"" + media + "\" }";
    String url = server.url(database);

    bad(
        2,
        "unknown verb \"bakup\"",
        "Did you mean backup? `stet --help` shows what it takes.",
        null,
        "bakup");
    bad(
        2,
        "unexpected argument \"more\"",
        "`stet backup --help` shows what it takes.",
        null,
        "backup",
        "more");
    bad(
        2,
        "--at \"tomorrow\" is not a time",
        "Write it like 2026-11-20, 2026-11-20T14:30 or 2026-11-20T14:30:00Z.",
        null,
        "restore",
        "--at",
        "tomorrow");
    bad(
        2,
        "--read-data-subset 3/2 is neither a percentage from 1% to 100% nor a part",
        "Write it like 2/7, with at most 256 parts, or like 10%.",
        null,
        "check",
        "--read-data-subset",
        "3/2");
    bad(
        2,
        "stet.yaml has no environment \"preprod\"",
        "Its environments are production.",
        null,
        "--env",
        "preprod",
        "backup");
    bad(
        2,
        "name the operations whose states to remove, or give --all",
        "`stet previous list` shows them.",
        null,
        "previous",
        "drop");
    bad(
        1,
        "no previous state of operation \"12345678\" is kept",
        "None is kept at all.",
        null,
        "previous",
        "drop",
        "12345678");
    bad(
        1,
        "snapshot " + id + " has no component \"nope\"",
        "It has: media, default.",
        null,
        "restore",
        "--only",
        "nope",
        "--replace");
    bad(
        1,
        "there is no /media/nope in snapshot " + id,
        "There is: file.",
        null,
        "dump",
        "latest",
        "/media/nope");
    bad(
        1,
        "/media in snapshot " + id + " is not a file but a dir",
        "Use `stet restore " + id + " --to-dir DIR` for whole trees.",
        null,
        "dump",
        "latest",
        "/media");
    bad(
        24,
        "directory " + media + " is not empty",
        "Give a directory that is empty or does not exist.",
        null,
        "restore",
        "--to-dir",
        media.toString());
    bad(
        21,
        "cannot open " + directory + "/nowhere: no such file or directory (ENOENT)",
        "Create the directory that " + directory + "/nowhere/deep is to lie in.",
        null,
        "restore",
        "--to-dir",
        "nowhere/deep");
    bad(
        20,
        "the configuration file nope.yaml does not exist",
        "docs/configuration.md shows one.",
        null,
        "-c",
        "nope.yaml",
        "backup");
    bad(
        20,
        "stet.yaml:7:35: environments.production.state[0].pth: unknown key; did you mean path?",
        null,
        "{ files: media, path: /x, pth: /y }",
        "backup");
    String misspelt = files.replace(" }", ", on_change: explode }");
    bad(
        20,
        "stet.yaml:7:"
            + (9 + misspelt.indexOf("explode"))
            + ": environments.production.state[0].on_change: unknown word \"explode\"",
        "Use one of retry, warn, fail.",
        misspelt,
        "backup");
    bad(
        20,
        "stet.yaml:7:31: environments.production.state[0].path: "
            + directory
            + "/link is a symbolic link",
        "Give the path it leads to: " + media + ".",
        "{ files: media, path: \"" + directory + "/link\" }",
        "backup");
    bad(
        21,
        directory + "/plain is not a directory",
        "Check the component's path.",
        "{ files: media, path: \"" + directory + "/plain\" }",
        "backup");
    bad(
        21,
        "cannot open " + directory + "/missing: no such file or directory (ENOENT)",
        "Check the component's path.",
        "{ files: media, path: \"" + directory + "/missing\" }",
        "backup");
    bad(
        20,
        "stet.yaml:7:9: default.url: unknown connection parameter \"sslmod\"",
        null,
        "{ postgres: default, url: \"" + url + "?sslmod=x\" }",
        "backup");
    bad(
        20,
        "stet.yaml:7:9: default.url: not a PostgreSQL connection string: unknown scheme \"mysql\"",
        "Write it as postgresql://user@host/database.",
        "{ postgres: default, url: \"mysql://x/y\" }",
        "backup");
    bad(
        21,
        "cannot connect to database \"nope\" " + where + ": database \"nope\" does not exist",
        "Check the database's name; `psql -l` lists what the server has.",
        "{ postgres: default, url: \"" + server.url("nope") + "\" }",
        "backup");
    bad(
        21,
        "cannot connect to database \"postgres\" "
            + where
            + ": password authentication failed for user \"postgres\"",
        "Check the user's name and password, and the server's pg_hba.conf.",
        "{ postgres: default, url: \"" + server.url(database, "postgres", "wrong") + "\" }",
        "backup");
    bad(
        21,
        "pg_dump and pg_restore not found in /nonexistent",
        "Install the package postgresql-client-"
            + server.majorVersion()
            + " or newer, or name the directory of its programs with the setting \"tools\".",
        "{ postgres: default, url: \"" + url + "\", tools: /nonexistent }",
        "backup");
    bad(
        20,
        "component media was captured as files but is configured as postgres",
        "Restore it into a component of the same kind.",
        "{ postgres: media, url: \"" + url + "\" }",
        "restore",
        "--only",
        "media",
        "--replace");
    bad(
        1,
        "environment production has no component \"default\" to restore into",
        "It has: media. Add the component to the configuration, or choose with --only.",
        files,
        "restore",
        "--replace");

    site.secret("stet.yaml", now);
    requireUntouched(before);
    site.repositoryImage().without(locks).mustEqual(repository);
  }

  /**
   * Runs a command that must fail.
   *
   * @param hint what the hint is, or null if there is any or none
   * @param component the only component that is configured, or null for all as they are
   */
  private void bad(int status, String message, String hint, String component, String... command)
      throws Exception {
    if (component == null) {
      configure();
    } else {
      site.configure(component);
    }
    Stet.Result result = site.run(command);
    assertThat(result.error()).as("%s", result).startsWith("stet: error: " + message + "\n");
    if (hint != null) {
      assertThat(result.error()).isEqualTo("stet: error: " + message + "\nhint: " + hint + "\n");
    }
    assertThat(result.status()).as("%s", result).isEqualTo(status);
    assertThat(result.output()).isEmpty();
  }
}
