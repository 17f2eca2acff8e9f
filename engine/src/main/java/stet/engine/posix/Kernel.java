package stet.engine.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Linux system calls.
 *
 * <p>All go through libc's {@code syscall}: one handle to bind instead of forty (each costs
 * milliseconds at the start), the same structures with every C library, and no dependence on how
 * new the C library is. The numbers and the few flags that differ between the two architectures are
 * here and nowhere else.
 */
@SuppressWarnings("restricted")
final class Kernel {
  private static final boolean ARM64 = isArm64();

  static final int READ = number(0, 63);
  static final int WRITE = number(1, 64);
  static final int CLOSE = number(3, 57);
  static final int LSEEK = number(8, 62);
  static final int IOCTL = number(16, 29);
  static final int PREAD64 = number(17, 67);
  static final int PWRITE64 = number(18, 68);
  static final int FLOCK = number(73, 32);
  static final int FSYNC = number(74, 82);
  static final int FTRUNCATE = number(77, 46);
  static final int FCHMOD = number(91, 52);
  static final int FCHOWN = number(93, 55);
  static final int GETEUID = number(107, 175);
  static final int SCHED_SETSCHEDULER = number(144, 119);
  static final int SCHED_GETSCHEDULER = number(145, 120);
  static final int LSETXATTR = number(189, 6);
  static final int FSETXATTR = number(190, 7);
  static final int LGETXATTR = number(192, 9);
  static final int FGETXATTR = number(193, 10);
  static final int LLISTXATTR = number(195, 12);
  static final int FLISTXATTR = number(196, 13);
  static final int LREMOVEXATTR = number(198, 15);
  static final int FREMOVEXATTR = number(199, 16);
  static final int GETDENTS64 = number(217, 61);
  static final int OPENAT = number(257, 56);
  static final int MKDIRAT = number(258, 34);
  static final int MKNODAT = number(259, 33);
  static final int FCHOWNAT = number(260, 54);
  static final int UNLINKAT = number(263, 35);
  static final int LINKAT = number(265, 37);
  static final int SYMLINKAT = number(266, 36);
  static final int READLINKAT = number(267, 78);
  static final int FCHMODAT = number(268, 53);
  static final int FACCESSAT = number(269, 48);
  static final int UTIMENSAT = number(280, 88);
  static final int SYNCFS = number(306, 267);
  static final int RENAMEAT2 = number(316, 276);
  static final int STATX = number(332, 291);

  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  static final int O_CREAT = 0100;
  static final int O_EXCL = 0200;
  static final int O_NONBLOCK = 04000;
  static final int O_DIRECTORY = number(0200000, 040000);
  static final int O_NOFOLLOW = number(0400000, 0100000);
  static final int O_NOATIME = 01000000;
  static final int O_CLOEXEC = 02000000;

  static final int AT_FDCWD = -100;
  static final int AT_SYMLINK_NOFOLLOW = 0x100;
  static final int AT_REMOVEDIR = 0x200;
  static final int AT_NO_AUTOMOUNT = 0x800;
  static final int AT_EMPTY_PATH = 0x1000;

  /** A path longer than this, with its NUL, is refused by the kernel. */
  static final int PATH_MAX = 4096;

  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

  private static final MethodHandle SYSCALL =
      Linker.nativeLinker()
          .downcallHandle(
              symbol("syscall"),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG),
              ERRNO,
              Linker.Option.firstVariadicArg(1));

  private Kernel() {}

  private static boolean isArm64() {
    String os = System.getProperty("os.name", "");
    String architecture = System.getProperty("os.arch", "");
    if (os.equals("Linux")) {
      switch (architecture) {
        case "amd64" -> {
          return false;
        }
        case "aarch64" -> {
          return true;
        }
        default -> {}
      }
    }
    throw new UnsupportedOperationException(
        "files need Linux on x86-64 or arm64, and this is " + os + " on " + architecture);
  }

  private static int number(int x86, int arm64) {
    return ARM64 ? arm64 : x86;
  }

  static MemorySegment symbol(String name) {
    return Linker.nativeLinker().defaultLookup().findOrThrow(name);
  }

  /**
   * Does a system call, again when a signal interrupted it.
   *
   * @return what it returned, or the negated error number
   */
  static long call(Scratch scratch, int number, long a, long b, long c, long d, long e) {
    while (true) {
      long result;
      try {
        result = (long) SYSCALL.invokeExact(scratch.errno, (long) number, a, b, c, d, e);
      } catch (Throwable t) {
        throw new LinkageError("the system call could not be made", t);
      }
      if (result != -1) {
        return result;
      }
      int errno = scratch.errno.get(ValueLayout.JAVA_INT, 0);
      // After an interrupted close the descriptor is gone; closing again could hit another's.
      if (errno != EINTR || number == CLOSE) {
        return -errno;
      }
    }
  }

  static final int EPERM = 1;
  static final int EINTR = 4;
  static final int ENODATA = 61;
  static final int ENOTSUP = 95;
  static final int ERANGE = 34;

  /** Memory that a thread hands to the kernel again and again. */
  static final class Scratch {
    private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

    private static final int IO_SIZE = 256 << 10;

    // Freed by the garbage collector when the thread is gone.
    private final Arena arena = Arena.ofAuto();

    final MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());

    /** Room for a structure: statx needs 256 bytes. */
    final MemorySegment struct = arena.allocate(256, 8);

    private final MemorySegment first = arena.allocate(PATH_MAX + 1);
    private final MemorySegment second = arena.allocate(PATH_MAX + 1);
    private @Nullable MemorySegment io;

    static Scratch get() {
      return OF_THREAD.get();
    }

    /** A buffer of 256 KiB, for reading, writing, listing and attributes. */
    MemorySegment io() {
      MemorySegment buffer = io;
      if (buffer == null) {
        buffer = arena.allocate(IO_SIZE, 8);
        io = buffer;
      }
      return buffer;
    }

    /** The address of {@code text} with a NUL behind it. Valid until the next call. */
    long first(byte[] text) {
      return fill(first, text);
    }

    long first(String text) {
      return fill(first, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Like {@link #first(byte[])}, for a second text at the same time. */
    long second(byte[] text) {
      return fill(second, text);
    }

    long second(String text) {
      return fill(second, text.getBytes(StandardCharsets.UTF_8));
    }

    private static long fill(MemorySegment target, byte[] text) {
      // One byte beyond what the kernel takes, so that it says itself that the text is too long.
      int length = Math.min(text.length, PATH_MAX);
      for (int i = 0; i < length; i++) {
        if (text[i] == 0) {
          throw new IllegalArgumentException("a file name cannot hold a NUL byte");
        }
      }
      MemorySegment.copy(text, 0, target, ValueLayout.JAVA_BYTE, 0, length);
      target.set(ValueLayout.JAVA_BYTE, length, (byte) 0);
      return target.address();
    }
  }
}
