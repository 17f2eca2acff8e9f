package stet.engine.rules;

import java.util.Objects;

/** A rule's text is none of the grammar. */
public final class RuleException extends Exception {
  private static final long serialVersionUID = 1;

  private final int offset;
  private final String hint;

  RuleException(int offset, String message, String hint) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }

  /** The character of the rule's text that is wrong. */
  public int offset() {
    return offset;
  }

  /** What to write. */
  public String hint() {
    return hint;
  }
}
