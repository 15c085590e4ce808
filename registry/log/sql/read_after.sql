-- $1 log_name, $2 the last position already known, $3 how many at most
SELECT position, body
  FROM events
 WHERE log_name = $1 AND position > $2
 ORDER BY position
 LIMIT $3
