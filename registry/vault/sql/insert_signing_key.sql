-- $1 log_name, $2 key_id, $3 owner, $4 public_key, $5 wrapped, $6 master_key_id, $7 created_at, $8 algorithm
-- (a conflict is this very statement, repeated after its answer was lost: the id is random)
INSERT INTO vault.signing_keys (log_name, key_id, owner, public_key, wrapped, master_key_id, created_at, algorithm)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (log_name, key_id) DO NOTHING
