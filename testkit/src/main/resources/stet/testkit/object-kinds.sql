-- One of every kind of object that pg_dump knows, for an empty database of a superuser; psql reads it.
\set ON_ERROR_STOP on
set client_min_messages = warning;
set check_function_bodies = off;
select :SERVER_VERSION_NUM >= 120000 as since_12, :SERVER_VERSION_NUM >= 130000 as since_13,
  :SERVER_VERSION_NUM >= 140000 as since_14, :SERVER_VERSION_NUM >= 150000 as since_15,
  :SERVER_VERSION_NUM >= 170000 as since_17, :SERVER_VERSION_NUM >= 180000 as since_18,
  exists (select from pg_available_extensions where name = 'postgres_fdw') as has_contrib,
  not exists (select from pg_roles where rolname = 'object_group') as no_group,
  not exists (select from pg_roles where rolname = 'object_owner') as no_owner \gset
\if :no_group
create role object_group;
\endif
\if :no_owner
create role object_owner in role object_group;
\endif

-- The database's own.
select format('alter database %I set work_mem = ''5MB''', current_database()) \gexec
select format('comment on database %I is ''all kinds''', current_database()) \gexec
select format('grant connect on database %I to object_group', current_database()) \gexec

create schema kinds authorization object_owner;
grant usage on schema kinds to public;
comment on schema kinds is 'every kind';
set search_path = kinds, public;

-- Types, down to one that stays a shell and one that is made of functions.
create type unfinished;
create type bigger;
create function bigger_in(cstring) returns bigger language internal immutable strict as 'int8in';
create function bigger_out(bigger) returns cstring language internal immutable strict as 'int8out';
create type bigger (input = bigger_in, output = bigger_out, like = int8);
comment on type bigger is 'a number';
create type mood as enum ('sad', 'ok', 'it''s fine', 'über');
alter type mood add value 'between' before 'ok';
alter type mood owner to object_owner;
create type pair as (x integer, y text collate "C");
comment on column pair.y is 'the second';
grant usage on type pair to object_group;
create domain positive as integer default 1 not null constraint above_zero check (value > 0);
comment on constraint above_zero on domain positive is 'strictly';
create domain small_pair as pair check ((value).x < 10);
create domain positives as positive[];
create type span as range (subtype = float8, subtype_diff = float8mi);
revoke usage on type span from public;
create type holder as (m mood, ms mood[], p pair, ps pair[], s span, d positive, b bigger);

-- Functions, and what is built on them.
create function twice(integer) returns integer language sql immutable as 'select $1 * 2';
create function twice(text) returns text language sql immutable as 'select $1 || $1';
comment on function twice(integer) is 'doubles';
revoke execute on function twice(integer) from public;
grant execute on function twice(integer) to object_group with grant option;
create function "odd %s/na""me"(variadic "a,b" text[] default '{}') returns setof text language plpgsql
  set work_mem = '1MB' rows 3 as $$ begin return query select unnest($1); end $$;
create function counts_later() returns bigint language sql as 'select count(*) from kinds.made_later';
\if :since_14
create function standard(n integer) returns integer language sql immutable return n + 1;
\endif
create procedure acts(inout n integer) language plpgsql as $$ begin n := n + 1; end $$;
comment on procedure acts(integer) is 'acts';
create aggregate most(integer) (sfunc = int4larger, stype = integer, initcond = '0', sortop = >);
comment on aggregate most(integer) is 'the largest';
create operator === (leftarg = text, rightarg = text, function = texteq, commutator = ===, restrict = eqsel, join = eqjoinsel);
comment on operator === (text, text) is 'the same';
create function compare(bigger, bigger) returns integer language internal immutable strict as 'btint8cmp';
create function less(bigger, bigger) returns boolean language internal immutable strict as 'int8lt';
create function same(bigger, bigger) returns boolean language internal immutable strict as 'int8eq';
create operator < (leftarg = bigger, rightarg = bigger, function = less);
create operator = (leftarg = bigger, rightarg = bigger, function = same, merges);
create operator family numbers using btree;
create operator class bigger_ops default for type bigger using btree family numbers as
  operator 1 <, operator 3 =, function 1 compare(bigger, bigger);
