package stet.repository.codec;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import stet.repository.Pool;
import stet.repository.RepositoryException;

/** Compresses blobs as single zstd frames. Safe for use by several threads. */
public final class BlobCompression {
  /** The level that keeps up with the disks: later ones cost more time than they save space. */
  public static final int FAST = 1;

  /** Four bytes of a frame stand for at most one block. */
  private static final long MAX_BLOCK = 128 * 1024;

  private static final int MIN_BLOCK = 4;

  private static final Pool<ZstdDecompressCtx> DECOMPRESSORS = new Pool<>(ZstdDecompressCtx::new);

  private final Pool<ZstdCompressCtx> compressors;

  /**
   * Compression of one level.
   *
   * @param level zstd's, 1 to 19; restic's default is about 3
   */
  public BlobCompression(int level) {
    if (level < 1 || level > 19) {
      throw new IllegalArgumentException("compression level must be 1 to 19, not " + level);
    }
    compressors = new Pool<>(() -> new ZstdCompressCtx().setLevel(level).setChecksum(false));
  }

  /** The bytes that {@link #compress} may need for {@code length} bytes of plaintext. */
  public static int maxLength(int length) {
    return Math.toIntExact(Zstd.compressBound(length));
  }

  /**
   * Compresses {@code length} bytes into {@code target}, which must have room for {@link
   * #maxLength}. The result may be longer than the plaintext: then the blob is better stored as it
   * is. A blob without bytes must be stored as it is.
   *
   * @return the bytes written
   */
  public int compress(byte[] source, int offset, int length, byte[] target, int targetOffset) {
    ZstdCompressCtx context = compressors.take();
    int written =
        context.compressByteArray(
            target, targetOffset, target.length - targetOffset, source, offset, length);
    compressors.give(context);
    return written;
  }

  /**
   * Decompresses a blob.
   *
   * @param uncompressedLength the plaintext's bytes as an unsigned integer, which must be exact
   * @throws RepositoryException as damaged if the bytes are no whole frame of that plaintext
   *     length, as unsupported if the plaintext is too long for an array
   */
  public static byte[] decompress(byte[] frame, int offset, int length, int uncompressedLength) {
    long expected = Integer.toUnsignedLong(uncompressedLength);
    // Before the memory is taken: a wrong length must not cost gigabytes.
    if (expected > (length / MIN_BLOCK + 1) * MAX_BLOCK) {
      throw RepositoryException.damaged(
          "%d compressed bytes cannot hold %d".formatted(length, expected), null);
    }
    if (uncompressedLength < 0) {
      throw new RepositoryException(
          RepositoryException.Problem.UNSUPPORTED,
          "a blob of %d bytes is too long to be loaded".formatted(expected),
          "Read it with restic.");
    }
    byte[] plaintext = new byte[uncompressedLength];
    decompress(frame, offset, length, plaintext, 0, uncompressedLength);
    return plaintext;
  }

  /**
   * Decompresses a blob into an array of the caller's.
   *
   * @param uncompressedLength the plaintext's bytes, which must be exact
   * @throws RepositoryException as damaged if the bytes are no whole frame of that plaintext length
   */
  public static void decompress(
      byte[] frame,
      int offset,
      int length,
      byte[] target,
      int targetOffset,
      int uncompressedLength) {
    ZstdDecompressCtx context = DECOMPRESSORS.take();
    int written;
    try {
      written =
          context.decompressByteArray(
              target, targetOffset, uncompressedLength, frame, offset, length);
    } catch (ZstdException e) {
      context.close();
      throw RepositoryException.damaged(
          "not a zstd frame of %d bytes: %s".formatted(uncompressedLength, e.getMessage()), e);
    }
    DECOMPRESSORS.give(context);
    if (written != uncompressedLength) {
      throw RepositoryException.damaged(
          "decompresses to %d bytes, not %d".formatted(written, uncompressedLength), null);
    }
  }
}
