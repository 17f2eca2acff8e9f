package stet.engine.files;

import stet.repository.json.JsonObject;

/** What a files component adds to a snapshot's manifest. */
final class FilesManifest {
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

  /** The inodes of files that have holes; missing if nobody looked or there are very many. */
  static final String SPARSE = "sparse";

  static final String EXCLUDED = "excluded";
  static final String SOCKETS = "sockets";

  /** What was not captured as it should, each a text; the engine turns it into exit status 3. */
  static final String SKIPPED = "skipped";

  private FilesManifest() {}

  static long bytes(JsonObject manifest) {
    return number(manifest, BYTES);
  }

  /** A count, or -1 if the manifest has none. */
  static long number(JsonObject manifest, String key) {
    return manifest.get(key) instanceof Long value ? value : -1;
  }
}