create operator family loose using btree;
alter operator family loose using btree add operator 1 < (integer, bigint), function 1 (integer, bigint) btint48cmp(integer, bigint);
create cast (bigint as bigger) without function as assignment;
comment on cast (bigint as bigger) is 'is one';
create cast (pair as integer) with inout;
create collation by_byte from "C";
\if :since_12
create collation loose_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
\endif
create conversion to_text for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create transform for pair language sql (from sql with function prsd_lextype(internal));
create function other_call() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create trusted procedural language other handler other_call;
comment on language other is 'another';
create function in_other() returns integer language other as $$ begin return 1; end $$;
\if :since_12
create access method piled type table handler heap_tableam_handler;
\else
create access method piled type index handler bthandler;
\endif
create text search parser letters (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create text search template simply (init = dsimple_init, lexize = dsimple_lexize);
create text search dictionary simple_words (template = simply);
create text search dictionary no_stops (template = pg_catalog.simple, stopwords = english);
create text search configuration words (parser = letters);
alter text search configuration words add mapping for asciiword, word with no_stops, simple_words;

-- Foreign data. Nobody listens where the server is said to be.
create foreign data wrapper handmade options (debug 'true');
grant usage on foreign data wrapper handmade to object_group;
create server nowhere type 'x' version '1' foreign data wrapper handmade options (host '127.0.0.1');
create user mapping for object_owner server nowhere options ("user" 'far''away', password 'sécret');
create foreign table far (id integer options (name 'i d') not null, note text default 'x') server nowhere options (t 'a''b');
\if :has_contrib
create schema extra;
create extension postgres_fdw schema extra;
comment on extension postgres_fdw is 'far tables';
create server closed_port foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1', dbname 'x');
create user mapping for public server closed_port;
create foreign table far_rows (id integer) server closed_port;
\endif

-- Tables of every form.
create table made_later (id integer generated always as identity primary key, v text);
create table people (
  id bigserial primary key, name text not null default 'nobody' collate by_byte, m mood default 'ok', p positive,
  twice_p integer generated always as (p * 2) stored, h holder, spans span[], ms mood[], b bigger,
  boss bigint, constraint paid check (p < 1000), constraint unproven check (name <> '') not valid);
alter table people drop constraint unproven;
alter table people add constraint unproven check (name <> '') not valid;
alter table people add constraint led foreign key (boss) references people on delete set null deferrable initially deferred;
alter table people add constraint names unique (name, id) include (p);
alter table people add constraint apart exclude using gist (int8range(id, id, '[]') with &&);
alter table people alter name set statistics 200, alter name set storage external, alter name set (n_distinct = -0.5);
alter table people set (fillfactor = 90), replica identity full, cluster on people_pkey;
comment on table people is 'people';
comment on column people.name is 'the name';
comment on constraint paid on people is 'not too much';
insert into people (name, m, p, h, spans, ms, b, boss)
  select 'n' || i, (enum_range(null::mood))[1 + i % 5], i,
    row ('ok'::mood, '{sad,"it''s fine"}'::mood[], row (i, 'a,"b\')::pair, array[row (1, null)::pair, null], '[1,2.5)'::span,
      1::positive, i::bigint::bigger)::holder,
    '{"[1,2)","(,)",empty,NULL}', '{über,NULL}', i::bigint, nullif(i - 1, 0)
  from generate_series(1, 500) i;
create index by_twice on people (twice(p), m desc nulls last) where p > 5;
create index by_text on people using gin (to_tsvector('english', name));
alter index by_twice alter column 1 set statistics 150;
comment on index by_twice is 'partial';
create statistics related (dependencies, ndistinct) on m, p from people;
comment on statistics related is 'they are';
\if :since_14
create statistics computed on (p + 1), m from people;
\endif
create table parent (a integer check (a > 0), note text);
create table child (c integer, note text default 'child') inherits (parent);
alter table child add constraint own check (c > 0);
insert into parent values (1, 'p');
insert into child values (2, 'c', 3);
create table of_type of pair (x with options primary key);
insert into of_type values (1, 'one');
create table columnless ();
insert into columnless default values;
create unlogged table fleeting (a integer primary key);
insert into fleeting values (1), (2);
\if :since_12
create table on_pile (a integer) using piled;
insert into on_pile select generate_series(1, 1000);
\endif
create table gone (a integer, b integer, c integer);
alter table gone drop b;
insert into gone values (1, 3);
create table parts (id integer not null, k text, primary key (id, k)) partition by list (k);
create table parts_a partition of parts for values in ('a');
create table parts_rest (k text not null, gone integer, id integer not null);
alter table parts_rest drop gone;
alter table parts attach partition parts_rest default;
create table parts_b partition of parts for values in ('b') partition by hash (id);
create table parts_b0 partition of parts_b for values with (modulus 2, remainder 0);
create table parts_b1 partition of parts_b for values with (modulus 2, remainder 1);
create index parts_by_k on parts (k, id);
alter table parts_a alter k set default 'a';
insert into parts select i, chr(97 + i % 4) from generate_series(1, 300) i;
create table refers (id integer, k text, foreign key (id, k) references parts);
insert into refers values (1, 'b');
create table hashed (m mood, n integer) partition by hash (m);
create table hashed_0 partition of hashed for values with (modulus 2, remainder 0);
create table hashed_1 partition of hashed for values with (modulus 2, remainder 1);
insert into hashed select (enum_range(null::mood))[1 + i % 5], i from generate_series(1, 100) i;
create table parts_far (id integer not null, k text) partition by list (k);
create table parts_near partition of parts_far for values in ('n');
create foreign table parts_away partition of parts_far for values in ('f') server nowhere;
insert into parts_far values (1, 'n');

-- Sequences.
create sequence counter increment -3 minvalue -1000 start -1 cycle cache 5;
select nextval('counter') \g /dev/null
create sequence owned as smallint owned by made_later.v;
select setval('owned', 77, false) \g /dev/null
grant usage on sequence counter to object_group;
insert into made_later (v) select 'v' || i from generate_series(1, 20) i;

-- Views, also such as lean on a key, on each other in a circle, or have no rows.
create view seen as select id, name from people where p > 5 with local check option;
alter view seen alter name set default 'seen';
comment on view seen is 'some';
create view grouped as select id, name, count(*) from people group by id;
create view ring as select 1 as n;
create function from_ring() returns setof ring language sql stable as 'select * from kinds.ring';
create or replace view ring as select 1 as n where exists (select from from_ring() where n = 1) is not null;
create recursive view steps (n) as values (1) union all select n + 1 from steps where n < 9;
create materialized view summed as select m, count(*) n, sum(p) p from people group by m;
create unique index on summed (m);
create materialized view keyed as select id, name from people group by id;
create materialized view of_summed as select sum(n) from summed;
create materialized view unpopulated as select 1 as one with no data;
comment on materialized view summed is 'sums';

-- What watches.
create function stamp() returns trigger language plpgsql as $$ begin new.name := upper(new.name); return new; end $$;
create trigger stamped before insert or update of name on people for each row when (new.p > 700) execute function stamp();
create trigger silent before insert on made_later for each row execute function stamp();
alter table made_later disable trigger silent;
create constraint trigger later after insert on parent deferrable initially deferred for each row execute function stamp();
comment on trigger stamped on people is 'shouts';
create trigger on_parts after insert on refers referencing new table as fresh for each statement execute function stamp();
create rule ignored as on delete to of_type do instead nothing;
comment on rule ignored on of_type is 'kept';
create rule changed as on update to seen do instead update people set name = new.name where id = old.id;
create function watch() returns event_trigger language plpgsql as $$ begin raise exception 'a definition was changed'; end $$;
create table secrets (id integer, who name default current_user);
insert into secrets select i, 'object_owner' from generate_series(1, 30) i;
alter table secrets owner to object_owner;
alter table secrets enable row level security, force row level security;
create policy own on secrets as restrictive for select to object_group using (who = current_user);
create policy few on secrets using (id < 10) with check (id < 5);
comment on policy own on secrets is 'theirs';
grant select, insert (id), update (who) on secrets to object_group;

-- Replication, with a publisher that nobody is to call.
create publication some_tables for table people, only parent with (publish = 'insert, update');
create publication everything for all tables;
comment on publication everything is 'all';
\if :since_15
create publication some_rows for table made_later (id) where (id > 3);
create publication some_schemas for tables in schema kinds;
\endif
create subscription from_nowhere connection 'host=127.0.0.1 port=1 dbname=x password=sécret' publication p
  with (connect = false, slot_name = from_nowhere);
comment on subscription from_nowhere is 'fed';

alter default privileges for role object_owner in schema kinds grant select on tables to object_group;
alter default privileges for role object_owner revoke execute on functions from public;

-- Large objects.
select lo_from_bytea(7001, decode(repeat('00ff', 70000), 'hex')) \g /dev/null
select lo_create(7002) \g /dev/null
alter large object 7001 owner to object_owner;
grant select on large object 7001 to object_group;
comment on large object 7002 is 'empty';

-- The last, as they forbid everything else.
create event trigger watcher on ddl_command_end when tag in ('CREATE TABLE') execute function watch();
alter event trigger watcher enable always;
comment on event trigger watcher is 'forbids';
create event trigger refuser on ddl_command_start execute function watch();
