-- $1 log_name, $2 the current master_key_id, $3 key_ids, $4 their secrets, wrapped under it
-- (what is inside never changes, so whoever rewraps last is as right as who came first; locked in order of ids,
-- because two rotations at once would deadlock otherwise)
WITH stale AS (
    SELECT key_id
      FROM vault.{kind}
     WHERE log_name = $1 AND key_id = ANY ($3::uuid[]) AND master_key_id <> $2
     ORDER BY key_id
       FOR NO KEY UPDATE
)
UPDATE vault.{kind} AS stored
   SET wrapped = fresh.wrapped, master_key_id = $2
  FROM stale
  JOIN unnest($3::uuid[], $4::bytea[]) AS fresh (key_id, wrapped) ON fresh.key_id = stale.key_id
 WHERE stored.log_name = $1 AND stored.key_id = stale.key_id
RETURNING stored.key_id
