-- $1 log_name, $2 issuer_id, $3 now: the slots of keys that expired are free again
UPDATE vault.api_keys
   SET slot = NULL
 WHERE log_name = $1 AND issuer_id = $2 AND slot IS NOT NULL AND expires_at <= $3
