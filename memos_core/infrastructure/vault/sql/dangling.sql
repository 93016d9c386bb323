-- Rows that belong to nothing, and rows that are missing: each statement lists them by number.

-- name: put without an operation
select seq from put where seq not in (select seq from operation where body is not null and kind = 'put');

-- name: put of a cube that shows nothing
select seq from put where cube not in (select cube from shown);

-- name: shown version without a put
select put from shown where put not in (select seq from put);

-- name: edge without a put
select id from edge where put not in (select seq from put);

-- name: moment without a put
select put from moment where put not in (select seq from put);

-- name: part without a put
select id from part where put not in (select seq from put where length > 0);

-- name: text that full text does not hold
select seq from put where length > 0 and seq not in (select id from text_index_docsize);

-- name: full text that no put holds
select id from text_index_docsize where id not in (select seq from put where length > 0);

-- name: put that neither has vectors nor waits for them
select put.seq from put, embedding
where put.length > 0
and (exists (select 1 from part where part.put = put.seq and part.embedding = embedding.id)) + (
  exists (select 1 from unembedded where unembedded.put = put.seq and unembedded.embedding = embedding.id)
) <> 1;

-- name: put that waits without need
select put from unembedded where put not in (select seq from put where length > 0);

-- name: blob that nothing refers to
select rowid from blob
where digest not in (select blob from put where blob is not null) and digest not in (select blob from unfinished);
