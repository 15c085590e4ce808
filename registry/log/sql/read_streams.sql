-- $1 log_name, $2 streams, $3 last position
SELECT position, body
  FROM events
 WHERE log_name = $1 AND stream = ANY ($2::text[]) AND position <= $3
 ORDER BY position
