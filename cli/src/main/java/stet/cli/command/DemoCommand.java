package stet.cli.command;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import stet.cli.demo.Demo;
import stet.cli.session.CommandLines;
import stet.cli.session.Session;

/** {@code demo}: shows the whole way with a shop of its own. */
@Command(
    name = "demo",
    description = {
      "Show a backup, a disaster and a restore with a shop of its own.",
      "Starts a PostgreSQL server of its own, fills it and a directory of media files, backs both up,"
          + " damages them, restores them and compares. Needs no configuration. What it made stays in"
          + " one directory, to repeat each step by hand with the commands that it prints; nothing"
          + " stays running."
    },
    footer = {
      "",
      "JSON: {message_type: \"summary\", directory, server: {artifact, port}, shop: {rows, tables,"
          + " large_objects, database_bytes, files, file_bytes}, damage: [{compared, things, different}],"
          + " after_restore: [{compared, things, different}], equal, steps: [{step, command?,"
          + " result?: {...}, seconds}], commands, total_duration}"
    })
public final class DemoCommand implements Callable<Integer> {
  private final Session session;
  private final CommandLines commands;

  @Option(
      names = "--directory",
      paramLabel = "DIR",
      description =
          "Where all of it goes: a directory that is not there, empty, or held an earlier demo, which"
              + " is removed; default: ./stet-demo.")
  private Path directory = Path.of("stet-demo");

  public DemoCommand(Session session, CommandLines commands) {
    this.session = session;
    this.commands = commands;
  }

  @Override
  public Integer call() throws Exception {
    new Demo(session, commands, session.workingDirectory().resolve(directory)).run();
    return 0;
  }
}
