package stet.cli.config;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A value that a shape does not accept; the reader adds where it stands. */
final class Unusable extends Exception {
  private static final long serialVersionUID = 1L;

  private final @Nullable String hint;

  Unusable(String message, @Nullable String hint) {
    super(message, null, false, false);
    this.hint = hint;
  }

  @Nullable String hint() {
    return hint;
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }
}
