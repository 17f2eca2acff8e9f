package stet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.repository.Id;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServers;
import stet.testkit.Restic;

/** Passwords of a repository come and go, for Stet and for stock restic alike. */
class KeyIT {
  private static final String NEW = "another battery  \"quoted\" é";

  @TempDir Path directory;

  private Site site;

  @BeforeEach
  void create() throws Exception {
    site = new Site(directory, PostgresServers.installed());
    Files.createDirectories(site.live("media"));
    Files.writeString(site.live("media").resolve("file"), "content");
    site.configure(site.files("media"));
    site.init();
  }

  private List<String> keyFiles() throws IOException {
    try (Stream<Path> keys = Files.list(site.repository().resolve("keys"))) {
      return keys.map(key -> key.getFileName().toString()).sorted().toList();
    }
  }

  /** What {@code key list --json} prints, which is a list as restic's is. */
  private List<JsonObject> list() throws Exception {
    return site.ok("key", "list", "--json").documents();
  }

  private String add(String... options) throws Exception {
    Path password = site.secret("new-password", NEW + "\n");
    List<String> arguments =
        new ArrayList<>(List.of("key", "add", "--new-password-file", password.toString()));
    arguments.addAll(List.of(options));
    return site.json(arguments.toArray(String[]::new)).string("added");
  }

  @Test
  void anAddedPasswordOpensUntilItIsRemoved() throws Exception {
    site.backup();
    String first = keyFiles().getFirst();

    String added = add("--user", "deputy", "--host", "safe");

    assertThat(keyFiles()).containsExactlyInAnyOrder(first, added);
    site.secret("password", NEW + "\n");
    assertThat(site.snapshots()).hasSize(1);
    for (Restic restic : Restic.installed()) {
      assertThat(restic.run(site.repository(), NEW, "snapshots").orThrow().text())
          .contains("1 snapshots");
    }
    site.secret("password", Site.PASSWORD + "\n");
    assertThat(site.json("key", "remove", added.substring(0, 8)).string("removed"))
        .isEqualTo(added);

    assertThat(keyFiles()).containsExactly(first);
    site.secret("password", NEW + "\n");
    Stet.Result result = site.run("snapshots");
    assertThat(result.status()).isEqualTo(12);
    assertThat(result.error()).contains("wrong password for the repository in");
    for (Restic restic : Restic.installed()) {
      assertThat(restic.run(site.repository(), NEW, "snapshots").status()).isNotZero();
    }
  }

