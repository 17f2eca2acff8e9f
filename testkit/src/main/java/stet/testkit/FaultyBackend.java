package stet.testkit;

import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.Backend;
import stet.repository.backend.FileType;
import stet.repository.backend.StoredFile;

/**
 * Storage that misbehaves on purpose in front of storage that does not: it dies at a chosen write,
 * flips bits of what it reads, cannot read, takes its time, or lets something happen at a call.
 */
public final class FaultyBackend implements Backend {
  private final Backend backend;
  private final AtomicInteger writes = new AtomicInteger();
  private volatile int dieAt = Integer.MAX_VALUE;
  private volatile long delayMillis;
  private volatile @Nullable Predicate<StoredFile> flipped;
  private volatile @Nullable Predicate<StoredFile> unreadable;
  private volatile @Nullable Consumer<StoredFile> beforeSave;
  private volatile @Nullable Runnable beforeCall;
  private final Random random;

  /**
   * @param backend where files really lie
   * @param seed chooses the bits that flip
   */
  public FaultyBackend(Backend backend, long seed) {
    this.backend = backend;
    this.random = new Random(seed);
  }

  /**
   * From write (save or delete) number {@code number} on, counted from 0, nothing is written any
   * more and every call fails.
   */
  public FaultyBackend dieAtWrite(int number) {
    dieAt = number;
    return this;
  }

  /** Every call takes this long. */
  public FaultyBackend delay(long millis) {
    delayMillis = millis;
    return this;
  }

  /** One bit of everything read from such files is wrong. */
  public FaultyBackend flipBitsOf(Predicate<StoredFile> files) {
    flipped = files;
    return this;
  }

  /** Such files cannot be read at the moment. */
  public FaultyBackend failReadsOf(Predicate<StoredFile> files) {
    unreadable = files;
    return this;
  }

  /** Runs something before a file is saved; what it throws is what the saving throws. */
  public FaultyBackend beforeSave(Consumer<StoredFile> action) {
    beforeSave = action;
    return this;
  }

  /** Runs something, which may wait, at the beginning of every call, in the caller's thread. */
  public FaultyBackend beforeCall(Runnable action) {
    beforeCall = action;
    return this;
  }

  /** How many writes there have been. */
  public int writes() {
    return writes.get();
  }

  private void enter() {
    Runnable action = beforeCall;
    if (action != null) {
      action.run();
    }
    if (delayMillis > 0) {
      try {
        Thread.sleep(delayMillis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RepositoryException(Problem.INTERRUPTED, "interrupted", null, e);
      }
    }
    if (writes.get() > dieAt) {
      throw dead();
    }
  }

  private void write() {
    enter();
    if (writes.getAndIncrement() >= dieAt) {
      throw dead();
    }
  }

  private void read(StoredFile file) {
    enter();
    Predicate<StoredFile> chosen = unreadable;
    if (chosen != null && chosen.test(file)) {
      throw new RepositoryException(
          Problem.STORAGE, file + " cannot be read at the moment, as the test wants", null);
    }
  }

  private static RepositoryException dead() {
    return new RepositoryException(Problem.STORAGE, "the storage is dead, as the test wants", null);
  }

  private byte[] maybeFlip(StoredFile file, byte[] bytes) {
    Predicate<StoredFile> chosen = flipped;
    if (chosen != null && bytes.length > 0 && chosen.test(file)) {
      synchronized (random) {
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      }
    }
    return bytes;
  }

  @Override
  public String location() {
    return backend.location();
  }

  @Override
  public void create() {
    enter();
    backend.create();
  }

  @Override
  public boolean exists(StoredFile file) {
    enter();
    return backend.exists(file);
  }

  @Override
  public byte[] load(StoredFile file) {
    read(file);
    return maybeFlip(file, backend.load(file));
  }

  @Override
  public byte[] load(StoredFile file, long offset, int length) {
    read(file);
    return maybeFlip(file, backend.load(file, offset, length));
  }

  @Override
  public void save(StoredFile file, byte[] bytes, int offset, int length) {
    write();
    Consumer<StoredFile> action = beforeSave;
    if (action != null) {
      action.accept(file);
    }
    backend.save(file, bytes, offset, length);
  }

  @Override
  public void list(FileType type, BiConsumer<Id, Long> consumer) {
    enter();
    backend.list(type, consumer);
  }

  @Override
  public void delete(StoredFile file) {
    write();
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
