package stet.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A small disk of its own, mounted while a test needs it. */
record Disk(Path where) implements AutoCloseable {
  /** Mounts one; where that is not allowed the test is skipped. */
  static Disk mount(String options, Path where) throws Exception {
    Files.createDirectories(where);
    Process mount =
        new ProcessBuilder("mount", "-t", "tmpfs", "-o", options, "tmpfs", where.toString())
            .redirectErrorStream(true)
            .start();
    String words =
        new String(mount.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assumeTrue(mount.waitFor() == 0, "a small disk cannot be mounted here: " + words);
    return new Disk(where);
  }

  void remount(String options) throws Exception {
    Trees.shell("mount -o \"remount,$2\" \"$1\"", where.toString(), options);
  }

  @Override
  public void close() throws Exception {
    Trees.shell("umount -l \"$1\"", where.toString());
  }
}
