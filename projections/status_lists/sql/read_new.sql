-- $1 log, $2 position up to which every list is known to be published
SELECT m.status_list_id, m.list_set, m.added_position,
       EXISTS (SELECT FROM projections.published_status_lists AS p
                WHERE p.log_name = m.log_name AND p.status_list_id = m.status_list_id) AS is_published
  FROM projections.status_list_members AS m
 WHERE m.log_name = $1 AND m.added_position > $2
 ORDER BY m.added_position, m.status_list_id
