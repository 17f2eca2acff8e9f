package stet.repository.backend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Whose the files and directories are that root makes among those of another user: that user's, or
 * he could not go on with what root has begun.
 */
public final class Ownership {
  private static final Integer ROOT = 0;

  private Ownership() {}

  /**
   * Gives what root has just made the owner and group of the directory it lies in. Does nothing for
   * anybody else, nor where the file system lets nobody give files away.
   */
  public static void inherit(Path made) {
    Path directory = made.toAbsolutePath().getParent();
    try {
      if (directory != null && ROOT.equals(attribute(made, "unix:uid")) && hasOneName(made)) {
        Object uid = Files.getAttribute(directory, "unix:uid");
        Object gid = Files.getAttribute(directory, "unix:gid");
        if (!gid.equals(attribute(made, "unix:gid"))) {
          Files.setAttribute(made, "unix:gid", gid, LinkOption.NOFOLLOW_LINKS);
        }
        if (!ROOT.equals(uid)) {
          Files.setAttribute(made, "unix:uid", uid, LinkOption.NOFOLLOW_LINKS);
        }
      }
    } catch (IOException | UnsupportedOperationException e) {
      // As on network file systems that trust no root: then it is no worse than it was.
      return;
    }
  }

  /** Else the directory's owner may have put another name of one of root's files there. */
  private static boolean hasOneName(Path made) throws IOException {
    return Files.isDirectory(made, LinkOption.NOFOLLOW_LINKS)
        || attribute(made, "unix:nlink").equals(1);
  }

  private static Object attribute(Path path, String name) throws IOException {
    return Files.getAttribute(path, name, LinkOption.NOFOLLOW_LINKS);
  }

  /** The name of a file's owner, or null if that cannot be told. */
  static @Nullable String owner(Path path) {
    try {
      return Files.getOwner(path).getName();
    } catch (IOException | UnsupportedOperationException e) {
      return null;
    }
  }
}
