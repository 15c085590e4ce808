-- $1 log_name, $2 the current master_key_id, $3 key_ids, $4 their secrets, wrapped under it
-- (what is inside never changes, so whoever rewraps last is as right as who came first)
UPDATE vault.{kind} AS stored
   SET wrapped = fresh.wrapped, master_key_id = $2
  FROM unnest($3::uuid[], $4::bytea[]) AS fresh (key_id, wrapped)
 WHERE stored.log_name = $1 AND stored.key_id = fresh.key_id AND stored.master_key_id <> $2
RETURNING stored.key_id
