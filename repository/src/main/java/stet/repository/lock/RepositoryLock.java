package stet.repository.lock;

import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.Backend;
import stet.repository.backend.FileType;
import stet.repository.backend.StoredFile;
import stet.repository.codec.UnpackedCodec;
import stet.repository.crypto.MasterKey;
import stet.repository.json.JsonException;

/**
 * A lock held on a repository, by restic's rules: shared locks tolerate each other, an exclusive
 * one tolerates none. It is refreshed in the background until it is closed. SIGHUP is ignored
 * meanwhile, because {@code restic unlock} sends it to find out whether a holder lives.
 */
public final class RepositoryLock implements AutoCloseable {
  private static final Duration REFRESH = Duration.ofMinutes(5);

  /**
   * After so long without a refresh the lock is refreshed before anything counts on it, well before
   * others may call it stale.
   */
  private static final Duration OVERDUE = Duration.ofSeconds(22 * 60 + 30);

  /** A lock this old, or of a process that is gone, is stale. */
  static final Duration STALE = Duration.ofMinutes(30);

  /** Time for other clients' locks to become visible; restic waits as long. */
  private static final Duration SETTLE = Duration.ofMillis(200);

  private final Backend backend;
  private final MasterKey key;
  private final boolean exclusive;

  /** Whether what was read of the repository has been replaced by others since. */
  private final BooleanSupplier replaced;

  private final Thread refresher;
  private final HangupGuard hangups;

  /** What the look at other locks has found that follows the writing of this one. */
  private final CompletableFuture<Boolean> settled = new CompletableFuture<>();

  private Id current;
  private OffsetDateTime refreshed;
  private boolean closed;

  /** Somebody has removed the lock. It stays lost: others may have held the repository since. */
  private boolean lost;

