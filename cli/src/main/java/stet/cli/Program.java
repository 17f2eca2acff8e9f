package stet.cli;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import stet.cli.output.Output;
import stet.cli.output.Output.Level;
import stet.cli.output.Output.Style;
import stet.cli.output.OutputException;
import stet.cli.session.Session;
import stet.engine.ErrorCode;

/** Runs one command line and tells how it ended. Never ends the process. */
final class Program {
  private final Session session;

  Program(Session session) {
    this.session = session;
  }

  /**
   * Runs.
   *
   * @return the exit status
   */
  int run(String... arguments) {
    try {
      return execute(arguments);
    } catch (ParameterException e) {
      Output output = session.output(style(arguments));
      if (arguments.length == 0) {
        output.message(CommandTree.create(session).getUsageMessage().stripTrailing());
        return ErrorCode.USAGE.exitStatus();
      }
      return tell(Failure.of(e, false), output);
    } catch (Exception | Error thrown) { // whatever it is, the user is told and the status says it
      return tell(Failure.of(thrown, session.signals().stopped()), session.output());
    }
  }

  /**
   * Runs, and leaves it to the caller to tell the user of a failure.
   *
   * @return the exit status
   */
  int execute(String... arguments) throws Exception {
    int status = parseAndCall(arguments);
    session.output().flush();
    return status;
  }

  private int parseAndCall(String[] arguments) throws Exception {
    ParseResult parsed = parse(arguments);
    while (parsed.hasSubcommand()) {
      parsed = parsed.subcommand();
    }
    CommandLine verb = parsed.commandSpec().commandLine();
    if (session.options().help()) {
      session.output().data(verb.getUsageMessage().getBytes(StandardCharsets.UTF_8));
      return 0;
    }
    if (!(parsed.commandSpec().userObject() instanceof Callable<?> callable)) {
      throw new ParameterException(
          verb, "missing verb; one of " + String.join(", ", verb.getSubcommands().keySet()));
    }
    return (Integer) callable.call();
  }

  private ParseResult parse(String[] arguments) {
    try {
      return CommandTree.create(session, arguments).parseArgs(arguments);
    } catch (ParameterException e) {
      // What is said of an error may depend on the verbs that were left out.
      return CommandTree.create(session).parseArgs(arguments);
    }
  }

  private static int tell(Failure failure, Output output) {
    try {
      output.flush();
    } catch (OutputException e) {
      // The failure that is told came first.
    }
    failure.tell(output);
    return failure.code().exitStatus();
  }

  /** How to write when the command line cannot be read: by the words that stand in it. */
  private static Style style(String[] arguments) {
    List<String> words =
        Arrays.stream(arguments).takeWhile(argument -> !argument.equals("--")).toList();
    return new Style(words.contains("--json"), Level.NORMAL, !words.contains("--no-color"));
  }
}
