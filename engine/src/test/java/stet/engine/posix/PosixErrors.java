package stet.engine.posix;

/** Errors of the kernel that no test can bring about. */
public final class PosixErrors {
  private static final int MISSING = 2;
  private static final int STALE = 116;

  private PosixErrors() {}

  /** What a file server says of a handle that it does not know. */
  public static PosixException stale(String path) {
    return new PosixException(STALE, "look at", path);
  }

  public static PosixException missing(String path) {
    return new PosixException(MISSING, "look at", path);
  }
}
