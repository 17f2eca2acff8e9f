package stet.engine.postgres.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/** Programs that print a version stand for installations that a machine does not have. */
class PostgresToolsTest {
  @TempDir Path directory;

  private Path install(String where, String version) throws IOException {
    Path bin = Files.createDirectories(directory.resolve(where));
    for (String program : new String[] {"pg_dump", "pg_restore"}) {
      Path file = bin.resolve(program);
      Files.writeString(file, "#!/bin/sh\necho '" + program + " (PostgreSQL) " + version + "'\n");
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    return bin;
  }

  private Path packaged() {
    return directory.resolve("packaged");
  }

  private PostgresTools find(Path configured, int major) {
    return PostgresTools.find(
        configured, major, Map.of("PATH", directory.resolve("path").toString()), packaged());
  }

  @Test
  void takesTheNewestThatFits() throws IOException {
    install("path", "14.9 (Debian 14.9-1)");
    Path newest = install("packaged/17/bin", "17.2");
    install("packaged/9.6/bin", "9.6.24");
    assertThat(find(null, 13).directory()).isEqualTo(newest);
    assertThat(find(null, 17).major()).isEqualTo(17);
  }

  @Test
  void takesTheConfiguredDirectoryAlone() throws IOException {
    install("packaged/17/bin", "17.2");
    Path configured = install("own", "16.1");
    assertThat(find(configured, 16).directory()).isEqualTo(configured);
    assertThatThrownBy(() -> find(configured, 17))
        .hasMessage(
            "pg_dump in " + configured + " is of version 16, but the server is of version 17");
  }

  @Test
  void saysWhatToInstall() throws IOException {
    assertThatThrownBy(() -> find(null, 15))
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
              assertThat(e.hint()).contains("postgresql-client-15");
            })
        .hasMessage("pg_dump and pg_restore not found in PATH and " + packaged() + "/*/bin");
    install("path", "12.1");
    assertThatThrownBy(() -> find(null, 15)).hasMessageContaining("is of version 12, but");
  }

  @Test
  void passesOverProgramsThatDoNotRun() throws IOException {
    Path broken = Files.createDirectories(directory.resolve("packaged/18/bin")).resolve("pg_dump");
    Files.writeString(broken, "#!/bin/sh\nexit 1\n");
    Files.setPosixFilePermissions(broken, PosixFilePermissions.fromString("rwxr-xr-x"));
    install("path", "15.4");
    assertThat(find(null, 15).major()).isEqualTo(15);
  }
}
