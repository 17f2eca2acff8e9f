package stet.cli.session;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import stet.cli.output.Output;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/** Asks for a new password at the terminal, which does not show what is typed. */
public final class PasswordPrompt {
  private final Output output;
  private final Answers answers;
  private final boolean mayAsk;

  /**
   * Asks on standard error and reads from {@code input}, a terminal.
   *
   * @param mayAsk whether a person is there to answer
   */
  PasswordPrompt(Output output, InputStream input, boolean mayAsk) {
    this.output = output;
    this.answers = new Answers(input);
    this.mayAsk = mayAsk;
  }

  /**
   * Asks twice.
   *
   * @param hint how to give the password without being asked
   * @return the password as it was typed
   * @throws StetException with {@code REFUSED} if nobody can be asked or both answers differ
   */
  public byte[] newPassword(String hint) {
    if (!mayAsk) {
      throw new StetException(ErrorCode.REFUSED, "no new password is given", hint);
    }
    byte[] first;
    byte[] second;
    try {
      String settings = stty("-g").strip();
      stty("-echo");
      try {
        first = ask("New password:");
        second = ask("Once more:");
      } finally {
        // An interrupted thread could not wait for the program that restores the terminal.
        boolean interrupted = Thread.interrupted();
        stty(settings);
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.REFUSED, "a new password cannot be asked for: " + e.getMessage(), hint, e);
    }
    if (!Arrays.equals(first, second)) {
      throw new StetException(ErrorCode.REFUSED, "the two passwords differ", "Type it again.");
    }
    return first;
  }

  private byte[] ask(String question) throws IOException {
    output.prompt(question);
    byte @Nullable [] answer = answers.next();
    output.message(""); // the line's end was not shown either
    if (answer == null || answer.length == 0) {
      throw new IOException("an empty password is no protection");
    }
    return answer;
  }

  /** Sets or tells how the terminal that is standard input behaves. */
  private static String stty(String argument) throws IOException {
    Process process =
        new ProcessBuilder("stty", argument).redirectInput(ProcessBuilder.Redirect.INHERIT).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(error.strip());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    }
    return said;
  }
}
