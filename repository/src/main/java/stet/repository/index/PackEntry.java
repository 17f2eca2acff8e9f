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
  /** Bytes in the pack's header for a blob that is not compressed: type, length, id. */
  public static final int HEADER_LENGTH = 1 + Integer.BYTES + Id.LENGTH;

  /** Bytes in the pack's header for a compressed blob: type, two lengths, id. */
  public static final int COMPRESSED_HEADER_LENGTH = HEADER_LENGTH + Integer.BYTES;

  /** The size of a whole pack of these blobs in bytes: with its header and that one's length. */
  public static long packSize(Iterable<PackEntry> entries) {
    long size = MasterKey.OVERHEAD + Integer.BYTES;
    for (PackEntry entry : entries) {
      size +=
          Integer.toUnsignedLong(entry.length())
              + (entry.isCompressed() ? COMPRESSED_HEADER_LENGTH : HEADER_LENGTH);
    }
    return size;
  }

  /** Whether the sealed bytes are a compressed frame. */
  public boolean isCompressed() {
    return uncompressedLength != 0;
  }

  /** Bytes of the plaintext, unsigned like the others. */
  public int plaintextLength() {
    return isCompressed() ? uncompressedLength : length - MasterKey.OVERHEAD;
  }
}
