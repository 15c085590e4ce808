-- $1 log_name, $2 type
SELECT position, body
  FROM events
 WHERE log_name = $1 AND type = $2
 ORDER BY position
