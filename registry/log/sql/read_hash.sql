-- $1 log_name, $2 position
SELECT hash
  FROM events
 WHERE log_name = $1 AND position = $2
