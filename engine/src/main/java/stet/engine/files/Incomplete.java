package stet.engine.files;

import java.util.ArrayList;
import java.util.List;
import stet.engine.component.Progress;
import stet.repository.json.JsonObject;

/**
 * What a capture could not take as it should, although the configuration lets it go on. Safe for
 * use by several threads.
 */
final class Incomplete {
  /** More than anybody reads; the rest is counted. */
  private static final int MAX_LISTED = 10_000;

  private final Progress progress;
  private final List<JsonObject> listed = new ArrayList<>();
  private long count;

  Incomplete(Progress progress) {
    this.progress = progress;
  }

  synchronized void add(String path, String reason) {
    count++;
    if (listed.size() < MAX_LISTED) {
      listed.add(new JsonObject().put("path", path).put("reason", reason));
    }
    progress.warn(path + " " + reason);
  }

  synchronized List<JsonObject> listed() {
    return List.copyOf(listed);
  }

  synchronized long count() {
    return count;
  }
}
