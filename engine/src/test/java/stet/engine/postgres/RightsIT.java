package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.repository.json.JsonObject;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Backs up with the rights that the manual lists, and finds that it takes all of them. */
@Timeout(300)
class RightsIT {
  private PostgresServer server;

  @AfterEach
  void drop() {
    server.dropDatabase("shop");
    server.execute("postgres", "drop role if exists shop_backup", "drop role if exists shop");
  }

  @Test
  void thePageListsWhatABackupRoleNeedsSince14() throws IOException {
    takes(PostgresServers.installed(), "since 14");
  }

  @Test
  void thePageListsWhatABackupRoleNeedsBefore14() throws IOException {
    takes(PostgresServers.embedded(13), "before 14");
  }

  @Test
  void whatARoleMayNotReadIsNamedBeforeAndDuringTheCapture() {
    server = PostgresServers.installed();
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    server.createDatabase("shop");
    server.execute(
        "shop",
        "create role shop_backup login password 'secret-word'",
        "create table open (i int)",
        "create table closed (i int)",
        "create table guarded (i int)",
        "alter table guarded enable row level security",
        "create sequence counter",
        "create schema hidden",
        "create table hidden.t (i int)",
        "grant select on open, guarded to shop_backup");
    ConnectionSettings reader =
        ConnectionSettings.parse(
            server.url("shop", "shop_backup", "secret-word"), Map.of(), Path.of("/nonexistent"));
    PostgresComponent component =
        new PostgresComponent("default", reader, null, null, Renames.NONE);
    Operation operation = trip.context(Progress.NONE).operation();
    assertThatThrownBy(() -> component.check(operation))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageContaining("table \"public\".\"closed\"")
        .hasMessageContaining("sequence \"public\".\"counter\"")
        .hasMessageContaining("table \"hidden\".\"t\"");
    assertThatThrownBy(() -> component.capture(trip.context(Progress.NONE)))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .hasMessageContaining("permission denied")
        .hasMessageNotContaining("secret-word");
    server.execute(
        "shop", "grant pg_read_all_data to shop_backup", "alter role shop_backup bypassrls");
    component.check(operation);
    Captured captured = component.capture(trip.context(Progress.NONE));
    assertThat(captured.manifest().objects("tables")).hasSize(4);
  }

  /** The statements of a block of the page. Tests run in their module's directory. */
  private static List<String> statements(String block) throws IOException {
    Path page = Path.of("").toAbsolutePath().getParent().resolve("docs/postgresql.md");
    Matcher matcher =
        Pattern.compile("```sql " + block + "\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(page));
    assertThat(matcher.find()).as(block).isTrue();
    return matcher.group(1).lines().toList();
  }

  private void fill() {
    server.execute("postgres", "create role shop", "create database shop owner shop");
    server.execute(
        "shop",
        "revoke connect on database shop from public",
        "revoke all on schema public from public",
        "grant all on schema public to shop",
        "set role shop; create table orders (id serial primary key, note text)",
        "set role shop; insert into orders (note) select md5(i::text) from generate_series(1, 99) i",
        "set role shop; create table guarded (i int); alter table guarded enable row level security",
        "set role shop; insert into guarded values (1)",
        "set role shop; select lo_from_bytea(5001, 'abc')");
  }

  /** What the shop makes after the grants. */
  private void fillMore() {
    server.execute(
        "shop",
        "set role shop; create table later (id serial, v int)",
        "set role shop; insert into later (v) values (1)",
        "set role shop; select lo_from_bytea(5002, 'def')");
  }

  /** Grants again from the beginning. */
  private void again(List<String> statements) {
    server.execute(
        "shop",
        "drop owned by shop_backup",
        "drop role shop_backup",
        "drop table later",
        "select lo_unlink(5002)");
    server.execute("shop", statements.toArray(String[]::new));
    fillMore();
  }

  private PostgresComponent component() {
    return new PostgresComponent(
        "default",
        ConnectionSettings.parse(
            server.url("shop", "shop_backup", "a good one"), Map.of(), Path.of("/nonexistent")),
        null,
        null,
        Renames.NONE);
  }

  private void takes(PostgresServer on, String block) throws IOException {
    server = on;
    List<String> statements = statements(block);
    assertThat(statements).hasSizeGreaterThanOrEqualTo(5).allMatch(line -> line.endsWith(";"));
    PostgresRoundTrip trip = new PostgresRoundTrip(server);
    Operation operation = trip.context(Progress.NONE).operation();
    fill();
    server.execute("shop", statements.toArray(String[]::new));
    fillMore();
    component().check(operation);
    Captured captured = component().capture(trip.context(Progress.NONE));
    assertThat(captured.manifest().objects("tables"))
        .extracting(table -> table.string("name") + " " + table.integer("rows"))
        .containsExactly("guarded 1", "later 1", "orders 99");
    assertThat(captured.manifest().object("large_objects").integer("count")).isEqualTo(2);
    JsonObject mine = captured.manifest();
    Captured superusers = trip.capture("shop");
    assertThat(mine.objects("tables").toString())
        .isEqualTo(superusers.manifest().objects("tables").toString());
    assertThat(trip.blobs.content(trip.blobs.find(captured.node(), "load.sql")))
        .isEqualTo(trip.blobs.content(trip.blobs.find(superusers.node(), "load.sql")));

    for (String left : statements.subList(1, statements.size())) {
      List<String> fewer = new ArrayList<>(statements);
      fewer.remove(left);
      again(fewer);
      assertThatThrownBy(() -> component().check(operation))
          .as("without " + left)
          .isInstanceOfSatisfying(
              StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
          .hasMessageContaining("shop_backup");
    }
    again(statements);
    assertThatCode(() -> component().check(operation)).doesNotThrowAnyException();
  }
}
