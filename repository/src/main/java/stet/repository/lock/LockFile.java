package stet.repository.lock;

import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.json.GoTime;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * A lock as it is stored.
 *
 * @param id the file's id
 * @param time when it was made or last refreshed
 * @param exclusive whether it tolerates no other lock
 * @param hostname where the holder runs
 * @param username who runs it
 * @param pid the holder's process id on that host
 * @param process Stet's own description of the holder, or null if restic made the lock
 */
public record LockFile(
    Id id,
    OffsetDateTime time,
    boolean exclusive,
    String hostname,
    String username,
    long pid,
    @Nullable LocalProcess process) {

  /**
   * Parses a lock file's JSON.
   *
   * @throws JsonException if it is not one
   */
  static LockFile parse(Id id, byte[] json) {
    JsonObject object = JsonObject.parse(json);
    JsonObject process = object.optionalObject("stet");
    return new LockFile(
        id,
        GoTime.parse(object.string("time")),
        object.flag("exclusive", false),
        object.has("hostname") ? object.string("hostname") : "",
        object.has("username") ? object.string("username") : "",
        object.integer("pid", 0),
        process == null ? null : LocalProcess.parse(process));
  }

  /** The JSON text of a new lock of this process. */
  static byte[] encode(OffsetDateTime time, boolean exclusive, LocalProcess process) {
    return new JsonObject()
        .put("time", GoTime.format(time))
        .put("exclusive", exclusive)
        .put("hostname", process.hostname())
        .put("username", process.username())
        .put("pid", process.pid())
        .put("stet", process.toJson())
        .toBytes();
  }

  /** The holder for people, such as {@code root on db1 (process 4711)}. */
  public String holder() {
    return (username.isEmpty() ? "somebody" : username)
        + " on "
        + (hostname.isEmpty() ? "an unknown host" : hostname)
        + " (process "
        + pid
        + ")";
  }
}
