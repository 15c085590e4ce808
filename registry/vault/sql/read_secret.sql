-- $1 log_name, $2 key_id
SELECT wrapped, master_key_id
  FROM vault.{kind}
 WHERE log_name = $1 AND key_id = $2
