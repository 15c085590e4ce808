-- $1 log_name, $2 key_id
SELECT key_id, issuer_id, scopes, digest, expires_at, revoked_at, last_used_at
  FROM vault.api_keys
 WHERE log_name = $1 AND key_id = $2
