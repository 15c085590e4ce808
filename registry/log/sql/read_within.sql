-- $1 log_name, $2 the last position already seen, $3 the last one to look at, $4 type, $5 how the streams begin, $6 how many at most
SELECT position, body
  FROM events
 WHERE log_name = $1 AND position > $2 AND position <= $3 AND type = $4 AND starts_with(stream, $5)
 ORDER BY position
 LIMIT $6
