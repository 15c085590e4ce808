-- $1 log_name, $2 position
SELECT recorded_at
  FROM events
 WHERE log_name = $1 AND position = $2
