package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component.Scratch;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.engine.component.RestoreContext;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.postgres.capture.DatabaseCapture;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.restore.PostgresPlace;
import stet.engine.postgres.restore.PostgresTarget;
import stet.engine.postgres.restore.PostgresTrial;
import stet.repository.chunk.Polynomial;
import stet.testkit.MemoryBlobs;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

/** Carries databases from servers of every version to the same and to newer versions. */
@Timeout(300)
class VersionsIT {
  private static final RowHash.Key KEY = RowHash.Key.random();
  private static final String DATABASE = "of_its_time";
  private static final int NEWEST = 18;

  private final List<Runnable> cleanup = new ArrayList<>();
  private final MemoryBlobs blobs = new MemoryBlobs();

  @AfterEach
  void cleanUp() {
    cleanup.reversed().forEach(Runnable::run);
  }

  private static PostgresServer server(int major) {
    if (PostgresServers.installedBinaries().isPresent()
        && PostgresServers.installed().majorVersion() == major) {
      return PostgresServers.installed();
    }
    if (!PostgresServers.hasEmbedded(major)) {
      skip("no PostgreSQL " + major + " is packed for this kind of machine");
    }
    return PostgresServers.embedded(major);
  }

  /** Client programs for servers of a version. */
  private static Path tools(int major) {
    return PostgresServers.clientPrograms(major)
        .orElseGet(() -> {
          skip(
              "no client programs of PostgreSQL "
                  + major
                  + ", which scripts/newer-debian gets and STET_TEST_POSTGRESQL_NEWEST names");
          throw new AssertionError("unreachable");
        });
  }

  private static void skip(String why) {
    System.err.println("skipped: " + why);
    Assumptions.abort(why);
  }

  private static Operation operation(Progress progress) {
    return new Operation("0a1b2c3d", 2, progress);
  }

  private static ConnectionSettings settings(PostgresServer server) {
    return ConnectionSettings.parse(server.url(DATABASE), Map.of(), Path.of("/nonexistent"));
  }

  /** Makes the database of the server's version. */
  private PostgresServer filled(int major) {
    PostgresServer server = server(major);
    cleanup.add(() -> drop(server));
    server.createDatabase(DATABASE);
    ManyVersions.fill(server, DATABASE);
    return server;
  }

  private static void drop(PostgresServer server) {
    for (String name : server.databases()) {
      if (name.startsWith(DATABASE)) {
        server.dropDatabase(name);
      }
    }
    server.execute("postgres", "drop role if exists maintainer_of_many");
  }

  private Captured capture(PostgresServer server, Path tools, Progress progress) {
    return new DatabaseCapture(settings(server), tools, "default")
        .capture(
            new CaptureContext(
                operation(progress),
                blobs,
                blobs,
                null,
                null,
                null,
                KEY,
                new Polynomial(0x3DA3358B4DC173L)));
  }

  private RestoreContext restore(Captured captured, Progress progress) {
    return new RestoreContext(
        operation(progress), blobs, captured.node(), captured.manifest(), KEY);
  }

  private static Target target(PostgresServer server, Path tools) {
    return new PostgresTarget(new PostgresPlace("default", settings(server), null, tools));
  }

  /** Restores, verified by Stet itself, and makes it live. */
  private void putBack(Captured captured, PostgresServer server, Path tools) {
    try (Target target = target(server, tools)) {
      Beside staging = target.stage(restore(captured, Progress.NONE));
      Beside previous = target.swap(staging, "0a1b2c3d", "{}");
      if (previous != null) {
        target.drop(previous);
      }
    }
  }

  /** From 17 on an event trigger may fire at a login, and write. */
  private PostgresServer notingLogins() {
    PostgresServer server = server(17);
    cleanup.add(() -> drop(server));
    server.createDatabase(DATABASE);
    server.execute(
        DATABASE,
        "create table logins (at timestamptz default now())",
        "create function note() returns event_trigger language plpgsql as"
            + " $$ begin insert into logins default values; end $$",
        "create event trigger note_login on login execute function note()",
        "alter event trigger note_login enable always");
    return server;
  }

  private static long logins(Captured captured) {
    return captured.manifest().objects("tables").getFirst().integer("rows");
  }

  @Test
  void triggersOfLoginsWriteNothingIntoWhatIsRestored() {
    PostgresServer server = notingLogins();
    Path tools = tools(17);
    Captured captured = capture(server, tools, Progress.NONE);
    try (Target target = target(server, tools)) {
      Beside staging = target.stage(restore(captured, Progress.NONE));
      target.evaluate(staging, captured.manifest(), List.of()).close();
      // Asking is a login too.
      assertThat(server.queryOne(staging.name(), "select count(*) from logins"))
          .isEqualTo(Long.toString(logins(captured) + 1));
    }
  }

