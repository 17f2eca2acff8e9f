package stet.repository.backend;

import java.util.function.BiConsumer;
import stet.repository.Id;
import stet.repository.RepositoryException;

/**
 * Storage for a repository's files. Safe for use by several threads.
 *
 * <p>The contract, which one conformance suite checks for every implementation:
 *
 * <ul>
 *   <li>A file appears under its name whole or not at all, even if the process or the machine dies
 *       meanwhile. Once {@link #save} has returned, the file survives a crash of the machine.
 *   <li>A file that was saved is seen by every later {@link #load} and {@link #list} of every
 *       client.
 *   <li>{@code save} of a name that exists replaces nothing of value: names are hashes, so the
 *       bytes are equal.
 *   <li>{@link #list} passes over names that are not ids, such as leftovers of interrupted writers.
 *   <li>A file that is not there is {@link RepositoryException.Problem#NOT_FOUND}, one whose bytes
 *       are lost {@link RepositoryException.Problem#DAMAGED}. If the thread is interrupted, it is
 *       {@link RepositoryException.Problem#INTERRUPTED} or the operation is done. What this user
 *       may not do is {@link RepositoryException.Problem#DENIED}. Any other failure is {@link
 *       RepositoryException.Problem#STORAGE}. Both name the file and the cause.
 * </ul>
 */
public interface Backend extends AutoCloseable {
  /** Where the repository is, for people; without secrets. */
  String location();

  /** Makes the place ready to hold files. Does nothing if it is. */
  void create();

  /** Whether a file is there. */
  boolean exists(StoredFile file);

  /** Loads a whole file. */
  byte[] load(StoredFile file);

  /**
   * Loads exactly {@code length} bytes from {@code offset}.
   *
   * @throws RepositoryException with {@code DAMAGED} if the file ends before
   */
  byte[] load(StoredFile file, long offset, int length);

  /** Saves {@code length} bytes from {@code offset} of {@code bytes}; durable on return. */
  void save(StoredFile file, byte[] bytes, int offset, int length);

  /** Saves all of {@code bytes}. */
  default void save(StoredFile file, byte[] bytes) {
    save(file, bytes, 0, bytes.length);
  }

  /** Gives the id and size in bytes of every file of a type, in any order. */
  void list(FileType type, BiConsumer<Id, Long> consumer);

  /** Removes a file. Does nothing if it is not there. */
  void delete(StoredFile file);

  /** How many loads or saves at once make good use of the storage. */
  int parallelism();

  @Override
  void close();
}
