package stet.cli.session;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import stet.cli.output.Output;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/** Asks the user before something is done that cannot be taken back or was protected. */
public final class Consent {
  private final Output output;
  private final InputStream input;
  private final boolean mayAsk;

  /**
   * Asks on standard error and reads from {@code input}.
   *
   * @param mayAsk whether a person is there to answer
   */
  public Consent(Output output, InputStream input, boolean mayAsk) {
    this.output = output;
    this.input = input;
    this.mayAsk = mayAsk;
  }

  /** Whether questions reach a person. */
  public boolean mayAsk() {
    return mayAsk;
  }

  /**
   * Asks a question that only yes answers.
   *
   * @param fact why consent is needed, such as {@code database "shop" is not empty}
   * @param question what is asked, such as {@code Replace it?}
   * @param hint how to give consent without being asked
   * @throws StetException with {@code REFUSED} unless the answer is yes
   */
  public void ask(String fact, String question, String hint) {
    String answer = answer(fact, question + " [y/N]", hint).toLowerCase(Locale.ROOT);
    if (!answer.equals("y") && !answer.equals("yes")) {
      throw new StetException(ErrorCode.REFUSED, fact + ", and it was not confirmed", hint);
    }
  }

  /**
   * Asks for a name to be typed.
   *
   * @param fact why consent is needed
   * @param name what must be typed exactly
   * @param hint how to give consent without being asked
   * @throws StetException with {@code REFUSED} unless the answer is the name
   */
  public void askName(String fact, String name, String hint) {
    String answer = answer(fact, "Type " + name + " to go on:", hint);
    if (!answer.equals(name)) {
      throw new StetException(
          ErrorCode.REFUSED, fact + ", and \"" + answer + "\" is not \"" + name + "\"", hint);
    }
  }

  private String answer(String fact, String question, String hint) {
    if (!mayAsk) {
      throw new StetException(ErrorCode.REFUSED, fact, hint);
    }
    output.prompt(Character.toUpperCase(fact.charAt(0)) + fact.substring(1) + ". " + question);
    // A read of standard input cannot be interrupted, so another thread does it.
    FutureTask<@Nullable String> line = new FutureTask<>(this::line);
    Thread.ofPlatform().daemon().name("answer").start(line);
    try {
      String text = line.get();
      if (text == null) {
        throw new StetException(ErrorCode.REFUSED, fact + ", and nobody answered", hint);
      }
      return text.strip();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    } catch (ExecutionException e) {
      throw new StetException(
          ErrorCode.REFUSED, fact + ", and the answer cannot be read", hint, e.getCause());
    }
  }

  /** A line of input, or null at its end. */
  private @Nullable String line() throws IOException {
    byte[] bytes = new byte[1024];
    int length = 0;
    for (int next = input.read(); next != '\n'; next = input.read()) {
      if (next < 0) {
        return length == 0 ? null : text(bytes, length);
      }
      if (length < bytes.length) {
        bytes[length++] = (byte) next;
      }
    }
    return text(bytes, length);
  }

  private static String text(byte[] bytes, int length) {
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }
}
