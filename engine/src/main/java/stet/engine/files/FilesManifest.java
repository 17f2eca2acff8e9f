package stet.engine.files;

import java.time.Instant;
import java.time.format.DateTimeParseException;
import org.jspecify.annotations.Nullable;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/** What a files component adds to a snapshot's manifest. */
final class FilesManifest {
  /** When the capture began; a later capture trusts only changes that are older. */
  static final String STARTED = "started";

  static final String PATH = "path";
  static final String EXCLUDE = "exclude";
  static final String FILES = "files";
  static final String DIRECTORIES = "directories";
  static final String SYMLINKS = "symlinks";

  /** FIFOs and devices. */
  static final String SPECIALS = "specials";

  /** Sum of the files' sizes; a file of several names counts once for each. */
  static final String BYTES = "bytes";

  /** Files taken from the parent snapshot without being read. */
  static final String UNCHANGED = "unchanged";

  static final String EXCLUDED = "excluded";
  static final String SOCKETS = "sockets";

  /** Entries with {@code path} and {@code reason} that were not captured as they should. */
  static final String INCOMPLETE = "incomplete";

  /** How many there are, if more than are listed. */
  static final String INCOMPLETE_COUNT = "incomplete_count";

  private FilesManifest() {}

  static @Nullable Instant started(JsonObject manifest) {
    try {
      String text = manifest.optionalString(STARTED);
      return text == null ? null : Instant.parse(text);
    } catch (DateTimeParseException | JsonException e) {
      // Then no file counts as unchanged, which only costs time.
      return null;
    }
  }

  static long bytes(JsonObject manifest) {
    return number(manifest, BYTES);
  }

  /** A count, or -1 if the manifest has none. */
  static long number(JsonObject manifest, String key) {
    return manifest.get(key) instanceof Long value ? value : -1;
  }
}
