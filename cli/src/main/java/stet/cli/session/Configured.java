package stet.cli.session;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import stet.cli.config.ComponentSettings;
import stet.cli.config.Configuration;
import stet.cli.config.EnvironmentSettings;
import stet.engine.Environment;
import stet.repository.Repository;
import stet.repository.backend.Backend;
import stet.repository.backend.LocalBackend;

/** Makes the engine's objects out of the configuration. */
public final class Configured {
  private Configured() {}

  /** The place of the configured repository. */
  public static Backend backend(Configuration configuration) {
    return new LocalBackend(Path.of(configuration.repository().location()));
  }

  /** The bytes of the configured password. */
  public static byte[] password(Configuration configuration) {
    return configuration.repository().password().reveal().getBytes(StandardCharsets.UTF_8);
  }

  /** Opens the configured repository. */
  public static Repository open(Configuration configuration) {
    return Repository.open(backend(configuration), password(configuration));
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
