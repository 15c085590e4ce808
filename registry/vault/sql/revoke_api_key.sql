-- $1 log_name, $2 key_id, $3 issuer_id it must belong to (NULL: any), $4 now; the first revocation's time stays
UPDATE vault.api_keys
   SET revoked_at = coalesce(revoked_at, $4), slot = NULL
 WHERE log_name = $1 AND key_id = $2 AND ($3::uuid IS NULL OR issuer_id = $3)
RETURNING key_id, issuer_id, name, scopes, created_at, expires_at, revoked_at, last_used_at
