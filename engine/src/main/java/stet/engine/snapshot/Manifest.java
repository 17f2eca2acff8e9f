package stet.engine.snapshot;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.rules.Finding;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * The manifest of a snapshot, its file {@value #FILE_NAME}.
 *
 * @param app the application
 * @param environment the environment that was captured
 * @param started when the capture began
 * @param finished when the last component was captured
 * @param version the version of Stet that wrote it
 * @param hashKey the key of all content hashes
 * @param components what was captured, in order
 * @param findings what the rules found in it
 */
public record Manifest(
    String app,
    String environment,
    Instant started,
    Instant finished,
    String version,
    RowHash.Key hashKey,
    List<Entry> components,
    List<Finding> findings) {
  /** The manifest's name at the root of a snapshot. */
  public static final String FILE_NAME = "stet.json";

  /** In a component's details: files that were gone when they were to be captured. */
  public static final String RESCUED = "rescued";

  /** The format this version writes; it reads no newer one. */
  private static final int FORMAT = 1;

  public Manifest {
    components = List.copyOf(components);
    findings = List.copyOf(findings);
  }

  /**
   * A captured component.
   *
   * @param name its name, and that of its directory in the snapshot
   * @param kind the kind's key
   * @param details what the kind recorded
   */
  public record Entry(String name, String kind, JsonObject details) {}

  /** The entry of a component, or null. */
  public @Nullable Entry component(String name) {
    for (Entry entry : components) {
      if (entry.name.equals(name)) {
        return entry;
      }
    }
    return null;
  }

  /**
   * Everything in the captured components that could not be read and was left out with permission.
   */
  public List<String> skipped() {
    return skipped(components.stream().map(Entry::name).collect(Collectors.toSet()));
  }

  /** The same of the named components alone. */
  public List<String> skipped(Set<String> names) {
    List<String> skipped = new ArrayList<>();
    for (Entry entry : components) {
      if (!names.contains(entry.name)) {
        continue;
      }
      for (String path : entry.details.strings("skipped")) {
        skipped.add(entry.name + ": " + path);
      }
    }
    return skipped;
  }

  /** The manifest as indented JSON text. */
  public byte[] toBytes() {
    List<JsonObject> list = new ArrayList<>();
    for (Entry entry : components) {
      list.add(
          new JsonObject()
              .put("name", entry.name)
              .put("kind", entry.kind)
              .put("details", entry.details));
    }
    return (new JsonObject()
                .put("format", FORMAT)
                .put("stet", version)
                .put("app", app)
                .put("environment", environment)
                .put("started", started.toString())
                .put("finished", finished.toString())
                .put("hash_key", hashKey.toString())
                .put("components", list)
                .put("rules", findings.stream().map(Finding::toJson).toList())
                .toPrettyString()
            + "\n")
        .getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }

  /**
   * Parses a manifest.
   *
   * @param snapshot the snapshot's name for messages
   * @throws StetException if it is damaged or of a newer format
   */
  public static Manifest parse(String snapshot, byte[] json) {
    try {
      JsonObject object = JsonObject.parse(json);
      long format = object.integer("format");
      if (format != FORMAT) {
        throw new StetException(
            ErrorCode.FAILED,
            "snapshot "
                + snapshot
                + " has manifest format "
                + format
                + ", this version of stet reads format "
                + FORMAT,
            "Use the version of stet that wrote it ("
                + object.string("stet")
                + ") or a newer one.");
      }
      List<Entry> components = new ArrayList<>();
      for (JsonObject entry : object.objects("components")) {
        components.add(
            new Entry(entry.string("name"), entry.string("kind"), entry.object("details")));
      }
      return new Manifest(
          object.string("app"),
          object.string("environment"),
          Instant.parse(object.string("started")),
          Instant.parse(object.string("finished")),
          object.string("stet"),
          RowHash.Key.parse(object.string("hash_key")),
          components,
          object.objects("rules").stream().map(Finding::parse).toList());
    } catch (JsonException | DateTimeException | IllegalArgumentException e) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          "the manifest of snapshot " + snapshot + " is unusable: " + e.getMessage(),
          "The files in the snapshot can still be read with `stet dump` or restic.",
          e);
    }
  }
}
