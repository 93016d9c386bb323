-- How far work has come that was begun; blobs.sql keeps what it refers to.

-- name: missing
select value from json_each(:cubes) where not exists (
  select 1 from cube join shown on shown.cube = cube.id
  where cube.name = value and shown.known_to = 9223372036854775807
);

-- name: keep
insert or replace into unfinished (name, cubes, blob) values (?, ?, ?);

-- name: find
select blob from unfinished where name = ?;

-- name: drop
delete from unfinished where name = ?;

-- name: forget
delete from unfinished where exists (
  select 1 from json_each(unfinished.cubes) as made_of where made_of.value in (select value from json_each(:cubes))
);
