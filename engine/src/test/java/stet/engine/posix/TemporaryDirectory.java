package stet.engine.posix;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A directory for one test. Unlike JUnit's own it can be removed whatever the test left in it:
 * paths of any length, names of any bytes.
 */
public final class TemporaryDirectory implements AfterEachCallback {
  private final List<Path> made = new ArrayList<>();

  /** A new directory, open. */
  public Directory directory() throws IOException {
    return Directory.open(PosixPath.of(path().toString()));
  }

  /** A new directory. */
  public Path path() throws IOException {
    Path path = Files.createTempDirectory("stet-test-");
    made.add(path);
    return path;
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException {
    for (Path path : made) {
      try (Directory parent = Directory.open(PosixPath.of(path.getParent().toString()))) {
        byte[] name = path.getFileName().toString().getBytes(StandardCharsets.UTF_8);
        if (parent.find(name) != null) {
          TreeRemoval.remove(parent, name);
        }
      }
    }
  }
}
