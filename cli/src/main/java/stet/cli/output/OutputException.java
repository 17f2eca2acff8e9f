package stet.cli.output;

import java.io.IOException;

/** Standard output cannot be written. */
public final class OutputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OutputException(IOException cause) {
    super("cannot write standard output: " + cause.getMessage(), cause);
  }

  /** Whether the reader has gone, as {@code head} does; nobody is left to be told. */
  public boolean isClosedPipe() {
    String message = String.valueOf(getMessage());
    return message.contains("Broken pipe") || message.contains("EPIPE");
  }
}
