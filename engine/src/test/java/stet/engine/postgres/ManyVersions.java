package stet.engine.postgres;

import java.util.ArrayList;
import java.util.List;
import stet.testkit.PostgresServer;

/** A database with what each major version of PostgreSQL has brought. */
final class ManyVersions {
  private ManyVersions() {}

  /** Fills an empty database with what its server knows. */
  static void fill(PostgresServer server, String database) {
    List<String> sql = new ArrayList<>(everywhere());
    int major = server.majorVersion();
    if (major < 12) {
      sql.add("create table oidful (a int) with oids");
      sql.add("insert into oidful select generate_series(1, 10)");
    }
    if (major >= 10) {
      sql.addAll(since10());
    }
    if (major >= 11) {
      sql.addAll(since11());
    }
    if (major >= 12) {
      sql.addAll(since12());
    }
    if (major >= 13) {
      sql.addAll(since13());
    }
    if (major >= 14) {
      sql.addAll(since14());
    }
    if (major >= 15) {
      sql.addAll(since15());
    }
    if (major >= 17) {
      sql.addAll(since17());
    }
    if (major >= 18) {
      sql.addAll(since18());
    }
    server.execute(database, sql.toArray(String[]::new));
  }

  private static List<String> everywhere() {
    return List.of(
        "create extension citext",
        "create extension hstore",
        "create extension cube",
        "create type mood as enum ('sad', 'ok', 'it''s')",
        "create domain share as float8 check (value between 0 and 1)",
        "create table customers (id serial primary key, email citext unique, mood mood,"
            + " born date, tags text[], extra jsonb, more hstore, at timestamptz default now())",
        "insert into customers (email, mood, born, tags, extra, more, at) select 'C' || i || '@x.org',"
            + " 'it''s', '1990-01-01'::date + i, array['a', null, i::text], jsonb_build_object('n', i),"
            + " hstore('k', i::text), '2020-01-01Z'::timestamptz + i * interval '1 hour'"
            + " from generate_series(1, 2000) i",
        "create table orders (id bigserial primary key, customer int not null references customers,"
            + " total numeric(12, 2) check (total >= 0), note text)",
        "insert into orders (customer, total, note) select 1 + i % 2000, i / 7.0,"
            + " repeat(md5(i::text), i % 5) from generate_series(1, 3000) i",
        "create index on orders (customer) where total > 10",
        "create index on customers using gin (extra)",
        "create index on customers (lower(email::text))",
        "alter table orders enable row level security",
        "create policy own on orders using (customer = 1)",
        "create table parent (a int, b text)",
        "create table child (c int) inherits (parent)",
        "insert into parent select i, 'parent' from generate_series(1, 100) i",
        "insert into child select i, 'child', i from generate_series(1, 100) i",
        "create function stamp() returns trigger language plpgsql as"
            + " $$ begin new.note := upper(new.note); return new; end $$",
        "create trigger stamp before update on orders for each row execute procedure stamp()",
        "create view big_orders as select * from orders where total > 100",
        "create materialized view totals as select customer, sum(total) from orders group by 1",
        "create unique index on totals (customer)",
        "create sequence tickets increment 5 start 1000",
        "select nextval('tickets'), nextval('tickets')",
        "select lo_from_bytea(7001, 'small'), lo_from_bytea(7002, decode(repeat('ab', 300000), 'hex'))",
        "comment on table orders is 'it''s \\ ordered'",
        // Floating-point numbers, wherever a value may hold some.
        "create type weighed as (label text, weight float8, parts float4[], p point)",
        "create type float8range as range (subtype = float8)",
        "create table singles (id int primary key, f float4)",
        "create table doubles (id int primary key, f float8, s share)",
        "create table lists (id int primary key, f float8[], g float4[], p point[], b box[], w weighed[])",
        "create table shapes (id int primary key, p point, b box, l lseg, c circle, y polygon,"
            + " t path, e line, u cube)",
        "create table nested (id int primary key, w weighed, r float8range)",
        "insert into singles select i, (i / 7.0)::float4 from generate_series(1, 500) i",
        "insert into singles values (1001, 'NaN'), (1002, 'Infinity'), (1003, '-Infinity'), (1004, '-0'),"
            + " (1005, 1.4e-45), (1006, 3.4028235e38), (1007, null), (1008, 0.1), (1009, 1e15)",
        "insert into doubles select i, i / 7.0::float8, i / 1000.0::float8 from generate_series(1, 500) i",
        "insert into doubles (id, f) values (1001, 'NaN'), (1002, 'Infinity'), (1003, '-Infinity'),"
            + " (1004, '-0'), (1005, 4.9e-324), (1006, 1.7976931348623157e308), (1007, null), (1008, 0.1),"
            + " (1009, 1e15), (1010, 5.6843418860808015e-14), (1011, 123456789012345678)",
        "insert into lists select i, array[i / 3.0, null, 'NaN'], array[[i / 3.0], [0.1]],"
            + " array[point(i / 3.0, 0.1)], array[box(point(0, 0.1), point(i / 7.0, 1)), box '((1,2),(3,4))'],"
            + " array[row('a\"b\\c,{}', (i / 7.0)::float8, array[0.1::float4], point(0.1, 0.7))::weighed, null]"
            + " from generate_series(1, 50) i",
        "insert into lists (id, f, g) values (1001, '[0:1]={0.1,0.7}', '{}')",
        "insert into shapes select i, point(i / 3.0, 0.1), box(point(0, 0.1), point(i / 7.0, 1)),"
            + " lseg(point(0, 0.1), point(i / 7.0, 1)), circle(point(0.1, 0.7), i / 7.0),"
            + " polygon(box(point(0, 0.1), point(i / 7.0, 1))), '[(0.1,0.7),(1,2)]', '{0.1,-1,0.7}',"
            + " cube(array[i / 7.0, 0.1]) from generate_series(1, 50) i",
        "insert into nested select i, row(E'x \"y\"\\t0.10000000000000001\\\\', (i / 7.0)::float8, array[0.1, null]::float4[],"
            + " point(0.1, i))::weighed, float8range(0.1, 0.1 + i / 7.0) from generate_series(1, 50) i",
        "insert into nested values (1001, row(null, null, null, null), 'empty'),"
            + " (1002, row('', 0.1, '{}', null), '(,0.7]'), (1003, null, null)");
  }

