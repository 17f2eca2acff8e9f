package stet.repository.backend;

import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;

/**
 * Another backend, to and from which no more bytes go than a limit allows, whatever the number of
 * threads. What is listed or deleted does not count.
 */
public final class LimitedBackend implements Backend {
  private final Backend backend;
  private final Limit upload;
  private final Limit download;

  /**
   * Limits a backend, which is closed with this one.
   *
   * @param upload bytes a second that are saved at most; 0 for no limit
   * @param download bytes a second that are loaded at most; 0 for no limit
   */
  public LimitedBackend(Backend backend, long upload, long download) {
    this.backend = backend;
    this.upload = new Limit(upload);
    this.download = new Limit(download);
  }

  /** Hands out the time of one line, on which everybody's bytes follow one another. */
  private static final class Limit {
    private final long bytesPerSecond;
    private long free = System.nanoTime();

    Limit(long bytesPerSecond) {
      this.bytesPerSecond = bytesPerSecond;
    }

    private synchronized long reserve(long bytes) {
      long now = System.nanoTime();
      long begin = free - now > 0 ? free : now;
      free = begin + (long) (bytes * 1e9 / bytesPerSecond);
      return free - now;
    }

    /** Waits until so many bytes can have passed. */
    void pass(long bytes) {
      if (bytesPerSecond == 0) {
        return;
      }
      try {
        TimeUnit.NANOSECONDS.sleep(reserve(bytes));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RepositoryException(Problem.INTERRUPTED, "interrupted", null, e);
      }
    }
  }

  @Override
  public String location() {
    return backend.location();
  }

  @Override
  public void create() {
    backend.create();
  }

  @Override
  public boolean exists(StoredFile file) {
    return backend.exists(file);
  }

  @Override
  public byte[] load(StoredFile file) {
    byte[] bytes = backend.load(file);
    download.pass(bytes.length);
    return bytes;
  }

  @Override
  public byte[] load(StoredFile file, long offset, int length) {
    download.pass(length);
    return backend.load(file, offset, length);
  }

  @Override
  public void save(StoredFile file, byte[] bytes, int offset, int length) {
    upload.pass(length);
    backend.save(file, bytes, offset, length);
  }

  @Override
  public void list(FileType type, BiConsumer<Id, Long> consumer) {
    backend.list(type, consumer);
  }

  @Override
  public void delete(StoredFile file) {
    backend.delete(file);
  }

  @Override
  public int parallelism() {
    return backend.parallelism();
  }

  @Override
  public void close() {
    backend.close();
  }
}
