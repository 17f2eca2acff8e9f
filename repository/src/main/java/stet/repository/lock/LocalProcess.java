package stet.repository.lock;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import stet.repository.json.JsonObject;

/**
 * What tells this process from any other, on any host and after any restart: restic's host name and
 * process id, and, because ids are used again, the boot, the PID namespace and the process's start.
 *
 * @param hostname the host's name
 * @param username who runs the process
 * @param pid the process id as seen inside its namespace
 * @param boot the kernel's random id of this boot, empty if unknown
 * @param namespace the PID namespace, such as {@code pid:[4026531836]}, empty if unknown
 * @param start the process's start in clock ticks since boot, -1 if unknown
 */
public record LocalProcess(
    String hostname, String username, long pid, String boot, String namespace, long start) {

  /** This process. */
  public static LocalProcess current() {
    long pid = ProcessHandle.current().pid();
    return new LocalProcess(
        read("/proc/sys/kernel/hostname", System.getenv().getOrDefault("HOSTNAME", "localhost")),
        System.getProperty("user.name", ""),
        pid,
        read("/proc/sys/kernel/random/boot_id", ""),
        namespaceOf("self"),
        startOf(pid));
  }

  static LocalProcess parse(JsonObject object) {
    return new LocalProcess(
        object.string("hostname"),
        "",
        object.integer("pid"),
        object.string("boot"),
        object.string("namespace"),
        object.integer("start"));
  }

  JsonObject toJson() {
    return new JsonObject()
        .put("hostname", hostname)
        .put("pid", pid)
        .put("boot", boot)
        .put("namespace", namespace)
        .put("start", start);
  }

  /**
   * Whether {@code other} certainly ran on this machine's present boot and in this process's
   * namespace, and is gone. False whenever that cannot be told.
   */
  boolean knowsGone(LocalProcess other) {
    boolean comparable =
        !boot.isEmpty()
            && !namespace.isEmpty()
            && other.start >= 0
            && boot.equals(other.boot)
            && namespace.equals(other.namespace)
            && hostname.equals(other.hostname);
    // Where other users' processes are hidden, one that is not seen may still be there.
    return comparable && Files.exists(Path.of("/proc/1/stat")) && startOf(other.pid) != other.start;
  }

  /** The start of a live process in this namespace, or -1 if there is none with this id. */
  private static long startOf(long pid) {
    String stat = read("/proc/" + pid + "/stat", "");
    // The second field is the program's name in parentheses and may hold blanks and parentheses
    // itself.
    int afterName = stat.lastIndexOf(')');
    if (afterName < 0) {
      return -1;
    }
    String[] fields = stat.substring(afterName + 1).trim().split(" ", -1);
    boolean zombie = fields[0].equals("Z") || fields[0].equals("X");
    return zombie || fields.length < 20 ? -1 : Long.parseLong(fields[19]);
  }

  private static String namespaceOf(String process) {
    try {
      return Files.readSymbolicLink(Path.of("/proc", process, "ns", "pid")).toString();
    } catch (IOException e) {
      return "";
    }
  }

  private static String read(String file, String otherwise) {
    try {
      return Files.readString(Path.of(file)).trim();
    } catch (NoSuchFileException e) {
      return otherwise;
    } catch (IOException e) {
      return otherwise;
    }
  }
}
