package stet.engine.files;

import java.util.Arrays;
import stet.engine.posix.Errno;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;

/** Reads a file from its beginning without reading its holes, however large they are. */
final class HoleReader {
  private final FileHandle file;
  private final long size;
  private long position;

  /**
   * The hole at or before where the reading stands; what follows is data up to {@link #dataEnd}.
   */
  private long hole;

  private long holeEnd;
  private long dataEnd;

  /**
   * @param size how many bytes to read at most
   */
  HoleReader(FileHandle file, long size) throws PosixException {
    this.file = file;
    this.size = size;
    look();
  }

  /** Finds what comes next: a hole, which may be of no length, and the data behind it. */
  private void look() throws PosixException {
    hole = position;
    try {
      long data = file.nextData(position);
      // Behind the last data the file is one hole, as far as it goes by now.
      holeEnd = data < 0 ? Math.max(position, file.stat().size()) : data;
      dataEnd = data < 0 ? holeEnd : file.nextHole(data);
    } catch (PosixException e) {
      if (!e.is(Errno.EINVAL, Errno.EOPNOTSUPP, Errno.ENOSYS)) {
        throw e;
      }
      holeEnd = position;
      dataEnd = size;
    }
    holeEnd = Math.min(holeEnd, size);
    dataEnd = Math.min(Math.max(dataEnd, holeEnd), size);
  }

  /** Like {@link FileHandle#read(byte[], int, int)}. */
  int read(byte[] target, int offset, int length) throws PosixException {
    int done = 0;
    while (done < length) {
      if (position == dataEnd) {
        look();
      }
      int count;
      if (position < holeEnd) {
        count = (int) Math.min(length - done, holeEnd - position);
        Arrays.fill(target, offset + done, offset + done + count, (byte) 0);
      } else {
        int want = (int) Math.min(length - done, dataEnd - position);
        count = file.readAt(target, offset + done, want, position);
      }
      if (count == 0) {
        break;
      }
      position += count;
      done += count;
    }
    return done;
  }

  /** Whether {@code length} bytes from {@code start}, up to which was read, are in one hole. */
  boolean isHole(long start, int length) {
    return start >= hole && start + length <= holeEnd;
  }

  /** Goes on reading from there. */
  void seek(long start) {
    position = start;
  }
}
