package stet.engine.posix;

/**
 * A name in a directory.
 *
 * @param name its bytes
 * @param type a hint that saves a look; {@code UNKNOWN} where the file system does not tell
 */
public record Entry(byte[] name, Type type) {
  /** What a directory says its entry is. */
  public enum Type {
    FILE,
    DIRECTORY,
    OTHER,
    UNKNOWN
  }
}
