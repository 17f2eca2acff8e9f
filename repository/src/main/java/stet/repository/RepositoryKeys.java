package stet.repository;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import stet.repository.RepositoryException.Problem;
import stet.repository.backend.Backend;
import stet.repository.backend.FileType;
import stet.repository.backend.StoredFile;
import stet.repository.crypto.KeyFile;
import stet.repository.crypto.MasterKey;
import stet.repository.lock.RepositoryLock;

/**
 * The key files of an open repository: each holds the one master key under a password of its own.
 */
public final class RepositoryKeys {
  /** restic tries as many, so a further one might never be tried. */
  static final int MAX = 20;

  private static final String RESTORE_KEYS =
      "Restore the files of the repository's directory `keys` from a copy.";

  private final Repository repository;

  RepositoryKeys(Repository repository) {
    this.repository = repository;
  }

  /**
   * A key file.
   *
   * @param id its name
   * @param file what it says, or null if it cannot be used
   * @param fault why it cannot be used, or null
   * @param current whether it is the one that opened the repository
   */
  public record Listed(Id id, @Nullable KeyFile file, @Nullable String fault, boolean current) {}

  /** All key files, oldest first; those that cannot be used come last. */
  public List<Listed> list() {
    List<Listed> listed = new ArrayList<>();
    for (Id id : ids(repository.backend())) {
      boolean current = id.equals(repository.keyId());
      try {
        byte[] bytes = repository.backend().load(StoredFile.key(id));
        KeyFile file = KeyFile.parse(bytes);
        Id hash = Id.of(bytes);
        listed.add(
            hash.equals(id)
                ? new Listed(id, file, null, current)
                : new Listed(id, null, "its bytes have the hash " + hash, current));
      } catch (RepositoryException e) {
        switch (e.problem()) {
          case DAMAGED, UNSUPPORTED -> listed.add(new Listed(id, null, e.getMessage(), current));
          case NOT_FOUND -> {} // removed by another client since the listing
          case NO_REPOSITORY, EXISTS, LOCKED, WRONG_PASSWORD, STORAGE, DENIED, INTERRUPTED ->
              throw e;
        }
      }
    }
    listed.sort((one, other) -> {
      if (one.file() == null || other.file() == null) {
        return Boolean.compare(one.file() == null, other.file() == null);
      }
      return one.file().created().compareTo(other.file().created());
    });
    return listed;
  }

  /**
   * Adds a password that opens the repository. The caller holds a lock.
   *
   * @param password as a key sees it, without anything trimmed
   * @param user who uses it, for people to read
   * @param host where, for people to read
   * @return the key file's id
   * @throws RepositoryException with {@code UNSUPPORTED} if there are {@value #MAX} keys already
   */
  public Id add(byte[] password, String user, String host) {
    int present = ids(repository.backend()).size();
    if (present >= MAX) {
      throw new RepositoryException(
          Problem.UNSUPPORTED,
          "the repository has "
              + present
              + " keys, and programs try no more than "
              + MAX
              + " to open it",
          "Remove one with `stet key remove`; `stet key list` shows them.");
    }
    Id id = save(repository.backend(), repository.masterKey(), password, user, host);
    try {
      verify(id, password);
    } catch (RepositoryException e) {
      repository.backend().delete(StoredFile.key(id));
      throw e;
    }
    return id;
  }

  /** Seals the master key under a password and stores it. */
  static Id save(Backend backend, MasterKey key, byte[] password, String user, String host) {
    byte[] file = KeyFile.create(key, password, user, host, Instant.now()).toBytes();
    Id id = Id.of(file);
    backend.save(StoredFile.key(id), file);
    return id;
  }

  /** What was stored is read back: a key that does not open is noticed when it is too late. */
  private void verify(Id id, byte[] password) {
    MasterKey opened =
        KeyFile.parse(repository.backend().load(StoredFile.key(id)))
            .unlock(password)
            .orElseThrow(() ->
                RepositoryException.damaged(
                    StoredFile.key(id) + " does not open with its password", null));
    Repository.loadConfig(repository.backend(), opened);
  }

  /**
   * Removes a key file, so that its password opens the repository no more.
   *
   * @param lock an exclusive lock: two clients could else remove each other's key
   * @throws IllegalArgumentException if it is the key that opened the repository
   * @throws RepositoryException with {@code NOT_FOUND} if there is no such key, with {@code
   *     UNSUPPORTED} if nothing may be removed
   */
  public void remove(Id id, RepositoryLock lock) {
    if (id.equals(repository.keyId())) {
      throw new IllegalArgumentException("key " + id + " is in use");
    }
    repository.requireRemovals();
    // Whether the key in use is still there decides whether anybody gets in afterwards.
    for (Id needed : List.of(id, repository.keyId())) {
      if (!repository.backend().exists(StoredFile.key(needed))) {
        throw new RepositoryException(
            Problem.NOT_FOUND,
            "there is no key " + needed.shortText() + " any more",
            "`stet key list` shows what there is.");
      }
    }
    lock.check();
    repository.backend().delete(StoredFile.key(id));
  }

  private static List<Id> ids(Backend backend) {
    List<Id> ids = new ArrayList<>();
    backend.list(FileType.KEY, (id, _) -> ids.add(id));
    Collections.sort(ids);
    return ids;
  }

  /** A key file that was opened. */
  record Opened(Id id, MasterKey key) {}

  /**
   * Opens the first key file that a password fits.
   *
   * @throws RepositoryException with {@code WRONG_PASSWORD}, or with {@code DAMAGED} if no key file
   *     can be used
   */
  static Opened open(Backend backend, byte[] password) {
    List<Id> ids = ids(backend);
    List<String> unusable = new ArrayList<>();
    for (Id id : ids.subList(0, Math.min(ids.size(), MAX))) {
      StoredFile file = StoredFile.key(id);
      Optional<MasterKey> key;
      Id hash;
      try {
        byte[] bytes = backend.load(file);
        hash = Id.of(bytes);
        key = KeyFile.parse(bytes).unlock(password);
      } catch (RepositoryException e) {
        switch (e.problem()) {
          case STORAGE, DENIED, INTERRUPTED -> throw e;
          case NO_REPOSITORY, EXISTS, LOCKED, WRONG_PASSWORD, DAMAGED, UNSUPPORTED, NOT_FOUND -> {}
        }
        unusable.add(file + " is unusable: " + e.getMessage());
        continue;
      }
      if (key.isPresent()) {
        return new Opened(id, key.get());
      }
      if (!hash.equals(id)) {
        unusable.add(file + " is damaged: its bytes have the hash " + hash);
      }
    }
    if (ids.isEmpty()) {
      throw new RepositoryException(
          Problem.DAMAGED, "the repository in " + backend.location() + " has no key", RESTORE_KEYS);
    }
    if (unusable.size() == ids.size()) {
      throw new RepositoryException(Problem.DAMAGED, String.join("; ", unusable), RESTORE_KEYS);
    }
    throw new RepositoryException(
        Problem.WRONG_PASSWORD,
        "wrong password for the repository in "
            + backend.location()
            + (unusable.isEmpty() ? "" : "; " + String.join("; ", unusable)),
        "Is it the right password file, and is it this repository's?");
  }
}
