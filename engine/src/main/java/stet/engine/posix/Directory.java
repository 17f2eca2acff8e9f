package stet.engine.posix;

import static stet.engine.posix.Kernel.call;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.engine.posix.Kernel.Scratch;

/**
 * An open directory, and what can be done with its entries.
 *
 * <p>Entries are reached from the open directory by single names and links are never followed, so
 * that a tree can be walked at any depth, and whoever renames or replaces parts of it meanwhile
 * cannot lead the walk elsewhere.
 */
public final class Directory extends Handle {
  private static final int BASIC_STATS = 0x7ff;
  private static final int BIRTH_TIME = 0x800;
  private static final long ATTR_MOUNT_ROOT = 0x2000;
  private static final int RENAME_NOREPLACE = 1;
  private static final int RENAME_EXCHANGE = 2;
  private static final int MAX_ATTRIBUTE = 64 << 10;

  private Directory(int fd, PosixPath path) {
    super(fd, path);
  }

  /**
   * Opens a directory by its path, of any length. Links on the way are followed, the last name must
   * not be one.
   */
  public static Directory open(PosixPath path) throws PosixException {
    return open(path, Kernel.O_NOFOLLOW);
  }

  /** Like {@link #open(PosixPath)}, but the last name may be a link to a directory, too. */
  public static Directory openFollowing(PosixPath path) throws PosixException {
    return open(path, 0);
  }

  private static Directory open(PosixPath path, int flagsOfLast) throws PosixException {
    List<byte[]> names = path.names();
    Scratch scratch = Scratch.get();
    int flags = Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_CLOEXEC;
    byte[] start = {(byte) (path.isAbsolute() ? '/' : '.')};
    long fd = call(scratch, Kernel.OPENAT, Kernel.AT_FDCWD, scratch.first(start), flags, 0, 0);
    int next = 0;
    while (fd >= 0 && next < names.size()) {
      // As many names at once as the kernel takes, the last one alone.
      ByteArrayOutputStream part = new ByteArrayOutputStream();
      int lastFlags = next == names.size() - 1 ? flags | flagsOfLast : flags;
      part.writeBytes(names.get(next++));
      while (next < names.size() - 1
          && part.size() + names.get(next).length + 2 < Kernel.PATH_MAX) {
        part.write('/');
        part.writeBytes(names.get(next++));
      }
      long inner =
          call(scratch, Kernel.OPENAT, fd, scratch.first(part.toByteArray()), lastFlags, 0, 0);
      call(scratch, Kernel.CLOSE, fd, 0, 0, 0, 0);
      fd = inner;
    }
    if (fd < 0) {
      throw new PosixException((int) -fd, "open", path.toString());
    }
    return new Directory((int) fd, path);
  }

  /** Opens a directory in this one, which must not be a link. */
  public Directory openDirectory(byte[] name) throws PosixException {
    int flags = Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW | Kernel.O_CLOEXEC;
    return new Directory((int) check(open(name, flags, 0), "open", name), path().resolve(name));
  }

  /**
   * Opens an entry for reading, without following a link, without waiting for a writer if it is a
   * FIFO, and where allowed without changing its time of last access.
   *
   * <p>The entry may have become anything since it was looked at: ask {@link #stat()} of the handle
   * before reading.
   */
  public FileHandle openForReading(byte[] name) throws PosixException {
    int flags = Kernel.O_RDONLY | Kernel.O_NOFOLLOW | Kernel.O_NONBLOCK | Kernel.O_CLOEXEC;
    long fd = open(name, flags | Kernel.O_NOATIME, 0);
    if (fd == -Kernel.EPERM) {
      fd = open(name, flags, 0);
    }
    return new FileHandle((int) check(fd, "open", name), path().resolve(name));
  }

  /** Opens an existing file for reading and writing. */
  public FileHandle openForWriting(byte[] name) throws PosixException {
    int flags = Kernel.O_RDWR | Kernel.O_NOFOLLOW | Kernel.O_NONBLOCK | Kernel.O_CLOEXEC;
    return new FileHandle((int) check(open(name, flags, 0), "open", name), path().resolve(name));
  }

  /** Creates a file that nobody else may open, for reading and writing. There must be none. */
  public FileHandle create(byte[] name) throws PosixException {
    int flags =
        Kernel.O_RDWR | Kernel.O_CREAT | Kernel.O_EXCL | Kernel.O_NOFOLLOW | Kernel.O_CLOEXEC;
    return new FileHandle(
        (int) check(open(name, flags, 0600), "create", name), path().resolve(name));
  }

