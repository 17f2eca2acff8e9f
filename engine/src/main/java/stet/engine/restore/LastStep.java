package stet.engine.restore;

import stet.engine.Environment;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.InPlace;
import stet.engine.component.InPlace.Outcome;
import stet.engine.restore.RestoreJournal.Decision;

/**
 * The commit of a restore in place, which decides whether all else stays.
 *
 * @param component what is restored in place
 * @param inPlace its restore, built and not yet committed
 * @param transaction its name
 */
record LastStep(Component component, InPlace inPlace, String transaction) {
  /** How long the server may take to notice that a session is gone. */
  private static final int MOST_QUESTIONS = 300;

  private static final int PAUSE_MILLIS = 100;

  Decision decision() {
    return new Decision(component.name(), transaction, false);
  }

  /**
   * Commits.
   *
   * @return what came of it; an exception of the commit says no more than that
   */
  Outcome commit() {
    try {
      inPlace.commit();
      return Outcome.COMMITTED;
    } catch (StetException e) {
      inPlace.close();
      Outcome outcome = outcome(component, transaction);
      if (outcome == Outcome.ROLLED_BACK) {
        throw e;
      }
      return outcome;
    }
  }

  /** What became of a transaction, once it is known. */
  private static Outcome outcome(Component component, String transaction) {
    for (int i = 0; i < MOST_QUESTIONS; i++) {
      try {
        Outcome outcome = component.outcome(transaction);
        if (outcome != Outcome.OPEN) {
          return outcome;
        }
      } catch (StetException e) {
        // The server may be starting again.
        if (i == MOST_QUESTIONS - 1) {
          return Outcome.UNKNOWN;
        }
      }
      try {
        Thread.sleep(PAUSE_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Outcome.OPEN;
      }
    }
    return Outcome.OPEN;
  }

  /**
   * What became of the transaction that decides about an interrupted restore.
   *
   * @throws StetException if it cannot be asked for, or is still open
   */
  static Outcome outcome(RestoreJournal journal, Decision decision, Environment environment) {
    Component component = environment.component(decision.component());
    if (component == null) {
      throw new StetException(
          ErrorCode.CONFIGURATION,
          "restore "
              + journal.operation()
              + " concerns component "
              + decision.component()
              + ", which environment "
              + journal.environment()
              + " no longer has",
          "Put the component back into the configuration until the restore is finished.");
    }
    Outcome outcome = outcome(component, decision.transaction());
    if (outcome == Outcome.OPEN) {
      throw new StetException(
          ErrorCode.LOCKED,
          "the transaction "
              + decision.transaction()
              + " of restore "
              + journal.operation()
              + " is still open on the server of component "
              + decision.component(),
          "Wait until it ends, or end its session, and try again.");
    }
    return outcome;
  }
}
