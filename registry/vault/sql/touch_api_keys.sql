-- $1 log_name, $2 key_ids, $3 when each was used, $4 the least time between two writes (interval)
UPDATE vault.api_keys AS stored
   SET last_used_at = used.used_at
  FROM unnest($2::text[], $3::timestamptz[]) AS used (key_id, used_at)
 WHERE stored.log_name = $1 AND stored.key_id = used.key_id
   AND (stored.last_used_at IS NULL OR stored.last_used_at <= used.used_at - $4::interval)
