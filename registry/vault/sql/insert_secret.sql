-- $1 log_name, $2 key_id, $3 wrapped, $4 master_key_id, $5 created_at; whoever comes first, stays
INSERT INTO vault.{kind} (log_name, key_id, wrapped, master_key_id, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (log_name, key_id) DO NOTHING
