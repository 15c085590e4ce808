-- $1 log, $2 sets, $3 purposes, $4 indices, $5 positions, $6 values
INSERT INTO status_list_words (log_name, list_set, purpose, index, position, value)
SELECT $1, u.list_set, u.purpose, u.index, u.position, u.value
  FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::bigint[], $6::integer[])
       AS u (list_set, purpose, index, position, value)
    ON CONFLICT DO NOTHING
