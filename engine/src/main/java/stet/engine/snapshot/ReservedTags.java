package stet.engine.snapshot;

import java.util.List;
import java.util.stream.Stream;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * The tags of snapshots to which Stet gives a meaning. A person may not give them: what is read
 * from them would not be true.
 */
public final class ReservedTags {
  /** The tag of a snapshot that was taken before something replaced what it holds. */
  public static final String BEFORE_RESTORE = "before-restore";

  /** How the tag of a snapshot begins that was taken before a restore in place. */
  public static final String IN_PLACE = "in-place:";

  private static final List<String> WHOLE =
      List.of(SnapshotCatalog.TAG, SnapshotCatalog.PROOF_TAG, BEFORE_RESTORE);

  private static final List<String> BEGINNINGS = List.of(SnapshotCatalog.ENVIRONMENT_TAG, IN_PLACE);

  private ReservedTags() {}

  /** All of them; those that end with a colon are how a tag begins. */
  public static List<String> all() {
    return Stream.concat(WHOLE.stream(), BEGINNINGS.stream()).toList();
  }

  /**
   * Checks a tag that a person wants a snapshot to have.
   *
   * @throws StetException with {@code USAGE} if it is empty or reserved
   */
  public static void check(String tag) {
    if (tag.isBlank()) {
      throw new StetException(ErrorCode.USAGE, "a tag is empty", "Name it, or leave out --tag.");
    }
    if (WHOLE.contains(tag) || BEGINNINGS.stream().anyMatch(tag::startsWith)) {
      throw new StetException(
          ErrorCode.USAGE,
          "the tag \"" + tag + "\" is one that stet itself gives",
          "Choose another one. Reserved are "
              + String.join(", ", WHOLE)
              + " and what begins with "
              + String.join(" or ", BEGINNINGS)
              + ".");
    }
  }
}
