package stet.engine;

import java.nio.file.Path;
import java.util.Map;

/**
 * Where Stet keeps what it may lose: caches and locks of this machine. Losing it costs time, never
 * data.
 */
public final class LocalState {
  private LocalState() {}

  /**
   * The directory: {@code STATE_DIRECTORY} as systemd sets it, else {@code $XDG_STATE_HOME/stet},
   * else {@code ~/.local/state/stet}. It need not exist.
   */
  public static Path directory() {
    Map<String, String> environment = System.getenv();
    String given = environment.get("STATE_DIRECTORY");
    if (given != null && !given.isEmpty()) {
      // systemd separates several directories by colons; the first is the unit's main one.
      return Path.of(given.split(":", -1)[0]);
    }
    String xdg = environment.get("XDG_STATE_HOME");
    Path base =
        xdg != null && xdg.startsWith("/")
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".local", "state");
    return base.resolve("stet");
  }
}
