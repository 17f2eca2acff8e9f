package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;
import stet.testkit.Restic;

/** Proves snapshots, and breaks what a trial restores to see that it is noticed. */
class ProofIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private Tools tools;
  private String database;
  private Path media;
  private Path temporary;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    // The scratch server's socket needs a short path.
    temporary = Files.createTempDirectory(Path.of("/tmp"), "stet-proof-");
    Trees.shell("chmod 755 \"$1\"", temporary.toString());
    site.stet().with("TMPDIR", temporary.toString());
    tools = new Tools(directory.resolve("tools"));
    database = site.createDatabase("shop");
    server.execute(
        database,
        "create table customers (id serial primary key, name text not null)",
        "insert into customers (name) select 'name ' || i from generate_series(1, 3000) i",
        "create table documents (id int primary key, file text)",
        "insert into documents select i, i || '.txt' from generate_series(1, 20) i",
        "create index by_name on customers (name)",
        "create view names as select name from customers",
        "comment on table customers is 'who buys'",
        "grant select on customers to public",
        "select lo_from_bytea(4242, 'large')");
    media = Files.createDirectories(site.live("media"));
    for (int i = 1; i <= 20; i++) {
      Files.writeString(media.resolve(i + ".txt"), "text " + i);
    }
    configure("");
    site.init();
  }

  @AfterEach
  void close() throws Exception {
    if (site != null) {
      site.close();
      Trees.shell("rm -rf -- \"$1\"", temporary.toString());
    }
  }

  private void configure(String more) throws IOException {
    site.configure(site.postgres("default", database, tools), site.files("media"));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        "rules: { no dangling document: each documents.file exists in media }\n" + more,
        StandardOpenOption.APPEND);
  }

  private void requireNothingLeft() throws Exception {
    assertThat(temporary).isEmptyDirectory();
    assertThat(server.databases()).noneMatch(name -> name.startsWith("stet_scratch_"));
    assertThat(site.beside()).isEmpty();
    awaitNothingRuns();
  }

  /** What kept a server is there for a moment more. */
  private void awaitNothingRuns() throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    List<String> commands = commands();
    while (!commands.isEmpty() && System.nanoTime() < end) {
      Thread.sleep(20);
      commands = commands();
    }
    assertThat(commands).isEmpty();
  }

  /** The command lines of processes that have to do with {@link #temporary}. */
  private List<String> commands() throws IOException {
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      return processes
          .filter(process -> process.getFileName().toString().matches("[0-9]+"))
          .map(process -> {
            try {
              return Files.readString(process.resolve("cmdline"));
            } catch (IOException e) {
              return ""; // it has ended
            }
          })
          .filter(command -> command.contains(temporary.toString()))
          .toList();
    }
  }

  private String level(JsonObject summary, String component, String level) {
    JsonObject found =
        summary.objects("levels").stream()
            .filter(each ->
                each.string("component").equals(component) && each.string("level").equals(level))
            .findFirst()
            .orElseThrow();
    return (found.flag("ran", false) ? "" : "not: ") + found.string("detail");
  }

  @Test
  void aScratchWithoutRoomForAServerSaysWhereToLookForIt() throws Exception {
    site.backup();
    try (Disk small = Disk.mount("size=8m,mode=0755", temporary)) {
      Stet.Result failed = site.run("prove");

      assertThat(failed.status()).as("%s", failed).isEqualTo(21);
      assertThat(failed.error())
          .contains("No space left on device", "\nhint: Set TMPDIR to a directory with space");
      assertThat(small.where()).isEmptyDirectory();
    }
  }

  @Test
  void aSnapshotIsProvenOnAServerOfItsOwn() throws Exception {
    configure(
        """
        proof:
          assert:
            - { sql: select count(*) from customers, min: 3000, max: 3000 }
            - { command: [ sh, -c, 'test "$(psql -Atc "select count(*) from names")" = 3000 && grep -q "text 7" "$STET_FILES_MEDIA/7.txt"' ] }
        objectives: { rpo: 1d, rto: 1h, proof_age: 7d }
        """);
    String snapshot = site.backup();
    String live = server.dumpSortedData(database);

    JsonObject summary = site.json("prove");

    new JsonPage().printed("prove", summary);
    assertThat(summary.string("snapshot_id")).isEqualTo(snapshot);
    assertThat(summary.flag("passed", false)).isTrue();
    assertThat(summary.strings("failures")).isEmpty();
    assertThat(level(summary, "default", "transport")).startsWith("every blob");
    assertThat(level(summary, "default", "rows")).isEqualTo("the rows of 2 tables");
    assertThat(level(summary, "default", "content")).contains("1 sequence, 1 large object");
    assertThat(level(summary, "default", "objects")).endsWith("definitions, word by word");
    assertThat(level(summary, "default", "physical")).endsWith("b-tree indexes by amcheck");
    assertThat(level(summary, "default", "durability")).startsWith("not: ");
    assertThat(level(summary, "media", "content")).startsWith("every file");
    assertThat(summary.objects("rules").getFirst().integer("violations")).isZero();
    assertThat(server.dumpSortedData(database)).isEqualTo(live);
    requireNothingLeft();

    assertThat(site.snapshots()).containsExactly(snapshot);
    assertThat(site.json("restore", "--replace").string("snapshot_id")).isEqualTo(snapshot);
    site.ok("previous", "drop", "--all");
    assertThat(site.json("check", "--read-data").integer("num_errors")).isZero();
    for (Restic restic : Restic.installed()) {
      site.restic(restic, "check", "--read-data");
    }
    Stet.Result status = site.ok("status", "--check");
    assertThat(status.output())
        .contains("green  proof: snapshot " + snapshot.substring(0, 8))
        .contains("green  coherence: the rule holds\n")
        .endsWith("green  environment production is backed up and proven\n");
  }

  @Test
  void aServerThatIsThereServesToo() throws Exception {
    configure("proof: { server: same, files: read }\n");
    site.backup();

    JsonObject summary = site.json("prove");

    assertThat(level(summary, "default", "durability")).startsWith("all was flushed");
    for (String level : List.of("content", "metadata")) {
      assertThat(level(summary, "media", level)).startsWith("not: files were only read");
    }
    requireNothingLeft();

    configure("proof: { server: \"" + server.url("postgres") + "\" }\n");
    assertThat(site.json("prove").flag("passed", false)).isTrue();
    requireNothingLeft();
  }

  @Test
  void rolesThatAProofMakesOnAServerAreOfNoUseAndDoNotStay() throws Exception {
    server.execute("postgres", "create role shopkeeper login superuser");
    server.execute(database, "alter table customers owner to shopkeeper");
    site.backup();
    Path seen = directory.resolve("seen");
    try (PostgresServer other =
        PostgresServer.start(PostgresServers.installedBinaries().orElseThrow(), Map.of())) {
      other.execute(
          "postgres",
          "create role left_by_a_killed_proof",
          "comment on role left_by_a_killed_proof is"
              + " 'stet: made to prove a snapshot in stet_scratch_01234567_89abcdef'",
          "create role somebody_elses");
      String roles =
          "select string_agg(rolname, ',' order by rolname) from pg_roles"
              + " where rolname !~ '^pg_' and not rolname = current_user";
      tools.wrap(
          "pg_restore",
          """
          for word in "$@"; do case "$word" in --dbname=*) database=${word#--dbname=} ;; esac; done
          psql -X -At -d "$database" -c "select rolname, rolcanlogin from pg_roles
            where rolname in ('shopkeeper', 'left_by_a_killed_proof')" >'%s'
          exec "$real" "$@"
          """
              .formatted(seen));
      configure("proof: { server: \"" + other.url("postgres") + "\" }\n");

      assertThat(site.json("prove").flag("passed", false)).isTrue();

      assertThat(seen).hasContent("shopkeeper|f");
      assertThat(other.queryOne("postgres", roles)).isEqualTo("somebody_elses");
    } finally {
      server.execute(database, "alter table customers owner to current_user");
      server.execute("postgres", "drop role shopkeeper");
    }
  }

  @Test
  void aScratchWithoutRoomSaysNothingAboutTheSnapshot() throws Exception {
    configure("proof: { server: same, files: read }\n");
    site.backup();
    spoil(
        "do $$ begin raise exception 'could not extend file: No space left on device'; end $$"
            .replace("$", "\\$"));

    Stet.Result failed = site.run("prove");

    assertThat(failed.status()).as("%s", failed).isEqualTo(21);
    assertThat(failed.error()).contains("No space left on device");
    assertThat(site.json("status").has("proof")).isFalse();
    requireNothingLeft();
  }

  /** While definitions are restored, and while they are compared. */
  @ParameterizedTest
  @ValueSource(strings = {"pg_restore", "pg_dump"})
  void aScratchThatCutsItsConnectionsSaysNothingAboutTheSnapshot(String program) throws Exception {
    configure("proof: { server: same, files: read }\n");
    site.backup();
    tools.wrap(
        program,
        """
        for word in "$@"; do case "$word" in --dbname=*) database=${word#--dbname=} ;; esac; done
        "$real" "$@" || exit $?
        case "$*" in *--section=post-data*)
          psql -X -q -d "$database" >&2 -c "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()" ;;
        esac
        """);

    Stet.Result failed = site.run("prove");

    assertThat(failed.status()).as("%s", failed).isEqualTo(21);
    assertThat(site.json("status").has("proof")).isFalse();
    requireNothingLeft();
  }

  /** Trouble that begins once all is restored and compared. */
  @ParameterizedTest
  @CsvSource({
    "rule, raise exception using errcode = 'disk_full', disk_full",
    "rule, perform pg_terminate_backend(pg_backend_pid()), terminating connection",
    "references, perform pg_terminate_backend(pg_backend_pid()), The server ended the connection",
    "assertion, raise exception using errcode = 'disk_full', disk_full",
    "assertion, perform pg_terminate_backend(pg_backend_pid()), terminating connection",
  })
  void aScratchInTroubleWhileItIsAskedSaysNothingAboutTheSnapshot(
      String asked, String trouble, String told) throws Exception {
    server.execute(
        database,
        """
        create function trouble() returns bool language plpgsql as $$
        begin
          if current_database() like 'stet%%' then %s; end if;
          return false;
        end $$
        """
            .formatted(trouble),
        "create view troubled as select file from documents where not trouble()");
    site.configure(site.postgres("default", database, tools), site.files("media"));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        switch (asked) {
              case "rule" -> "rules: { fine: none in customers where trouble() }\n";
              case "references" -> "rules: { fine: each troubled.file exists in media }\n";
              default -> "";
            }
            + "proof:\n  server: same\n  files: read\n"
            + (asked.equals("assertion") ? "  assert: [ { sql: select trouble() } ]\n" : ""),
        StandardOpenOption.APPEND);
    site.backup();

    Stet.Result failed = site.run("prove");

    assertThat(failed.status()).as("%s", failed).isEqualTo(21);
    assertThat(failed.error()).contains(told);
    assertThat(site.json("status").has("proof")).isFalse();
    requireNothingLeft();
  }

  @Test
  void aProgramThatLosesTheScratchSaysNothingAboutTheSnapshot() throws Exception {
    Path program =
        Files.writeString(
            directory.resolve("lose"),
            """
            kill -QUIT "$(psql -Atc "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)")"
            while psql -Atc 'select 1' >'%s' 2>&1; do sleep 0.1; done
            exit 1
            """
                .formatted(directory.resolve("ignored")));
    configure("proof: { files: read, assert: [ { command: [ sh, '" + program + "' ] } ] }\n");
    site.backup();

    Stet.Result failed = site.run("prove");

    assertThat(failed.status()).as("%s", failed).isEqualTo(21);
    assertThat(site.json("status").has("proof")).isFalse();
    requireNothingLeft();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "proof: { server: same }\n"})
  void severalDatabasesAreProvenTogether(String proof) throws Exception {
    String second = site.createDatabase("second");
    server.execute(second, "create table other as select 1 as a");
    site.configure(site.postgres("default", database), site.postgres("second", second));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"), proof, StandardOpenOption.APPEND);
    site.backup();

    JsonObject summary = site.json("prove");

    assertThat(summary.flag("passed", false)).isTrue();
    assertThat(level(summary, "default", "rows")).isEqualTo("the rows of 2 tables");
    assertThat(level(summary, "second", "rows")).isEqualTo("the rows of 1 table");
    requireNothingLeft();
  }

  /** Damages what a trial has restored before it is compared. */
  private void spoil(String sql) throws IOException {
    tools.wrap(
        "pg_restore",
        """
        "$real" "$@" || exit $?
        case "$*" in *--section=post-data*)
          for word in "$@"; do case "$word" in --dbname=*) database=${word#--dbname=} ;; esac; done
          psql -X -q -v ON_ERROR_STOP=1 -d "$database" -c "%s" >&2 ;;
        esac
        """
            .formatted(sql.replace("\"", "\\\"")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "TABLE \"public\".\"customers\"|update customers set name = 'x' where id = 5",
        "table \"public\".\"customers\"|delete from customers where id = 5",
        "table \"public\".\"documents\"|insert into documents values (99, '1.txt')",
        "sequence \"public\".\"customers_id_seq\"|select setval('customers_id_seq', 2999)",
        "large object 4242|select lo_put(4242, 1, 'X')",
        "number of indexes|drop index by_name",
        "INDEX public.by_name differs|drop index by_name; create index by_name on customers (name, id)",
        "COMMENT public.TABLE customers is missing|comment on table customers is null",
        "ACL public.TABLE customers|revoke select on customers from public",
        "VIEW public.names differs|create or replace view names as select upper(name) as name from customers",
      })
  void whatDiffersFailsTheProofAndIsNamed(String damage) throws Exception {
    String[] parts = damage.split("\\|", -1);
    configure("proof: { server: same, files: read }\n");
    String snapshot = site.backup();
    spoil(parts[1]);

    Stet.Result failed = site.run("prove");

    assertThat(failed.status()).as("%s", failed).isEqualTo(23);
    assertThat(failed.error())
        .containsIgnoringCase(
            "snapshot " + snapshot.substring(0, 8) + " did not come back as it was captured: ")
        .containsIgnoringCase("default: ")
        .containsIgnoringCase(parts[0]);
    requireNothingLeft();
    Stet.Result status = site.run("status", "--check");
    assertThat(status.status()).as("%s", status).isEqualTo(32);
    assertThat(status.output()).containsIgnoringCase("red    proof: ").contains("failed: ");
  }

  @Test
  void aSecretThatDiffersIsNotShown() throws Exception {
    server.execute(
        database,
        "create foreign data wrapper wrapper",
        "create server far foreign data wrapper wrapper",
        "create user mapping for public server far options (password 'unseen-1')");
    configure("proof: { server: same, files: read }\n");
    site.backup();
    spoil("alter user mapping for public server far options (set password 'unseen-2')");

    Stet.Result failed = site.run("prove");

    assertThat(failed.status()).as("%s", failed).isEqualTo(23);
    assertThat(failed.error())
        .contains("USER MAPPING public SERVER far differs: captured ", "<secret ")
        .doesNotContain("unseen");
  }

  @Test
  void anAssertionThatDoesNotHoldFailsTheProof() throws Exception {
    configure(
        """
        proof:
          assert:
            - { sql: select count(*) from customers, min: 3001 }
            - { command: [ sh, -c, "echo broken >&2; exit 3" ] }
        """);
    site.backup();

    Stet.Result failed = site.run("prove");

    assertThat(failed.status()).as("%s", failed).isEqualTo(23);
    assertThat(failed.error())
        .contains("assertion \"select count(*) from customers\": it gives 3000, less than 3001")
        .contains("ended with exit status 3: broken")
        .contains(" came back as it was captured, but not all holds that is asserted of it: ")
        .doesNotContain("check --read-data");
    requireNothingLeft();
  }

  /** A server that is not there says nothing about the snapshot. */
  @Test
  void withoutAServerNothingIsSaid() throws Exception {
    site.backup();
    configure("proof: { server: postgresql://nobody@127.0.0.1:1/postgres }\n");

    Stet.Result failed = site.run("prove", "--json");

    assertThat(failed.status()).as("%s", failed).isEqualTo(21);
    assertThat(failed.errorDocument().string("code")).isEqualTo("scratch");
    assertThat(site.json("status").has("proof")).isFalse();
    requireNothingLeft();
  }

  @Test
  void aKilledTrialLeavesNothingAfterTheNext() throws Exception {
    site.backup();
    tools.hold("pg_restore");
    for (String where : List.of("", "proof: { server: same }\n")) {
      configure(where);
      Process process = site.stet().start("stet.cli.Main", "prove");
      process.getOutputStream().close();
      tools.awaitReached(process);
      process.destroyForcibly().waitFor();
      tools.release();
      awaitNothingRuns();

      assertThat(site.json("prove").flag("passed", false)).isTrue();
      requireNothingLeft();
      tools.hold("pg_restore");
    }
  }

  @Test
  void whatIsBackedUpButUnprovenIsNotGreen() throws Exception {
    configure("objectives: { rpo: 1d, rto: 1h, proof_age: 7d }\n");
    Stet.Result none = site.run("status", "--check");
    assertThat(none.status()).isEqualTo(30);
    assertThat(none.output()).contains("red    snapshot: there is none\n");

    site.backup();
    Stet.Result unproven = site.run("status", "--check");

    assertThat(unproven.status()).isEqualTo(31);
    assertThat(unproven.output())
        .contains("amber  proof: no snapshot was ever proven\n")
        .contains("green  snapshot: ")
        .endsWith("amber  environment production is backed up, unproven\n");
    JsonObject document = site.json("status");
    new JsonPage().printed("status", document);
    assertThat(document.string("state")).isEqualTo("amber");
    assertThat(document.string("next")).isEqualTo("Run `stet prove`.");

    configure("objectives: { rpo: 1s, rto: 1s, proof_age: 1s }\n");
    Thread.sleep(1100);
    assertThat(site.run("status", "--check").status()).isEqualTo(30);
  }

  @Test
  void assertionsAndRulesMayHaveQuestionMarks() throws Exception {
    server.execute(database, "alter table customers add data jsonb default '{\"new\": 1}'");
    site.configure(site.postgres("default", database, tools), site.files("media"));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        """
        rules: { legacy: none in customers where data ? 'legacy' }
        proof:
          server: same
          assert:
            - { sql: "select count(*) from customers where data ? 'new'", min: 3000 }
        """,
        StandardOpenOption.APPEND);
    site.backup();

    JsonObject summary = site.json("prove");

    assertThat(summary.flag("passed", false)).isTrue();
    assertThat(level(summary, "application", "assertions"))
        .isEqualTo("1 assertion of the configuration");
  }

  /** The scratch server has other roles, and so does the restore. */
  @Test
  void rulesAndAssertionsFindWhatTheCapturingRoleFinds() throws Exception {
    server.execute(
        "postgres",
        "drop role if exists stet_pathy",
        "create role stet_pathy superuser login password 'x'");
    try {
      server.execute(
          database,
          "create schema stet_pathy",
          "create schema elsewhere",
          "create table stet_pathy.orders (id int primary key, total int)",
          "insert into stet_pathy.orders values (1, 5)",
          "create table elsewhere.orders (id int primary key, total int)",
          "create function elsewhere.tiny(int) returns bool language sql as 'select $1 < 0'",
          "alter role stet_pathy set search_path = \"$user\", public, elsewhere");
      site.configure(
          "{ postgres: default, url: \""
              + server.url(database, "stet_pathy", "x")
              + "\", admin_url: \""
              + server.url("postgres")
              + "\" }");
      Files.writeString(
          directory.toRealPath().resolve("stet.yaml"),
          """
          rules: { tiny: none in orders where tiny(total) }
          proof:
            assert:
              - { sql: "select count(*) from orders where not tiny(total)", min: 1 }
          """,
          StandardOpenOption.APPEND);
      site.backup();

      assertThat(site.json("prove").flag("passed", false)).isTrue();
      Stet.Result restored = site.ok("restore", "--replace");
      assertThat(restored.error()).doesNotContain("warning");
      // The role may have another path by now.
      server.execute("postgres", "alter role stet_pathy reset search_path");
      site.ok("restore", "--replace", "--in-place");
    } finally {
      server.execute("postgres", "alter role stet_pathy rename to stet_pathy_done");
      site.close();
      server.execute("postgres", "drop role stet_pathy_done");
    }
  }

  @Test
  void rulesThatCouldNotBeComparedAreNamed() throws Exception {
    String snapshot = site.backup();
    server.execute(database, "create table invoices (id int primary key, total int)");
    site.configure(site.postgres("default", database, tools), site.files("media"));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        """
        rules: { no negative invoice: none in invoices where total < 0 }
        proof: { server: same }
        """,
        StandardOpenOption.APPEND);

    JsonObject summary = site.json("prove", snapshot);

    assertThat(summary.flag("passed", false)).isTrue();
    assertThat(level(summary, "application", "rules"))
        .isEqualTo(
            "not: rule \"no negative invoice\" was not evaluated: there is no table invoices; rule"
                + " \"no dangling document\" of the snapshot is not in the configuration, or not"
                + " with the same text");
    assertThat(level(summary, "application", "assertions")).isEqualTo("no assertions");

    site.configure(site.postgres("default", database, tools), site.files("media"));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        "proof: { server: same }\n",
        StandardOpenOption.APPEND);
    String withoutRules = site.backup();
    assertThat(level(site.json("prove", withoutRules), "application", "rules"))
        .isEqualTo("no rules");
  }

  @Test
  void rulesAboutAComponentThatTheSnapshotLacksAreNamed() throws Exception {
    site.configure(site.files("media"));
    String snapshot = site.backup();
    configure("");

    JsonObject summary = site.json("prove", snapshot);

    assertThat(summary.flag("passed", false)).isTrue();
    assertThat(level(summary, "application", "rules"))
        .isEqualTo(
            "not: rule \"no dangling document\" was not evaluated: the snapshot has no component"
                + " default");
  }

  /** What belongs to a role is not on the scratch server. */
  @Test
  void aRuleThatCouldBeEvaluatedAtCaptureAndCannotInScratchFailsTheProof() throws Exception {
    server.execute(
        "postgres",
        "drop role if exists stet_limited",
        "create role stet_limited superuser login password 'x'",
        "alter role stet_limited set shop.least = '0'");
    try {
      site.configure(
          "{ postgres: default, url: \"" + server.url(database, "stet_limited", "x") + "\" }");
      Files.writeString(
          directory.toRealPath().resolve("stet.yaml"),
          "rules: { least: none in documents where id < current_setting('shop.least')::int }\n",
          StandardOpenOption.APPEND);
      site.backup();

      Stet.Result failed = site.run("prove");

      assertThat(failed.status()).as("%s", failed).isEqualTo(23);
      assertThat(failed.error())
          .contains(
              "rule \"least\" was not evaluated: unrecognized configuration parameter"
                  + " \"shop.least\", but it was when it was captured");
    } finally {
      server.execute("postgres", "drop role stet_limited");
    }
  }
}
