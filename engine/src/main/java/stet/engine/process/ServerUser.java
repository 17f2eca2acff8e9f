package stet.engine.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * Who runs a server that stet starts. PostgreSQL refuses to run as root, so root runs it as {@code
 * nobody}.
 *
 * @param uid the user's number
 * @param gid its group's number
 * @param prefix the words before a command that make it run as this user
 */
public record ServerUser(int uid, int gid, List<String> prefix) {
  private static final String UNPRIVILEGED = "nobody";

  /** The user for this process. */
  public static ServerUser current() {
    try {
      int uid = (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
      int gid = (int) Files.getAttribute(Path.of("/proc/self"), "unix:gid");
      return uid == 0 ? unprivileged() : new ServerUser(uid, gid, List.of());
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.FAILED, "cannot tell who runs stet: " + e.getMessage(), null, e);
    }
  }

  private static ServerUser unprivileged() throws IOException {
    for (String line : Files.readAllLines(Path.of("/etc/passwd"), StandardCharsets.ISO_8859_1)) {
      String[] fields = line.split(":", -1);
      if (fields.length >= 4 && fields[0].equals(UNPRIVILEGED)) {
        int uid = Integer.parseInt(fields[2]);
        int gid = Integer.parseInt(fields[3]);
        return new ServerUser(
            uid,
            gid,
            List.of("setpriv", "--reuid=" + uid, "--regid=" + gid, "--clear-groups", "--"));
      }
    }
    throw new StetException(
        ErrorCode.FAILED,
        "root cannot run a PostgreSQL server, and there is no user " + UNPRIVILEGED,
        "Run stet as an ordinary user.");
  }

  public boolean isOther() {
    return !prefix.isEmpty();
  }

  /** A program that this user runs, away from directories it may not enter. */
  public ChildProcess.Builder command(List<String> words) {
    List<String> all = new ArrayList<>(prefix);
    all.addAll(words);
    return ChildProcess.of(Path.of(all.getFirst()))
        .arguments(all.subList(1, all.size()))
        .without(name -> name.startsWith("PG") || name.startsWith("LC_") || name.equals("LANG"))
        .environment(java.util.Map.of("LC_ALL", "C"))
        .directory(Path.of("/"));
  }

  /** Makes a directory that this user owns. */
  public Path makeDirectory(Path path) throws IOException {
    Files.createDirectory(path);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    own(path);
    return path;
  }

  /** Gives a file to this user. */
  public void own(Path path) throws IOException {
    if (isOther()) {
      Files.setAttribute(path, "unix:gid", gid);
      Files.setAttribute(path, "unix:uid", uid);
    }
  }

  /** Whether this user can run programs that lie in a directory of its own. */
  public boolean canRunFrom(Path directory) throws IOException {
    Path probe = directory.resolve("probe");
    Files.writeString(probe, "#!/bin/sh\nexit 0\n");
    Files.setPosixFilePermissions(probe, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (ChildProcess child = command(List.of(probe.toString())).start()) {
      return child.await() == 0;
    } catch (StetException e) {
      if (e.code() == ErrorCode.INTERRUPTED || isOther()) {
        throw e;
      }
      // Without a prefix, it is the probe itself that could not be started.
      return false;
    } finally {
      Files.delete(probe);
    }
  }
}
