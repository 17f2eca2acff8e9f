package stet.engine.rules;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The paths of all files of a component, one after the other in the order of {@link #compare}.
 * Everything but a directory counts as a file.
 */
public interface Paths extends AutoCloseable {
  /** The next path from the component's directory on, or null if there is none. */
  byte @Nullable [] next();

  @Override
  default void close() {}

  /**
   * The path of an entry.
   *
   * @param directory the path of its directory with a slash at the end, or nothing
   * @param isDirectory whether it is a directory too, so that a slash is to end its path
   */
  static byte[] join(byte[] directory, byte[] name, boolean isDirectory) {
    int length = directory.length + name.length;
    byte[] path = Arrays.copyOf(directory, isDirectory ? length + 1 : length);
    System.arraycopy(name, 0, path, directory.length, name.length);
    if (isDirectory) {
      path[length] = '/';
    }
    return path;
  }

  /**
   * The order of a walk that takes the entries of each directory by their bytes, and goes into each
   * directory at once: a slash comes before all else.
   */
  static int compare(byte[] one, byte[] other) {
    int length = Math.min(one.length, other.length);
    for (int i = 0; i < length; i++) {
      if (one[i] != other[i]) {
        return Integer.compare(rank(one[i]), rank(other[i]));
      }
    }
    return Integer.compare(one.length, other.length);
  }

  private static int rank(byte b) {
    return b == '/' ? 0 : b & 0xff;
  }
}