  @Test
  void triggersOfLoginsWriteNothingIntoWhatIsProven() throws Exception {
    PostgresServer server = notingLogins();
    Path tools = tools(17);
    Captured captured = capture(server, tools, Progress.NONE);
    try (PostgresTrial trial =
        PostgresTrial.run(
            restore(captured, Progress.NONE),
            new Scratch(Scratch.SAME, false),
            new PostgresPlace("default", settings(server), null, tools))) {
      assertThat(trial.differences()).isEmpty();
      trial.evaluate(List.of()).close();
      assertThat(trial.query("select count(*) from logins"))
          .isEqualTo(Long.toString(logins(captured)));
    }
  }

  /** All tables with their number of rows, and a digest where the text is of no version. */
  private static List<String> content(PostgresServer server) {
    List<String> content = new ArrayList<>();
    for (String table :
        server.query(
            DATABASE,
            "select quote_ident(relname)::text from pg_class where relkind in ('r', 'p', 'm')"
                + " and relnamespace = 'public'::regnamespace order by relname::text")) {
      boolean floats = List.of("singles", "doubles", "lists", "shapes", "nested").contains(table);
      content.add(
          table
              + " "
              + server.queryOne(
                  DATABASE,
                  "select count(*)"
                      + (floats
                          ? ""
                          : ", md5(string_agg(t::text, ' ' order by t::text collate \"C\"))")
                      + " from "
                      + table
                      + " t"));
    }
    for (String exact :
        List.of(
            "select 'singles', md5(string_agg(encode(float4send(f), 'hex'), ' ' order by id)) from singles",
            "select 'doubles', md5(string_agg(encode(float8send(f), 'hex'), ' ' order by id)) from doubles",
            "select 'nested', md5(string_agg(concat_ws(' ', (w).label, encode(float8send((w).weight), 'hex'),"
                + " encode(float8send(upper(r)), 'hex')), ' ' order by id)) from nested",
            "select 'lists', md5(string_agg(concat_ws(' ', array_ndims(g), encode(float8send(f[1]), 'hex'),"
                + " encode(point_send(p[1]), 'hex'), (w[1]).label), ' ' order by id)) from lists",
            "select 'shapes', md5(string_agg(concat_ws(' ', encode(poly_send(y), 'hex'),"
                + " encode(circle_send(c), 'hex'), u -> 1 = cube(array[id / 7.0]) -> 1), ' ' order by id)) from shapes",
            "select oid, md5(lo_get(oid)) from pg_largeobject_metadata order by 1")) {
      content.addAll(server.query(DATABASE, exact));
    }
    for (String sequence :
        server.query(
            DATABASE,
            "select oid::regclass::text from pg_class where relkind = 'S' order by relname")) {
      content.add(
          sequence + server.queryOne(DATABASE, "select last_value, is_called from " + sequence));
    }
    return content;
  }

  /**
   * All columns, constraints, indexes, triggers, policies and functions by what names them, without
   * what a server makes by itself for partitions.
   */
  private static List<String> objects(PostgresServer server) {
    return server.query(
        DATABASE,
        """
        with mine as (select oid, relname::text, relkind from pg_class
          where relnamespace = 'public'::regnamespace
            and not exists (select from pg_depend d where d.objid = pg_class.oid and d.deptype = 'e'))
        select 'column', relname, attname::text, format_type(atttypid, atttypmod), attnotnull::text
          from mine join pg_attribute on attrelid = mine.oid
          where attnum > 0 and not attisdropped and relkind not in ('i', 'I')
            and not (relkind = 'S' and attname not in ('last_value', 'is_called'))
        union all select 'constraint', conrelid::regclass::text, conname::text, contype::text,
            convalidated::text
          from pg_constraint where conrelid in (select oid from mine) and contype <> 'n' %s
        union all select 'index', i.indrelid::regclass::text, x.relname, i.indisunique::text,
            i.indisvalid::text
          from pg_index i join mine x on x.oid = i.indexrelid
        union all select 'trigger', tgrelid::regclass::text, tgname::text, tgenabled::text, ''
          from pg_trigger where not tgisinternal and tgrelid in (select oid from mine) %s
        union all select 'policy', polrelid::regclass::text, polname::text, polcmd::text, ''
          from pg_policy
        union all select 'function', p.oid::regprocedure::text, prosrc, '', ''
          from pg_proc p where pronamespace = 'public'::regnamespace
            and not exists (select from pg_depend d where d.objid = p.oid and d.deptype in ('e', 'i'))
        order by 1, 2, 3
        """
            .formatted(
                server.majorVersion() >= 11 ? "and conparentid = 0" : "",
                server.majorVersion() >= 13 ? "and tgparentid = 0" : ""));
  }

