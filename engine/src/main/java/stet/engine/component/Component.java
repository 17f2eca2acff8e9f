package stet.engine.component;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Paths;
import stet.engine.rules.Rule;

/** One piece of an environment's state. Holds no connection or open file between calls. */
public interface Component {
  /** The name in the configuration, and of the component's directory in a snapshot. */
  String name();

  /** The {@link ComponentKind#key()} of its kind. */
  String kind();

  /**
   * Fails if the component could not be captured now. Changes nothing.
   *
   * @throws stet.engine.StetException naming the object that is missing, unreachable or unreadable
   */
  void check(Operation operation);

  /**
   * Fails if rules about the component's tables could not be evaluated. Reads no rows.
   *
   * @throws stet.engine.StetException with {@code CONFIGURATION} naming what does not exist, and
   *     where the rule stands
   */
  default void checkRules(List<Rule> rules) {}

  /**
   * Evaluates rules in the live state.
   *
   * @return what they found, to be closed
   */
  default Evaluation evaluate(List<Rule> rules) {
    throw new UnsupportedOperationException(kind() + " has no tables");
  }

  /** The live state's definitions, as {@link ComponentKind#definitions} has captured ones. */
  default Map<String, String> definitions() {
    return Map.of();
  }

  /** The paths of the live state's files, to be closed. */
  default Paths paths() {
    throw new UnsupportedOperationException(kind() + " has no files");
  }

  /**
   * Captures the whole component.
   *
   * @throws stet.engine.StetException if anything could not be captured; the backup then ends
   *     without a snapshot
   */
  Captured capture(CaptureContext context);

  /**
   * Takes a lock that keeps operations of all nodes on the same environment apart, where this kind
   * has a place for one that all nodes share.
   *
   * @return what releases the lock, or null if this kind has no such place
   * @throws stet.engine.StetException with {@code LOCKED} naming who holds it
   */
  default @Nullable Held lock(String app, String environment) {
    return null;
  }

  /**
   * Takes a lock that keeps operations of this machine on this component apart, whoever runs them,
   * where its place can be locked.
   *
   * @return what releases the lock, or null if it cannot
   * @throws stet.engine.StetException with {@code LOCKED} naming who holds it
   */
  default @Nullable Held lockHere() {
    return null;
  }

  /** A lock that is held until it is closed. */
  interface Held extends AutoCloseable {
    /**
     * Fails if the lock was lost.
     *
     * @throws stet.engine.StetException saying how
     */
    void check();

    @Override
    void close();
  }

  /**
   * Puts one captured table beside the live one of its name, with columns and rows alone. All rows
   * are verified before it can be seen.
   *
   * @throws stet.engine.StetException with {@code USAGE} if this kind has no tables, {@code
   *     NOT_FOUND} if there is no such table, {@code REFUSED} if the name is taken, {@code
   *     VERIFICATION_FAILED} if the rows differ; nothing is there then
   */
  default RestoredTable restoreTable(RestoreContext context, TableWish wish) {
    throw new StetException(
        ErrorCode.USAGE,
        "component " + name() + " is of kind " + kind() + ", which has no tables",
        "Choose another component with --only.");
  }

  /**
   * The table that is wanted.
   *
   * @param table as a person names it
   * @param where SQL that selects rows, or null for all; it runs with the rights of the connection
   * @param as the new table's name, or null for the captured one's with {@code suffix}
   */
  record TableWish(String table, @Nullable String where, @Nullable String as, String suffix) {}

  /**
   * A table that was put beside a live one.
   *
   * @param name its quoted name
   * @param rows how many it has
   */
  record RestoredTable(String name, long rows) {}

  /** Whether it can be restored within its live place. */
  default boolean canBeInPlace() {
    return false;
  }

  /**
   * Prepares a restore within the live place.
   *
   * @return it, to be closed
   * @throws stet.engine.StetException with {@code USAGE} if this kind cannot do that
   */
  default InPlace inPlace(RestoreContext context) {
    throw new StetException(
        ErrorCode.USAGE,
        "component " + name() + " is of kind " + kind() + ", which cannot be restored in place",
        "Leave out --in-place.");
  }

  /**
   * What became of a transaction of {@link #inPlace}, whoever began it.
   *
   * @param transaction its name
   */
  default InPlace.Outcome outcome(String transaction) {
    return InPlace.Outcome.UNKNOWN;
  }

  /**
   * Restores a captured state of the component into scratch and compares it with what was captured.
   * Nothing live is touched. A kind that has no scratch only reads what was captured.
   *
   * @return what was restored, to be closed
   * @throws stet.engine.StetException if it cannot be restored or differs, with {@code SCRATCH} if
   *     that is for want of a place for it; nothing is left then
   */
  default Trial trial(RestoreContext context, Scratch scratch) {
    return ReadTrial.run(context, "components of kind " + kind() + " have no scratch");
  }

  /**
   * Where captured states are restored for a trial.
   *
   * @param server a connection string of a database server, {@link #SAME} for the component's own,
   *     or null for one that is made from installed server programs
   * @param restoreFiles whether files are written too, rather than only read
   */
  record Scratch(@Nullable String server, boolean restoreFiles) {
    /** The component's own server. */
    public static final String SAME = "same";
  }

  /** Opens the place that a restore of this component works on. */
  Target target(Operation operation);
}
