package stet.engine.posix;

import static stet.engine.posix.Kernel.call;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.posix.Kernel.Scratch;

/**
 * An open file or directory. Safe for use by several threads, except that it must not be closed
 * while another uses it.
 */
public abstract sealed class Handle implements AutoCloseable permits Directory, FileHandle {
  private static final int MAX_ATTRIBUTE = 64 << 10;

  private final int fd;
  private final PosixPath path;
  private boolean closed;

  Handle(int fd, PosixPath path) {
    this.fd = fd;
    this.path = path;
  }

  /** The path it was opened by, for messages; the entry may have been renamed since. */
  public final PosixPath path() {
    return path;
  }

  final int fd() {
    if (closed) {
      throw new IllegalStateException(path + " is closed");
    }
    return fd;
  }

  /** What the file system knows of it now. */
  public final Stat stat() throws PosixException {
    Scratch scratch = Scratch.get();
    int flags = Kernel.AT_EMPTY_PATH;
    return Directory.statx(scratch, fd(), new byte[0], flags, path);
  }

  /** Sets the permission bits, setuid, setgid and sticky. */
  public final void chmod(int mode) throws PosixException {
    check(call(Scratch.get(), Kernel.FCHMOD, fd(), mode, 0, 0, 0), "set the mode of");
  }

  /** Sets owner and group by number. */
  public final void chown(long uid, long gid) throws PosixException {
    check(call(Scratch.get(), Kernel.FCHOWN, fd(), uid, gid, 0, 0), "set the owner of");
  }

  /** Sets the times of last access and modification, to the nanosecond. */
  public final void setTimes(Instant accessed, Instant modified) throws PosixException {
    Scratch scratch = Scratch.get();
    long times = Directory.times(scratch, accessed, modified);
    check(call(scratch, Kernel.UTIMENSAT, fd(), 0, times, 0, 0), "set the times of");
  }

  /** The names of the extended attributes, as far as this process may see them. */
  public final List<String> attributes() throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    long size = call(scratch, Kernel.FLISTXATTR, fd(), buffer.address(), MAX_ATTRIBUTE, 0, 0);
    return size == -Kernel.ENOTSUP
        ? List.of()
        : attributeNames(buffer, check(size, "list the attributes of"));
  }

  /** The value of an extended attribute, or null if there is none of that name. */
  public final byte @Nullable [] attribute(String name) throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    long size =
        call(
            scratch,
            Kernel.FGETXATTR,
            fd(),
            scratch.first(name),
            buffer.address(),
            MAX_ATTRIBUTE,
            0);
    return size == -Kernel.ENODATA || size == -Kernel.ENOTSUP
        ? null
        : bytes(buffer, check(size, "read the attribute " + name + " of"));
  }

  /** Sets an extended attribute. */
  public final void setAttribute(String name, byte[] value) throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = attributeValue(scratch, value);
    check(
        call(
            scratch,
            Kernel.FSETXATTR,
            fd(),
            scratch.first(name),
            buffer.address(),
            value.length,
            0),
        "set the attribute " + name + " of");
  }

  /** Removes an extended attribute; does nothing if there is none of that name. */
  public final void removeAttribute(String name) throws PosixException {
    Scratch scratch = Scratch.get();
    long result = call(scratch, Kernel.FREMOVEXATTR, fd(), scratch.first(name), 0, 0, 0);
    if (result != -Kernel.ENODATA && result != -Kernel.ENOTSUP) {
      check(result, "remove the attribute " + name + " of");
    }
  }

  static MemorySegment attributeValue(Scratch scratch, byte[] value) {
    MemorySegment buffer = scratch.io();
    // A value that does not fit is one that no file system takes; the kernel refuses it by length.
    int copied = Math.min(value.length, (int) buffer.byteSize());
    MemorySegment.copy(value, 0, buffer, ValueLayout.JAVA_BYTE, 0, copied);
    return buffer;
  }

  static List<String> attributeNames(MemorySegment buffer, long size) {
    if (size == 0) {
      return List.of();
    }
    List<String> names = new ArrayList<>();
    byte[] bytes = bytes(buffer, size);
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0) {
        names.add(new String(bytes, start, i - start, StandardCharsets.UTF_8));
        start = i + 1;
      }
    }
    return names;
  }

  static byte[] bytes(MemorySegment buffer, long size) {
    byte[] bytes = new byte[(int) size];
    MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, bytes, 0, bytes.length);
    return bytes;
  }

  /** Where it lies now, without links on the way. */
  public final PosixPath realPath() throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    long size =
        call(
            scratch,
            Kernel.READLINKAT,
            Kernel.AT_FDCWD,
            scratch.first("/proc/self/fd/" + fd()),
            buffer.address(),
            buffer.byteSize(),
            0);
    return PosixPath.of(bytes(buffer, check(size, "find the real path of")));
  }

  /** Makes content and metadata durable. */
  public final void sync() throws PosixException {
    check(call(Scratch.get(), Kernel.FSYNC, fd(), 0, 0, 0, 0), "sync");
  }

  /** Makes everything written to the file system it lies on durable. */
  public final void syncFileSystem() throws PosixException {
    check(call(Scratch.get(), Kernel.SYNCFS, fd(), 0, 0, 0, 0), "sync the file system of");
  }

  /**
   * Takes an advisory lock that ends when the handle is closed or the process ends.
   *
   * @param exclusive whether others must not hold any lock, rather than no exclusive one
   * @param wait whether to wait for others
   * @return whether the lock was taken
   */
  public final boolean lock(boolean exclusive, boolean wait) throws PosixException {
    int operation = (exclusive ? 2 : 1) | (wait ? 0 : 4);
    long result = call(Scratch.get(), Kernel.FLOCK, fd(), operation, 0, 0, 0);
    if (result == -EAGAIN) {
      return false;
    }
    check(result, "lock");
    return true;
  }

  private static final int EAGAIN = 11;

  final long check(long result, String operation) throws PosixException {
    if (result < 0) {
      throw new PosixException((int) -result, operation, path.toString());
    }
    return result;
  }

  /** Closes it. Does nothing if it is closed already. */
  @Override
  public final void close() {
    if (!closed) {
      closed = true;
      // Errors of writing show in sync(); there is nothing left to do about one that shows here.
      call(Scratch.get(), Kernel.CLOSE, fd, 0, 0, 0, 0);
    }
  }
}
