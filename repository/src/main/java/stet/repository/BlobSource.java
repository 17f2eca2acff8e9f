package stet.repository;

import java.util.List;

/** Gives back blobs, each verified against its id. Safe for use by several threads. */
public interface BlobSource {
  /**
   * Loads one blob.
   *
   * @throws RepositoryException if the blob is unknown, missing or damaged
   */
  byte[] load(BlobType type, Id id);

  /** The plaintext length of a data blob in bytes, from the index alone. */
  long length(Id id);

  /**
   * Loads the data blobs of a file in order, reading ahead within a bounded window and fetching
   * neighbours in a pack together.
   *
   * @param consumer receives each blob's bytes, in the order of {@code content}, on the calling
   *     thread
   */
  <E extends Exception> void read(List<Id> content, BlobConsumer<E> consumer) throws E;

  /** Receives plaintext. */
  @FunctionalInterface
  interface BlobConsumer<E extends Exception> {
    /** Takes one blob's bytes; the array is the consumer's to keep. */
    void accept(byte[] bytes) throws E;
  }
}
