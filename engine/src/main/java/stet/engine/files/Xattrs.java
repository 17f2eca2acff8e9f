package stet.engine.files;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Directory;
import stet.engine.posix.Errno;
import stet.engine.posix.Handle;
import stet.engine.posix.PosixException;
import stet.repository.tree.Xattr;

/**
 * Extended attributes that belong to a file's state: {@code user.*}, {@code trusted.*}, {@code
 * security.*} and POSIX access control lists. Others describe the file system the file lies on.
 */
final class Xattrs {
  static final String ACCESS_ACL = "system.posix_acl_access";
  static final String DEFAULT_ACL = "system.posix_acl_default";

  private Xattrs() {}

  static boolean isKept(String name) {
    return name.startsWith("user.")
        || name.startsWith("trusted.")
        || name.startsWith("security.")
        || name.equals(ACCESS_ACL)
        || name.equals(DEFAULT_ACL);
  }

  /** The part before the first dot, for which the same rights and file systems' support hold. */
  static String namespace(String name) {
    int dot = name.indexOf('.');
    return dot < 0 ? name : name.substring(0, dot);
  }

  /** The attributes of an open file or directory by name, as far as this process may see them. */
  static List<Xattr> read(Handle handle) throws PosixException {
    return read(handle.attributes(), handle::attribute);
  }

  /** The attributes of an entry that cannot or must not be opened. */
  static List<Xattr> read(Directory directory, byte[] name) throws PosixException {
    try {
      return read(directory.attributes(name), attribute -> directory.attribute(name, attribute));
    } catch (PosixException e) {
      if (e.is(Errno.ENOENT)) {
        requireProc(directory, e);
      }
      throw e;
    }
  }

  /** The attributes of what is not open are read by way of it, so nothing is found without it. */
  private static void requireProc(Directory directory, PosixException cause) {
    try {
      directory.realPath();
    } catch (PosixException e) {
      throw new StetException(
          ErrorCode.SOURCE,
          cause.getMessage() + ": /proc/self/fd cannot be used",
          "Mount the proc file system on /proc.",
          cause);
    }
  }

  private interface Reader {
    byte @Nullable [] value(String name) throws PosixException;
  }

  private static List<Xattr> read(List<String> names, Reader reader) throws PosixException {
    if (names.isEmpty()) {
      return List.of();
    }
    List<Xattr> attributes = new ArrayList<>();
    for (String name : names) {
      if (isKept(name)) {
        byte[] value = readable(reader, name);
        if (value != null) {
          attributes.add(new Xattr(name, value));
        }
      }
    }
    attributes.sort(Comparator.comparing(Xattr::name));
    return attributes;
  }

  /** Some attributes are listed for everybody and shown to few. */
  private static byte @Nullable [] readable(Reader reader, String name) throws PosixException {
    try {
      return reader.value(name);
    } catch (PosixException e) {
      if (e.is(Errno.EACCES, Errno.EPERM)) {
        return null;
      }
      throw e;
    }
  }
}
