-- $1 log, $2 sets, $3 purposes, $4 positions, $5 times of the last event that moved an entry
UPDATE status_list_members AS m
   SET changed_position = u.position, changed_at = u.changed_at
  FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[]) AS u (list_set, purpose, position, changed_at)
 WHERE m.log_name = $1 AND m.list_set = u.list_set AND m.purpose = u.purpose
   AND m.changed_position < u.position AND m.added_position < u.position
