-- $1 log_name, $2 body, $3 hash, $4 recorded_at, $5 stream, $6 type: the head and position 1 of a new log, or nothing if it exists
WITH head AS (
    INSERT INTO log_heads (log_name, position, hash, recorded_at)
    VALUES ($1, 1, $3, $4)
    ON CONFLICT DO NOTHING
    RETURNING log_name
)
INSERT INTO events (log_name, position, stream, version, type, body, hash, recorded_at)
SELECT head.log_name, 1, $5, 1, $6, $2, $3, $4
  FROM head
