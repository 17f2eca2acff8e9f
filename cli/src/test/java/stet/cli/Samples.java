package stet.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import stet.testkit.PostgresServer;

/** Databases to keep: two public samples, and a shop with every kind of object. */
final class Samples {
  private static final Path DATA = Path.of("..", "..", "shared", "data").toAbsolutePath();

  private Samples() {}

  /** A file of the public samples; the test is skipped, saying why, where it is not there. */
  private static Path sample(String name) {
    Path file = DATA.resolve(name).normalize();
    assumeTrue(Files.isReadable(file), "there is no sample " + name + " in ../shared/data");
    return file;
  }

  /** Creates the sample chinook in a site's database, and gives its name. */
  static String chinook(Site site) throws IOException {
    String database = site.createDatabase("chinook");
    String script = Files.readString(sample("chinook-postgresql.sql"));
    // It would make a database of a fixed name, which tests at the same server would share.
    String tables = script.substring(script.indexOf("\\c chinook_serial;") + 18);
    Path file = site.secret("chinook.sql", tables);
    site.server().psqlFile(database, file, true);
    return database;
  }

  /** Creates the sample pagila in a site's database, fills it with made-up rows, gives its name. */
  static String pagila(Site site, long seed) throws IOException {
    String database = site.createDatabase("pagila");
    PostgresServer server = site.server();
    String script = Files.readString(sample("pagila-schema.sql"));
    if (server.majorVersion() < 18) {
      // The sample is written for 18; what older servers have comes closest.
      script = script.replace("uuidv7()", "gen_random_uuid()").replace(") VIRTUAL", ") STORED");
    }
    // One table needs an extension that most servers lack, so errors do not stop the script.
    server.psqlFile(database, site.secret("pagila.sql", script), false);
    server.execute(database, pagilaRows(seed));
    return database;
  }

  /** Statements that fill pagila with rows that depend on the seed alone. */
  private static String[] pagilaRows(long seed) {
    String[] statements = {
      "insert into country (country) select 'Country ' || {text} from generate_series(1, 40) i",
      "insert into city (city, country_id) select 'City ' || {text}, {pick 40}"
          + " from generate_series(1, 120) i",
      "insert into address (address, district, city_id, postal_code, phone)"
          + " select i || ' ' || {text} || E' Street\\nc/o \\\\', {text}, {pick 120}, {pick 99999}, {text}"
          + " from generate_series(1, 300) i",
      "insert into language (name) select 'Language ' || i from generate_series(1, 6) i",
      "insert into category (name) select 'Category ' || i from generate_series(1, 16) i",
      "insert into actor (first_name, last_name) select upper({text}), 'O''' || {text}"
          + " from generate_series(1, 200) i",
      "insert into film (title, description, release_year, language_id, length, rating, special_features)"
          + " select 'Film ' || {text}, repeat({text} || ' ', 20), 1950 + {pick 70}, {pick 6},"
          + " 40 + {pick 140}, (enum_range(null::mpaa_rating))[{pick 5}], array['Trailers', {text}]"
          + " from generate_series(1, 1000) i",
      "insert into film_actor (actor_id, film_id) select distinct {pick 200}, 1 + i % 1000"
          + " from generate_series(1, 5000) i",
      "insert into film_category (film_id, category_id) select i, {pick 16} from generate_series(1, 1000) i",
      "insert into store (manager_staff_id, address_id) values (1, 1), (2, 2)",
      "insert into staff (first_name, last_name, address_id, store_id, username, picture)"
          + " select {text}, {text}, {pick 300}, 1 + i % 2, 'user' || i, decode(repeat(md5(i::text), 2000), 'hex')"
          + " from generate_series(1, 4) i",
      "insert into customer (store_id, first_name, last_name, email, address_id, active)"
          + " select 1 + i % 2, {text}, {text}, {text} || '@example.org', {pick 300}, i % 2"
          + " from generate_series(1, 600) i",
      "insert into inventory (film_id, store_id) select {pick 1000}, 1 + i % 2"
          + " from generate_series(1, 4000) i",
      "insert into rental (rental_date, inventory_id, customer_id, return_date, staff_id)"
          + " select '2022-01-01Z'::timestamptz + i * interval '97 minutes', {pick 4000}, {pick 600},"
          + " case when i % 9 > 0 then '2022-01-09Z'::timestamptz + i * interval '97 minutes' end, {pick 4}"
          + " from generate_series(1, 12000) i",
      "insert into payment (customer_id, staff_id, rental_id, amount, payment_date)"
          + " select customer_id, staff_id, rental_id, rental_id % 1000 / 100.0, rental_date + interval '1 hour'"
          + " from rental",
      "delete from payment where payment_id % 10 = 3",
      "refresh materialized view rental_by_category",
    };
    for (int number = 0; number < statements.length; number++) {
      String salt = "'" + seed + "." + number + ".' || i";
      statements[number] =
          statements[number]
              .replace("{text}", "substr(md5(" + salt + "), 1, 12)")
              .replaceAll("\\{pick (\\d+)\\}", "(1 + abs(hashtext(" + salt + ") % $1))");
    }
    return statements;
  }

