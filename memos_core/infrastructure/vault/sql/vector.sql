-- {table} is the name of a vector table, made of a number; no other text ever enters a statement.

-- name: embeddings
select id, model, dim, revision, current from embedding order by id;

-- name: insert_embedding
insert into embedding (model, dim, revision, current) values (?, ?, ?, ?) returning id;

-- name: make_current
update embedding set current = (id = ?);

-- name: create
create virtual table {table} using vec0 (
  vector float[{dim}] distance_metric = cosine, namespace integer, live integer
);

-- name: drop
drop table {table};

-- name: forget_embedding
delete from embedding where id = ?;

-- name: forget_parts_of_embedding
delete from part where embedding = ?;

-- name: forget_unembedded_of_embedding
delete from unembedded where embedding = ?;

-- name: await_all
insert into unembedded (embedding, put) select ?, seq from put where length > 0;

-- name: await
insert or ignore into unembedded (embedding, put) values (?, ?);

-- name: awaited
select exists (select 1 from unembedded where embedding = ?);

-- name: arrived
delete from unembedded where embedding = ? and put = ?;

-- name: forget_unembedded
delete from unembedded where put = ?;

-- name: place
select put.seq, put.namespace, put.live from put join operation on operation.seq = put.seq
where operation.id = ? and put.length > 0
and not exists (select 1 from part where part.put = put.seq and part.embedding = ?);

-- name: insert_part
insert into part (put, embedding, ordinal, first, last, digest, checksum) values (?, ?, ?, ?, ?, ?, ?) returning id;

-- name: insert_vector
insert into {table} (rowid, vector, namespace, live) values (?, ?, ?, ?);

-- name: parts_of
select id, embedding from part where put = ?;

-- name: set_live
update {table} set live = ? where rowid = ?;

-- name: forget_vector
delete from {table} where rowid = ?;

-- name: forget_parts
delete from part where put = ?;

-- name: known
select part.digest, {table}.vector
from part join {table} on {table}.rowid = part.id
where part.embedding = :embedding and part.id in (
  select min(id) from part where embedding = :embedding and digest in (select unhex(value) from json_each(:digests))
  group by digest
);

-- name: unembedded
select operation.id, operation.body
from unembedded join operation on operation.seq = unembedded.put
where unembedded.embedding = :embedding order by operation.id limit :limit;

-- name: never_embedded
select operation.id, operation.body
from put join operation on operation.seq = put.seq
where put.length > 0 order by operation.id limit :limit;

-- name: renumber_embedding
update embedding set id = ? where id = ?;

-- name: next_embedding
select max(id) + 1 from embedding;

-- name: parts
select put, ordinal, id, first, last, digest, checksum from part where embedding = ? order by put, ordinal;

-- name: parts_with_vectors
select part.id, part.checksum, {table}.vector, put.namespace = {table}.namespace and put.live = {table}.live
from part
left join put on put.seq = part.put
left join {table} on {table}.rowid = part.id
where part.embedding = :embedding and part.id > :after
order by part.id limit :limit;

-- name: vector
select vector from {table} where rowid = ?;

-- name: place_of_put
select namespace, live from put where seq = ? and length > 0;

-- name: strays
select rowid from {table} where rowid not in (select id from part where embedding = ?);

-- name: renumber_unembedded
update unembedded set embedding = ? where embedding = ?;

-- The tables behind a vector table of sqlite-vec 0.1.9: which place of which chunk holds which row.

-- name: chunks
select chunk_id, validity, rowids from {table}_chunks;

-- name: vectors_in_chunks
select held.validity, held.rowids, filed.vectors
from {table}_chunks as held join {table}_vector_chunks00 as filed on filed.rowid = held.chunk_id;

-- name: places_in_chunk
select chunk_offset, rowid from {table}_rowids where chunk_id = ?;

-- What is held in memory, and the state of the file that it is a copy of.

-- name: mark
select
  ifnull((select cast(value as integer) from meta where key = 'texts'), 0),
  ifnull((select cast(value as integer) from meta where key = 'vectors'), 0),
  ifnull((select max(seq) from put), 0),
  ifnull((select max(id) from part), 0);

-- name: live_texts
select group_concat(seq || ',' || length || ',' || namespace || ',' || ifnull(expires, :never))
from put where seq > :after and live = 1 and length > 0;

-- name: parts_after
select id, put from part where embedding = ? and id > ? order by id;
