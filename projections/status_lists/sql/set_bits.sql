-- $1 log, $2 sets, $3 purposes, $4 indices, no key twice; returns the keys that were clear before
INSERT INTO status_list_bits (log_name, list_set, purpose, index)
SELECT $1, u.list_set, u.purpose, u.index
  FROM unnest($2::uuid[], $3::text[], $4::integer[]) AS u (list_set, purpose, index)
    ON CONFLICT (log_name, list_set, purpose, index) DO NOTHING
RETURNING list_set, purpose, index
