-- $1 log_name
SELECT position, hash, recorded_at
  FROM log_heads
 WHERE log_name = $1
