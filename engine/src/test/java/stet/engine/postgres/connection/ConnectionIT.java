package stet.engine.postgres.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.archive.PostgresTools;
import stet.engine.process.PrivateFiles;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

class ConnectionIT {
  private static final String DATABASE = "we ird\"db; rm -rf $HOME 'é=1";

  private static PostgresServer server;
  @TempDir Path home;

  @BeforeAll
  static void createDatabase() {
    server = PostgresServers.installed();
    server.createDatabase(DATABASE);
    server.execute(
        DATABASE,
        "create table t as select g, repeat('x', 100) x from generate_series(1, 20000) g");
  }

  @AfterAll
  static void dropDatabase() {
    server.dropDatabase(DATABASE);
  }

  private ConnectionSettings parse(String text, Map<String, String> variables) {
    return ConnectionSettings.parse(text, variables, home);
  }

  private static void reaches(ConnectionSettings settings) {
    ConnectionSettings pinned = settings.pinned();
    try (Session session = Session.open(pinned)) {
      assertThat(session.value("select current_database()")).isEqualTo(DATABASE);
      assertThat(session.value("select current_user")).isEqualTo(pinned.user());
      assertThat(session.value("show application_name")).isEqualTo("stet");
      StringWriter rows = new StringWriter();
      assertThat(session.copy().copyOut("copy public.t to stdout", rows)).isEqualTo(20000);
      session.execute("create temp table u (g int, x text)");
      try (var in = new java.io.StringReader(rows.toString())) {
        assertThat(session.copy().copyIn("copy pg_temp.u from stdin", in)).isEqualTo(20000);
      }
    } catch (Exception e) {
      throw new AssertionError(e);
    }
    try (PrivateFiles files = PrivateFiles.create()) {
      PostgresTools tools = PostgresTools.find(null, server.majorVersion());
      assertThat(
              tools
                  .program("pg_dump", pinned, files)
                  .arguments(
                      "--schema-only", "--dbname=" + ConnectionSettings.childDatabase(DATABASE))
                  .run())
          .contains("CREATE TABLE public.t");
    }
  }

  @Test
  void connectsByUriWithOddCharactersInNameAndPassword() {
    reaches(parse(server.url(DATABASE), Map.of()));
  }

  @Test
  void connectsThroughTheUnixSocket() {
    reaches(parse(server.socketUrl(DATABASE, PostgresServer.SUPERUSER), Map.of()));
    String owner = (int) uid() == 0 ? "postgres" : System.getProperty("user.name");
    reaches(
        parse(
            server.socketUrl(DATABASE, PostgresServer.SUPERUSER) + "&requirepeer=" + owner,
            Map.of()));
    assertThatThrownBy(() ->
            parse(
                    server.socketUrl(DATABASE, PostgresServer.SUPERUSER) + "&requirepeer=daemon",
                    Map.of())
                .connect())
        .hasMessageContaining("requirepeer is \"daemon\", but the server runs as");
  }

  private static Object uid() {
    try {
      return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void connectsByService() throws Exception {
    Path file = home.resolve("services");
    Files.writeString(
        file,
        "[shop]\nhost=127.0.0.1\nport=%d\ndbname=%s\nuser=postgres\npassword=%s\n"
            .formatted(server.port(), DATABASE, PostgresServer.PASSWORD));
    reaches(parse("service=shop", Map.of("PGSERVICEFILE", file.toString())));
  }

  @Test
  void connectsByEnvironmentAndPasswordFile() throws Exception {
    Path file = home.resolve(".pgpass");
    Files.writeString(
        file,
        "localhost:*:*:*:other\n127.0.0.1:%d:*:postgres:%s\n"
            .formatted(
                server.port(), PostgresServer.PASSWORD.replace("\\", "\\\\").replace(":", "\\:")));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    Map<String, String> variables =
        Map.of(
            "PGHOST",
            "127.0.0.1",
            "PGPORT",
            Integer.toString(server.port()),
            "PGUSER",
            "postgres",
            "PGDATABASE",
            DATABASE);
    reaches(parse("", variables));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(() -> parse("", variables).connect())
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.hint()).contains("can be read by others"));
  }

