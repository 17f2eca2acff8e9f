package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** What must hold between rows, and between rows and files. */
class RulesIT {
  @TempDir Path directory;

  private PostgresServer server;
  private Site site;
  private String database;
  private Path media;

  @BeforeEach
  void prepare() throws Exception {
    server = PostgresServers.installed();
    site = new Site(directory, server);
    database = site.createDatabase("shop");
    server.execute(
        database,
        "create table users (id int primary key, email text, name text)",
        "create table address (id int primary key, user_id int references users, is_primary bool)",
        "create table documents (id int primary key, owner int, file text)",
        "create table orders (id int primary key, total int)",
        "insert into users select i, 'user' || i || '@x', 'n' from generate_series(1, 30) i",
        "insert into address select i, i, true from generate_series(1, 30) i",
        "insert into documents select i, i, 'd/' || i || '.txt' from generate_series(1, 10) i",
        "insert into documents values (90, 1, null), (91, 1, '')",
        "insert into orders values (1, 5)");
    media = Files.createDirectories(site.live("media").resolve("d")).getParent();
    for (int i = 1; i <= 10; i++) {
      Files.writeString(media.resolve("d/" + i + ".txt"), "text " + i);
    }
    site.init();
  }

  @AfterEach
  void close() {
    if (site != null) {
      site.close();
    }
  }

  /** Writes a configuration with these rules, the first of them in line 10. */
  private void rules(String... rules) throws IOException {
    site.configure(site.postgres("default", database), site.files("media"));
    Path file = directory.toRealPath().resolve("stet.yaml");
    Files.writeString(
        file, "rules:\n  " + String.join("\n  ", rules) + "\n", StandardOpenOption.APPEND);
  }

  private void all() throws IOException {
    rules(
        "one primary address: each users has exactly 1 address where is_primary",
        "no dangling document: each documents.file exists in media",
        "owners exist: each documents.owner refers to users.id",
        "unique e-mail: unique lower(email) in users",
        "no negative total: none in orders where total < 0");
  }

  private static Map<String, JsonObject> findings(JsonObject summary) {
    return summary.objects("rules").stream()
        .collect(Collectors.toMap(rule -> rule.string("rule"), rule -> rule));
  }

  @Test
  void aStateThatFulfilsAllRulesSaysSo() throws Exception {
    all();
    Map<String, JsonObject> findings = findings(site.json("backup"));
    assertThat(findings)
        .containsOnlyKeys(
            "one primary address",
            "no dangling document",
            "owners exist",
            "unique e-mail",
            "no negative total");
    assertThat(findings.values()).allMatch(rule -> rule.integer("violations") == 0);
    assertThat(findings.get("no dangling document").integer("orphans")).isZero();
    JsonObject manifest = JsonObject.parse(site.ok("dump", "latest", "/stet.json").output());
    assertThat(findings(manifest)).isEqualTo(findings);
  }

  /** Acceptance 27. */
  @Test
  void violationsAreReportedWithTheirKeysAndAreTheBaselineOfARestore() throws Exception {
    all();
    server.execute(
        database,
        "delete from address where id = 3",
        "insert into address values (31, 4, true), (32, 5, false)",
        "update documents set owner = 77 where id = 2",
        "update users set email = 'USER1@x' where id = 2",
        "insert into orders values (2, -1), (3, -2)");
    Files.delete(media.resolve("d/7.txt"));
    Files.writeString(media.resolve("d/orphan.txt"), "x");

    Stet.Result told = site.run("backup");

    assertThat(told.status()).isZero();
    assertThat(told.error())
        .contains(
            "stet: warning: rule \"one primary address\": 2 violations (3 has 0; 4 has 2)\n",
            "stet: warning: rule \"owners exist\": 1 violation (2: 77)\n",
            "stet: warning: rule \"unique e-mail\": 1 violation (user1@x has 2 rows)\n",
            "stet: warning: rule \"no negative total\": 2 violations (2; 3)\n",
            "stet: warning: rule \"no dangling document\": 1 violation (7: d/7.txt)\n");
    JsonObject manifest = JsonObject.parse(site.ok("dump", "latest", "/stet.json").output());
    assertThat(findings(manifest).get("no dangling document").strings("orphan_examples"))
        .containsExactly("d/orphan.txt");

    server.execute(database, "truncate users cascade");
    JsonObject restored = site.json("restore", "--replace");
    assertThat(findings(restored).get("one primary address").integer("violations")).isEqualTo(2);
    assertThat(server.queryOne(database, "select count(*) from users")).isEqualTo("30");
  }

