-- Step to version 2: blobs. docs/decisions/0018-blobs.md says why it is so.
-- `put.blob` is the digest of what a put refers to, unless its cube has expired.

-- name: put_blob
alter table put add column blob text;

-- name: fill
update put set blob = (select body ->> '$.payload.blob.sha256' from operation where operation.seq = put.seq)
where cube not in (select cube from shown where known_to = 9223372036854775807 and state = 'expired');

-- name: put_by_blob
create index put_by_blob on put (blob) where blob is not null;

-- The blobs that are here, by digest: in a file beside this one, with a key if it is encrypted; or, of a vault in
-- memory, in `data`.

-- name: blob
create table blob (
  digest text primary key,
  size integer not null,
  name text unique,
  key blob,
  data blob
) strict;
