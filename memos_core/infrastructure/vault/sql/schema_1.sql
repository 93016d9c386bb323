-- The schema of version 1; docs/decisions/0004-vault-schema.md says why it is so.
-- Times of the hybrid clock are packed integers, all others microseconds since 1970 UTC.

-- name: migration
create table migration (
  version integer primary key,
  name text not null,
  applied integer not null
) strict;

-- name: meta
create table meta (
  key text primary key,
  value text not null
) strict, without rowid;

-- The truth. Everything below `usage` follows from it.

-- name: operation
create table operation (
  seq integer primary key,
  id text not null unique,
  cube text not null,
  kind text not null,
  hlc integer not null,
  header text not null,
  body text,
  salt blob
) strict;

-- name: operation_of_cube
create index operation_of_cube on operation (cube, hlc);

-- name: operation_by_time
create index operation_by_time on operation (hlc);

-- Counters, outside the operation set: one row for each actor that recalled a cube.

-- name: usage
create table usage (
  cube text not null,
  actor text not null,
  count integer not null,
  last integer not null,
  primary key (cube, actor)
) strict, without rowid;

-- Local to this file, and no part of the truth: what the scheduler has to do, who did what, and what
-- conversations have in mind.

-- name: job
create table job (
  key text primary key,
  action text not null,
  namespace text not null,
  subject text not null,
  cubes text not null,
  reason text not null,
  created integer not null,
  attempts integer not null,
  leased integer
) strict;

-- name: audit
create table audit (
  number integer primary key,
  at integer not null,
  principal text not null,
  action text not null,
  namespace text not null,
  cubes text not null,
  detail text not null,
  digest text not null
) strict;

-- name: working
create table working (
  namespace text not null,
  conversation text not null,
  position integer not null,
  cube text not null,
  primary key (namespace, conversation, position)
) strict, without rowid;

-- A cube that is only named (followed, but not here) has no `created`.

-- name: cube
create table cube (
  id integer primary key,
  name text not null unique,
  created integer
) strict;

-- name: namespace
create table namespace (
  id integer primary key,
  path text not null unique
) strict;

-- What was put, in columns. `live` is 1 while it is shown in a state that is recalled. `spaced` is the text with blanks
-- between letters, where its script has no blanks between words: FTS5 splits at blanks.

-- name: put
create table put (
  seq integer primary key,
  cube integer not null,
  namespace integer not null,
  hlc integer not null,
  kind text not null,
  trust integer not null,
  expires integer,
  starts integer,
  ends integer,
  claimed integer not null,
  source text,
  session text,
  follows integer,
  speaker text,
  role text,
  length integer not null,
  metadata text,
  spaced text,
  live integer not null
) strict;

-- name: put_of_cube
create index put_of_cube on put (cube);

-- name: put_by_namespace
create index put_by_namespace on put (namespace, live, hlc);

-- name: put_with_text
create index put_with_text on put (namespace, expires, length) where live = 1;

-- name: put_by_source
create index put_by_source on put (source, namespace) where source is not null;

-- name: put_by_session
create index put_by_session on put (session, namespace, hlc) where session is not null;

-- name: put_following
create index put_following on put (follows) where follows is not null;

-- What each cube showed from when to when, both inclusive, and in which state. `conflicts` is JSON.

-- name: shown
create table shown (
  cube integer not null,
  known_from integer not null,
  known_to integer not null,
  put integer not null,
  state text not null,
  trigger text,
  conflicts text not null,
  primary key (cube, known_from)
) strict, without rowid;

-- Full text. FTS5 keeps the words; `occurrence` tells where each of them is.

-- name: put_text
create view put_text (seq, text) as
select put.seq, ifnull(put.spaced, operation.body ->> '$.payload.text')
from put join operation on operation.seq = put.seq
where put.length > 0;

-- name: text_index
create virtual table text_index using fts5 (
  text, content = 'put_text', content_rowid = 'seq', tokenize = 'porter unicode61 remove_diacritics 2'
);

-- name: text_index_secure
insert into text_index (text_index, rank) values ('secure-delete', 1);

-- name: occurrence
create virtual table occurrence using fts5vocab (text_index, instance);

-- Embedders whose vectors are held: one is current, another may be filling up.

-- name: embedding
create table embedding (
  id integer primary key,
  model text not null,
  dim integer not null,
  revision text not null,
  current integer not null,
  unique (model, dim, revision)
) strict;

-- What was embedded of a put. The vectors are in vector_<embedding>, under the id of the part.

-- name: part
create table part (
  id integer primary key,
  put integer not null,
  embedding integer not null,
  ordinal integer not null,
  first integer not null,
  last integer not null,
  digest blob not null,
  checksum integer not null,
  unique (put, embedding, ordinal)
) strict;

-- name: part_by_text
create index part_by_text on part (digest, embedding);

-- Puts with text that wait for vectors of an embedding.

-- name: unembedded
create table unembedded (
  embedding integer not null,
  put integer not null,
  primary key (embedding, put)
) strict, without rowid;

-- Of an end that is a cube, `source_cube` and `target_cube` tell which.

-- name: edge
create table edge (
  id integer primary key,
  put integer not null,
  source text not null,
  relation text not null,
  target text not null,
  source_cube integer,
  target_cube integer
) strict;

-- name: edge_of_put
create index edge_of_put on edge (put);

-- name: edge_from
create index edge_from on edge (source, relation, target, put);

-- name: edge_to
create index edge_to on edge (target, relation, source, put);

-- When it occurred, and the times that its text mentions. `ends` is null while it still holds.

-- name: moment
create table moment (
  put integer not null,
  starts integer not null,
  ends integer
) strict;

-- name: moment_of_put
create index moment_of_put on moment (put);

-- name: moment_by_time
create index moment_by_time on moment (starts, ends, put);
