-- name: known
select id, body is not null from operation where id in (select value from json_each(:ids));

-- name: erased
select distinct cube from operation
where kind = 'erase' and cube in (select value from json_each(:cubes));

-- name: insert_operation
insert into operation (id, cube, kind, hlc, header, body, salt) values (?, ?, ?, ?, ?, ?, ?);

-- What gets its body later comes again at the end of the log, so that whoever follows the log sees it.

-- name: fill_operation
update operation set body = ?, salt = ?, seq = (select max(seq) + 1 from operation) where id = ?;

-- name: strip_operations
update operation set body = null, salt = null where cube = ? and kind <> 'erase';

-- name: forget_usage
delete from usage where cube = ?;

-- name: count_usage
insert into usage (cube, actor, count, last)
select name, :actor, :count, :last from cube join shown on shown.cube = cube.id
where name = :cube and known_to = 9223372036854775807
on conflict (cube, actor) do update set count = count + excluded.count, last = max(last, excluded.last);

-- The projection of a cube's operations.

-- name: steps
select
  operation.seq, operation.id, operation.kind, operation.hlc, operation.header, put.trust,
  iif(operation.kind = 'state', operation.body ->> '$.state', null),
  iif(operation.kind = 'state', operation.body ->> '$.trigger', null),
  iif(operation.kind = 'put' and put.seq is null, operation.body, null),
  put.live
from operation left join put on put.seq = operation.seq
where operation.cube = ?;

-- name: insert_cube
insert or ignore into cube (name) values (?);

-- name: cube_id
select id from cube where name = ?;

-- name: set_created
update cube set created = ? where id = ?;

-- name: insert_namespace
insert or ignore into namespace (path) values (?);

-- name: namespace_id
select id from namespace where path = ?;

-- name: insert_put
insert into put values (
  :seq, :cube, :namespace, :hlc, :kind, :trust, :expires, :starts, :ends, :claimed, :source, :session, :follows,
  :speaker, :role, :length, :metadata, :spaced, :live, :blob
);

-- name: insert_edge
insert into edge (put, source, relation, target, source_cube, target_cube) values (?, ?, ?, ?, ?, ?);

-- name: insert_moment
insert into moment (put, starts, ends) values (?, ?, ?);

-- name: insert_text
insert into text_index (rowid, text) select seq, text from put_text where seq = ?;

-- name: delete_text
delete from text_index where rowid = ?;

-- name: set_live
update put set live = ? where seq = ?;

-- name: is_expired
select exists (
  select 1 from shown where cube = ? and known_to = 9223372036854775807 and state = 'expired'
);

-- name: forget_shown
delete from shown where cube = ?;

-- name: insert_shown
insert into shown (cube, known_from, known_to, put, state, trigger, conflicts) values (?, ?, ?, ?, ?, ?, ?);

-- name: puts_of
select seq from put where cube = ?;

-- name: forget_put
delete from put where seq = ?;

-- name: forget_edges
delete from edge where put = ?;

-- name: forget_moments
delete from moment where put = ?;

-- Where nothing has changed yet, there is no counter.

-- name: count_change
insert into meta (key, value) values (?, '1') on conflict (key) do update set value = cast(value as integer) + 1;
