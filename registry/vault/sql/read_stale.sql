-- $1 log_name, $2 the current master_key_id, $3 the last key_id seen or NULL, $4 limit
SELECT key_id, wrapped, master_key_id
  FROM vault.{kind}
 WHERE log_name = $1 AND master_key_id <> $2 AND ($3::uuid IS NULL OR key_id > $3)
 ORDER BY key_id
 LIMIT $4