  @Test
  void aBackupFailsOnViolationsWhereThatIsAsked() throws Exception {
    rules("no negative total: none in orders where total < 0");
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"), "dangling: fail\n", StandardOpenOption.APPEND);
    site.backup();
    server.execute(database, "insert into orders values (2, -1)");

    Stet.Result failed = site.run("backup");

    assertThat(failed.status()).isEqualTo(22);
    assertThat(failed.error())
        .contains(
            " is complete, but what it holds is incoherent: rule \"no negative total\": 1 violation (2)\n"
                + "hint: Mend the rows or files");
    assertThat(site.snapshots()).hasSize(2);
  }

  @Test
  void aRestoreThatWouldViolateRulesNewlyIsRefused() throws Exception {
    all();
    site.backup();
    Files.delete(media.resolve("d/4.txt"));
    server.execute(database, "delete from documents where id = 4");
    String live = server.dumpSortedData(database);

    Stet.Result refused = site.run("restore", "--only", "default", "--replace");

    assertThat(refused.status()).as("%s", refused).isEqualTo(22);
    assertThat(refused.error())
        .contains(
            "stet: error: what would become live violates rules that it did not when it was captured:"
                + " rule \"no dangling document\": 1 violation (4: d/4.txt), none when it was captured\n"
                + "hint: The live state was not touched.");
    assertThat(server.dumpSortedData(database)).isEqualTo(live);
    assertThat(site.beside()).isEmpty();

    Stet.Result allowed =
        site.ok("restore", "--only", "default", "--replace", "--allow-violations");
    assertThat(allowed.error()).contains("stet: warning: what would become live violates rules");
    assertThat(server.queryOne(database, "select count(*) from documents where id = 4"))
        .isEqualTo("1");
    site.ok("rollback");

    site.ok("restore", "--replace");
    assertThat(media.resolve("d/4.txt")).hasContent("text 4");
  }

  @Test
  void filesThatLiveRowsNeedAreNotRestoredAway() throws Exception {
    all();
    site.backup();
    Files.writeString(media.resolve("d/11.txt"), "text 11");
    server.execute(database, "insert into documents values (11, 1, 'd/11.txt')");

    Stet.Result refused = site.run("restore", "--only", "media", "--replace");

    assertThat(refused.status()).as("%s", refused).isEqualTo(22);
    assertThat(refused.error()).contains("1 violation (11: d/11.txt), none when it was captured");
    assertThat(media.resolve("d/11.txt")).hasContent("text 11");
  }

  @Test
  void aRestoreInPlaceIsRefusedToo() throws Exception {
    all();
    site.backup();
    Files.delete(media.resolve("d/4.txt"));
    server.execute(database, "delete from documents where id = 4");
    String live = server.dumpSortedData(database);

    Stet.Result refused = site.run("restore", "--only", "default", "--replace", "--in-place");

    assertThat(refused.status()).as("%s", refused).isEqualTo(22);
    assertThat(server.dumpSortedData(database)).isEqualTo(live);
  }

  /** Acceptance 15. */
  @Test
  void aFileThatVanishedIsTakenFromTheParentSnapshot() throws Exception {
    all();
    site.backup();
    Trees.shell("rm -r -- \"$1\"", media.resolve("d").toString());

    Stet.Result told = site.run("backup");

    assertThat(told.status()).isZero();
    assertThat(told.error())
        .contains(
            "stet: warning: media: d/7.txt was gone when it was captured but a row refers to it; it is"
                + " kept as the parent snapshot has it\n")
        .doesNotContain("dangling");
    JsonObject manifest = JsonObject.parse(site.ok("dump", "latest", "/stet.json").output());
    assertThat(findings(manifest).get("no dangling document").integer("violations")).isZero();
    assertThat(manifest.objects("components").get(1).object("details").strings("rescued"))
        .contains("d/1.txt", "d/10.txt")
        .hasSize(10);
    site.ok("restore", "--replace");
    assertThat(media.resolve("d/7.txt")).hasContent("text 7");
    assertThat(site.json("check", "--read-data").integer("num_errors")).isZero();
  }

