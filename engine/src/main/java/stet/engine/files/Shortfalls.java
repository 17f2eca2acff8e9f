package stet.engine.files;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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
  private final Set<String> kinds = ConcurrentHashMap.newKeySet();

  Shortfalls(Progress progress) {
    this.progress = progress;
  }

  static String attributes(String namespace) {
    return "attributes " + namespace + ".*";
  }

  /** Notes that {@code kind} could not be set, and why the first time. */
  void add(String kind, PosixException reason) {
    add(kind, reason.getMessage());
  }

  void add(String kind, String reason) {
    if (kinds.add(kind)) {
      progress.warn("not all " + kind + " could be restored: " + reason);
    }
  }

  boolean has(String kind) {
    return kinds.contains(kind);
  }
}
