package stet.engine.postgres.capture;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import stet.engine.postgres.rows.ReadSegment;

/** The changed segments of tables, by tablespace and number of the file. */
final class LogChanges {
  private record File(long tablespace, long node) {}

  private final Map<File, BitSet> changed = new HashMap<>();

  /** How many blocks were changed of each file. */
  private final Map<File, Long> blocks = new HashMap<>();

  /** The first segment since which a file was cut off, where it was. */
  private final Map<File, Long> limits = new HashMap<>();

  void add(long tablespace, long node, boolean limit, long count, long segment) {
    File file = new File(tablespace, node);
    if (limit) {
      limits.merge(file, segment, Math::min);
    } else {
      blocks.merge(file, count, Long::sum);
      changed.computeIfAbsent(file, key -> new BitSet()).set(Math.toIntExact(segment));
    }
  }

  /** How many blocks of a table were changed; none counts twice. */
  long blocks(long tablespace, long node) {
    return blocks.getOrDefault(new File(tablespace, node), 0L);
  }

  /**
   * The segments of a table that were not changed.
   *
   * @param segments how many the table has; the last one holds all blocks that follow
   */
  Map<Long, ReadSegment> unchanged(
      CaptureBase.BaseTable base, long tablespace, long node, long segments) {
    Map<Long, ReadSegment> same = new HashMap<>();
    File file = new File(tablespace, node);
    if (limits.containsKey(new File(tablespace, 0))) {
      return same; // the database came there as a whole
    }
    BitSet fresh = changed.getOrDefault(file, new BitSet());
    long limit = limits.getOrDefault(file, Long.MAX_VALUE);
    base.forEachHeld(
        segments,
        (segment, held) -> {
          boolean changedHere =
              segment >= limit
                  || (segment == segments - 1
                      ? fresh.length() > segment
                      : fresh.get(Math.toIntExact(segment)));
          if (!changedHere) {
            same.put(segment, held);
          }
        });
    return same;
  }
}
