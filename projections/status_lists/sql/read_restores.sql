-- $1 log
SELECT r.position, r.published_position, r.published_hash, r.restored_position
  FROM projections.status_list_restores AS r
 WHERE r.log_name = $1
 ORDER BY r.position
