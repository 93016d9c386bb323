-- name: enqueue
insert or ignore into job (key, action, namespace, subject, cubes, reason, created, attempts)
values (?, ?, ?, ?, ?, ?, ?, 0);

-- name: claim
update job set leased = :until, attempts = attempts + 1
where key in (
  select key from job where leased is null or leased <= :at order by created, key limit :limit
)
returning key, action, namespace, subject, cubes, reason, attempts, created;

-- name: renew
update job set leased = leased + ? where key = ?;

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

-- name: forget_jobs
delete from job where key in (select job.key from job, json_each(job.cubes) as named where named.value = ?);

-- name: forget_in_working
delete from working where cube = ?;

-- Conversations of which no message is left.

-- name: forget_working_of_nothing
delete from working where not exists (
  select 1 from put join namespace on namespace.id = put.namespace
  where put.session = working.conversation and namespace.path = working.namespace
);

-- name: forget_jobs_of_nothing
delete from job where subject <> '' and namespace <> '' and cubes = '[]' and not exists (  -- of a conversation, not of a back end
  select 1 from put join namespace on namespace.id = put.namespace
  where put.session = job.subject and namespace.path = job.namespace
);

-- name: note
insert into meta (key, value) values ('note ' || :name, :text) on conflict (key) do update set value = excluded.value;

-- name: noted
select value from meta where key = 'note ' || ?;
