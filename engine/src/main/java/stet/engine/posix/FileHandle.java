package stet.engine.posix;

import static stet.engine.posix.Kernel.call;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import stet.engine.posix.Kernel.Scratch;

/** An open file. */
public final class FileHandle extends Handle {
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int FICLONE = 0x40049409;
  private static final int ENXIO = 6;

  FileHandle(int fd, PosixPath path) {
    super(fd, path);
  }

  /**
   * Reads from where the last read ended, until {@code length} bytes are there or the file ends.
   *
   * @return how many bytes were read; less than {@code length} only at the end of the file
   */
  public int read(byte[] target, int offset, int length) throws PosixException {
    return read(target, offset, length, -1);
  }

  /** Reads from {@code position}; else like {@link #read(byte[], int, int)}. */
  public int readAt(byte[] target, int offset, int length, long position) throws PosixException {
    return read(target, offset, length, position);
  }

  private int read(byte[] target, int offset, int length, long position) throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    int done = 0;
    while (done < length) {
      long want = Math.min(length - done, buffer.byteSize());
      long result =
          position < 0
              ? call(scratch, Kernel.READ, fd(), buffer.address(), want, 0, 0)
              : call(scratch, Kernel.PREAD64, fd(), buffer.address(), want, position + done, 0);
      int count = (int) check(result, "read");
      if (count == 0) {
        break;
      }
      MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, target, offset + done, count);
      done += count;
    }
    return done;
  }

  /** Writes all bytes at {@code position}. */
  public void writeAt(byte[] source, int offset, int length, long position) throws PosixException {
    Scratch scratch = Scratch.get();
    MemorySegment buffer = scratch.io();
    int done = 0;
    while (done < length) {
      int want = (int) Math.min(length - done, buffer.byteSize());
      MemorySegment.copy(source, offset + done, buffer, ValueLayout.JAVA_BYTE, 0, want);
      done +=
          (int)
              check(
                  call(scratch, Kernel.PWRITE64, fd(), buffer.address(), want, position + done, 0),
                  "write");
    }
  }

  /** Sets the size; what is added reads as zeros and takes no space. */
  public void truncate(long size) throws PosixException {
    check(call(Scratch.get(), Kernel.FTRUNCATE, fd(), size, 0, 0, 0), "set the size of");
  }

  /**
   * Where the next data begins at or after {@code position}, or -1 if only a hole follows. Moves
   * where {@link #read} goes on.
   */
  public long nextData(long position) throws PosixException {
    return seek(position, SEEK_DATA);
  }

  /**
   * Where the next hole begins at or after {@code position}; a file's end counts as one. -1 if
   * {@code position} is beyond the end. Moves where {@link #read} goes on.
   */
  public long nextHole(long position) throws PosixException {
    return seek(position, SEEK_HOLE);
  }

  private long seek(long position, int whence) throws PosixException {
    long result = call(Scratch.get(), Kernel.LSEEK, fd(), position, whence, 0, 0);
    return result == -ENXIO ? -1 : check(result, "find holes in");
  }

  /** Makes this file share the content of {@code source} until either is written to (reflink). */
  public void cloneFrom(FileHandle source) throws PosixException {
    check(call(Scratch.get(), Kernel.IOCTL, fd(), FICLONE, source.fd(), 0, 0), "clone into");
  }
}