  /**
   * Has a rule be refused.
   *
   * @param at the piece of the rule that is pointed at
   */
  private void wrong(String rule, String at, String message) throws Exception {
    rules("r: " + rule);
    int column = "  r: ".length() + rule.lastIndexOf(at) + 1;
    Stet.Result result = site.run("backup", "-n");
    assertThat(result.status()).as("%s", result).isEqualTo(20);
    assertThat(result.error())
        .contains("stet.yaml:10:" + column + ": rules.r: " + message + "\n", "hint: ");
  }

  @Test
  void whatARuleNamesAndDoesNotExistIsPointedAt() throws Exception {
    wrong("each userz has exactly 1 address", "userz", "there is no table userz");
    wrong("each users has exactly 1 x.address", "x.address", "there is no table x.address");
    wrong(
        "each users has exactly 1 orders",
        "orders",
        "there is no foreign key between \"public\".\"users\" and \"public\".\"orders\"");
    wrong("each users.nix exists in media", "nix", "table \"public\".\"users\" has no column nix");
    wrong("'each documents.file exists in medium'", "medium", "there is no component medium");
    wrong("each main:users has exactly 1 address", "main", "there is no component main");
    wrong("each documents.file exists in default", "default", "component default has no files");
    wrong("all is well", "all", "a rule begins with each, unique or none");
    wrong("none in orders where (totl < 0)", "totl", "column \"totl\" does not exist");
    wrong(
        "none in orders where (total)",
        "total",
        "argument of WHERE must be type boolean, not type integer");
    wrong("unique nix(id) in users", "nix", "function nix(integer) does not exist");
    assertThat(site.snapshotFiles()).isEmpty();
  }

