package stet.cli.session;

import java.nio.charset.StandardCharsets;
import stet.cli.config.ComponentSettings;
import stet.cli.config.Configuration;
import stet.cli.config.EnvironmentSettings;
import stet.engine.Environment;

/** Makes the engine's objects out of the configuration. */
public final class Configured {
  private Configured() {}

  /** The bytes of the configured password. */
  public static byte[] password(Configuration configuration) {
    return configuration.repository().password().reveal().getBytes(StandardCharsets.UTF_8);
  }

  /** The environment with its components, made but not touched. */
  public static Environment environment(Configuration configuration, EnvironmentSettings settings) {
    return new Environment(
        configuration.app(),
        settings.name(),
        settings.isProtected(),
        ComponentSettings.createAll(settings.components()),
        settings.rules(configuration.rules()));
  }
}
