package stet.repository.backend;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;

/**
 * Names a file of a repository.
 *
 * @param type its kind
 * @param id its name, null for the only file without one, the config
 */
public record StoredFile(FileType type, @Nullable Id id) {
  /** The repository's config file. */
  public static final StoredFile CONFIG = new StoredFile(FileType.CONFIG, null);

  public StoredFile {
    if ((type == FileType.CONFIG) != (id == null)) {
      throw new IllegalArgumentException("exactly the config file has no id");
    }
  }

  public static StoredFile pack(Id id) {
    return new StoredFile(FileType.PACK, id);
  }

  public static StoredFile index(Id id) {
    return new StoredFile(FileType.INDEX, id);
  }

  public static StoredFile snapshot(Id id) {
    return new StoredFile(FileType.SNAPSHOT, id);
  }

  public static StoredFile lock(Id id) {
    return new StoredFile(FileType.LOCK, id);
  }

  public static StoredFile key(Id id) {
    return new StoredFile(FileType.KEY, id);
  }

  /** The id of a file that is not the config. */
  public Id requireId() {
    return Objects.requireNonNull(id, "the config file has no id");
  }

  /**
   * The path below the repository's root in restic's default layout, with {@code /} between parts:
   * packs lie in a directory named by their first byte.
   */
  public String path() {
    if (id == null) {
      return type.directory();
    }
    String name = id.toString();
    return type == FileType.PACK
        ? "data/" + name.substring(0, 2) + "/" + name
        : type.directory() + "/" + name;
  }

  @Override
  public String toString() {
    return path();
  }
}
