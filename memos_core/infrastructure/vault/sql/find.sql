-- {admitted} is the predicate that predicates.py makes of a selection, {driving} a part of it again that chooses the
-- index; all values in them are bound.

-- Numbers come as text with commas: for thousands of rows that is several times faster than rows.

-- name: occurrences
select group_concat(doc << 21 | offset) from occurrence where term = ?;

-- name: lengths
select group_concat(put.seq << 21 | put.length) from put where put.length > 0 and {driving} and {admitted};

-- name: admitted
select put.seq, cube.name, namespace.path, put.cube, put.follows
from json_each(:puts) as wanted
cross join put on put.seq = wanted.value
join cube on cube.id = put.cube
join namespace on namespace.id = put.namespace
where {admitted};

-- name: followers
select put.seq, cube.name, namespace.path, put.cube, put.follows
from json_each(:cubes) as wanted
cross join put on put.follows = wanted.value
join cube on cube.id = put.cube
join namespace on namespace.id = put.namespace
where {admitted};

-- name: nearest_live
select part.put, part.id, found.distance
from (
  select rowid, distance from {table}
  where vector match :vector and k = :k and live = 1 and namespace in (select value from json_each(:namespaces))
) as found
join part on part.id = found.rowid
order by found.distance;

-- name: nearest_admitted
select part.put, part.id, found.distance
from (
  select rowid, distance from {table}
  where vector match :vector and k = :k and rowid in (
    select part.id from put cross join part on part.put = put.seq and part.embedding = :embedding
    where {driving} and {admitted}
  )
) as found
join part on part.id = found.rowid
order by found.distance;

-- name: nearest_of_all
select put.seq, part.id, min(vec_distance_cosine({table}.vector, :vector)) as distance
from put
cross join part on part.put = put.seq and part.embedding = :embedding
cross join {table} on {table}.rowid = part.id
where {driving} and {admitted}
group by put.seq order by distance;

-- name: during
select cube.name, namespace.path, max(
  case
    when moment.ends is null then :ends is null and :starts <= moment.starts
    when moment.ends = moment.starts then 1.0
    else cast(max(0, min(moment.ends, ifnull(:ends, moment.ends)) - max(moment.starts, :starts)) as real)
      / (moment.ends - moment.starts)
  end
) as share
from moment
cross join put on put.seq = moment.put
join cube on cube.id = put.cube
join namespace on namespace.id = put.namespace
where moment.starts <= :until
and (:ends is null or moment.starts < :ends or (moment.starts = :starts and :starts = :ends))
and (moment.ends is null or :starts < moment.ends or (:starts = moment.starts and moment.starts = moment.ends))
and {admitted}
group by cube.name order by share desc, cube.name limit :limit;

-- The node itself must not be among the columns grouped by: only then does SQLite stop at the limit.

-- name: edges_from
select node.value, edge.source, edge.relation, edge.target
from json_each(:nodes) as node
cross join edge on edge.id in (
  select min(stated.id) from edge as stated cross join put on put.seq = stated.put
  where stated.source = node.value
    and {relations}
    and {admitted} and {source_admitted} and {target_admitted}
  group by stated.relation, stated.target order by stated.relation, stated.target limit :fanout
);

-- name: edges_to
select node.value, edge.source, edge.relation, edge.target
from json_each(:nodes) as node
cross join edge on edge.id in (
  select min(stated.id) from edge as stated cross join put on put.seq = stated.put
  where stated.target = node.value
    and {relations}
    and {admitted} and {source_admitted} and {target_admitted}
  group by stated.relation, stated.source order by stated.relation, stated.source limit :fanout
);

-- name: relation_walked
stated.relation in (select value from json_each(:only))

-- name: end_admitted
(
  stated.{end}_cube is null or stated.{end}_cube = put.cube
  or exists (select 1 from put as there where there.cube = stated.{end}_cube and {there_admitted})
)

-- name: passages
select
  cube.name, put.speaker, put.role, put.length,
  (
    select before.name from put as earlier join cube as before on before.id = earlier.cube
    where earlier.cube = put.follows and {earlier_admitted}
  ),
  (
    select min(after.name) from put as later join cube as after on after.id = later.cube
    where later.follows = put.cube and {later_admitted}
  )
from json_each(:cubes) as wanted
cross join cube on cube.name = wanted.value
cross join put on put.cube = cube.id
where {admitted};

-- name: claiming
select distinct cube.name, namespace.path
from put
cross join cube on cube.id = put.cube
cross join namespace on namespace.id = put.namespace
where put.claimed = 1 and {driving} and {admitted} order by cube.name desc limit :limit;

-- name: claiming_about
select distinct cube.name, namespace.path
from json_each(:about) as key
cross join edge on edge.source = key.value ->> 0 and edge.relation = key.value ->> 1
  and edge.target >= ifnull(key.value ->> 2, '') and edge.target <= ifnull(key.value ->> 2, char(1114111))
cross join put on put.seq = edge.put
cross join cube on cube.id = put.cube
cross join namespace on namespace.id = put.namespace
where put.claimed = 1 and {admitted} order by cube.name desc limit :limit;
