-- $1 log, $2 position of the latest restore (0: none), $3 re-sign what is valid until then or shorter
SELECT m.status_list_id, p.status_list_id IS NULL AS is_new,
       p.status_list_id IS NULL OR m.changed_position > p.position OR p.restore_position <> $2 AS is_dirty,
       m.changed_at
  FROM projections.status_list_members AS m
  LEFT JOIN projections.published_status_lists AS p
    ON p.log_name = m.log_name AND p.status_list_id = m.status_list_id
 WHERE m.log_name = $1
   AND (p.status_list_id IS NULL OR m.changed_position > p.position OR p.restore_position <> $2
        OR p.valid_until <= $3)
 ORDER BY p.valid_until NULLS FIRST, m.status_list_id
