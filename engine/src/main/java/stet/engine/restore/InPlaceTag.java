package stet.engine.restore;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import stet.engine.Environment;
import stet.engine.component.Component;
import stet.engine.component.InPlace.Outcome;
import stet.engine.snapshot.ReservedTags;
import stet.repository.snapshot.Snapshot;

/**
 * The tag of a snapshot that was taken before a restore in place: it tells which transaction
 * replaced what the snapshot holds. Only if that was committed is there something to undo.
 *
 * @param component what was restored in place
 * @param transaction the transaction's name
 * @param operation the restore's id
 * @param beside the components of which it replaced a state that it kept beside the live one
 */
public record InPlaceTag(
    String component, String transaction, String operation, List<String> beside) {
  private static final Pattern TAG =
      Pattern.compile(ReservedTags.IN_PLACE + "([^:]+):([^:]+):([^:]+?)((?::[^:]+)*)");

  public InPlaceTag {
    beside = List.copyOf(beside);
  }

  /** The tag's text. */
  public String text() {
    StringBuilder text =
        new StringBuilder(ReservedTags.IN_PLACE + component + ":" + transaction + ":" + operation);
    beside.forEach(name -> text.append(':').append(name));
    return text.toString();
  }

  /** The tag of a snapshot, or null if it has none. */
  static @Nullable InPlaceTag of(Snapshot snapshot) {
    for (String tag : snapshot.tags()) {
      Matcher matcher = TAG.matcher(tag);
      if (matcher.matches()) {
        String beside = matcher.group(4);
        return new InPlaceTag(
            matcher.group(1),
            matcher.group(2),
            matcher.group(3),
            beside.isEmpty() ? List.of() : List.of(beside.substring(1).split(":")));
      }
    }
    return null;
  }

  /** A snapshot with its tag. */
  public record Tagged(Snapshot snapshot, InPlaceTag tag) {}

  /**
   * The snapshot that the newest committed restore in place has left.
   *
   * @param snapshots those of the environment, oldest first
   */
  public static @Nullable Tagged newest(Environment environment, List<Snapshot> snapshots) {
    for (Snapshot snapshot : snapshots.reversed()) {
      InPlaceTag tag = of(snapshot);
      if (tag == null) {
        continue;
      }
      for (Component component : environment.components()) {
        if (component.name().equals(tag.component)
            && component.outcome(tag.transaction) == Outcome.COMMITTED) {
          return new Tagged(snapshot, tag);
        }
      }
    }
    return null;
  }
}
