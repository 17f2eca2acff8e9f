package stet.repository.tree;

/** Modes as trees hold them: the bits of Go's {@code os.FileMode}, not those of POSIX. */
final class GoFileMode {
  private static final long DIRECTORY = 1L << 31;
  private static final long SYMLINK = 1L << 27;
  private static final long DEVICE = 1L << 26;
  private static final long NAMED_PIPE = 1L << 25;
  private static final long SOCKET = 1L << 24;
  private static final long SETUID = 1L << 23;
  private static final long SETGID = 1L << 22;
  private static final long CHARACTER_DEVICE = 1L << 21;
  private static final long STICKY = 1L << 20;

  private static final int PERMISSIONS = 0777;
  private static final int POSIX_SETUID = 04000;
  private static final int POSIX_SETGID = 02000;
  private static final int POSIX_STICKY = 01000;

  private GoFileMode() {}

  /** Go's bits of a type and POSIX's low twelve bits, as an unsigned 32-bit number. */
  static long of(NodeType type, int posix) {
    long bits =
        switch (type) {
          case FILE -> 0;
          case DIRECTORY -> DIRECTORY;
          case SYMLINK -> SYMLINK;
          case BLOCK_DEVICE -> DEVICE;
          case CHARACTER_DEVICE -> DEVICE | CHARACTER_DEVICE;
          case FIFO -> NAMED_PIPE;
          case SOCKET -> SOCKET;
        };
    return bits
        | (posix & PERMISSIONS)
        | ((posix & POSIX_SETUID) != 0 ? SETUID : 0)
        | ((posix & POSIX_SETGID) != 0 ? SETGID : 0)
        | ((posix & POSIX_STICKY) != 0 ? STICKY : 0);
  }

  /** POSIX's low twelve bits of Go's bits. */
  static int toPosix(long bits) {
    return (int) (bits & PERMISSIONS)
        | ((bits & SETUID) != 0 ? POSIX_SETUID : 0)
        | ((bits & SETGID) != 0 ? POSIX_SETGID : 0)
        | ((bits & STICKY) != 0 ? POSIX_STICKY : 0);
  }
}
