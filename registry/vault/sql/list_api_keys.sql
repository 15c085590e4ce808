-- $1 log_name, $2 issuer_id (NULL: the operator's)
SELECT key_id, issuer_id, name, scopes, created_at, expires_at, revoked_at, last_used_at
  FROM vault.api_keys
 WHERE log_name = $1 AND issuer_id IS NOT DISTINCT FROM $2::uuid
 ORDER BY created_at, key_id
