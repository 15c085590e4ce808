-- $1 log, $2 lists, $3 their sets, $4 purposes, $5 URLs, $6 positions, $7 times of the openings
INSERT INTO status_list_members
       (log_name, status_list_id, list_set, purpose, url, added_position, changed_position, changed_at)
SELECT $1, u.status_list_id, u.list_set, u.purpose, u.url, u.position, 0, u.opened_at
  FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
       AS u (status_list_id, list_set, purpose, url, position, opened_at)
    ON CONFLICT DO NOTHING
