package stet.cli.config;

import org.jspecify.annotations.Nullable;

/**
 * A fault in the configuration.
 *
 * @param position where it is
 * @param path the key it concerns, such as {@code environments.production.state[0].url}; empty if
 *     it concerns the whole
 * @param message the fact, lower case without a full stop
 * @param hint what to try, as a sentence, or null
 */
public record Problem(Position position, String path, String message, @Nullable String hint) {
  public Problem {
    // A connection URL where a name belongs is a likely mistake, and messages quote values.
    message = Redaction.mask(message);
  }

  /** {@code position: path: message}. */
  public String text() {
    return position + ": " + (path.isEmpty() ? "" : path + ": ") + message;
  }
}
