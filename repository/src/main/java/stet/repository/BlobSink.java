package stet.repository;

/**
 * Takes blobs for storage. Safe for use by several threads; the calling thread does the hashing,
 * compression and encryption, so as many callers as cores make full use of a machine.
 */
public interface BlobSink {
  /**
   * Saves {@code length} bytes from {@code offset} unless the repository holds them already.
   *
   * <p>The bytes are not kept after the return. A blob is durable only once the snapshot that needs
   * it has been saved.
   *
   * @return the blob's id, the SHA-256 of the bytes
   * @throws RepositoryException if the storage fails, now or for an earlier blob
   */
  Id save(BlobType type, byte[] bytes, int offset, int length);

  /** Saves all of {@code bytes}. */
  default Id save(BlobType type, byte[] bytes) {
    return save(type, bytes, 0, bytes.length);
  }

  /** Whether the blob is stored and may be referred to without being saved again. */
  boolean holds(BlobType type, Id id);
}
