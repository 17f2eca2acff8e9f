package stet.engine.files;

import java.util.ArrayList;
import java.util.List;
import stet.engine.component.Progress;

/**
 * What a capture could not take as it should, although the configuration lets it go on. Safe for
 * use by several threads.
 */
final class Incomplete {
  /** More than anybody reads; the rest is counted. */
  private static final int MAX_LISTED = 10_000;

  private final Progress progress;
  private final List<String> listed = new ArrayList<>();
  private long count;

  Incomplete(Progress progress) {
    this.progress = progress;
  }

  /** Notes an entry: its path and what is the matter, as one text. */
  synchronized void add(String fact) {
    count++;
    if (listed.size() < MAX_LISTED) {
      listed.add(fact);
    }
    progress.warn(fact);
  }

  /** What is listed; if that is not all, the last says how many more there are. */
  synchronized List<String> listed() {
    List<String> all = new ArrayList<>(listed);
    if (count > listed.size()) {
      all.add("and " + (count - listed.size()) + " more");
    }
    return all;
  }
}
