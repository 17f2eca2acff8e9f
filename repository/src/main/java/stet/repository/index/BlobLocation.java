package stet.repository.index;

import stet.repository.Id;

/**
 * Where a stored copy of a blob lies.
 *
 * @param pack the pack
 * @param offset bytes from the pack's start; below 2<sup>32</sup>
 * @param length bytes of the sealed blob
 * @param uncompressedLength bytes of the plaintext, or 0 if the blob is stored uncompressed
 */
public record BlobLocation(Id pack, long offset, int length, int uncompressedLength) {}
