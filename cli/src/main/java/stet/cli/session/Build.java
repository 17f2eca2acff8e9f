package stet.cli.session;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * What this program was built from. The build is reproducible, so the same sources give the same
 * bytes and the time is that of the sources.
 *
 * @param version its version
 * @param timestamp the time of the sources, in ISO 8601
 */
public record Build(String version, String timestamp) {

  /** Reads what the build left beside the classes. */
  public static Build current() {
    try (InputStream input = Build.class.getResourceAsStream("/stet/cli/build.properties")) {
      if (input == null) {
        throw new IllegalStateException("the build left no build.properties");
      }
      Properties properties = new Properties();
      properties.load(input);
      return new Build(
          properties.getProperty("version", ""), properties.getProperty("timestamp", ""));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