  /**
   * Takes a lock. Locks that certain dead processes of this machine left behind are removed first.
   *
   * @throws RepositoryException with {@code LOCKED} naming the holder if another lock conflicts
   */
  public static RepositoryLock acquire(Backend backend, MasterKey key, boolean exclusive) {
    RepositoryLock lock = announce(backend, key, exclusive, () -> false);
    try {
      lock.settle();
      return lock;
    } catch (RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /**
   * Writes a lock that holds once it is {@linkplain #settle settled}. Until then another client may
   * be about to lock too: what is read meanwhile counts only when the lock has settled, and nothing
   * may be written or removed.
   *
   * @param replaced whether what {@link #whileSettling} has read was replaced by others since;
   *     asked when the lock has settled
   * @throws RepositoryException with {@code LOCKED} naming the holder if another lock conflicts
   */
  public static RepositoryLock announce(
      Backend backend, MasterKey key, boolean exclusive, BooleanSupplier replaced) {
    LocalProcess self = LocalProcess.current();
    for (LockFile lock : list(backend, key).locks()) {
      if (lock.process() != null && self.knowsGone(lock.process())) {
        backend.delete(StoredFile.lock(lock.id()));
      }
    }
    refuseConflict(backend, key, exclusive, null);
    OffsetDateTime now = now();
    return new RepositoryLock(
        backend, key, exclusive, replaced, write(backend, key, now, exclusive, self), now);
  }

  /**
   * Waits until the lock is certain, if it is not yet.
   *
   * @throws RepositoryException with {@code LOCKED} naming the holder if another lock conflicts
   */
  public void settle() {
    try {
      settled.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RepositoryException(Problem.INTERRUPTED, "interrupted", null, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RepositoryException conflict) {
        throw new RepositoryException(
            conflict.problem(), conflict.getMessage(), conflict.hint(), conflict);
      }
      throw new IllegalStateException("the lock could not settle", e.getCause());
    }
  }

  /**
   * Reads something while the lock settles. Where it does not, that is what failed: somebody else
   * may have taken away what was to be read. Somebody who had the repository for himself and is
   * gone before the lock settles is not seen by his lock, but by what he replaced: then all is read
   * once more.
   *
   * @param reading may run twice
   * @throws RepositoryException as {@link #settle} does, or else what the reading throws
   */
  public <T> T whileSettling(Supplier<T> reading) {
    T read;
    try {
      read = reading.get();
    } catch (RuntimeException e) {
      settle();
      if (replaced.getAsBoolean()) {
        return reading.get();
      }
      throw e;
    }
    settle();
    return replaced.getAsBoolean() ? reading.get() : read;
  }

  /** Whether the lock is certain. */
  public boolean isSettled() {
    return settled.isDone() && !settled.isCompletedExceptionally();
  }

  /** Whether the lock was given back. */
  public synchronized boolean isClosed() {
    return closed;
  }

  /** Looks at the locks once more when this one has been there for long enough. */
  private void lookAgain() {
    try {
      if (isLost()) {
        throw lost();
      }
      refuseConflict(backend, key, exclusive, current);
      settled.complete(true);
    } catch (RuntimeException e) {
      settled.completeExceptionally(e);
    }
  }

  private RepositoryLock(
      Backend backend,
      MasterKey key,
      boolean exclusive,
      BooleanSupplier replaced,
      Id id,
      OffsetDateTime time) {
    this.backend = backend;
    this.key = key;
    this.exclusive = exclusive;
    this.replaced = replaced;
    this.current = id;
    this.refreshed = time;
    this.hangups = HangupGuard.ignore();
    this.refresher = Thread.ofPlatform().daemon().name("lock-refresh").start(this::refreshLoop);
  }

  private static void refuseConflict(
      Backend backend, MasterKey key, boolean exclusive, @Nullable Id own) {
    Listing listing = list(backend, key);
    for (LockFile lock : listing.locks()) {
      if (!lock.id().equals(own) && (exclusive || lock.exclusive())) {
        throw new RepositoryException(
            Problem.LOCKED,
            "the repository is locked "
                + (lock.exclusive() ? "exclusively " : "")
                + "by "
                + lock.holder()
                + " since "
                + lock.time().truncatedTo(ChronoUnit.SECONDS)
                + age(lock),
            isStale(lock)
                ? "The lock is stale; remove it with `stet unlock`."
                : "Wait until it is done; if that process is gone, `stet unlock` removes the lock.");
      }
    }
    if (!listing.unreadable().isEmpty()) {
      throw new RepositoryException(
          Problem.LOCKED,
          "lock " + listing.unreadable().getFirst().shortText() + " cannot be read",
          "If no other process uses the repository, remove it with `stet unlock --force`.");
    }
  }

  private static String age(LockFile lock) {
    Duration age = Duration.between(lock.time(), now()).truncatedTo(ChronoUnit.SECONDS);
    // As restic writes it: 1h2m3s.
    return age.isNegative()
        ? ", by a clock that is ahead of this one"
        : " (" + age.toString().substring("PT".length()).toLowerCase(Locale.ROOT) + " ago)";
  }

  /**
   * The locks of a repository.
   *
   * @param locks those that can be read
   * @param unreadable those that cannot; a lock that is still empty is being written and counts as
   *     none
   */
  public record Listing(List<LockFile> locks, List<Id> unreadable) {
    public int size() {
      return locks.size() + unreadable.size();
    }
  }

  /** Lists all locks. */
  public static Listing list(Backend backend, MasterKey key) {
    List<LockFile> locks = new ArrayList<>();
    List<Id> unreadable = new ArrayList<>();
    backend.list(
        FileType.LOCK,
        (id, size) -> {
          if (size == 0) {
            return;
          }
          try {
            byte[] sealed = backend.load(StoredFile.lock(id));
            locks.add(LockFile.parse(id, UnpackedCodec.decode(key.open(sealed, 0, sealed.length))));
          } catch (RepositoryException e) {
            if (e.problem() != Problem.NOT_FOUND) {
              unreadable.add(id);
            }
          } catch (JsonException e) {
            unreadable.add(id);
          }
        });
    return new Listing(locks, unreadable);
  }

  /** Whether a lock's holder is gone or has not refreshed it for half an hour. */
  public static boolean isStale(LockFile lock) {
    boolean gone = lock.process() != null && LocalProcess.current().knowsGone(lock.process());
    return gone || lock.time().plus(STALE).isBefore(now());
  }

  /** What an unlocking has removed, and what it has left. */
  public record Unlocked(Listing removed, Listing kept) {}

  /** Removes stale locks, or all. */
  public static Unlocked unlock(Backend backend, MasterKey key, boolean all) {
    Listing found = list(backend, key);
    Listing removed = new Listing(new ArrayList<>(), all ? found.unreadable() : List.of());
    Listing kept = new Listing(new ArrayList<>(), all ? List.of() : found.unreadable());
    for (LockFile lock : found.locks()) {
      (all || isStale(lock) ? removed : kept).locks().add(lock);
    }
    removed.locks().forEach(lock -> backend.delete(StoredFile.lock(lock.id())));
    removed.unreadable().forEach(id -> backend.delete(StoredFile.lock(id)));
    return new Unlocked(removed, kept);
  }

  private static Id write(
      Backend backend, MasterKey key, OffsetDateTime time, boolean exclusive, LocalProcess self) {
    byte[] file = key.seal(UnpackedCodec.encode(LockFile.encode(time, exclusive, self)));
    Id id = Id.of(file);
    backend.save(StoredFile.lock(id), file);
    return id;
  }

  private static OffsetDateTime now() {
    return OffsetDateTime.now(ZoneId.systemDefault());
  }

  private void refreshLoop() {
    try {
      Thread.sleep(SETTLE);
    } catch (InterruptedException e) {
      settled.completeExceptionally(e);
      return;
    }
    lookAgain();
    while (true) {
      try {
        Thread.sleep(REFRESH.toMillis());
        refresh();
      } catch (InterruptedException e) {
        return;
      } catch (RepositoryException e) {
        // Tried again at the next turn; check() ends the work before the lock could count as stale.
      }
    }
  }

  /**
   * Writes the lock anew and then removes the old file, so that there is one at every moment. A
   * lock that somebody has removed, also between the two, is lost.
   */
  synchronized void refresh() {
    if (closed || isLost()) {
      return;
    }
    OffsetDateTime time = now();
    Id fresh = write(backend, key, time, exclusive, LocalProcess.current());
    if (isLost()) {
      backend.delete(StoredFile.lock(fresh));
      return;
    }
    Id old = current;
    current = fresh;
    refreshed = time;
    backend.delete(StoredFile.lock(old));
  }

  /**
   * Throws unless the lock is certainly still held; called before anything that other clients rely
   * on the lock for. Time passes by the clock on the wall, so that a machine that slept notices.
   *
   * @throws RepositoryException with {@code LOCKED} if it was removed, or as the storage says if it
   *     has not been refreshed for too long and cannot be
   */
  public void check() {
    settle();
    checkHeld();
  }

  private synchronized void checkHeld() {
    if (refreshed.plus(OVERDUE).isBefore(now())) {
      refresh();
    }
    if (isLost()) {
      throw lost();
    }
  }

  /** Looks whether the lock is still there, unless it is known to be lost. */
  private synchronized boolean isLost() {
    lost = lost || !backend.exists(StoredFile.lock(current));
    return lost;
  }

  private static RepositoryException lost() {
    return new RepositoryException(
        Problem.LOCKED,
        "the repository's lock was lost: somebody has removed it",
        "Nothing was committed; run the command again.");
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    // After the block: a refresh that is under way is not to be cut off between its two steps.
    refresher.interrupt();
    // File operations fail in an interrupted thread, and the lock must go in any case.
    boolean interrupted = Thread.interrupted();
    try {
      backend.delete(StoredFile.lock(current));
    } finally {
      hangups.close();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
