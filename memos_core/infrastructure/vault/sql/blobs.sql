-- Which blobs are here; `put.blob` and `unfinished.blob` say which are referred to.

-- name: sizes
select put.blob, operation.body ->> '$.payload.blob.size'
from put join operation on operation.seq = put.seq
where put.blob in (select value from json_each(:digests));

-- name: is_used
select exists (select 1 from put where blob = ?);

-- name: insert
insert or replace into blob (digest, size, name, key, data) values (?, ?, ?, ?, ?);

-- name: held
select size, name, key, data from blob where digest = ?;

-- name: all
select digest, size, name, key, null from blob order by digest;

-- name: forget
delete from blob
where not exists (select 1 from put where put.blob = blob.digest)
and not exists (select 1 from unfinished where unfinished.blob = blob.digest);

-- name: names
select name from blob where name is not null;

-- name: used
select operation.cube, operation.id, put.blob, operation.body ->> '$.payload.blob.size'
from put join operation on operation.seq = put.seq
where put.blob is not null
order by operation.hlc, operation.id;

-- name: is_here
select exists (
  select 1 from cube join shown on shown.cube = cube.id
  where cube.name = ? and shown.known_to = 9223372036854775807
);

-- name: shown
select put.blob, operation.body ->> '$.payload.blob.size', operation.body ->> '$.payload.blob.sha256'
from cube
join shown on shown.cube = cube.id and shown.known_to = 9223372036854775807
join put on put.seq = shown.put
join operation on operation.seq = put.seq
where cube.name = ?;

-- name: version
select put.blob, operation.body ->> '$.payload.blob.size', operation.body ->> '$.payload.blob.sha256'
from operation join put on put.seq = operation.seq
where operation.cube = ? and operation.id = ?;
