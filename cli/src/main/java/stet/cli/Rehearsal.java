package stet.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Random;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.postgresql.Driver;
import stet.cli.output.Terminal;
import stet.cli.session.Session;
import stet.cli.session.Session.Surroundings;
import stet.engine.Version;

/**
 * Runs commands on an application of a few files, so that the JVM can note which classes and
 * methods they need: {@code java -XX:AOTCacheOutput=FILE … stet.cli.Rehearsal DIRECTORY}. A JVM
 * that is given the file starts with them at hand.
 */
public final class Rehearsal {
  private static final int FILES = 200;
  private static final String CLASS = ".class";

  private final Path directory;

  private Rehearsal(Path directory) {
    this.directory = directory;
  }

  /**
   * Rehearses, or fails with the first command that does not end as it should.
   *
   * @param arguments a directory to work in, which exists and is empty
   */
  public static void main(String[] arguments) throws IOException {
    new Rehearsal(Path.of(arguments[0]).toAbsolutePath()).run();
  }

  private void run() throws IOException {
    makeApplication();
    expect(0, "version");
    expect(0, "--help");
    expect(0, "backup", "--help");
    expect(2, "bakcup");
    expect(0, "config", "validate");
    expect(0, "config", "show");
    expect(0, "init");
    expect(0, "backup", "-n");
    expect(0, "backup");
    Files.writeString(directory.resolve("media/0"), "changed");
    expect(0, "backup", "--json");
    expect(0, "snapshots");
    expect(0, "snapshots", "--json");
    expect(0, "ls", "latest");
    expect(0, "dump", "latest", "/media/0");
    expect(0, "restore", "--to-dir", "written");
    expect(0, "restore", "--replace");
    expect(0, "previous", "list");
    expect(0, "rollback", "--last");
    expect(0, "check", "--read-data");
    expect(0, "unlock");
    // There is no server, but what connects to one is found.
    expect(21, "-c", "database.yaml", "backup");
    load(Driver.class);
    load(Version.class);
  }

  /** Loads all classes of a library, for those that only work with a server. */
  private static void load(Class<?> one) throws IOException {
    Path place;
    try {
      place = Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException("the place of a library is a file", e);
    }
    try (JarFile jar = new JarFile(place.toFile())) {
      for (JarEntry entry : Collections.list(jar.entries())) {
        if (entry.getName().endsWith(CLASS) && !entry.getName().contains("-")) {
          String file = entry.getName();
          load(file.substring(0, file.length() - CLASS.length()).replace('/', '.'));
        }
      }
    }
  }

  private static void load(String name) {
    try {
      Class<?> _ = Class.forName(name, false, Rehearsal.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      // It needs another library, which is not there as nothing here uses it.
      return;
    }
  }

  private void makeApplication() throws IOException {
    Path media = Files.createDirectory(directory.resolve("media"));
    Random random = new Random(1);
    byte[] noise = new byte[20_000];
    byte[] text = new byte[20_000];
    for (int i = 0; i < FILES; i++) {
      random.nextBytes(noise);
      Arrays.fill(text, (byte) i);
      System.arraycopy(noise, 0, text, 0, 2_000);
      Files.write(media.resolve(Integer.toString(i)), i % 2 == 0 ? noise : text);
    }
    Files.writeString(directory.resolve("password"), "rehearsal");
    configure("stet.yaml", "files: media, path: \"" + media + "\"");
    configure("database.yaml", "postgres: default, url: \"postgresql://nobody@127.0.0.1:1/none\"");
  }

  private void configure(String file, String component) throws IOException {
    Files.writeString(
        directory.resolve(file),
        """
        version: 1
        app: rehearsal
        repository: { location: repository, password_file: password }
        environments: { here: { state: [ { %s } ] } }
        """
            .formatted(component));
  }

  private void expect(int status, String... command) {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    Surroundings surroundings =
        new Surroundings(
            Map.of("XDG_STATE_HOME", directory.resolve("state").toString()),
            directory,
            new ByteArrayInputStream(new byte[0]),
            output,
            output,
            new Terminal(false, false, false, false));
    int ended = new Program(new Session(surroundings, () -> {})).run(command);
    if (ended != status) {
      throw new IllegalStateException(
          "%s ended with %d, not %d:\n%s"
              .formatted(
                  String.join(" ", command),
                  ended,
                  status,
                  output.toString(StandardCharsets.UTF_8)));
    }
  }
}
