package stet.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;
import stet.cli.config.ConfigurationException;
import stet.cli.config.Problem;
import stet.cli.config.Redaction;
import stet.cli.output.Output;
import stet.cli.output.Output.Level;
import stet.cli.output.OutputException;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.repository.RepositoryException;
import stet.repository.json.JsonObject;

/**
 * Why a run failed, in the catalogue's terms.
 *
 * @param code the error, which gives the exit status
 * @param message the fact
 * @param hint what to try, or null
 * @param problems what is wrong with the configuration, if that is it
 * @param cause what was thrown
 */
record Failure(
    ErrorCode code,
    String message,
    @Nullable String hint,
    List<Problem> problems,
    Throwable cause) {

  /**
   * Explains what a command threw.
   *
   * @param stopped whether the process was asked to stop, which is then the reason for all else
   */
  static Failure of(Throwable thrown, boolean stopped) {
    if (stopped) {
      return new Failure(ErrorCode.INTERRUPTED, "interrupted", null, List.of(), thrown);
    }
    return switch (thrown) {
      case StetException e -> of(e, thrown);
      case RepositoryException e -> of(StetException.of(e), thrown);
      case ConfigurationException e -> of(e);
      case OutputException e ->
          new Failure(ErrorCode.FAILED, String.valueOf(e.getMessage()), null, List.of(), e);
      case ParameterException e -> of(e);
      case OutOfMemoryError e ->
          new Failure(
              ErrorCode.FAILED,
              "out of memory: " + (Runtime.getRuntime().maxMemory() >> 20) + " MiB are not enough",
              "Give more, such as STET_JAVA_OPTS=-Xmx1g.",
              List.of(),
              e);
      default ->
          new Failure(
              ErrorCode.FAILED,
              "unexpected "
                  + thrown.getClass().getSimpleName()
                  + (thrown.getMessage() == null ? "" : ": " + thrown.getMessage()),
              "This is a fault in stet. Please report it with what the same command prints with"
                  + " -v.",
              List.of(),
              thrown);
    };
  }

  private static Failure of(StetException e, Throwable thrown) {
    return new Failure(e.code(), e.getMessage(), e.hint(), List.of(), thrown);
  }

  private static Failure of(ConfigurationException e) {
    int count = e.problems().size();
    String message =
        count == 1 ? e.problems().getFirst().text() : "the configuration has " + count + " errors";
    return new Failure(
        ErrorCode.CONFIGURATION,
        message,
        count == 1 ? e.problems().getFirst().hint() : null,
        e.problems(),
        e);
  }

  private static Failure of(ParameterException e) {
    CommandLine verb = e.getCommandLine();
    String hint = "`" + verb.getCommandSpec().qualifiedName() + " --help` shows what it takes.";
    if (e instanceof UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      hint = "Did you mean " + unmatched.getSuggestions().getFirst() + "? " + hint;
    }
    return new Failure(ErrorCode.USAGE, usageMessage(e), hint, List.of(), e);
  }

  private static String usageMessage(ParameterException e) {
    if (e instanceof UnmatchedArgumentException unmatched && !unmatched.isUnknownOption()) {
      boolean hasVerbs = !e.getCommandLine().getSubcommands().isEmpty();
      return (hasVerbs ? "unknown verb \"" : "unexpected argument \"")
          + unmatched.getUnmatched().getFirst()
          + "\"";
    }
    // So picocli begins what it says of options that exclude each other.
    String message = String.valueOf(e.getMessage()).replaceFirst("^Error: ", "");
    return Character.toLowerCase(message.charAt(0)) + message.substring(1);
  }

  /** Tells the user; nobody is told that he stopped reading. */
  void tell(Output output) {
    if (cause instanceof OutputException e && e.isClosedPipe()) {
      return;
    }
    if (output.json()) {
      JsonObject error =
          new JsonObject()
              .put("code", code.text())
              .put("message", Redaction.mask(message))
              .putIfPresent("hint", hint)
              .put("exit", code.exitStatus());
      if (!problems.isEmpty()) {
        error.put("problems", problems.stream().map(Failure::document).toList());
      }
      if (output.level() == Level.VERBOSE) {
        error.put("trace", trace());
      }
      output.errorDocument(new JsonObject().put("error", error));
      return;
    }
    if (problems.isEmpty()) {
      output.error(List.of(Redaction.mask(message)), hint == null ? List.of() : List.of(hint));
    } else {
      List<String> hints = new ArrayList<>();
      problems.stream()
          .map(Problem::hint)
          .filter(text -> text != null && !hints.contains(text))
          .forEach(hints::add);
      output.error(problems.stream().map(Problem::text).toList(), hints);
    }
    if (code != ErrorCode.USAGE) {
      output.detail(trace());
    }
  }

  private String trace() {
    StringWriter trace = new StringWriter();
    cause.printStackTrace(new PrintWriter(trace));
    return Redaction.mask(trace.toString());
  }

  private static JsonObject document(Problem problem) {
    JsonObject document = new JsonObject().put("source", problem.position().source());
    if (problem.position().line() > 0) {
      document.put("line", problem.position().line()).put("column", problem.position().column());
    }
    return document
        .put("path", problem.path())
        .put("message", problem.message())
        .putIfPresent("hint", problem.hint());
  }
}
