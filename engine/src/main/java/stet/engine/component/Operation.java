package stet.engine.component;

/**
 * What every long-running action is given: its identity, its limits, and where it reports.
 *
 * @param id the operation's id, short enough to stand in names of databases and directories: 8
 *     lower-case hexadecimal digits
 * @param workers how many threads and connections may work at once
 * @param progress where work done is reported
 */
public record Operation(String id, int workers, Progress progress) {

  /** Throws if the process was asked to stop; called between units of work. */
  public void checkStop() {
    if (Thread.currentThread().isInterrupted()) {
      throw new stet.engine.StetException(stet.engine.ErrorCode.INTERRUPTED, "interrupted", null);
    }
  }
}
