-- $1 log_name, $2 stream
SELECT position, body
  FROM events
 WHERE log_name = $1 AND stream = $2
 ORDER BY version
