package stet.repository.pack;

import stet.repository.RepositoryException;
import stet.repository.codec.BlobCompression;
import stet.repository.crypto.MasterKey;

/** Opens sealed blobs: decrypts, authenticates and decompresses them. */
public final class BlobDecoder {
  private BlobDecoder() {}

  /**
   * The plaintext of a sealed blob; not yet compared with an id.
   *
   * @param uncompressedLength as in the index: 0 if the blob is stored uncompressed
   * @throws RepositoryException with {@code DAMAGED} if it fails authentication or decompression
   */
  public static byte[] open(
      MasterKey key, byte[] bytes, int offset, int length, int uncompressedLength) {
    byte[] stored = key.open(bytes, offset, length);
    return uncompressedLength == 0
        ? stored
        : BlobCompression.decompress(stored, 0, stored.length, uncompressedLength);
  }
}
