-- $1 log_name, $2 the current master_key_id, $3 key_ids, $4 their wrapped bytes as read, $5 the new ones
UPDATE vault.{kind} AS stored
   SET wrapped = fresh.wrapped, master_key_id = $2
  FROM unnest($3::uuid[], $4::bytea[], $5::bytea[]) AS fresh (key_id, read, wrapped)
 WHERE stored.log_name = $1 AND stored.key_id = fresh.key_id AND stored.wrapped = fresh.read
RETURNING stored.key_id
