package stet.repository.tree;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * An extended attribute.
 *
 * @param name with its namespace, such as {@code user.origin}
 * @param value the bytes, possibly none
 */
public record Xattr(String name, byte[] value) {
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Xattr x && name.equals(x.name) && Arrays.equals(value, x.value);
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + Arrays.hashCode(value);
  }
}
