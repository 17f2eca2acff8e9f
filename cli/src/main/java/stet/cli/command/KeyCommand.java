package stet.cli.command;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import stet.cli.config.Secret;
import stet.cli.output.Output;
import stet.cli.output.Table;
import stet.cli.session.Session;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryKeys.Listed;
import stet.repository.crypto.KeyFile;
import stet.repository.json.JsonObject;
import stet.repository.lock.LocalProcess;
import stet.repository.lock.RepositoryLock;

/** {@code key}: the passwords that open the repository. */
@Command(
    name = "key",
    description = "List, add or remove passwords of the repository.",
    subcommands = {KeyCommand.Listing.class, KeyCommand.Add.class, KeyCommand.Remove.class})
public final class KeyCommand {
  /** As restic prints it. */
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");

  /** {@code key list}. */
  @Command(
      name = "list",
      description = "List the keys, oldest first; * marks the one in use.",
      footer = {"", "JSON: [{current, id, userName, hostName, created}]"})
  public static final class Listing implements Callable<Integer> {
    private final Session session;

    public Listing(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      Output output = session.output();
      List<JsonObject> documents = new ArrayList<>();
      Table table =
          new Table(
              Table.Column.text(" ID"),
              Table.Column.text("USER"),
              Table.Column.text("HOST"),
              Table.Column.text("CREATED"));
      try (Repository repository = session.openRepository()) {
        for (Listed key : repository.keys().list()) {
          KeyFile file = key.file();
          if (file == null) {
            output.warn(
                "key " + key.id() + " cannot be used: " + key.fault(),
                "Restore it from a copy of the repository, or remove it with `stet key remove`.");
            continue;
          }
          String created = TIME.format(file.created().atZone(ZoneId.systemDefault()));
          documents.add(
              new JsonObject()
                  .put("current", key.current())
                  .put("id", key.id().toString())
                  .put("userName", file.user())
                  .put("hostName", file.host())
                  .put("created", created));
          table.row(
              (key.current() ? "*" : " ") + key.id().shortText(),
              file.user(),
              file.host(),
              created);
        }
      }
      if (output.json()) {
        output.documents(documents);
      } else {
        output.print(table);
      }
      return 0;
    }
  }

  /** {@code key add}. */
  @Command(
      name = "add",
      description = {
        "Add a password that opens the repository.",
        "Without an option that gives it, it is asked for, twice."
      },
      footer = {"", "JSON: {added}"})
  public static final class Add implements Callable<Integer> {
    private static final String FILE = "--new-password-file";
    private static final String COMMAND = "--new-password-command";
    private static final String HINT = "Give " + FILE + " or " + COMMAND + ".";

    private final Session session;

    @Option(names = FILE, paramLabel = "FILE", description = "The file that holds it.")
    private @Nullable String file;

    @Option(
        names = COMMAND,
        paramLabel = "COMMAND",
        description = "The program that prints it, with its arguments; no shell is involved.")
    private @Nullable String command;

    @Option(
        names = "--user",
        paramLabel = "NAME",
        description = "Who uses it, for `key list`; else who adds it.")
    private @Nullable String user;

    @Option(
        names = "--host",
        paramLabel = "NAME",
        description = "Where it is used, for `key list`; else this host.")
    private @Nullable String host;

    public Add(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      if (file != null && command != null) {
        throw new StetException(
            ErrorCode.USAGE, FILE + " and " + COMMAND + " exclude each other", "Give one of them.");
      }
      LocalProcess self = LocalProcess.current();
      Id id;
      // Opened first, so that nobody types a password for a repository that is not there.
      try (Repository repository = session.openRepository()) {
        byte[] password = password();
        try (RepositoryLock lock = repository.lock(false)) {
          id =
              repository
                  .keys()
                  .add(
                      password,
                      Objects.requireNonNullElse(user, self.username()),
                      Objects.requireNonNullElse(host, self.hostname()));
          lock.check();
        }
      }
      if (session.output().json()) {
        session.output().document(new JsonObject().put("added", id.toString()));
      } else {
        session.output().message("added key " + id.shortText());
      }
      return 0;
    }

    private byte[] password() {
      Secret secret;
      if (file != null) {
        secret = Secret.file(session.workingDirectory().resolve(Path.of(file)), FILE);
      } else if (command != null) {
        secret = Secret.commandLine(command, COMMAND);
      } else {
        return session.passwordPrompt().newPassword(HINT);
      }
      return secret.reveal().getBytes(StandardCharsets.UTF_8);
    }
  }

  /** {@code key remove}. */
  @Command(
      name = "remove",
      description = "Remove a key, so that its password opens the repository no more.",
      footer = {"", "JSON: {removed}"})
  public static final class Remove implements Callable<Integer> {
    private final Session session;

    @Parameters(
        paramLabel = "ID",
        description = "The key's id, or as much of its beginning as tells it from the others.")
    private String beginning = "";

    public Remove(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      Id id;
      try (Repository repository = session.openRepository()) {
        id = find(repository.keys().list()).id();
        if (id.equals(repository.keyId())) {
          throw new StetException(
              ErrorCode.FAILED,
              "key " + id.shortText() + " is in use: the configured password is its own",
              "Configure another password first; `stet key add` makes one.");
        }
        try (RepositoryLock lock = repository.lock(true)) {
          repository.keys().remove(id, lock);
        }
      }
      if (session.output().json()) {
        session.output().document(new JsonObject().put("removed", id.toString()));
      } else {
        session.output().message("removed key " + id.shortText());
      }
      return 0;
    }

    private Listed find(List<Listed> keys) {
      List<Listed> found =
          keys.stream().filter(key -> key.id().toString().startsWith(beginning)).toList();
      if (found.size() == 1 && !beginning.isEmpty()) {
        return found.getFirst();
      }
      throw found.isEmpty() || beginning.isEmpty()
          ? new StetException(
              ErrorCode.NOT_FOUND,
              "there is no key \"" + beginning + "\"",
              "`stet key list` shows the " + keys.size() + " there are.")
          : new StetException(
              ErrorCode.NOT_FOUND,
              "key id \"" + beginning + "\" is ambiguous: it begins " + found.size() + " ids",
              "Give more digits; `stet key list --json` shows them.");
    }
  }
}