  @Test
  void filesBeforeTheirRowsAreWarnedOf() throws Exception {
    site.configure(site.files("media"), site.postgres("default", database));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        "rules: { r: each documents.file exists in media }\n",
        StandardOpenOption.APPEND);
    assertThat(site.ok("config", "validate").error())
        .contains("media is captured before default, whose rows refer to its files");
  }

  @Test
  void rulesUseTheSearchPathOfTheApplication() throws Exception {
    server.execute(
        database,
        "create function small(int) returns bool language sql immutable as 'select $1 < 3'",
        "create schema other",
        "create function other.tiny(int) returns bool language sql immutable as 'select $1 < 0'",
        "alter database " + database + " set search_path = public, other");
    rules("small: none in orders where small(total)", "tiny: none in orders where tiny(total)");
    Map<String, JsonObject> findings = findings(site.json("backup"));
    assertThat(findings.values()).allMatch(rule -> rule.integer("violations") == 0);
    site.ok("restore", "--replace");
    assertThat(List.copyOf(findings.keySet())).hasSize(2);
  }

  @Test
  void questionMarksAreOperatorsOfTheRulesOwnSql() throws Exception {
    server.execute(
        database,
        "alter table orders add data jsonb",
        "update orders set data = '{\"legacy\": 1}'");
    rules(
        "legacy: none in orders where data ? 'legacy'", "old: none in orders where data ?| '{a}'");
    Map<String, JsonObject> findings = findings(site.json("backup"));
    assertThat(findings.get("legacy").integer("violations")).isEqualTo(1);
    assertThat(findings.get("old").integer("violations")).isZero();
  }

  /** As after a migration that came with rules of its own. */
  @Test
  void rulesThatAnOlderSnapshotDoesNotFitAreToldAndStopNoRestore() throws Exception {
    String total = "no negative total: none in orders where total < 0";
    rules(total);
    String old = site.backup();
    server.execute(database, "create table invoices (id int primary key, total int)");
    rules(
        "no negative invoice: none in invoices where total < 0",
        "invoiced: none in orders where not exists (select from invoices)",
        total);

    Stet.Result told = site.ok("restore", old, "--replace");

    String untold =
        "stet: warning: rule \"no negative invoice\" was not evaluated: there is no table invoices\n";
    assertThat(told.error())
        .contains(
            untold,
            "stet: warning: rule \"invoiced\" was not evaluated: relation \"invoices\" does not"
                + " exist\n");
    server.execute(database, "create table invoices (id int primary key, total int)");
    JsonObject within = site.json("restore", old, "--replace", "--in-place", "--only", "default");
    assertThat(findings(within)).containsOnlyKeys("no negative total");
    assertThat(server.queryOne(database, "select to_regclass('invoices') is null")).isEqualTo("t");
  }

  @Test
  void aRuleThatCouldBeEvaluatedAtCaptureAndCannotNowRefusesTheRestore() throws Exception {
    all();
    site.backup();
    server.execute(database, "drop table documents");
    Files.delete(media.resolve("d/4.txt"));

    Stet.Result refused = site.run("restore", "--only", "media", "--replace");

    assertThat(refused.status()).as("%s", refused).isEqualTo(22);
    assertThat(refused.error())
        .contains(
            "stet: error: rules cannot be evaluated in what would become live that could when it was"
                + " captured: rule \"no dangling document\" was not evaluated: there is no table"
                + " documents\n");
    site.ok("restore", "--only", "media", "--replace", "--allow-violations");
    assertThat(media.resolve("d/4.txt")).hasContent("text 4");
  }

  @Test
  void aProtectedStateThatRulesDoNotFitIsKeptWithoutThemAndReplaced() throws Exception {
    all();
    Path file = directory.toRealPath().resolve("stet.yaml");
    Files.writeString(
        file,
        Files.readString(file).replace("  production:\n", "  production:\n    protected: true\n"));
    site.backup();
    server.execute(database, "drop table documents");
    assertThat(site.run("backup").status()).isEqualTo(20);

    Stet.Result restored = site.ok("restore", "--replace", "--confirm", "production");

    assertThat(restored.error())
        .contains("stet: warning: the present state is kept without a rule: ")
        .contains("rules.no dangling document: there is no table documents\n");
    assertThat(server.queryOne(database, "select count(*) from documents")).isEqualTo("12");
    List<String> snapshots = site.snapshots();
    JsonObject kept = JsonObject.parse(site.ok("dump", snapshots.getLast(), "/stet.json").output());
    assertThat(findings(kept))
        .containsOnlyKeys("one primary address", "unique e-mail", "no negative total");
  }

  /**
   * A session costs the server more than most questions. The function is called when a statement is
   * planned, and counts the sessions in which it was.
   */
  @Test
  void whetherRulesFitTheProtectedStateIsNotAskedInASessionForEach() throws Exception {
    server.execute(
        database,
        "create sequence sessions",
        """
        create function asked() returns bool immutable language plpgsql as $$
        begin
          if current_setting('transaction_read_only') = 'off'
              and current_setting('shop.asked', true) is distinct from 'yes' then
            perform set_config('shop.asked', 'yes', false), nextval('sessions');
          end if;
          return false;
        end $$
        """);
    int rules = 12;
    site.configureProtected(site.postgres("default", database), site.files("media"));
    StringBuilder yaml = new StringBuilder("rules:\n");
    for (int i = 0; i < rules; i++) {
      yaml.append("  rule ").append(i).append(": none in orders where asked()\n");
    }
    Files.writeString(directory.toRealPath().resolve("stet.yaml"), yaml, StandardOpenOption.APPEND);
    site.backup();
    String live =
        server.queryOne(database, "select oid from pg_database where datname = current_database()");
    String sessions = "select last_value from sessions";
    int before = Integer.parseInt(server.queryOne(database, sessions));

    site.ok("restore", "--replace", "--confirm", "production");

    String replaced =
        server.queryOne("postgres", "select datname from pg_database where oid = " + live);
    assertThat(Integer.parseInt(server.queryOne(replaced, sessions)) - before).isLessThan(rules);
  }

  @Test
  void aProtectedStateWhoseValuesRulesDoNotFitIsKeptWithoutRules() throws Exception {
    site.configureProtected(site.postgres("default", database), site.files("media"));
    Files.writeString(
        directory.toRealPath().resolve("stet.yaml"),
        "rules: { share: none in orders where 1 / total < 0 }\n",
        StandardOpenOption.APPEND);
    site.backup();
    server.execute(database, "update orders set total = 0");

    Stet.Result restored = site.ok("restore", "--replace", "--confirm", "production");

    assertThat(restored.error())
        .contains("stet: warning: the present state is kept without rules: ")
        .contains("rules.share: division by zero\n");
    assertThat(server.queryOne(database, "select total from orders")).isEqualTo("5");
  }
}
