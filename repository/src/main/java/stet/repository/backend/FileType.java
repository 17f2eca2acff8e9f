package stet.repository.backend;

/**
 * The kinds of files in a repository. All but {@link #CONFIG} are named by the SHA-256 of their
 * bytes.
 */
public enum FileType {
  CONFIG("config"),
  KEY("keys"),
  LOCK("locks"),
  SNAPSHOT("snapshots"),
  INDEX("index"),
  PACK("data");

  private final String directory;

  FileType(String directory) {
    this.directory = directory;
  }

  /** The directory in the repository; for {@link #CONFIG} the file itself. */
  public String directory() {
    return directory;
  }
}
