-- $1 log, $2 sets, $3 purposes, $4 indices, no key twice; returns the keys that were set before
DELETE FROM status_list_bits AS b
 USING unnest($2::uuid[], $3::text[], $4::integer[]) AS u (list_set, purpose, index)
 WHERE b.log_name = $1 AND b.list_set = u.list_set AND b.purpose = u.purpose AND b.index = u.index
RETURNING b.list_set, b.purpose, b.index
