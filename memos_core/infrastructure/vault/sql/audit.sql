-- name: head
select number, digest from audit order by number desc limit 1;

-- name: sealed
select value from meta where key = 'audit';

-- name: seal
insert into meta (key, value) values ('audit', ?) on conflict (key) do update set value = excluded.value;

-- name: record
insert into audit (number, at, principal, action, namespace, cubes, detail, digest) values (?, ?, ?, ?, ?, ?, ?, ?);

-- name: audited
select number, at, principal, action, namespace, cubes, detail, digest
from audit
where (:inside is null or namespace = :inside or namespace glob :below)
  and (:principal is null or principal = :principal)
  and (:action is null or action = :action)
  and (:cube is null or exists (select 1 from json_each(cubes) where value = :cube))
  and (:since is null or at >= :since)
  and (:until is null or at < :until)
order by number desc limit :limit;

-- name: page
select number, at, principal, action, namespace, cubes, detail, digest
from audit where number > ? order by number limit ?;
