-- name: actor
select value from meta where key = 'actor';

-- name: totals
select
  (select count(*) from shown where known_to = 9223372036854775807),
  (select count(*) from operation),
  (select count(*) from shown where known_to = 9223372036854775807 and conflicts <> '[]'),
  (select page_count * page_size from pragma_page_count, pragma_page_size);

-- name: blobs
select count(*), ifnull(sum(size), 0) from blob;

-- name: unembedded
select count(*) from put
where length > 0 and not exists (select 1 from part where part.put = put.seq and part.embedding = ?);

-- name: by_kind
select put.kind, count(*) from shown join put on put.seq = shown.put
where shown.known_to = 9223372036854775807 group by 1 order by 1;

-- name: by_state
select shown.state, count(*) from shown where shown.known_to = 9223372036854775807 group by 1 order by 1;

-- name: by_namespace
select namespace.path, count(*)
from shown join put on put.seq = shown.put join namespace on namespace.id = put.namespace
where shown.known_to = 9223372036854775807 group by 1 order by 1;

-- name: set_actor
update meta set value = ? where key = 'actor';

-- Blobs of a vault in memory lie in its rows; those of its copy, in files that are named by their digests.

-- name: has_data
select exists (select 1 from blob where data is not null);

-- name: move_data_out
update blob set name = digest, data = null;

-- name: operations
select seq, id, cube, kind, hlc, header, body, salt from operation where seq > ? order by seq limit ?;

-- name: copy_operations
select seq, id, cube, kind, hlc, header, body, salt from operation where cube in (select value from json_each(:cubes));

-- name: paste_operation
insert into operation (seq, id, cube, kind, hlc, header, body, salt) values (?, ?, ?, ?, ?, ?, ?, ?);

-- name: cubes
select distinct cube from operation where cube > ? order by cube limit ?;

-- name: is_erased
select exists (select 1 from operation where cube = ? and kind = 'erase');

-- name: clear_text
insert into text_index (text_index) values ('delete-all');

-- name: check_text
insert into text_index (text_index, rank) values ('integrity-check', 1);

-- name: look_at_text
select rowid from text_index limit 1;

-- name: check_file
pragma integrity_check(20);
