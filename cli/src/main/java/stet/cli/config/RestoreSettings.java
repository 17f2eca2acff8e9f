package stet.cli.config;

import java.time.Duration;

/**
 * How restores are done.
 *
 * @param keepPrevious how long the state that a restore replaced is kept
 */
public record RestoreSettings(Duration keepPrevious) {
  /** {@link #keepPrevious} as the configuration has it. */
  public String keepPreviousText() {
    return Shapes.text(keepPrevious);
  }
}
