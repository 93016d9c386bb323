-- name: enqueue
insert or ignore into job (key, action, namespace, subject, cubes, reason, created, attempts)
values (?, ?, ?, ?, ?, ?, ?, 0);

-- name: claim
update job set leased = :until, attempts = attempts + 1
where key in (
  select key from job where leased is null or leased <= :at order by created, key limit :limit
)
returning key, action, namespace, subject, cubes, reason, attempts, created;

-- name: finish
delete from job where key = ?;

-- name: jobs
select key, action, namespace, subject, cubes, reason, attempts, created from job order by created, key;

-- name: forget_working
delete from working where namespace = ? and conversation = ?;

-- name: keep_working
insert into working (namespace, conversation, position, cube) values (?, ?, ?, ?);

-- name: working
select cube from working where namespace = ? and conversation = ? order by position;

-- name: note
insert into meta (key, value) values ('note ' || :name, :text) on conflict (key) do update set value = excluded.value;

-- name: noted
select value from meta where key = 'note ' || ?;