  /**
   * Gives what root has just made in this directory the directory's owner and group, who could not
   * go on with it otherwise. Does nothing for anybody else, nor where nobody may give files away.
   */
  public void adopt(Handle made) throws PosixException {
    if (Accounts.self() != 0) {
      return;
    }
    Stat own = stat();
    try {
      made.chown(own.uid(), own.gid());
    } catch (PosixException e) {
      // As on network file systems that trust no root: then it is no worse than it was.
      return;
    }
  }

  private long open(byte[] name, int flags, int mode) {
    Scratch scratch = Scratch.get();
    return call(scratch, Kernel.OPENAT, fd(), scratch.first(name), flags, mode, 0);
  }

  /** Creates a directory; {@code mode} is cut by the process's umask. */
  public void makeDirectory(byte[] name, int mode) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(scratch, Kernel.MKDIRAT, fd(), scratch.first(name), mode, 0, 0),
        "create directory",
        name);
  }

  /**
   * Creates a FIFO or device.
   *
   * @param mode with the type's bits, such as {@link #FIFO}; cut by the process's umask
   * @param rawDevice what a device stands for, in the encoding of {@code makedev}
   */
  public void makeNode(byte[] name, int mode, long rawDevice) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(scratch, Kernel.MKNODAT, fd(), scratch.first(name), mode, rawDevice & 0xffffffffL, 0),
        "create",
        name);
  }

  /** Type bits for {@link #makeNode}. */
  public static final int FIFO = 0x1000;

  /** Type bits for {@link #makeNode}. */
  public static final int CHARACTER_DEVICE = 0x2000;

  /** Type bits for {@link #makeNode}. */
  public static final int BLOCK_DEVICE = 0x6000;

  /** Creates a symbolic link. */
  public void makeSymlink(byte[] name, byte[] target) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(scratch, Kernel.SYMLINKAT, scratch.second(target), fd(), scratch.first(name), 0, 0),
        "create symbolic link",
        name);
  }

  /** Creates a hard link to an entry of another directory of the same file system. */
  public void makeLink(byte[] name, Directory other, byte[] otherName) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(
            scratch,
            Kernel.LINKAT,
            other.fd(),
            scratch.second(otherName),
            fd(),
            scratch.first(name),
            0),
        "create hard link",
        name);
  }

  /** The target of a symbolic link. */
  public byte[] readLink(byte[] name) throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    long size =
        call(
            scratch,
            Kernel.READLINKAT,
            fd(),
            scratch.first(name),
            buffer.address(),
            buffer.byteSize(),
            0);
    return bytes(buffer, check(size, "read symbolic link", name));
  }

  /** Removes an entry that is not a directory. */
  public void remove(byte[] name) throws PosixException {
    unlink(name, 0);
  }

  /** Removes an empty directory. */
  public void removeDirectory(byte[] name) throws PosixException {
    unlink(name, Kernel.AT_REMOVEDIR);
  }

  private void unlink(byte[] name, int flags) throws PosixException {
    Scratch scratch = Scratch.get();
    check(call(scratch, Kernel.UNLINKAT, fd(), scratch.first(name), flags, 0, 0), "remove", name);
  }

  /** Renames an entry of this directory; fails with {@code EEXIST} if the other name is taken. */
  public void rename(byte[] from, byte[] to) throws PosixException {
    rename(from, this, to, RENAME_NOREPLACE, "rename");
  }

  /** Moves an entry to another directory; fails with {@code EEXIST} if the name is taken there. */
  public void move(byte[] from, Directory other, byte[] to) throws PosixException {
    rename(from, other, to, RENAME_NOREPLACE, "move");
  }

  /** Renames an entry of this directory, in one step taking the place of one of the other name. */
  public void replace(byte[] from, byte[] to) throws PosixException {
    rename(from, this, to, 0, "rename");
  }

  /** Exchanges two entries of this directory in one step. */
  public void exchange(byte[] one, byte[] other) throws PosixException {
    rename(one, this, other, RENAME_EXCHANGE, "exchange");
  }

  /** Exchanges an entry with one of another directory of the same file system in one step. */
  public void exchange(byte[] one, Directory other, byte[] otherName) throws PosixException {
    rename(one, other, otherName, RENAME_EXCHANGE, "exchange");
  }

  private void rename(byte[] from, Directory other, byte[] to, int flags, String verb)
      throws PosixException {
    Scratch scratch = Scratch.get();
    long result =
        call(
            scratch,
            Kernel.RENAMEAT2,
            fd(),
            scratch.first(from),
            other.fd(),
            scratch.second(to),
            flags);
    if (result < 0) {
      String preposition = verb.equals("exchange") ? " with " : " to ";
      throw new PosixException(
          (int) -result, verb, path().resolve(from) + preposition + other.path().resolve(to));
    }
  }

  /** Whether this process may make and remove entries; not so on a read-only file system. */
  public boolean isWritable() throws PosixException {
    return isWritable(new byte[] {'.'});
  }

  /** Whether this process may make and remove entries of a directory in this one. */
  public boolean isWritable(byte[] name) throws PosixException {
    Scratch scratch = Scratch.get();
    int writeAndSearch = 3;
    long result = call(scratch, Kernel.FACCESSAT, fd(), scratch.first(name), writeAndSearch, 0, 0);
    if (result < 0) {
      Errno reason = Errno.of((int) -result);
      if (reason == Errno.EACCES || reason == Errno.EPERM || reason == Errno.EROFS) {
        return false;
      }
    }
    check(result, "look at", name);
    return true;
  }

  /** What the file system knows of an entry; a link is not followed. */
  public Stat stat(byte[] name) throws PosixException {
    int flags = Kernel.AT_SYMLINK_NOFOLLOW | Kernel.AT_NO_AUTOMOUNT;
    return statx(Scratch.get(), fd(), name, flags, path());
  }

  /** Like {@link #stat(byte[])}, or null if there is no such entry. */
  public @Nullable Stat find(byte[] name) throws PosixException {
    try {
      return stat(name);
    } catch (PosixException e) {
      if (e.is(Errno.ENOENT)) {
        return null;
      }
      throw e;
    }
  }

  static Stat statx(Scratch scratch, int fd, byte[] name, int flags, PosixPath path)
      throws PosixException {
    MemorySegment s = scratch.struct;
    long result =
        call(
            scratch,
            Kernel.STATX,
            fd,
            scratch.first(name),
            flags,
            BASIC_STATS | BIRTH_TIME,
            s.address());
    if (result < 0) {
      PosixPath whole = name.length == 0 ? path : path.resolve(name);
      throw new PosixException((int) -result, "look at", whole.toString());
    }
    long mask = uint(s, 0);
    return new Stat(
        s.get(ValueLayout.JAVA_SHORT, 28) & 0xffff,
        uint(s, 16),
        uint(s, 20),
        uint(s, 24),
        s.get(ValueLayout.JAVA_LONG, 40),
        s.get(ValueLayout.JAVA_LONG, 48),
        s.get(ValueLayout.JAVA_LONG, 32),
        device(uint(s, 136), uint(s, 140)),
        device(uint(s, 128), uint(s, 132)),
        time(s, 112),
        time(s, 96),
        (mask & BIRTH_TIME) == 0 ? Instant.EPOCH : time(s, 80),
        (s.get(ValueLayout.JAVA_LONG, 8) & ATTR_MOUNT_ROOT) != 0);
  }

  private static long uint(MemorySegment s, long offset) {
    return s.get(ValueLayout.JAVA_INT, offset) & 0xffffffffL;
  }

  private static Instant time(MemorySegment s, long offset) {
    return Instant.ofEpochSecond(s.get(ValueLayout.JAVA_LONG, offset), uint(s, offset + 8));
  }

  /** The encoding of glibc's {@code makedev}, which restic's format and {@code mknod} use too. */
  private static long device(long major, long minor) {
    return (major & 0xfff) << 8
        | (major & 0xfffff000L) << 32
        | (minor & 0xff)
        | (minor & 0xffffff00L) << 12;
  }

  static long times(Scratch scratch, Instant accessed, Instant modified) {
    MemorySegment s = scratch.struct;
    s.set(ValueLayout.JAVA_LONG, 0, accessed.getEpochSecond());
    s.set(ValueLayout.JAVA_LONG, 8, accessed.getNano());
    s.set(ValueLayout.JAVA_LONG, 16, modified.getEpochSecond());
    s.set(ValueLayout.JAVA_LONG, 24, modified.getNano());
    return s.address();
  }

  /** Sets an entry's permission bits. The entry must not be a symbolic link. */
  public void chmod(byte[] name, int mode) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(scratch, Kernel.FCHMODAT, fd(), scratch.first(name), mode, 0, 0),
        "set the mode of",
        name);
  }

  /** Sets the owner and group of an entry; a link is not followed. */
  public void chown(byte[] name, long uid, long gid) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(
            scratch,
            Kernel.FCHOWNAT,
            fd(),
            scratch.first(name),
            uid,
            gid,
            Kernel.AT_SYMLINK_NOFOLLOW),
        "set the owner of",
        name);
  }

  /** Sets the times of an entry; a link is not followed. */
  public void setTimes(byte[] name, Instant accessed, Instant modified) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(
            scratch,
            Kernel.UTIMENSAT,
            fd(),
            scratch.first(name),
            times(scratch, accessed, modified),
            Kernel.AT_SYMLINK_NOFOLLOW,
            0),
        "set the times of",
        name);
  }

  /** The names of an entry's extended attributes; a link is not followed. */
  public List<String> attributes(byte[] name) throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    long size =
        call(
            scratch,
            Kernel.LLISTXATTR,
            scratch.first(magic(name)),
            buffer.address(),
            MAX_ATTRIBUTE,
            0,
            0);
    return size == -Kernel.ENOTSUP
        ? List.of()
        : attributeNames(buffer, check(size, "list the attributes of", name));
  }

  /** The value of an entry's extended attribute, or null; a link is not followed. */
  public byte @Nullable [] attribute(byte[] name, String attribute) throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    long size =
        call(
            scratch,
            Kernel.LGETXATTR,
            scratch.first(magic(name)),
            scratch.second(attribute),
            buffer.address(),
            MAX_ATTRIBUTE,
            0);
    return size == -Kernel.ENODATA || size == -Kernel.ENOTSUP
        ? null
        : bytes(buffer, check(size, "read the attribute " + attribute + " of", name));
  }

  /** Sets an entry's extended attribute; a link is not followed. */
  public void setAttribute(byte[] name, String attribute, byte[] value) throws PosixException {
    Scratch scratch = Scratch.get();
    check(
        call(
            scratch,
            Kernel.LSETXATTR,
            scratch.first(magic(name)),
            scratch.second(attribute),
            attributeValue(scratch, value).address(),
            value.length,
            0),
        "set the attribute " + attribute + " of",
        name);
  }

  /**
   * A path for the attribute calls, which take no directory handle: the kernel resolves its first
   * part to the open directory itself, wherever that is by now.
   */
  private byte[] magic(byte[] name) {
    byte[] prefix = ("/proc/self/fd/" + fd() + "/").getBytes(StandardCharsets.US_ASCII);
    byte[] whole = Arrays.copyOf(prefix, prefix.length + name.length);
    System.arraycopy(name, 0, whole, prefix.length, name.length);
    return whole;
  }

  /**
   * The entries without {@code .} and {@code ..}, in the order of their names' unsigned bytes.
   *
   * <p>Reads from the start, so it must not run in two threads on the same handle at once.
   */
  public List<Entry> list() throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    check(call(scratch, Kernel.LSEEK, fd(), 0, 0, 0, 0), "list");
    List<Entry> entries = new ArrayList<>();
    while (true) {
      long size =
          check(
              call(scratch, Kernel.GETDENTS64, fd(), buffer.address(), buffer.byteSize(), 0, 0),
              "list");
      if (size == 0) {
        break;
      }
      long at = 0;
      while (at < size) {
        int length = buffer.get(ValueLayout.JAVA_SHORT, at + 16) & 0xffff;
        Entry entry = entry(buffer, at);
        if (entry != null) {
          entries.add(entry);
        }
        at += length;
      }
    }
    entries.sort((a, b) -> Arrays.compareUnsigned(a.name(), b.name()));
    return entries;
  }

  private static @Nullable Entry entry(MemorySegment buffer, long at) {
    long start = at + 19;
    long end = start;
    while (buffer.get(ValueLayout.JAVA_BYTE, end) != 0) {
      end++;
    }
    byte[] name = new byte[(int) (end - start)];
    MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, start, name, 0, name.length);
    boolean dots = name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'));
    if (dots) {
      return null;
    }
    Entry.Type type =
        switch (buffer.get(ValueLayout.JAVA_BYTE, at + 18)) {
          case 0 -> Entry.Type.UNKNOWN;
          case 4 -> Entry.Type.DIRECTORY;
          case 8 -> Entry.Type.FILE;
          default -> Entry.Type.OTHER;
        };
    return new Entry(name, type);
  }

  /** Whether there are no entries. */
  public boolean isEmpty() throws PosixException {
    return list().isEmpty();
  }

  private long check(long result, String operation, byte[] name) throws PosixException {
    if (result < 0) {
      throw new PosixException((int) -result, operation, path().resolve(name).toString());
    }
    return result;
  }
}