  @Test
  void oldPasswordsCanGoOnceANewOneIsConfigured() throws Exception {
    String first = keyFiles().getFirst();
    String added = add();

    Stet.Result refused = site.run("key", "remove", first);
    site.secret("password", NEW + "\n");
    site.ok("key", "remove", first);

    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.error())
        .startsWith("stet: error: key " + first.substring(0, 8) + " is in use: ")
        .contains("hint: ");
    assertThat(keyFiles()).containsExactly(added);
    assertThat(site.ok("snapshots").output()).isEmpty();
  }

  @Test
  void listsWhatResticLists() throws Exception {
    assumeFalse(Restic.installed().isEmpty(), "there is no restic in PATH");
    add("--user", "deputy", "--host", "safe");

    assertThat(list()).hasSize(2);
    for (Restic restic : Restic.installed()) {
      String said = site.restic(restic, "key", "list", "--json").text();
      List<JsonObject> all = new Stet.Result(0, said.strip(), "").documents();
      for (JsonObject own : list()) {
        List<JsonObject> same =
            all.stream()
                // The old one shortens ids.
                .filter(theirs -> own.string("id").startsWith(theirs.string("id")))
                .map(theirs -> theirs.copy().put("id", own.string("id")))
                .toList();
        assertThat(same).containsExactly(own);
      }
    }
    assertThat(site.ok("key", "list").output().lines().map(line -> line.replaceAll(" +", " ")))
        .hasSize(3)
        .anyMatch(line -> line.matches("\\*[0-9a-f]{8} .*"))
        .anyMatch(line -> line.matches(" [0-9a-f]{8} deputy safe \\d{4}-.*"));
  }

  @Test
  void takesWhatResticAdds() throws Exception {
    assumeFalse(Restic.installed().isEmpty(), "there is no restic in PATH");
    Path password = site.secret("new-password", NEW + "\n");
    for (Restic restic : Restic.installed()) {
      site.restic(restic, "key", "add", "--new-password-file", password.toString());
    }

    assertThat(list()).hasSize(1 + Restic.installed().size());
    site.secret("password", NEW + "\n");
    site.ok("backup");
    site.secret("password", Site.PASSWORD + "\n");
    for (JsonObject key : list()) {
      if (!key.flag("current", true)) {
        site.ok("key", "remove", key.string("id"));
      }
    }
    assertThat(list()).hasSize(1);
  }

  @Test
  void aProgramMayGiveTheNewPassword() throws Exception {
    Path password = site.secret("a file", NEW + "\n");

    site.ok("key", "add", "--new-password-command", "cat '" + password + "'");

    site.secret("password", NEW + "\n");
    site.ok("snapshots");
  }

  @Test
  void refusesBadInputAndChangesNothing() throws Exception {
    FilesImage before = site.repositoryImage();
    site.secret("empty", "\n");
    String[][] runs = {
      {"12", "wrong password for the repository in ", "key", "list"},
      {"12", "wrong password for the repository in ", "key", "add"},
      {"24", "no new password is given", "key", "add"},
      {"20", "--new-password-file: the file", "key", "add", "--new-password-file", "absent"},
      {"20", "/empty is empty", "key", "add", "--new-password-file", "empty"},
      {"20", "ended with exit status 1", "key", "add", "--new-password-command", "false"},
      {"2", "single-quoted string not", "key", "add", "--new-password-command", "echo 'x"},
      {"2", "exclude", "key", "add", "--new-password-file=f", "--new-password-command=x"},
      {"2", "unexpected argument \"secret\"", "key", "add", "secret"},
      {"1", "there is no key \"zzz\"", "key", "remove", "zzz"},
      {"1", "there is no key \"\"", "key", "remove", ""},
      {"2", "missing required parameter: 'ID'", "key", "remove"},
      {"2", "missing verb; one of list, add, remove", "key"},
    };
    for (String[] run : runs) {
      site.secret("password", (run[0].equals("12") ? "wrong" : Site.PASSWORD) + "\n");
      Stet.Result result = site.run(List.of(run).subList(2, run.length).toArray(String[]::new));

      assertThat(result.status()).as(result.error()).isEqualTo(Integer.parseInt(run[0]));
      assertThat(result.error()).startsWith("stet: error: ").contains(run[1]);
    }
    assertThat(site.repositoryImage()).isEqualTo(before);
  }

  @Test
  void anAmbiguousBeginningRemovesNothing() throws Exception {
    Path keys = site.repository().resolve("keys");
    String first = keyFiles().getFirst();
    byte[] another = Files.readAllBytes(keys.resolve(first));
    do {
      another = Arrays.copyOf(another, another.length + 1);
      another[another.length - 1] = ' ';
    } while (Id.of(another).toString().charAt(0) != first.charAt(0));
    Files.write(keys.resolve(Id.of(another).toString()), another);

    Stet.Result result = site.run("key", "remove", first.substring(0, 1));

    assertThat(result.status()).isEqualTo(1);
    assertThat(result.error()).contains("is ambiguous: it begins 2 ids");
    assertThat(keyFiles()).hasSize(2);
  }

  @Test
  void aHalfWrittenKeyIsToldAndCanBeRemoved() throws Exception {
    String added = add();
    Path file = site.repository().resolve("keys").resolve(added);
    byte[] bytes = Files.readAllBytes(file);
    Files.delete(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));

    Stet.Result list = site.ok("key", "list");
    assertThat(list.output().lines()).hasSize(2);
    assertThat(list.error()).contains("stet: warning: key " + added + " cannot be used: ");
    site.ok("key", "remove", added);
    assertThat(site.ok("key", "list").error()).isEmpty();
  }

  @Test
  void asksTwiceAndShowsNothing() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "there is no program script");
    String typed = "typed secret é";

    Stet.Result differs = type(typed, "something else");
    assertThat(differs.status()).isEqualTo(24);
    assertThat(differs.output())
        .contains("the two passwords differ")
        .doesNotContain("typed secret", "something else");
    assertThat(keyFiles()).hasSize(1);

    Stet.Result done = type(typed, typed);
    assertThat(done.status()).as(done.output()).isZero();
    assertThat(done.output()).contains("added key ").doesNotContain("typed secret");
    site.secret("password", typed + "\n");
    site.ok("snapshots");
  }

  /** Runs {@code key add} at a terminal and types when it asks. */
  private Stet.Result type(String first, String second) throws Exception {
    String command =
        Stet.command("stet.cli.Main", "key", "add").stream()
            .map(word -> "'" + word + "'")
            .collect(Collectors.joining(" "));
    Process process =
        site.stet()
            .start(
                List.of(
                    "/usr/bin/script", "-qec", command + "; s=$?; stty -a; exit $s", "/dev/null"));
    try {
      StringBuilder said = new StringBuilder();
      await(process, said, "New password: ");
      send(process, first);
      await(process, said, "Once more: ");
      send(process, second);
      said.append(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
      assertThat(said.toString()).as("the terminal is as it was").containsPattern("[^-]echo ");
      return new Stet.Result(process.waitFor(), said.toString(), "");
    } finally {
      process.destroy();
    }
  }

  private static void send(Process process, String line) throws IOException {
    process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
    process.getOutputStream().flush();
  }

  private static void await(Process process, StringBuilder said, String text) throws IOException {
    while (said.indexOf(text) < 0) {
      int next = process.getInputStream().read();
      assertThat(next).as(said.toString()).isNotNegative();
      said.append((char) next);
    }
  }
}
