package stet.engine.proof;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.rules.Finding;
import stet.repository.Id;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * What came of restoring a snapshot for real, as the repository keeps it: a small snapshot of its
 * own with the one file {@value #FILE_NAME}.
 *
 * @param tree the tree of the proven snapshot, which says what was proven whatever becomes of its
 *     name
 * @param snapshot the snapshot's id at that time
 * @param environment the environment that the proven snapshot is of, whichever one's components
 *     restored it
 * @param started when the trial began
 * @param finished when it ended
 * @param restored how long it took to restore and compare everything: what a recovery takes
 * @param levels what was looked at in each component
 * @param findings what the rules found
 * @param failures what differs, or kept it from being restored; empty if it is proven
 */
public record Proof(
    Id tree,
    String snapshot,
    String environment,
    Instant started,
    Instant finished,
    Duration restored,
    List<ComponentLevel> levels,
    List<Finding> findings,
    List<String> failures) {
  /** The file's name in the proof's own snapshot. */
  public static final String FILE_NAME = "proof.json";

  /** What the text of an assertion's failure begins with. */
  static final String ASSERTION = "assertion ";

  private static final int FORMAT = 1;

  public Proof {
    levels = List.copyOf(levels);
    findings = List.copyOf(findings);
    failures = List.copyOf(failures);
  }

  /**
   * Something that was looked at in a component.
   *
   * @param ran whether it was looked at; if not, {@code detail} says why
   */
  public record ComponentLevel(String component, String level, boolean ran, String detail) {}

  /** Whether everything came back as it was captured. */
  public boolean passed() {
    return failures.isEmpty();
  }

  /** Whether everything came back as it was captured, but does not hold what was asserted of it. */
  public boolean failedAssertionsAlone() {
    return !passed() && failures.stream().allMatch(failure -> failure.startsWith(ASSERTION));
  }

  /** The file's content. */
  public JsonObject toJson() {
    return new JsonObject()
        .put("format", FORMAT)
        .put("tree", tree.toString())
        .put("snapshot", snapshot)
        .put("environment", environment)
        .put("started", started.toString())
        .put("finished", finished.toString())
        .put("restored_seconds", restored.toMillis() / 1000.0)
        .put("passed", passed())
        .put(
            "levels",
            levels.stream()
                .map(level ->
                    new JsonObject()
                        .put("component", level.component())
                        .put("level", level.level())
                        .put("ran", level.ran())
                        .put("detail", level.detail()))
                .toList())
        .put("rules", findings.stream().map(Finding::toJson).toList())
        .put("failures", failures);
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @param name the proof's name for messages
   * @throws StetException if it is something else
   */
  static Proof parse(String name, byte[] bytes) {
    try {
      JsonObject json = JsonObject.parse(bytes);
      if (json.integer("format") != FORMAT) {
        throw new IllegalArgumentException("its format is " + json.integer("format"));
      }
      return new Proof(
          Id.parse(json.string("tree")),
          json.string("snapshot"),
          json.string("environment"),
          Instant.parse(json.string("started")),
          Instant.parse(json.string("finished")),
          Duration.ofMillis(
              Math.round(
                  ((Number) java.util.Objects.requireNonNull(json.get("restored_seconds")))
                          .doubleValue()
                      * 1000)),
          json.objects("levels").stream()
              .map(level ->
                  new ComponentLevel(
                      level.string("component"),
                      level.string("level"),
                      level.flag("ran", false),
                      level.string("detail")))
              .toList(),
          json.objects("rules").stream().map(Finding::parse).toList(),
          json.strings("failures"));
    } catch (JsonException
        | DateTimeException
        | IllegalArgumentException
        | ClassCastException
        | NullPointerException e) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          "proof " + name + " is unusable: " + e.getMessage(),
          "Run `stet prove` to make a new one.",
          e);
    }
  }
}
