package stet.engine.component;

import java.util.List;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;

/**
 * A restore within the live place of a component, for places where nothing can be built beside it.
 * All is done in one transaction, so that the captured state takes the place of the live one at
 * once or not at all: whatever fails, and whoever dies, before {@link #commit} leaves the live
 * state untouched.
 */
public interface InPlace extends AutoCloseable {
  /**
   * Looks for everything that stands in the way. Writes nothing and keeps nobody waiting.
   *
   * @throws stet.engine.StetException saying what is missing and how to get it
   */
  void check();

  /**
   * Begins the transaction. From now on until it ends nobody else can change the live state, but
   * everybody can read it.
   *
   * @return the transaction's name, by which {@link Component#outcome} tells what became of it
   * @throws stet.engine.StetException naming who holds a lock that stands in the way
   */
  String begin();

  /**
   * Replaces the live state by the captured one, for nobody to see yet, and verifies that both are
   * equal.
   *
   * @throws stet.engine.StetException with {@code VERIFICATION_FAILED} naming the table that
   *     differs
   */
  void build();

  /**
   * Evaluates rules in what was built.
   *
   * @return what they found, to be closed
   */
  default Evaluation evaluate(List<Rule> rules) {
    throw new UnsupportedOperationException("rules speak of tables, and there are none");
  }

  /**
   * Makes what was built live.
   *
   * @throws stet.engine.StetException if that failed; {@link Component#outcome} tells whether it
   *     took effect
   */
  void commit();

  /** Ends the transaction; without {@link #commit} as if it had never begun. */
  @Override
  void close();

  /** What became of a transaction. */
  enum Outcome {
    COMMITTED,
    ROLLED_BACK,
    /** It may still end one way or the other. */
    OPEN,
    /** The place does not know it, or knows it no longer. */
    UNKNOWN
  }
}
