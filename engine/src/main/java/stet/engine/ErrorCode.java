package stet.engine;

import java.util.Locale;

/**
 * The catalogue of errors: each constant is a stable code that scripts may rely on, with the exit
 * status it ends the process with.
 */
public enum ErrorCode {
  /** Something failed that has no code of its own. */
  FAILED(1),
  /** A snapshot, component, path or object that was asked for is not there. */
  NOT_FOUND(1),
  /** The repository holds something damaged. */
  REPOSITORY_DAMAGED(1),
  /** The repository's storage failed. */
  STORAGE(1),
  /** What was restored differs from what was captured. */
  VERIFICATION_FAILED(1),
  /** The repository is there already. */
  REPOSITORY_EXISTS(1),
  /** The command line is wrong. */
  USAGE(2),
  /** Some source data could not be read, and the configuration allows to go on. */
  UNREADABLE(3),
  /** There is no repository at the location. */
  NO_REPOSITORY(10),
  /** Another process holds a lock that conflicts. */
  LOCKED(11),
  /** No key opens with the password. */
  WRONG_PASSWORD(12),
  /** The configuration is wrong. */
  CONFIGURATION(20),
  /** A source or target, its server or its tools failed. */
  SOURCE(21),
  /**
   * There is nothing that a proof could restore into, or it could not take it, which says nothing
   * about the snapshot.
   */
  SCRATCH(21),
  /** Rules are violated that were not, or must not be. */
  INCOHERENT(22),
  /** A snapshot did not come back as it was captured. */
  PROOF_FAILED(23),
  /** The action needs consent that was not given. */
  REFUSED(24),
  /** The newest snapshot is too old, or there is none. */
  RPO_MISSED(30),
  /** What was proven last was proven too long ago, or never. */
  PROOF_STALE(31),
  /** What was proven last failed, or the repository lacks or cannot read what restores need. */
  NOT_RESTORABLE(32),
  /** A restore takes longer than it may. */
  RTO_MISSED(32),
  /** The process was asked to stop. */
  INTERRUPTED(130);

  private final int exitStatus;

  ErrorCode(int exitStatus) {
    this.exitStatus = exitStatus;
  }

  public int exitStatus() {
    return exitStatus;
  }

  /**
   * The code as it stands in {@code --json} output and in the manual, such as {@code
   * wrong-password}.
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