  /** Fills an empty database with a small shop that has every kind of object. */
  static void shop(PostgresServer server, String database) {
    String owner = "shop_owner";
    server.execute(
        database,
        "do $$ begin create role shop_group; exception when duplicate_object then null; end $$",
        "do $$ begin create role "
            + owner
            + " in role shop_group; exception when duplicate_object then null; end $$",
        "create extension if not exists pgcrypto",
        "create schema stock authorization " + owner,
        "create type mood as enum ('sad', 'it''s ok')",
        "create domain price as numeric(10,2) check (value >= 0)",
        "create type place as (x int, y text)",
        // Identity, generated columns, defaults, checks, foreign keys, row security, comments.
        """
        create table customers (
          id int generated always as identity (start 1000 increment 7) primary key,
          name text not null, email text unique, mood mood, home place,
          since timestamptz default now(), shout text generated always as (upper(name)) stored)
        """,
        """
        insert into customers (name, email, mood, home, since)
        select 'Customer ' || i || E'\\n\\t\\\\.', md5(i::text) || '@example.org', 'it''s ok', row(i, 'a,"b')::place,
          '2024-01-01Z'::timestamptz + i * interval '1 hour' from generate_series(1, 2000) i
        """,
        "comment on table customers is E'it''s \\\\ a table'",
        "comment on column customers.email is 'é 😀'",
        "create table stock.products (sku text primary key, price price, tags text[], extra jsonb, photo bytea)",
        """
        insert into stock.products select 'sku-' || i, i / 3.0, array['a', null, md5(i::text)],
          jsonb_build_object('n', i, 'text', repeat('é', 50)), decode(repeat(md5(i::text), 40), 'hex')
        from generate_series(1, 3000) i
        """,
        "alter table stock.products owner to " + owner,
        // Partitions, one with its columns in another order.
        "create table orders (id bigserial, at date not null, customer int references customers, total price,"
            + " primary key (id, at)) partition by range (at)",
        "create table orders_2023 partition of orders for values from ('2023-01-01') to ('2024-01-01')",
        "create table orders_rest (customer int, total price, id bigint not null default nextval('orders_id_seq'),"
            + " gone int, at date not null)",
        "alter table orders_rest drop gone",
        "alter table orders attach partition orders_rest default",
        "insert into orders (at, customer, total) select '2023-06-01'::date + i % 400, 1000 + 7 * (i % 2000), i"
            + " from generate_series(1, 8000) i",
        // Inheritance.
        "create table note (id int, text text)",
        "create table long_note (more text) inherits (note)",
        "insert into note select i, 'n' || i from generate_series(1, 50) i",
        "insert into long_note select i, 'l' || i, repeat('m', i) from generate_series(1, 50) i",
        // Views, a filled and an empty materialized view, functions, procedures, triggers, rules.
        "create view rich as select name, email from customers where id > 5000",
        "create materialized view by_day as select at, sum(total) from orders group by at",
        "create unique index on by_day (at)",
        "create materialized view unfilled as select 1 as one with no data",
        "create function touch() returns trigger language plpgsql as $$ begin new.since := now(); return new; end $$",
        "create trigger touch before update on customers for each row execute function touch()",
        "create procedure nothing() language sql as 'select 1'",
        "create aggregate product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1')",
        "create rule quiet as on delete to note do instead nothing",
        "alter table customers enable row level security",
        "create policy mine on customers for select using (id > 10)",
        "create index on orders (customer)",
        "create index on customers using gin (to_tsvector('english', name))",
        "create statistics related on at, customer from orders_2023",
        "create function stet_watch() returns event_trigger language plpgsql as $$ begin null; end $$",
        "create event trigger watch on ddl_command_end when tag in ('CREATE CAST') execute function"
            + " stet_watch()",
        // Privileges.
        "grant select (name), update on customers to shop_group",
        "grant usage on schema stock to public",
        "alter default privileges for role "
            + owner
            + " in schema stock grant select on tables to shop_group",
        // Sequences in every state.
        "create sequence fresh",
        "create sequence down increment -3 minvalue -1000 start -1",
        "select nextval('down'), nextval('down')",
        "create sequence large as bigint cache 10",
        "select setval('large', 9223372036854775800)",
        "create table nothing (a int)",
        "create unlogged table visits (n int)",
        "insert into visits values (1), (2)",
        // Large objects.
        "select lo_create(4242)",
        "select lo_from_bytea(4243, decode(repeat('abcdef', 100000), 'hex'))",
        "alter large object 4243 owner to " + owner,
        "grant select on large object 4243 to shop_group",
        "comment on large object 4242 is 'empty'",
        // The database's own properties.
        "comment on database "
            + PostgresServer.identifier(database)
            + " is E'the shop''s\\n\"own\"'",
        "alter database " + PostgresServer.identifier(database) + " set work_mem = '7MB'",
        "alter database "
            + PostgresServer.identifier(database)
            + " set search_path = stock, public",
        "grant connect, temporary on database "
            + PostgresServer.identifier(database)
            + " to shop_group");
  }
}
