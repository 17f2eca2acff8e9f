package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.ComponentKind;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

class SourceCheckIT {
  private static final String DATABASE = "checked";

  private PostgresServer server;

  @BeforeEach
  void create() {
    server = PostgresServers.installed();
    server.createDatabase(DATABASE);
    server.execute(
        DATABASE,
        "create role \"back up\" login password 'x'",
        "create schema \"a b\"",
        "create table \"a b\".\"t 1\" (id serial, v text)",
        "create table plain (a int)",
        "create sequence loose");
  }

  @AfterEach
  void drop() {
    server.dropDatabase(DATABASE);
    server.execute("postgres", "drop role \"back up\"");
  }

  private static ComponentKind kind() {
    return ServiceLoader.load(ComponentKind.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(kind -> kind.key().equals("postgres"))
        .findFirst()
        .orElseThrow();
  }

  private Component component(String user, Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>(more);
    settings.putIfAbsent(
        "url", server.url(DATABASE, user, user.equals("postgres") ? PostgresServer.PASSWORD : "x"));
    return kind().create(new ComponentDefinition("default", settings, "stet.yaml:7:3"));
  }

  private void check() {
    check(4);
  }

  private void check(int workers) {
    component("back up", Map.of()).check(new Operation("00000001", workers, Progress.NONE));
  }

  private void fails(String message, String hint) {
    assertThatThrownBy(this::check)
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.SOURCE);
              assertThat(e.hint()).contains(hint);
            })
        .hasMessageContaining(message);
  }

  @Test
  void namesEachObjectAndTheGrantThatCuresIt() {
    fails("table \"a b\".\"t 1\"", "GRANT USAGE ON SCHEMA \"a b\" TO \"back up\";");
    server.execute(DATABASE, "grant usage on schema \"a b\" to \"back up\"");
    fails(
        "role \"back up\" may not read in database \"checked\" on 127.0.0.1:"
            + server.port()
            + ": table \"a b\".\"t 1\", sequence \"a b\".\"t 1_id_seq\", sequence"
            + " \"public\".\"loose\", table \"public\".\"plain\"",
        "GRANT SELECT ON TABLE \"a b\".\"t 1\" TO \"back up\"; ,".replace(" ,", ","));
    server.execute(
        DATABASE,
        "grant select on all tables in schema \"a b\", public to \"back up\"",
        "grant select on all sequences in schema \"a b\" to \"back up\"");
    fails("sequence \"public\".\"loose\"", "GRANT SELECT ON SEQUENCE \"public\".\"loose\" TO");
    server.execute(DATABASE, "grant select on sequence loose to \"back up\"");
    assertThatCode(this::check).doesNotThrowAnyException();

    server.execute(DATABASE, "select lo_create(4711)");
    fails("large object 4711", "GRANT SELECT ON LARGE OBJECT 4711 TO \"back up\";");
    server.execute(DATABASE, "grant select on large object 4711 to \"back up\"");
    assertThatCode(this::check).doesNotThrowAnyException();

    server.execute(DATABASE, "alter table plain enable row level security");
    fails(
        "is subject to row security, which would hide rows from the backup, in database",
        "ALTER ROLE \"back up\" BYPASSRLS;");
    server.execute(DATABASE, "alter role \"back up\" bypassrls");
    assertThatCode(this::check).doesNotThrowAnyException();

    server.execute(DATABASE, "alter role \"back up\" connection limit 4");
    fails("has 4 free connections for role \"back up\", but 7 are needed", "fewer workers");
    assertThatCode(() -> check(1)).doesNotThrowAnyException();
  }

  @Test
  void namesADatabaseThatIsNotThere() {
    assertThatThrownBy(() ->
            component("postgres", Map.of("url", server.url("no such shop")))
                .check(new Operation("00000001", 1, Progress.NONE)))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageContaining("database \"no such shop\" does not exist");
  }

  @Test
  void aWrongUrlIsAConfigurationErrorWithItsPlace() {
    assertThatThrownBy(() -> component("postgres", Map.of("url", "postgresql://u:s3cret@h/d?x=y")))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFIGURATION))
        .hasMessage("stet.yaml:7:3: default.url: unknown connection parameter \"x\"");
  }

  @Test
  void refusesAnAdminOfAnotherServer() {
    PostgresServer other = PostgresServers.embedded(13);
    Operation operation = new Operation("00000001", 1, Progress.NONE);
    assertThatThrownBy(() ->
            component("postgres", Map.of("admin_url", other.url("postgres"))).target(operation))
        .hasMessageContaining("admin_url reaches another server");
    component("back up", Map.of("admin_url", server.socketUrl("postgres", "postgres")))
        .target(operation)
        .close();
  }

  @Test
  void settingsAreDocumented() {
    assertThat(kind().settings().stream().map(s -> s.key()).collect(Collectors.toList()))
        .containsExactly("url", "admin_url", "tools");
    assertThat(kind().settings()).allMatch(s -> s.documentation().endsWith("."));
  }
}
