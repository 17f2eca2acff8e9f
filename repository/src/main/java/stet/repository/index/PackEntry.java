package stet.repository.index;

import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.crypto.MasterKey;

/**
 * A blob's place in a pack. The three numbers are unsigned 32-bit integers: read them with {@link
 * Integer#toUnsignedLong} where more than 2 GiB is possible.
 *
 * @param offset bytes before the sealed blob
 * @param length bytes of the sealed blob, {@link MasterKey#OVERHEAD} included
 * @param uncompressedLength bytes of the plaintext if it is compressed, 0 if it is not
 */
public record PackEntry(BlobType type, Id id, int offset, int length, int uncompressedLength) {
  /** Whether the sealed bytes are a compressed frame. */
  public boolean isCompressed() {
    return uncompressedLength != 0;
  }

  /** Bytes of the plaintext, unsigned like the others. */
  public int plaintextLength() {
    return isCompressed() ? uncompressedLength : length - MasterKey.OVERHEAD;
  }
}
