package stet.engine.component;

import stet.engine.StetException;

/**
 * There is no place to restore a captured component into for a trial, so the trial says nothing
 * about what was captured.
 */
public final class NoScratchException extends Exception {
  private static final long serialVersionUID = 1;

  private final StetException reason;

  public NoScratchException(StetException reason) {
    super(reason.getMessage(), reason);
    this.reason = reason;
  }

  /** Why there is none, and what to do about it. */
  public StetException reason() {
    return reason;
  }
}
