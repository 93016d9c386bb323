-- What is derived of some cubes, table by table, with names in place of numbers: the same in every vault that
-- holds the same operations. The first column is always the cube.

-- name: cube
select name, created from cube where name in (select value from json_each(:cubes)) and created is not null;

-- name: shown
select cube.name, shown.known_from, shown.known_to, shown.put, shown.state, shown.trigger, shown.conflicts
from cube join shown on shown.cube = cube.id
where cube.name in (select value from json_each(:cubes));

-- name: put
select
  cube.name, put.seq, namespace.path, put.hlc, put.kind, put.trust, put.expires, put.starts, put.ends, put.claimed,
  put.source, put.session, followed.name, put.speaker, put.role, put.length, put.metadata, put.spaced, put.live, put.blob
from cube
join put on put.cube = cube.id
left join namespace on namespace.id = put.namespace
left join cube as followed on followed.id = put.follows
where cube.name in (select value from json_each(:cubes));

-- name: edge
select cube.name, put.seq, edge.source, edge.relation, edge.target, from_cube.name, to_cube.name
from cube
join put on put.cube = cube.id
join edge on edge.put = put.seq
left join cube as from_cube on from_cube.id = edge.source_cube
left join cube as to_cube on to_cube.id = edge.target_cube
where cube.name in (select value from json_each(:cubes));

-- name: moment
select cube.name, put.seq, moment.starts, moment.ends
from cube join put on put.cube = cube.id join moment on moment.put = put.seq
where cube.name in (select value from json_each(:cubes));
