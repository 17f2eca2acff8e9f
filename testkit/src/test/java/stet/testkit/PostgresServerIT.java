package stet.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PostgresServerIT {
  @ParameterizedTest
  @ValueSource(ints = {9, 10, 13, 15, 17, 18})
  void runsTheWantedMajorVersion(int major) {
    PostgresServer server = PostgresServers.embedded(major);
    assertThat(server.queryOne("postgres", "show server_version")).startsWith(major + ".");
    assertThat(server.majorVersion()).isEqualTo(major);
    assertThat(server.queryOne("postgres", "show fsync")).isEqualTo("on");
    assertThat(PostgresServers.embedded(major)).isSameAs(server);
  }

  @Test
  void runsTheInstalledServer() {
    PostgresServer server = PostgresServers.installed();
    server.createDatabase("we ird\"db");
    server.execute("we ird\"db", "create table t (a int)");
    assertThat(server.dumpSchema("we ird\"db")).contains("CREATE TABLE public.t");
    server.dropDatabase("we ird\"db");
    assertThat(server.databases()).doesNotContain("we ird\"db");
  }

  @Test
  @Timeout(120)
  void leavesNothingBehind() throws Exception {
    PostgresServer server = PostgresServers.startEmbedded(15, Map.of("fsync", "off"));
    server.stop();
    server.start();
    assertThat(server.queryOne("postgres", "show fsync")).isEqualTo("off");
    server.close();
    assertThat(Files.exists(server.dataDirectory())).isFalse();
    // What kept it is there for a moment more.
    while (hasProcess(server)) {
      Thread.sleep(20);
    }
  }

  private static boolean hasProcess(PostgresServer server) {
    return ProcessHandle.allProcesses()
        .anyMatch(process ->
            process.info().commandLine().orElse("").contains(server.dataDirectory().toString()));
  }
}
