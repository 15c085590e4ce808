-- $1 log_name, $2 key_id, $3 issuer_id, $4 slot, $5 name, $6 scopes, $7 digest, $8 created_at, $9 expires_at
-- no row: the slot is taken, or the key is stored already
INSERT INTO vault.api_keys (log_name, key_id, issuer_id, slot, name, scopes, digest, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
RETURNING key_id