  @ParameterizedTest
  @ValueSource(ints = {9, 10, 13, 15, 17, 18})
  void comesBackEqualInTheSameVersionAndInTheNewest(int major) {
    PostgresServer server = server(major);
    Path tools = PostgresServers.clientPrograms(NEWEST).orElseGet(() -> tools(major));
    filled(major);
    List<String> content = content(server);
    List<String> objects = objects(server);
    String definitions = server.dumpSchema(DATABASE);
    String data = server.dumpSortedData(DATABASE);

    Meddler warned = new Meddler("none", () -> {}, new ArrayList<>());
    Captured captured = capture(server, tools, warned);
    if (major < 12) {
      assertThat(warned.warnings).singleElement().asString().contains("OIDS", "oidful");
    } else {
      assertThat(warned.warnings).isEmpty();
    }
    server.execute(DATABASE, "drop table orders cascade", "drop table doubles");
    putBack(captured, server, tools);

    assertThat(content(server)).isEqualTo(content);
    assertThat(difference(definitions, server.dumpSchema(DATABASE))).isEmpty();
    assertThat(difference(data, server.dumpSortedData(DATABASE))).isEmpty();
    if (major == NEWEST) {
      return;
    }

    PostgresServer newer = server(NEWEST);
    Path newest = tools(NEWEST);
    cleanup.add(() -> drop(newer));
    putBack(captured, newer, newest);

    assertThat(content(newer)).isEqualTo(content);
    assertThat(objects(newer)).isEqualTo(objects);
  }

  /** The first lines that differ, as the texts are too long to be shown. */
  private static List<String> difference(String expected, String actual) {
    List<String> one = expected.lines().toList();
    List<String> other = actual.lines().toList();
    for (int i = 0; i < Math.min(one.size(), other.size()); i++) {
      if (!one.get(i).equals(other.get(i))) {
        return List.of("line " + i, one.get(i), other.get(i));
      }
    }
    return one.size() == other.size() ? List.of() : List.of(one.size() + " or " + other.size());
  }

  @Test
  void aChangedFloatIsNoticedAcrossTheChangeOfTheirText() {
    PostgresServer old = filled(9);
    PostgresServer newer = server(15);
    Path tools = tools(15);
    cleanup.add(() -> drop(newer));
    Captured captured = capture(old, tools, Progress.NONE);
    // Each differs in the last bit of one number.
    List<String> changes =
        List.of(
            "update singles set f = '0.10000001' where id = 1008",
            "update doubles set f = '0.10000000000000002' where id = 1008",
            "update doubles set f = 0 where id = 1004",
            "update lists set f[1] = '0.10000000000000002' where id = 1001",
            "update shapes set t = '[(0.10000000000000002,0.7),(1,2)]' where id = 7",
            "update shapes set u = cube(array[1.0, '0.10000000000000002'::float8]) where id = 7",
            "update nested set w.weight = '0.10000000000000002' where id = 1002",
            // It looks like a number and is text.
            "update nested set w.label = replace((w).label, '0000001', '') where id = 7",
            "update nested set r = '(,0.7000000000000001]' where id = 1002");
    for (String change : changes) {
      try (Target target = target(newer, tools)) {
        Progress meddler =
            new Meddler(
                "verifying",
                () -> newer.execute(DATABASE + ".staging-0a1b2c3d", change),
                new ArrayList<>());
        assertThatThrownBy(() -> target.stage(restore(captured, meddler)))
            .as(change)
            .isInstanceOfSatisfying(
                StetException.class,
                e -> assertThat(e.code()).isEqualTo(ErrorCode.VERIFICATION_FAILED))
            .hasMessageContaining(
                "table \"public\".\"" + change.split(" ", -1)[1] + "\": captured ");
      }
    }
    putBack(captured, newer, tools);
  }

  /** Does something when a phase begins, and keeps warnings. */
  private record Meddler(String phase, Runnable action, List<String> warnings) implements Progress {
    @Override
    public void phase(String what) {
      if (what.startsWith(phase)) {
        action.run();
      }
    }

    @Override
    public void expect(long bytes) {}

    @Override
    public void advance(long bytes) {}

    @Override
    public void warn(String message) {
      warnings.add(message);
    }

    @Override
    public void detail(String message) {}
  }
}
