-- name: enqueue
insert or ignore into job (key, action, namespace, cubes, reason, created, attempts) values (?, ?, ?, ?, ?, ?, 0);

-- name: claim
update job set leased = :until, attempts = attempts + 1
where key in (
  select key from job where leased is null or leased <= :at order by created, key limit :limit
)
returning key, action, namespace, cubes, reason, attempts, created;

-- name: finish
delete from job where key = ?;

-- name: jobs
select key, action, namespace, cubes, reason, attempts, created from job order by created, key;

-- name: forget_working
delete from working where namespace = ? and conversation = ?;

-- name: keep_working
insert into working (namespace, conversation, position, cube) values (?, ?, ?, ?);

-- name: working
select cube from working where namespace = ? and conversation = ? order by position;

-- name: drop_cube
delete from working where cube = ?;
