-- Step to version 3: work that was begun. docs/decisions/0025-unfinished.md says why it is so.
-- Local to this file, and no part of the truth. `cubes` is JSON, `blob` the digest of what it has come to.

-- name: unfinished
create table unfinished (
  name text primary key,
  cubes text not null,
  blob text not null
) strict, without rowid;
