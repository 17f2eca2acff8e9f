package stet.engine;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Component;
import stet.engine.component.Component.Held;
import stet.engine.process.PrivateFiles;
import stet.repository.backend.Ownership;
import stet.repository.backend.Reason;

/**
 * The one lock of an environment: at most one operation captures or changes it at a time.
 *
 * <p>It is held with a component that all nodes share, such as a database server. An environment
 * without one is locked on this machine only: with the first component whose place can be locked,
 * so that it holds against other users too, or else by a file in this user's local state.
 */
public final class EnvironmentLock implements AutoCloseable {
  private final Held held;

  private EnvironmentLock(Held held) {
    this.held = held;
  }

  /**
   * Takes the lock, and removes the private files that operations have left which were killed.
   *
   * @throws StetException with {@code LOCKED} if another operation holds it
   */
  public static EnvironmentLock acquire(Environment environment) {
    PrivateFiles.removeLeftovers();
    for (Component component : environment.components()) {
      Held held = component.lock(environment.app(), environment.name());
      if (held != null) {
        return new EnvironmentLock(held);
      }
    }
    for (Component component : environment.components()) {
      Held held = component.lockHere();
      if (held != null) {
        return new EnvironmentLock(held);
      }
    }
    return new EnvironmentLock(lockFile(environment));
  }

  /**
   * Fails if the lock was lost, which happens with the connection to a server. To be called before
   * every step that another operation must not see half done.
   *
   * @throws StetException saying how it was lost
   */
  public void check() {
    held.check();
  }

  private static Held lockFile(Environment environment) {
    Path file =
        LocalState.directory().resolve(environment.app() + "." + environment.name() + ".lock");
    FileChannel channel = null;
    try {
      Files.createDirectories(LocalState.directory());
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      Ownership.inherit(file);
      FileLock lock = tryLock(channel);
      if (lock == null) {
        channel.close();
        throw new StetException(
            ErrorCode.LOCKED,
            "another operation works on environment \""
                + environment.name()
                + "\" of \""
                + environment.app()
                + "\" on this machine",
            "Wait until it ends; the lock never outlives its process.");
      }
      return new FileHeld(file, channel);
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.STORAGE,
          "cannot lock environment \"" + environment.name() + "\" by " + file + ": " + Reason.of(e),
          "Set STATE_DIRECTORY to a directory that the user running stet may write.",
          e);
    }
  }

  /** A lock that goes with its process only. */
  private record FileHeld(Path file, FileChannel channel) implements Held {
    @Override
    public void check() {}

    @Override
    public void close() {
      try {
        channel.close();
      } catch (IOException e) {
        throw new StetException(ErrorCode.STORAGE, "cannot release " + file, null, e);
      }
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  @Override
  public void close() {
    held.close();
  }
}