  private static List<String> since10() {
    return List.of(
        "create table numbered (id int generated always as identity (start 10), v text)",
        "insert into numbered (v) select md5(i::text) from generate_series(1, 100) i",
        "create table events (at date not null, kind text, n int) partition by range (at)",
        "create table events_old partition of events for values from (minvalue) to ('2020-01-01')",
        "create table events_2020 partition of events for values from ('2020-01-01') to ('2021-01-01')"
            + " partition by list (kind)",
        "create table events_2020_a partition of events_2020 for values in ('a')",
        "create table events_2020_b partition of events_2020 for values in ('b', null)",
        "insert into events select '2019-07-01'::date + i % 365, chr(97 + i % 2), i"
            + " from generate_series(1, 1000) i",
        "create statistics related on at, n from events_old",
        "create publication of_orders for table orders");
  }

  private static List<String> since11() {
    return List.of(
        "create table regions (id int primary key) partition by hash (id)",
        "create table regions_0 partition of regions for values with (modulus 2, remainder 0)",
        "create table regions_1 partition of regions for values with (modulus 2, remainder 1)",
        "insert into regions select generate_series(1, 100)",
        "create table visits (id int, customer int references customers, note text, primary key (id))"
            + " partition by range (id)",
        "create table visits_1 partition of visits for values from (0) to (500)",
        "create table visits_rest partition of visits default",
        "insert into visits select i, 1 + i % 2000, 'v' from generate_series(1, 1000) i",
        "create index on visits (customer) include (id)",
        "create trigger after_stamp after insert on visits for each row execute procedure stamp()",
        "create procedure nothing() language sql as 'select 1'");
  }

  private static List<String> since12() {
    return List.of(
        "create table computed (a int, double int generated always as (a * 2) stored, f float8)",
        "insert into computed (a, f) select i, i / 7.0 from generate_series(1, 100) i",
        "create table stays (id int primary key, visit int references visits)",
        "insert into stays select i, i from generate_series(1, 100) i",
        "create table moves (id int, visit int references visits, region int references regions)"
            + " partition by list (region)",
        "create table moves_1 partition of moves for values in (1)",
        "create table moves_2 partition of moves default",
        "insert into moves select i, i, 1 + i % 9 from generate_series(1, 100) i");
  }

  private static List<String> since13() {
    return List.of(
        "create trigger before_stamp before insert on visits for each row execute function stamp()",
        "create publication through_root for table visits with (publish_via_partition_root)");
  }

  private static List<String> since14() {
    return List.of(
        "create table booked (id int primary key, spans datemultirange, weights float8multirange)",
        "insert into booked values (1, '{[2020-01-01,2020-02-01),[2021-01-01,)}', '{[0.1,0.7)}')",
        "create table squeezed (v text compression pglz)",
        "insert into squeezed select repeat('x', 9000)",
        "create function atomic(a int) returns int language sql return a + 1");
  }

  private static List<String> since15() {
    return List.of(
        "create table singular (a int, b int, unique nulls not distinct (a, b))",
        "insert into singular values (1, null), (null, 1)",
        "create view checked with (security_invoker) as select * from orders",
        "create publication some_rows for table customers (id, email) where (id > 10)",
        "create table kept (id int primary key, a int, foreign key (a) references kept on delete set null (a))");
  }

  private static List<String> since17() {
    return List.of(
        "create table counted (id int generated always as identity, at int) partition by range (at)",
        "create table counted_1 partition of counted for values from (0) to (1000)",
        "insert into counted (at) select generate_series(1, 100)",
        "create role maintainer_of_many",
        "grant maintain on orders to maintainer_of_many");
  }

  private static List<String> since18() {
    return List.of(
        "create extension btree_gist",
        "create table thought (a int, double int generated always as (a * 2) virtual)",
        "insert into thought select generate_series(1, 100)",
        "create table terms (id int, during daterange, primary key (id, during without overlaps))",
        "insert into terms values (1, '[2020-01-01,2020-02-01)'), (1, '[2020-02-01,2020-03-01)')",
        "create table lax (a int, b int check (b > 0) not enforced)",
        "insert into lax values (1, -1), (null, 1)",
        "alter table lax add constraint a_there not null a not valid");
  }
}
