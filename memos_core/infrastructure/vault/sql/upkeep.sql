-- name: actor
select value from meta where key = 'actor';

-- name: totals
select
  (select count(*) from shown where known_to = 9223372036854775807),
  (select count(*) from operation),
  (select count(*) from shown where known_to = 9223372036854775807 and conflicts <> '[]'),
  (select page_count * page_size from pragma_page_count, pragma_page_size);

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
