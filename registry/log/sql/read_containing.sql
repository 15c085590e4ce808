-- $1 log_name, $2 the last position already seen, $3 the last one to look at, $4 type, $5 how the streams begin, $6 what the bodies contain (array), $7 how many at most
SELECT position, body
  FROM events
 WHERE log_name = $1 AND position > $2 AND position <= $3 AND type = $4 AND starts_with(stream, $5)
   AND NOT EXISTS (SELECT 1 FROM unnest($6::bytea[]) AS wanted (part) WHERE position(wanted.part IN body) = 0)
 ORDER BY position
 LIMIT $7
