package stet.engine.files;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import stet.engine.component.Progress;
import stet.engine.posix.PosixException;

/**
 * What a restore may not or cannot set on this file system or as this user. Each kind is told once,
 * and from then on no longer expected. Safe for use by several threads.
 */
final class Shortfalls {
  static final String OWNER = "owners";
  static final String MODE = "modes";
  static final String SPECIAL_BITS = "setuid and setgid bits";
  static final String TIMES = "times";
  static final String DEVICES = "devices";
  static final String LINKS = "hard links";

  private final Progress progress;
  private final Map<String, String> kinds = new ConcurrentHashMap<>();

  Shortfalls(Progress progress) {
    this.progress = progress;
  }

  static String attributes(String namespace) {
    return "attributes " + namespace + ".*";
  }

  /** Notes that {@code kind} could not be set, and why the first time. */
  void add(String kind, PosixException reason) {
    add(kind, reason.reason(), reason.getMessage());
  }

  void add(String kind, String reason) {
    add(kind, reason, reason);
  }

  private void add(String kind, String reason, String message) {
    if (kinds.putIfAbsent(kind, reason) == null) {
      progress.warn("not all " + kind + " could be restored: " + message);
    }
  }

  boolean has(String kind) {
    return kinds.containsKey(kind);
  }

  /** Each kind that could not be set with the reason, sorted; empty if all could be. */
  String describe() {
    return new TreeMap<>(kinds)
        .entrySet().stream()
            .map(each -> each.getKey() + ": " + each.getValue())
            .collect(Collectors.joining("; "));
  }
}
