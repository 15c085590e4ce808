-- $1 log_name, $2 caller, $3 keys (array), $4 whether the answers are wanted, which may be long
SELECT wanted.key, found.answer
  FROM unnest($3::text[]) WITH ORDINALITY AS wanted (key, ordinal)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN $4::boolean THEN kept.answer END AS answer
         FROM idempotency_keys AS kept
        WHERE kept.log_name = $1 AND kept.caller = $2 AND kept.key = wanted.key
        LIMIT 1) AS found
 ORDER BY wanted.ordinal
