-- $1 log_name, $2 key_ids, $3 when each was used, $4 the least time between two writes (interval)
-- (locked in order of ids, because processes that flush the same keys at once would deadlock otherwise)
WITH due AS (
    SELECT stored.key_id, used.used_at
      FROM vault.api_keys AS stored
      JOIN unnest($2::text[], $3::timestamptz[]) AS used (key_id, used_at) ON used.key_id = stored.key_id
     WHERE stored.log_name = $1
       AND (stored.last_used_at IS NULL OR stored.last_used_at <= used.used_at - $4::interval)
     ORDER BY stored.key_id
       FOR NO KEY UPDATE OF stored
)
UPDATE vault.api_keys AS stored
   SET last_used_at = due.used_at
  FROM due
 WHERE stored.log_name = $1 AND stored.key_id = due.key_id
