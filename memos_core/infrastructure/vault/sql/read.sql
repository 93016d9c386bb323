-- {admitted} is the predicate that predicates.py makes of a selection, {driving} a part of it again that chooses the
-- index; all values in them are bound.

-- name: cubes
select
  cube.name, operation.id, operation.header, operation.body, shown.state, shown.trigger, shown.conflicts,
  cube.created, operation.hlc,
  (select sum(count) from usage where usage.cube = cube.name),
  (select max(last) from usage where usage.cube = cube.name)
from cube
join shown on shown.cube = cube.id and shown.known_from <= :at and shown.known_to >= :at
join operation on operation.seq = shown.put
where cube.name in (select value from json_each(:cubes));

-- name: select
select cube.name
from put join cube on cube.id = put.cube
where {driving} and {admitted}
order by put.hlc desc, cube.name
limit :limit offset :offset;

-- name: count
select count(*) from put where {driving} and {admitted};

-- name: covered
select id, path from namespace where :whole or path = :path or (path > :path || '/' and path < :path || '0');

-- name: exactly
select id, path from namespace where path = :path;

-- name: namespaces
select distinct namespace.path
from shown join put on put.seq = shown.put join namespace on namespace.id = put.namespace
where shown.known_to = 9223372036854775807;

-- name: holding
select namespace.path
from json_each(:namespaces) as wanted
cross join namespace on namespace.id = wanted.value
where exists (select 1 from put where {driving} and {admitted});

-- name: history
select seq, id, cube, kind, hlc, header, body, salt from operation where cube = ?;

-- name: log
select seq, id, cube, kind, hlc, header, body, salt from operation where seq > ? order by seq limit ?;

-- name: changes
select operation.seq, operation.id, operation.cube, operation.kind, operation.hlc, header, body, salt
from operation join cube on cube.name = operation.cube
where operation.hlc > :since and operation.hlc <= :until
  and exists (
    select 1 from put
    where put.cube = cube.id and put.namespace in (select value from json_each(:namespaces))
  )
order by operation.hlc desc, operation.id desc
limit :limit;

-- name: latest
select max(hlc) from operation;

-- name: operations
select seq, id, cube, kind, hlc, header, body, salt from operation
where id in (select value from json_each(:ids));

-- name: resting_on
select distinct cube.name
from json_each(:cubes) as wanted
cross join operation on operation.cube = wanted.value and operation.kind = 'put'
cross join edge on edge.target = 'version:' || operation.id and edge.relation = 'derived_from'
cross join put on put.seq = edge.put
cross join cube on cube.id = put.cube
cross join shown on shown.cube = put.cube and shown.put = put.seq and shown.known_to = 9223372036854775807
order by cube.name;

-- Of an expired cube no edge is left, so its bodies are read.

-- name: made_of
select cube.name
from json_each(:cubes) as wanted
cross join operation on operation.cube = wanted.value and operation.kind = 'put'
cross join edge on edge.target = 'version:' || operation.id and edge.relation = 'derived_from'
cross join put on put.seq = edge.put
cross join cube on cube.id = put.cube
union
select cube.name
from shown
cross join cube on cube.id = shown.cube
cross join operation as made on made.cube = cube.name and made.kind = 'put' and made.body is not null
cross join json_each(made.body, '$.provenance.derived_from') as version
cross join operation as premise on premise.id = version.value
where shown.known_to = 9223372036854775807 and shown.state = 'expired'
  and premise.cube in (select value from json_each(:cubes))
order by 1;
