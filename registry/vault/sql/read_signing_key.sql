-- $1 log_name, $2 key_id
SELECT wrapped, master_key_id, public_key, algorithm
  FROM vault.signing_keys
 WHERE log_name = $1 AND key_id = $2