  @Test
  void takesTheFirstHostThatWorksAndKeepsIt() throws Exception {
    int closed;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      closed = socket.getLocalPort();
    }
    ConnectionSettings settings =
        parse(
            "host=127.0.0.1,%s port=%d,%d user=postgres dbname=%s"
                .formatted(
                    server.socketDirectory(), closed, server.port(), Conninfo.quote(DATABASE)),
            Map.of());
    assertThat(settings.pinned().describeServer()).startsWith("socket " + server.socketDirectory());
    reaches(settings);
    assertThatThrownBy(() ->
            parse(
                    "host=127.0.0.1 port="
                        + server.port()
                        + " user=postgres dbname=postgres password="
                        + Conninfo.quote(PostgresServer.PASSWORD)
                        + " target_session_attrs=standby",
                    Map.of())
                .connect())
        .hasMessageContaining("the server is not standby");
  }

  @Test
  void connectsToANumericAddressUnderAnotherName() {
    reaches(
        parse(
            "host=no-such-name.invalid hostaddr=127.0.0.1 port=%d user=postgres password=%s dbname=%s"
                .formatted(
                    server.port(),
                    Conninfo.quote(PostgresServer.PASSWORD),
                    Conninfo.quote(DATABASE)),
            Map.of()));
  }

  @Test
  void namesServerUserAndReasonButNeverThePassword() {
    String wrong = "wr0ng-s3cret";
    assertThatThrownBy(() -> parse(server.url("postgres", "postgres", wrong), Map.of()).connect())
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
              for (Throwable t = e; t != null; t = t.getCause()) {
                assertThat(t.toString()).doesNotContain(wrong);
              }
            })
        .hasMessage(
            "cannot connect to database \"postgres\" on 127.0.0.1:%d as user \"postgres\": password"
                    .formatted(server.port())
                + " authentication failed for user \"postgres\"");
    assertThatThrownBy(() -> parse(server.url("no such db"), Map.of()).connect())
        .hasMessageEndingWith("database \"no such db\" does not exist");
    assertThatThrownBy(() -> parse("postgresql://u@127.0.0.1:1/x", Map.of()).connect())
        .isInstanceOf(StetException.class)
        .hasMessageStartingWith("cannot connect to database \"x\" on 127.0.0.1:1 as user \"u\": ");
    assertThatThrownBy(() -> parse("host=/no/dir user=u dbname=x", Map.of()).connect())
        .hasMessageContaining("socket /no/dir/.s.PGSQL.5432");
    assertThatThrownBy(() ->
            parse("host=127.0.0.1 user=postgres dbname=x port=" + server.port(), Map.of())
                .connect())
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.hint()).startsWith("No password was found"));
  }

  @Test
  void sessionsAreSettledWhateverTheRoleSays() throws Exception {
    server.execute(
        "postgres",
        "create role odd superuser login",
        "alter role odd set statement_timeout = '7s'",
        "alter role odd set datestyle = 'German'",
        "alter role odd set timezone = 'Asia/Kolkata'",
        "alter role odd set bytea_output = 'escape'",
        "alter role odd set default_transaction_read_only = on");
    try (Session session = Session.open(parse(server.socketUrl(DATABASE, "odd"), Map.of()))) {
      assertThat(session.value("show statement_timeout")).isEqualTo("0");
      assertThat(session.value("select timestamptz '2020-01-02 03:04:05.5+00'"))
          .isEqualTo("2020-01-02 03:04:05.5+00");
      assertThat(session.value("select pg_catalog.textin(byteaout('abc'))")).isEqualTo("\\x616263");
      session.execute("create table public.writable ()");
      session.execute("drop table public.writable");
      assertThat(session.value("show search_path")).isEqualTo("\"\"");
    } finally {
      server.execute("postgres", "drop role odd");
    }
  }

  @Test
  void readsOnTheUnixSocketTimeOut() throws Exception {
    try (Connection connection = parse(server.socketUrl(DATABASE, "postgres"), Map.of()).connect();
        var statement = connection.createStatement()) {
      connection.setNetworkTimeout(Runnable::run, 200);
      assertThatThrownBy(() -> statement.execute("select pg_sleep(20)"))
          .hasRootCauseInstanceOf(java.net.SocketTimeoutException.class);
    }
    assertThat(DATABASE.getBytes(StandardCharsets.UTF_8).length).isLessThan(63);
  }
}
