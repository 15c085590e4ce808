-- $1 log, $2 set: its lists that were published
SELECT m.status_list_id
  FROM projections.status_list_members AS m
  JOIN projections.published_status_lists AS p ON p.log_name = m.log_name AND p.status_list_id = m.status_list_id
 WHERE m.log_name = $1 AND m.list_set = $2
