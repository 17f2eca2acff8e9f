package stet.repository.pack;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobType;
import stet.repository.Bytes;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.crypto.MasterKey;
import stet.repository.index.PackEntry;

/**
 * The list of a pack's blobs at its end. A pack is the sealed blobs without gaps, the sealed
 * header, and the sealed header's length as four little-endian bytes.
 */
public final class PackHeader {
  /** Bytes of the sealed header's length, a pack's last. */
  public static final int LENGTH_FIELD = 4;

  /** The longest sealed header that restic reads, in bytes. */
  public static final int MAX_SEALED_LENGTH = 16 * 1024 * 1024;

  private static final int DATA = 0;
  private static final int TREE = 1;
  private static final int COMPRESSED_DATA = 2;
  private static final int COMPRESSED_TREE = 3;

  private static final int MIN_SEALED_LENGTH = PackEntry.HEADER_LENGTH + MasterKey.OVERHEAD;
  private static final long MAX_PACK = 0xffff_ffffL;

  private PackHeader() {}

  private static int entryLength(boolean compressed) {
    return compressed ? PackEntry.COMPRESSED_HEADER_LENGTH : PackEntry.HEADER_LENGTH;
  }

  /**
   * The header's plaintext.
   *
   * @param entries in the order of their offsets, the first at 0 and without gaps
   * @throws IllegalArgumentException if the entries are no such list, or too many to be read back
   */
  public static byte[] encode(List<PackEntry> entries) {
    long length = 0;
    for (PackEntry entry : entries) {
      length += entryLength(entry.isCompressed());
    }
    if (length == 0 || length + MasterKey.OVERHEAD > MAX_SEALED_LENGTH) {
      throw new IllegalArgumentException(
          "a pack header of %d blobs has %d bytes, %d at most can be read back"
              .formatted(entries.size(), length, MAX_SEALED_LENGTH - MasterKey.OVERHEAD));
    }
    byte[] header = new byte[(int) length];
    int at = 0;
    long offset = 0;
    for (PackEntry entry : entries) {
      if (Integer.toUnsignedLong(entry.offset()) != offset) {
        throw new IllegalArgumentException(
            "blob %s is at %s, but the blobs before it end at %d"
                .formatted(entry.id(), Integer.toUnsignedString(entry.offset()), offset));
      }
      offset += Integer.toUnsignedLong(entry.length());
      int compressed = entry.isCompressed() ? COMPRESSED_DATA : DATA;
      header[at] =
          (byte)
              switch (entry.type()) {
                case DATA -> compressed;
                case TREE -> compressed | TREE;
              };
      Bytes.putIntLe(header, at + 1, entry.length());
      at += 5;
      if (entry.isCompressed()) {
        Bytes.putIntLe(header, at, entry.uncompressedLength());
        at += 4;
      }
      entry.id().write(header, at);
      at += Id.LENGTH;
    }
    if (offset + length + MasterKey.OVERHEAD + LENGTH_FIELD > MAX_PACK) {
      throw new IllegalArgumentException("a pack of %d bytes is over 4 GiB".formatted(offset));
    }
    return header;
  }

  /**
   * Reads a header's plaintext.
   *
   * @return the entries in the order of their offsets, without gaps from 0
   * @throws RepositoryException as damaged if the bytes are no header; the caller adds the pack's
   *     name
   */
  public static List<PackEntry> decode(byte[] header) {
    if (header.length == 0) {
      throw RepositoryException.damaged("the pack header lists no blobs", null);
    }
    List<PackEntry> entries =
        new ArrayList<>(header.length / PackEntry.COMPRESSED_HEADER_LENGTH + 1);
    long offset = 0;
    int at = 0;
    while (at < header.length) {
      int code = header[at];
      @Nullable BlobType type =
          switch (code) {
            case DATA, COMPRESSED_DATA -> BlobType.DATA;
            case TREE, COMPRESSED_TREE -> BlobType.TREE;
            default -> null;
          };
      if (type == null) {
        throw RepositoryException.damaged(
            "entry %d of the pack header has the unknown type %d"
                .formatted(entries.size(), code & 0xff),
            null);
      }
      boolean compressed = code >= COMPRESSED_DATA;
      int entryLength = entryLength(compressed);
      if (header.length - at < entryLength) {
        throw RepositoryException.damaged(
            "entry %d of the pack header is cut off: %d bytes of %d"
                .formatted(entries.size(), header.length - at, entryLength),
            null);
      }
      int length = Bytes.intLe(header, at + 1);
      int uncompressed = compressed ? Bytes.intLe(header, at + 5) : 0;
      Id id = Id.read(header, at + entryLength - Id.LENGTH);
      if (Integer.compareUnsigned(length, MasterKey.OVERHEAD) < 0) {
        throw RepositoryException.damaged(
            "blob %s has %s bytes in the pack header, a sealed blob has at least %d"
                .formatted(id, Integer.toUnsignedString(length), MasterKey.OVERHEAD),
            null);
      }
      if (compressed && uncompressed == 0) {
        throw RepositoryException.damaged(
            "blob %s is compressed from 0 bytes in the pack header".formatted(id), null);
      }
      entries.add(new PackEntry(type, id, (int) offset, length, uncompressed));
      offset += Integer.toUnsignedLong(length);
      if (offset > MAX_PACK) {
        throw RepositoryException.damaged("the pack header lists more than 4 GiB of blobs", null);
      }
      at += entryLength;
    }
    return entries;
  }

  /**
   * Reads the sealed header's length from a pack's last bytes.
   *
   * @param end bytes that end with the pack's end, at least {@link #LENGTH_FIELD}
   * @param packSize the size of the whole pack in bytes
   * @throws RepositoryException as damaged if no header of that length can be in the pack
   */
  public static int sealedLength(byte[] end, long packSize) {
    if (end.length < LENGTH_FIELD) {
      throw RepositoryException.damaged(
          "a pack of %d bytes is too short".formatted(packSize), null);
    }
    long length = Integer.toUnsignedLong(Bytes.intLe(end, end.length - LENGTH_FIELD));
    if (length < MIN_SEALED_LENGTH
        || length > MAX_SEALED_LENGTH
        || length > packSize - LENGTH_FIELD) {
      throw RepositoryException.damaged(
          "the pack of %d bytes claims a header of %d bytes".formatted(packSize, length), null);
    }
    return (int) length;
  }
}
