package stet.cli.session;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import stet.cli.output.Output;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/** Asks the user before something is done that cannot be taken back or was protected. */
public final class Consent {
  private final Output output;
  private final Answers answers;
  private final boolean mayAsk;

  /**
   * Asks on standard error and reads from {@code input}.
   *
   * @param mayAsk whether a person is there to answer
   */
  public Consent(Output output, InputStream input, boolean mayAsk) {
    this.output = output;
    this.answers = new Answers(input);
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
    try {
      byte @Nullable [] line = answers.next();
      if (line == null) {
        throw new StetException(ErrorCode.REFUSED, fact + ", and nobody answered", hint);
      }
      return new String(line, StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new StetException(ErrorCode.REFUSED, fact + ", and the answer cannot be read", hint, e);
    }
  }
}
