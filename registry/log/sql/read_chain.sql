-- $1 log_name, $2 the last position already checked, $3 how many at most
SELECT position, stream, version, type, body, hash, recorded_at
  FROM events
 WHERE log_name = $1 AND position > $2
 ORDER BY position
 LIMIT $3
