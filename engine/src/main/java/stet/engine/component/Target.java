package stet.engine.component;

import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;
import stet.repository.json.JsonObject;

/**
 * The place where a component lives, as a restore works on it: the live state, and states that lie
 * beside it.
 *
 * <p>A restore builds a staging state, verifies it, and swaps it with the live state, which becomes
 * the previous state. Every step can be asked about afterwards by {@linkplain Beside#identity()
 * identity}, so that a restore that died can be finished or undone by looking at facts alone. All
 * methods may be called again after a crash and then complete what is missing.
 */
public interface Target extends AutoCloseable {
  /** What lives here now. */
  Live live();

  /**
   * Finds out whether the captured state can be built here, as far as that can be told without
   * writing anything. All targets of a restore are asked before the first one is staged.
   *
   * @throws stet.engine.StetException naming what is missing and how to get it
   */
  default void check(RestoreContext context) {}

  /**
   * Builds the captured state beside the live one and verifies that it equals what was captured. If
   * anything fails, what was built is removed.
   *
   * @throws stet.engine.StetException with {@code VERIFICATION_FAILED} naming the table or file
   *     that differs
   */
  Beside stage(RestoreContext context);

  /** Stores a note with a state that lies beside the live one, replacing an earlier note. */
  void note(Beside state, String note);

  /**
   * Waits for what stands in the way of {@link #swap}, without changing anything. All targets of a
   * restore are asked before the first is swapped, so that the parts of a state do not wait for
   * each other half swapped.
   *
   * @throws stet.engine.StetException naming what still stands in the way
   */
  default void checkSwap(@Nullable Beside state, String operation) {}

  /**
   * Whether a swap of a state that is not live has died on its way, so that something of it may
   * have been live.
   */
  default boolean isPartlySwapped(Beside state) {
    return false;
  }

  /**
   * Makes {@code state} live, or nothing at all if it is null. What was live before is kept as the
   * previous state of {@code operation}, with {@code note}.
   *
   * @return the previous state, or null if nothing was live
   */
  @Nullable Beside swap(@Nullable Beside state, String operation, String note);

  /**
   * Undoes {@link #swap}: puts the previous state of {@code operation} (if there was one) back and
   * what is live aside under the name and identity of {@code state}. Does nothing if {@code state}
   * is not live, or for null if anything is.
   */
  void swapBack(@Nullable Beside state, String operation);

  /**
   * Makes a staged state, which is not live, the previous state of its operation, of which there is
   * none then.
   *
   * @return the previous state
   */
  Beside keep(Beside state, String note);

  /**
   * Waits until what a killed operation has set going here has come to its end; a server works on
   * for a client that is gone. To be called when the environment is locked, before {@link #beside}
   * is relied on.
   */
  default void settle() {}

  /**
   * All states beside the live one, oldest first. Whatever only has such a name, but was neither
   * made nor put aside by a target, is not among them.
   */
  List<Beside> beside();

  /**
   * Evaluates rules in a staged state.
   *
   * @param manifest what the component added to the snapshot's manifest when it was captured
   * @return what they found, to be closed
   */
  default Evaluation evaluate(Beside state, JsonObject manifest, List<Rule> rules) {
    throw new UnsupportedOperationException("rules speak of tables, and there are none");
  }

  /**
   * Measures what a state beside the live one takes of its file system, which may mean to look at
   * all of it.
   *
   * @return the size in bytes, 0 if the state is gone, or -1 if it cannot be told
   */
  long size(Beside state);

  /**
   * Tells what a state has that no snapshot has, so that it does not go over to what takes the
   * state's place: replication slots, or entries that backups leave out.
   *
   * @param fate what becomes of the state
   * @param state one of {@link #beside}, or null for what is live
   * @return warnings in the words for that fate, as {@link Progress#warn} takes them; of {@link
   *     Fate#DROPPED} those that will be true when the state is dropped
   */
  default List<String> leftBehind(Fate fate, @Nullable Beside state) {
    return List.of();
  }

  /**
   * Removes a state for good.
   *
   * @throws stet.engine.StetException with {@code REFUSED} if it is live, or is none of {@link
   *     #beside}
   */
  void drop(Beside state);

  /**
   * Whether swapping this target is the commit point that all cheaply reversible swaps come before.
   * True for databases, false for directories.
   */
  default boolean isCommitPoint() {
    return false;
  }

  @Override
  void close();

  /**
   * The live state.
   *
   * @param identity tells it from any state that may take its place (a database's OID, a
   *     directory's inode and time of birth), or null if there is none
   * @param empty whether a restore would replace nothing of value
   * @param description what a person calls it, such as {@code database "shop" on db.example.org},
   *     without secrets
   */
  record Live(@Nullable String identity, boolean empty, String description) {}

  /**
   * A state beside the live one.
   *
   * @param role staging or previous
   * @param operation the id of the operation that made it
   * @param name the name that goes with role and operation, a database's or a directory's; after a
   *     crash it may not have it yet
   * @param identity tells it wherever it is renamed to
   * @param note what {@link #note} stored, or null
   */
  record Beside(Role role, String operation, String name, String identity, @Nullable String note) {
    /** The same state with another note. */
    public Beside withNote(@Nullable String other) {
      return new Beside(role, operation, name, identity, other);
    }
  }

  /** What becomes of a state that a restore replaces. */
  enum Fate {
    TO_BE_REPLACED,
    REPLACED,
    DROPPED
  }

  /** What a state beside the live one is there for. */
  enum Role {
    STAGING,
    PREVIOUS
  }
}
