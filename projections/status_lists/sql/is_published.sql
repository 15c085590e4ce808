-- $1 log, $2 set: whether it has lists, and each of them was published
SELECT count(*) > 0 AND count(*) = count(p.status_list_id)
  FROM projections.status_list_members AS m
  LEFT JOIN projections.published_status_lists AS p
    ON p.log_name = m.log_name AND p.status_list_id = m.status_list_id
 WHERE m.log_name = $1 AND m.list_set = $2
