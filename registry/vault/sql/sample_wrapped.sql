-- no parameters: one secret per master key
SELECT DISTINCT ON (master_key_id) master_key_id, log_name, key_id, wrapped
  FROM vault.{kind}
 ORDER BY master_key_id, log_name, key_id
