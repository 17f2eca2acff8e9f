package stet.repository.tree;

import org.jspecify.annotations.Nullable;

/**
 * What another program's tree says of a node beyond {@link Node}'s own fields: kept so that the
 * tree is written again byte for byte.
 *
 * @param modifiedOffset offset from UTC in seconds that the time of modification is written with
 * @param accessedOffset the same of the time of access
 * @param changedOffset the same of the time of status change
 * @param modeDifference bits of Go's file mode that differ from what type and mode give
 * @param contentMissing whether a file has no list of blobs, not even an empty one: a fault
 * @param genericAttributes a JSON object of attributes that only Windows has, or null
 * @param error what an old restic failed to read of the node, empty if nothing
 */
public record NodeExtras(
    int modifiedOffset,
    int accessedOffset,
    int changedOffset,
    long modeDifference,
    boolean contentMissing,
    @Nullable String genericAttributes,
    String error) {
  /** The extras of a node that has none. */
  static final NodeExtras NONE = new NodeExtras(0, 0, 0, 0, false, null, "");
}
